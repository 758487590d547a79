"""Maps of simulated cines: their shares against plain loops, paired, and nobody judged whose heart nobody knows."""

from dataclasses import replace

import numpy as np
import pytest

from eccl import metrics
from eccl.config import SimulationConfig, preset
from eccl.data.cohort import Cohort
from eccl.data.split import Split
from eccl.data.store import pack
from eccl.explain import judge_cine
from eccl.machine import Machine
from eccl.methods import METHODS
from eccl.methods.base import variant
from eccl.records import DataError
from eccl.simulate.cohort import simulate_cohort
from eccl.simulate.regions import REGIONS, cohort_labels, regions
from eccl.study.data import Data

PEOPLE = 5


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A few simulated people, in a home of their own, and another random encoder in the place of the trained one."""
    home, config = tmp_path_factory.mktemp("mapped"), preset("smoke")
    simulation = SimulationConfig(participants=18)
    split = Split(np.arange(0, 8), np.arange(8, 12), np.arange(12, 18))
    other = variant(
        METHODS["cmr_supervised"],
        "cmr_other",
        "another",
        "#000000",
        setup=None,
        settings=lambda config: METHODS["cmr_supervised"].settings(replace(config, cmr=replace(config.cmr, width=32))),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECCL_HOME", str(home))
        patch.setitem(judge_cine.ENCODERS, "trained", other)
        cohort = Cohort.load(simulate_cohort(simulation, home / "cohort", workers=1, progress=False))
        store = pack(cohort, home / "store", progress=False)
        yield Data(replace(config, simulation=simulation), cohort, store, split, Machine("cpu"))


def test_the_share_of_a_map_is_that_of_a_loop_and_all_is_paired(data):
    table = judge_cine.judged_maps(data, ["last stage"], PEOPLE)
    assert list(table["encoder"]) == 6 * ["trained"] + 6 * ["random weights"]
    rows, place = data.split.test[:PEOPLE], list(REGIONS).index("wall")
    own = [regions(labels)[place] for labels in cohort_labels(data.cohort, rows)]
    found = {}
    for name, method in judge_cine.ENCODERS.items():
        maps = judge_cine.mapped(data, judge_cine.cine_readout(method, data), rows)
        assert maps.shape == (PEOPLE, 3, 80, 80) and (maps >= 0).all()
        parts = []
        for person in range(PEOPLE):
            drawn = maps[person, 0]
            others = [own[other] for other in range(PEOPLE) if other != person]
            parts.append([(drawn * region).sum() / drawn.sum() for region in (own[person], np.mean(others, axis=0))])
        share, beside = np.transpose(parts)
        found[name] = share
        there = np.isfinite(share)
        row = table.query("encoder == @name and target == 'lv_mass' and region == 'wall'").iloc[0]
        assert there.any() and row["n"] == there.sum()
        assert row["value"] == pytest.approx(share[there].mean())
        area = np.array([region.mean() for region in own])
        assert row["beyond"] == pytest.approx((share - area)[there].mean())
        assert row["own"] == pytest.approx((share - beside)[there].mean())
    over = found["trained"] - found["random weights"]
    over = over[np.isfinite(over)]
    indices = metrics.bootstrap_indices(len(over), data.config.replicates, data.config.seed)
    row = table.query("encoder == 'trained' and target == 'lv_mass' and region == 'wall'").iloc[0]
    expected = (over.mean(), *np.quantile(over[indices].mean(axis=1), [0.025, 0.975]))
    assert (row["over"], row["over_low"], row["over_high"]) == pytest.approx(expected)
    assert table.query("encoder == 'random weights'")["over"].isna().all()
    assert judge_cine.judged_maps(data, ["last stage"], PEOPLE).equals(table), "kept, and the same"


def test_a_map_that_is_a_region_lies_on_it_whole(data, monkeypatch):
    rows = data.split.test[:PEOPLE]
    walls = np.stack([regions(labels) > 0 for labels in cohort_labels(data.cohort, rows)])[:, [0]]
    monkeypatch.setattr(judge_cine, "mapped", lambda *_: np.repeat(walls, 3, axis=1).astype(float))
    monkeypatch.setattr(judge_cine, "kept_array", lambda name, parts, make: make())
    table = judge_cine.judged_maps(data, ["last stage"], PEOPLE).query("region == 'heart'")
    assert (table["value"] > table["value"].max() - 1e-9).all() and (table["value"] > 0.7).all()
    assert (table["own"] > 0).all() and (table["beyond"] > 0.4).all()


def test_where_nobody_knows_the_heart_nobody_judges(data):
    cohort = replace(data.cohort, description={**data.cohort.description, "simulated": False})
    with pytest.raises(DataError, match="only a simulated cohort tells"):
        judge_cine.judged_maps(replace(data, cohort=cohort, store=data.store), ["stage before"], PEOPLE)
