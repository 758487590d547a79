"""The gallery of simulated hearts: nearest by the cosine, made again from the seed, and bound to its encoder."""

import dataclasses

import numpy as np
import pytest
import torch
from helpers.making import refused
from torch import nn

from eccl.config import SimulationConfig
from eccl.metrics import proportion
from eccl.report.front import first_seed, kept_scores
from eccl.share.gallery import Gallery, gallery_of
from eccl.share.pretrained import PACKAGED, load, weights_of
from eccl.simulate.cohort import simulate_participant

WIDTH, EMBEDDING, PEOPLE = 6, 4, 9
SIMULATION = SimulationConfig(participants=30, seed=5)


@pytest.fixture
def projection():
    torch.manual_seed(0)
    return nn.Linear(WIDTH, EMBEDDING)


@pytest.fixture
def gallery(rng, projection):
    z_ecg, z_cmr = rng.normal(size=(2, PEOPLE, EMBEDDING)).astype(np.float32)
    z_ecg, z_cmr = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (z_ecg, z_cmr))
    return gallery_of(projection, z_ecg, z_cmr, np.arange(20, 20 + PEOPLE), SIMULATION, "abc")


def test_the_nearest_are_those_of_the_largest_cosine_as_torch_projects(gallery, projection, rng):
    h = rng.normal(size=WIDTH).astype(np.float32)
    z = nn.functional.normalize(projection(torch.from_numpy(h)), dim=0).detach().numpy()
    cosines = np.array([z @ row / np.linalg.norm(row) for row in gallery.z_cmr])
    found = gallery.nearest(h, 2)
    assert [each.participant_id for each in found] == [f"sim-{20 + k:06d}" for k in np.argsort(-cosines)[:2]]
    assert [each.similarity for each in found] == pytest.approx(np.sort(cosines)[::-1][:2].tolist(), abs=1e-5)


def test_a_heart_is_the_one_that_the_cohort_has(gallery):
    (nearest,) = gallery.nearest(np.ones(WIDTH, np.float32), 1)
    person = simulate_participant(SIMULATION, int(nearest.participant_id.removeprefix("sim-")))
    np.testing.assert_array_equal(nearest.cine.frames, person.cine.frames)
    assert nearest.traits == person.traits


def test_what_a_place_is_worth_is_counted(rng, projection):
    z = np.eye(EMBEDDING, dtype=np.float32)
    gallery = gallery_of(projection, z, z[[0, 1, 3, 2]], np.arange(EMBEDDING), SIMULATION, "abc")
    assert gallery.ranks.tolist()[:2] == [1, 1] and gallery.recall(1) == proportion(2, 4)
    assert gallery.recall(4).value == 1


def test_it_returns_from_its_files(tmp_path, gallery):
    gallery.save(tmp_path)
    back = Gallery.load(tmp_path, "abc")
    np.testing.assert_allclose(back.z_cmr, gallery.z_cmr, atol=1e-3)  # 16 bits
    np.testing.assert_array_equal(back.participants, gallery.participants)
    assert back.simulation == SIMULATION and len(back) == PEOPLE
    np.testing.assert_allclose(np.linalg.norm(back.z_cmr, axis=1), 1, atol=1e-6)


def test_another_encoders_or_another_simulators_gallery_is_refused(tmp_path, gallery, monkeypatch):
    gallery.save(tmp_path)
    refused(lambda: Gallery.load(tmp_path, "abd"), "gallery.json", "of another encoder", "without them")
    monkeypatch.setattr("eccl.simulate.cohort.VERSION", 10**6)
    refused(lambda: Gallery.load(tmp_path, "abc"), "now 1000000")


def test_the_packaged_one_is_of_the_packaged_weights_and_small():
    model = load()
    gallery = model.gallery
    assert gallery.recall(10).value == pytest.approx(
        first_seed(kept_scores()["retrieval"], method="eccl").value, abs=1e-5
    )
    assert gallery is model.gallery and gallery.weights == weights_of(PACKAGED)
    assert sum(path.stat().st_size for path in PACKAGED.glob("gallery.*")) < 300_000
    assert gallery.weight.shape == (64, model.encoder.width) and len(gallery) == len(set(gallery.participants.tolist()))


def test_an_ecg_of_the_gallery_lies_nearer_to_its_own_cine_than_to_most():
    """As the kept ranks say: the projection in the file belongs to the encoder in the package."""
    model = load()
    gallery, rows = model.gallery, np.arange(0, 60, 3)
    ecgs = [simulate_participant(gallery.simulation, int(gallery.participants[row])).ecg for row in rows]
    similarity = gallery.similarity(model.embed(ecgs))
    ranks = 1 + (similarity > similarity[np.arange(len(rows)), rows][:, None]).sum(axis=1)
    assert np.median(np.abs(ranks - gallery.ranks[rows])) <= 2
    assert dataclasses.replace(gallery, ranks=ranks).recall(len(gallery)).value == 20 / len(gallery)
