"""The two phases of a heart: which frame is end-systole, what is put in the place of the beat, and the two cosines."""

from itertools import combinations

import numpy as np
import pytest
import torch
from helpers.making import make_cine
from helpers.methods import CONFIG as TINY
from helpers.methods import SPLIT
from torch import nn

from eccl.config import SimulationConfig
from eccl.data.cohort import Cohort
from eccl.data.standard.intensity import scale_intensity
from eccl.evaluation.phases import (
    COSINES,
    Pixels,
    Still,
    cmr_encoders,
    cosine_of_others,
    cosine_of_pairs,
    frame_of,
    phase_cosines,
)
from eccl.machine import Machine
from eccl.metrics import bootstrap_indices, multiplicities
from eccl.simulate.cohort import simulate_participant
from eccl.simulate.geometry import emptying
from eccl.study.data import Data


def cosine(one, other):
    return one @ other / np.linalg.norm(one) / np.linalg.norm(other)


def test_end_systole_is_where_the_cavity_is_smallest(rng):
    cines = torch.from_numpy(np.stack([make_cine(rng).frames for _ in range(5)])).float()
    narrowed = np.sin(np.pi * frame_of(cines, "end-systole").numpy() / 50) ** 2  # share of it, as `make_cine` has it
    assert (narrowed > 0.9).all()
    assert not frame_of(cines, "end-diastole").any()
    with pytest.raises(ValueError, match="mid-systole"):
        frame_of(cines, "mid-systole")


def test_by_then_most_of_a_simulated_stroke_has_left_the_ventricle():
    people = [simulate_participant(SimulationConfig(participants=3), number) for number in range(3)]
    cines = torch.from_numpy(np.stack([scale_intensity(person.cine.frames) for person in people])).float()
    for person, frame in zip(people, frame_of(cines, "end-systole")):
        assert emptying(person.heart)[frame] > 0.7


def test_an_encoder_is_given_one_frame_in_the_place_of_all():
    cine = torch.zeros(2, 50, 4, 4)
    cine[0, 20], cine[1, 30] = 1.0, 2.0

    class Seen(nn.Module):
        def forward(self, given):
            assert given.shape == cine.shape and (given == given[:, :1]).all()
            return given[:, 7].flatten(1)

    assert Still(Seen(), "end-systole")(cine).mean(dim=1).tolist() == [1.0, 2.0]
    assert Still(Seen(), "end-diastole")(cine).mean(dim=1).tolist() == [0.0, 0.0]


def test_the_cosines_are_those_of_a_loop(rng):
    one, other = rng.normal(1, 1, (2, 9, 5))
    indices = bootstrap_indices(9, 20, seed=3)
    weights = multiplicities(indices)
    expected = [np.mean([cosine(one[i], other[i]) for i in draw]) for draw in indices]
    np.testing.assert_allclose(cosine_of_pairs(one, other, weights=weights), expected)
    assert cosine_of_pairs(one, other) == pytest.approx(np.mean([cosine(*pair) for pair in zip(one, other)]))
    expected = [np.mean([cosine(one[i], one[j]) for i in draw for j in draw if i != j]) for draw in indices]
    np.testing.assert_allclose(cosine_of_others(one, weights=weights), expected)
    pairs = [cosine(one[i], one[j]) for i in range(9) for j in range(9) if i != j]
    assert cosine_of_others(one) == pytest.approx(np.mean(pairs))
    assert np.isnan(cosine_of_others(one, weights=9.0 * np.eye(9))).all()  # one person drawn again and again


def test_the_table_has_both_cosines_of_each_encoder_with_their_intervals(tiny_store):
    people = np.arange(12)
    indices = bootstrap_indices(12, 50, seed=1)
    linear = nn.Sequential(nn.Flatten(2), nn.Linear(6400, 3), nn.Flatten(1)).eval()
    table = phase_cosines({"image": Pixels(), "linear": linear}, tiny_store, people, indices)
    assert list(table["encoder"]) == ["image"] * 3 + ["linear"] * 3 and list(table["cosine"]) == [*COSINES] * 2
    value = table["value"].to_numpy()
    np.testing.assert_allclose(value[0::3] - value[1::3], value[2::3])
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all() and (table["n"] == 12).all()
    frames = tiny_store.batch(people, ("cine",))["cine"].numpy()
    late = frame_of(torch.from_numpy(frames), "end-systole").numpy()
    expected = [np.corrcoef(frames[i, 0].ravel(), frames[i, late[i]].ravel())[0, 1] for i in people]
    assert table["value"][0] == pytest.approx(np.mean(expected), abs=1e-5)


@pytest.mark.slow
def test_the_encoders_are_those_of_each_objective(tiny_cohort, tiny_store, tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path))
    data = Data(TINY, Cohort.load(tiny_cohort), tiny_store, SPLIT, Machine("cpu"))
    encoders = cmr_encoders(data, ["traits", "I48", "SimCLR"])
    assert list(encoders) == ["the image itself", "random weights", "traits", "I48", "SimCLR"]
    cine = data.store.batch([0, 1], ("cine",))["cine"]
    with torch.no_grad():
        features = {name: encoder.eval()(cine) for name, encoder in encoders.items()}
    assert features["the image itself"].shape == (2, 6400)
    taught = [features[name] for name in list(encoders)[1:]]
    assert all(one.shape == taught[0].shape for one in taught)
    assert not any(torch.allclose(one, other) for one, other in combinations(taught, 2))
    with pytest.raises(ValueError):
        cmr_encoders(data, ["beauty"])
