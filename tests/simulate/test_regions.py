"""Where the heart is, as it was drawn: bright blood and grey wall of the same participant's frames."""

from dataclasses import replace

import numpy as np
import pytest

from eccl.config import SimulationConfig
from eccl.data.cohort import Cohort
from eccl.records import DataError
from eccl.simulate.cine import LABELS
from eccl.simulate.cohort import participant_wall, simulate_cohort
from eccl.simulate.regions import REGIONS, cohort_labels, regions


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    config = SimulationConfig(participants=3)
    return Cohort.load(simulate_cohort(config, tmp_path_factory.mktemp("regions") / "c", workers=1, progress=False))


def test_the_labels_lie_on_the_frames_of_the_same_participant(cohort):
    for row, labels in zip((2, 0), cohort_labels(cohort, [2, 0])):
        frames = cohort[row].cine.frames
        assert labels.shape == frames.shape
        blood, wall = (np.median(frames[labels == LABELS[name]]) for name in ("lv", "myocardium"))
        assert blood > 2 * wall
        wanted = participant_wall(SimulationConfig(participants=3), cohort.participant_ids[row])
        np.testing.assert_array_equal(labels == LABELS["myocardium"], wanted)


def test_a_region_is_the_share_of_frames(cohort):
    (labels,) = cohort_labels(cohort, [1])
    found = dict(zip(REGIONS, regions(labels)))
    for y, x in ((40, 48), (35, 30), (44, 55), (0, 0)):
        held = [int(value) for value in labels[:, y, x]]
        assert found["heart"][y, x] == pytest.approx(sum(value > 0 for value in held) / 50)
        assert found["wall"][y, x] == pytest.approx(held.count(2) / 50)
        assert found["LV cavity"][y, x] == pytest.approx(held.count(1) / 50)
    assert (found["wall"] + found["LV cavity"] <= found["heart"] + 1e-9).all()


def test_of_real_people_nobody_knows_the_heart(tiny_cohort):
    cohort = Cohort.load(tiny_cohort)
    real = replace(cohort, description={**cohort.description, "simulated": False})
    with pytest.raises(DataError, match="where wall and cavities of these hearts lie"):
        cohort_labels(real, [0])
