"""The weights in the package: they load without a cohort, predict, and their card says what the kept run says."""

import numpy as np
import pytest

import eccl
from eccl.config import SimulationConfig
from eccl.errors import DataError
from eccl.records import ECG
from eccl.report.front import first_seed, kept_scores
from eccl.share.pretrained import PACKAGED
from eccl.simulate.cohort import simulate_participant
from eccl.traits import TRAIT_NAMES


@pytest.fixture(scope="module")
def model():
    return eccl.load()


def test_one_line_gives_a_model_of_simulated_people(model):
    assert model.description["simulated"] is True and model.description["method"] == "eccl"
    assert sum(file.stat().st_size for file in PACKAGED.iterdir()) < 3e6


def test_it_predicts_people_whom_it_was_not_trained_on(model):
    """New people of the same simulator, from another seed: the order of their masses is told, and roughly the size."""
    people = [simulate_participant(SimulationConfig(seed=77), number) for number in range(60)]
    kept, found = [], []
    for person in people:
        try:
            found.append(model.predict(person.ecg).traits.loc["lv_mass", "value"])
        except DataError:
            continue
        kept.append(person.traits["lv_mass"])
    assert len(kept) > 50 and np.corrcoef(kept, found)[0, 1] > 0.4
    assert np.mean(found) == pytest.approx(np.mean(kept), rel=0.15)


def test_what_is_no_such_ecg_is_refused(model):
    with pytest.raises(DataError):
        model.predict(ECG(np.zeros((12, 5000))))


def test_the_card_says_what_the_kept_run_says_and_that_it_is_not_for_patients():
    card, of = (PACKAGED / "CARD.md").read_text(), kept_scores()
    for target in ("traits", "diagnoses"):
        assert f"{first_seed(of[target], method='eccl', protocol='probe'):.3f}" in card
    assert f"{first_seed(of['retrieval'], method='eccl'):.3f}" in card
    assert "Not for patients" in card and len(TRAIT_NAMES) == 82 and "82 traits" in card
