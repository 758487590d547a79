"""A model predicts by itself, says what its numbers mean, and takes ECGs alone."""

import numpy as np
import pandas as pd
import pytest
import torch

import eccl.share.predict as predict
from eccl.records import ECG
from eccl.share.predict import Model
from eccl.training.embedding import embed
from eccl.traits import DIAGNOSES, TRAIT_NAMES, trait


def test_a_prediction_has_every_trait_in_its_unit_and_every_diagnosis(model, typical):
    made = model.predict(typical)
    assert list(made.traits) == ["value", "low", "high", "unit"] and tuple(made.traits.index) == TRAIT_NAMES
    assert made.traits.loc["lv_mass", "unit"] == "g" and made.traits.loc["aao_distensibility", "unit"] == "10⁻³/mmHg"
    assert (made.traits.low < made.traits.high).all()
    assert list(made.diagnoses) == ["probability", "low", "high", "label"]
    assert tuple(made.diagnoses.index) == DIAGNOSES and made.diagnoses.loc["I50", "label"] == "heart failure"
    assert ((made.diagnoses.low <= made.diagnoses.probability) & (made.diagnoses.probability <= 1)).all()


def test_predictions_of_many_are_those_of_each(monkeypatch, model, ecgs, people, parts, encoder):
    monkeypatch.setattr(predict, "BATCH", 4)
    some = ecgs[:10]
    together = model.predict_many(some)
    assert len(together) == 10
    for place in (0, 9):
        alone = model.predict(some[place])
        for table in ("traits", "diagnoses"):
            pd.testing.assert_frame_equal(getattr(together[place], table), getattr(alone, table), rtol=1e-4)
    np.testing.assert_allclose(model.embed(some), embed(encoder, people, parts.test[:10]), atol=1e-5)
    assert not together[0].traits.value.equals(together[1].traits.value)


def test_features_have_one_row_an_ecg(model, ecgs):
    assert model.embed(ecgs[0]).shape == (1, model.encoder.width)
    assert model.embed(ecgs[:3]).shape == (3, model.encoder.width) and model.embed(ecgs[:3]).dtype == np.float32
    assert model.embed([]).shape == (0, model.encoder.width) and model.predict_many([]) == []


@pytest.mark.parametrize("what", ["my.xml", np.zeros((12, 5000)), [np.zeros((12, 5000))], None])
def test_what_is_no_ecg_is_the_callers_mistake(model, what):
    with pytest.raises(TypeError, match=r"read_ecg"):
        model.embed(what)


def test_the_encoder_is_in_evaluation_mode_and_nothing_is_tracked(model, typical):
    assert not model.encoder.training
    assert {parameter.device.type for parameter in model.encoder.parameters()} == {"cpu"}
    before = torch.random.get_rng_state()
    first, second = model.predict(typical), model.predict(typical)
    pd.testing.assert_frame_equal(first.traits, second.traits)
    assert torch.equal(before, torch.random.get_rng_state())


def test_text_shows_what_a_person_wants(model, typical):
    made = model.predict(ECG(typical.signal, source="my.xml"))
    text = repr(made)
    assert "my.xml" in text and "not for patients" in text and "95% interval" in text
    row = made.traits.loc["lv_ef"]
    assert f"{row.value:.1f}  {row.low:.1f} to {row.high:.1f} %" in text
    assert "I48 atrial fibrillation and flutter" in text and f"{made.diagnoses.probability['I48']:.3f}" in text
    assert max(map(len, text.splitlines())) < 90 and len(text.splitlines()) < 30
    assert repr(model) == (
        f"Model(random, trained on {model.description['people']['train']} simulated people: 82 traits, diagnoses "
        "I21, I42, I48, I50)"
    )


def test_html_holds_every_trait_and_no_markup_of_a_file_name(model, typical):
    html = model.predict(ECG(typical.signal, source="<b>.xml"))._repr_html_()
    assert all(trait(name).label in html for name in TRAIT_NAMES)
    assert "&lt;b&gt;.xml" in html and "not for patients" in html and html.count("<table") == 9


def test_intervals_of_too_few_people_are_said_to_be_none(smoke, model, typical):
    made = smoke.predict(typical)
    assert not made.calibrated and "plausible range" in repr(made) and "plausible range" in made._repr_html_()
    lv = trait("lv_edv")
    assert tuple(made.traits.loc["lv_edv", ["low", "high"]]) == (lv.low, lv.high)
    assert model.predict(typical).calibrated and "plausible range" not in repr(model.predict(typical))


def test_a_model_of_real_people_says_so(model, typical):
    real = Model(model.encoder, model.readout, model.domain, {**model.description, "simulated": False})
    text = repr(real.predict(typical))
    assert "simulated" not in text and "for research" in text and "simulated" not in repr(real)


def test_what_is_no_ecg_is_refused_in_a_sentence(model, typical):
    for given, kind in (
        ("my.xml", "of type str"),
        ([typical], "a list of ECG"),
        ([], "a list of nothing"),
        (None, "NoneType"),
    ):
        with pytest.raises(TypeError, match=f"predict takes one ECG, got .*{kind}"):
            model.predict(given)
    with pytest.raises(TypeError, match="got one ECG; give it to predict"):
        model.predict_many(typical)
    with pytest.raises(TypeError, match="got a list of ECG, str"):
        model.predict_many([typical, "my.xml"])
