"""Labels of the supervised stages: weights of cases, shares of labels, and what cannot be learned, by name."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from eccl.config import preset
from eccl.data.split import Split
from eccl.records import DataError
from eccl.training.supervision import Known, outputs_of, supervise
from eccl.traits import DIAGNOSES, TRAIT_NAMES


def test_cases_and_controls_weigh_alike():
    diagnoses = np.zeros((20, 4), np.float32)
    diagnoses[:3, 0], diagnoses[:6, 1:] = 1, 1
    diagnoses[15:17] = 1
    store = SimpleNamespace(diagnoses=diagnoses)
    split = Split(np.arange(12), np.arange(12, 20), np.array([], int))
    loss = supervise(store, split, "I21").loss
    logits = torch.zeros(12, 1, requires_grad=True)
    loss(logits, torch.from_numpy(diagnoses[:12, :1]).float()).backward()
    assert float(logits.grad.sum()) == pytest.approx(0, abs=1e-6)  # 3 cases pull as strongly as 9 controls


def test_diagnosis_without_cases_is_refused_by_name():
    diagnoses = np.zeros((20, 4), np.float32)
    diagnoses[::2, :3] = 1
    split = Split(np.arange(12), np.arange(12, 20), np.array([], int))
    with pytest.raises(DataError, match="alike in I50"):
        supervise(SimpleNamespace(diagnoses=diagnoses), split, "diagnoses")
    diagnoses[:6, 3] = 1
    with pytest.raises(DataError, match="8 validation participants"):
        supervise(SimpleNamespace(diagnoses=diagnoses), split, "I50")
    with pytest.raises(ValueError, match="I99"):
        supervise(SimpleNamespace(diagnoses=diagnoses), split, "I99")


def test_a_larger_share_of_labels_holds_a_smaller_one():
    train = np.arange(100, 200)
    shares = [Known(share, 1).among(train) for share in (0.01, 0.1, 0.5, 1.0)]
    assert [len(share) for share in shares] == [1, 10, 50, 100]
    for small, large in pairwise(shares):
        assert set(small) < set(large) and list(large) == sorted(large)
    assert not np.array_equal(Known(0.5, 2).among(train), shares[2])
    for wrong in (0, 1.5, -0.1):
        with pytest.raises(ValueError, match="above 0 and at most 1"):
            Known(wrong, 1).among(train)


def test_who_is_known_is_the_draw_of_a_seed_of_its_own():
    few = preset("smoke", label_share=0.5, diagnosis_share=0.2, label_seed=3)
    assert Known.of(few, "traits") == Known(0.5, 3) and Known.of(few, "diagnoses") == Known.of(few, "I21")
    train = np.arange(100, 200)
    traits, diagnoses = (Known.of(few, target).among(train) for target in ("traits", "diagnoses"))
    assert len(traits) == 50 and len(diagnoses) == 10 and set(diagnoses) < set(traits)
    all_known = preset("smoke", label_seed=3)
    assert Known.of(all_known, "diagnoses") == Known()  # of all there is nothing to draw, and no other run


def test_scale_and_participants_are_those_whose_labels_are_known(tiny_store):
    split = Split(np.arange(12), np.arange(12, 18), np.arange(18, 24))
    few = supervise(tiny_store, split, "traits", Known(0.5, 3))
    assert len(few.train) == 6 and set(few.train) < set(split.train)
    np.testing.assert_allclose(few.outputs.mean, tiny_store.traits[few.train].mean(axis=0), rtol=1e-5)
    units = few.outputs.to_units(few.targets.numpy())
    np.testing.assert_allclose(units, tiny_store.traits, rtol=1e-4, atol=1e-3)


def test_outputs_are_named():
    assert (
        outputs_of("traits") == TRAIT_NAMES and outputs_of("diagnoses") == DIAGNOSES and outputs_of("I48") == ("I48",)
    )
    with pytest.raises(ValueError, match="I99"):
        outputs_of("I99")


@pytest.mark.parametrize(
    ("unknown", "remedy"), [(DIAGNOSES, "use another cohort"), (("I21", "I48"), "a diagnosis that is: I42, I50")]
)
def test_the_remedy_names_no_diagnosis_that_is_not_known_either(unknown, remedy):
    diagnoses = np.zeros((20, 4), np.float32)
    diagnoses[:, [DIAGNOSES.index(code) for code in unknown]] = np.nan
    store = SimpleNamespace(diagnoses=diagnoses, folder="store")
    split = Split(np.arange(12), np.arange(12, 20), np.array([], int))
    with pytest.raises(DataError, match=f"I48 is not known in this cohort.*{remedy}"):
        supervise(store, split, "I48")
