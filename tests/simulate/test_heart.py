"""The drawn hearts against the reference values, and the rules of drawing them."""

import dataclasses

import numpy as np
import pytest
from helpers.hearts import hearts_of

from eccl.config import SimulationConfig
from eccl.simulate.heart import Heart, coded_diagnoses, coded_prevalence, draw_heart, participant_generators
from eccl.simulate.population import TERRITORIES
from eccl.traits import DIAGNOSES

# Petersen et al., J Cardiovasc Magn Reson 2017;19:18: mean and SD of women and men aged 45-74 without disease
PETERSEN = {
    "lv_edv": ((124, 21), (166, 32)),
    "lv_esv": ((49, 11), (69, 16)),
    "lv_ef": ((61, 5), (58, 5)),
    "lv_mass": ((70, 13), (103, 21)),
    "rv_edv": ((130, 24), (182, 36)),
    "rv_esv": ((55, 15), (85, 22)),
    "la_max": ((62, 17), (71, 19)),
}


@pytest.fixture(scope="module")
def hearts():
    return hearts_of(6000, seed=5)


def values(hearts, name):
    if name == "lv_ef":
        return 100 * (1 - values(hearts, "lv_esv") / values(hearts, "lv_edv"))
    if name == "surface":  # of the body, m2 (Du Bois and Du Bois 1916)
        return 0.007184 * values(hearts, "weight") ** 0.425 * values(hearts, "height") ** 0.725
    return np.array([getattr(heart, name) for heart in hearts])


@pytest.mark.parametrize("sex", [0, 1])
@pytest.mark.parametrize("name", PETERSEN)
def test_healthy_hearts_have_the_published_mean_and_spread(hearts, name, sex):
    healthy = [h for h in hearts if h.sex == sex and 45 <= h.age <= 74 and not h.diagnoses.any()]
    mean, sd = PETERSEN[name][sex]
    drawn = values(healthy, name)
    assert drawn.mean() == pytest.approx(mean, rel=0.05)
    assert drawn.std() == pytest.approx(sd, rel=0.15)


def test_chambers_grow_together_and_with_the_body(hearts):
    men = [h for h in hearts if h.sex == 1 and not h.diagnoses.any()]
    names = ("lv_edv", "lv_mass", "rv_edv", "la_max", "surface")
    r = dict(zip(names, np.corrcoef([values(men, name) for name in names])[0]))
    assert 0.45 < r["lv_mass"] < 0.8
    assert 0.5 < r["rv_edv"] < 0.9
    assert 0.2 < r["la_max"] < 0.6
    assert 0.4 < r["surface"] < 0.7
    assert np.corrcoef(values(men, "lv_mass"), values(men, "systolic"))[0, 1] > 0.15


def test_every_heart_is_possible(hearts):
    for heart in hearts[:1500]:
        for field in dataclasses.fields(Heart):
            value = getattr(heart, field.name)
            assert isinstance(value, str) or np.isfinite(value).all(), field.name
        assert 0 < heart.lv_esv < heart.lv_edv
        assert 0 < heart.rv_esv < heart.rv_edv
        assert 0 < heart.la_min < heart.la_max
        assert 0 < heart.ra_min < heart.ra_max
        assert heart.systolic - heart.diastolic >= 20
        assert heart.wall.mean() == pytest.approx(1)
        assert heart.wall.min() > 0.3
        assert heart.contraction.min() >= 0
        assert 45 <= heart.age <= 79


def test_the_same_participant_whatever_came_before():
    alone = draw_heart(SimulationConfig(), participant_generators(5, 7).heart)
    among = hearts_of(9, seed=5)[7]
    for field in dataclasses.fields(Heart):
        np.testing.assert_array_equal(getattr(alone, field.name), getattr(among, field.name))
    streams = [generator.random(4).tolist() for generator in participant_generators(5, 7)]
    assert len({tuple(stream) for stream in streams}) == 4
    assert participant_generators(6, 7).heart.random() != participant_generators(5, 7).heart.random()


def test_prevalence_changes_disease_and_not_the_healthy():
    enriched, biobank = hearts_of(800, seed=5), hearts_of(800, seed=5, prevalence="biobank")
    share = np.mean([h.diagnoses for h in enriched], axis=0)
    assert (share > 0.10).all() and (share < 0.21).all()
    rare = np.mean([h.diagnoses for h in biobank], axis=0)
    assert 0.035 < rare[0] < 0.09
    assert (rare[1:] < 0.07).all()
    both = [(a, b) for a, b in zip(enriched, biobank) if not (a.diagnoses.any() or b.diagnoses.any())]
    assert len(both) > 400
    assert all(a.lv_edv == b.lv_edv and a.heart_rate == b.heart_rate for a, b in both)
    with pytest.raises(ValueError, match=r"'rare'.*enriched, biobank"):
        hearts_of(1, seed=5, prevalence="rare")


def test_disease_shifts_the_heart_and_overlaps_with_health(hearts):
    def mean(name, chosen):
        return values([h for h in hearts if chosen(h)], name).mean()

    def healthy(heart):
        return not heart.diagnoses.any()

    def dilated(heart):
        return heart.cardiomyopathy == "dilated"

    def hypertrophic(heart):
        return heart.cardiomyopathy == "hypertrophic"

    assert mean("lv_edv", dilated) > 1.4 * mean("lv_edv", healthy)
    assert mean("lv_ef", dilated) < 40
    assert mean("lv_mass", hypertrophic) > 1.4 * mean("lv_mass", healthy)
    assert mean("lv_edv", hypertrophic) < mean("lv_edv", healthy)
    assert mean("lv_ef", lambda h: h.infarct_territory) < mean("lv_ef", healthy) - 8
    assert mean("la_max", lambda h: h.fibrillation) > 1.3 * mean("la_max", healthy)
    assert mean("heart_rate", lambda h: h.in_fibrillation) > mean("heart_rate", healthy) + 12
    assert mean("lv_ef", lambda h: h.heart_failure == "preserved") > 50
    assert mean("lv_ef", lambda h: h.heart_failure == "reduced") < 42
    # a diagnosis is no threshold: many of the sick are within the range of the healthy
    lowest = np.percentile(values([h for h in hearts if healthy(h)], "lv_ef"), 2.5)
    assert 0.15 < np.mean(values([h for h in hearts if h.infarct_territory], "lv_ef") > lowest) < 0.85


def test_diagnoses_occur_together(hearts):
    disease = np.array([h.diagnoses for h in hearts])
    infarct, _, fibrillation, failure = disease.T
    assert failure[infarct].mean() > 1.5 * failure[~infarct].mean()
    assert fibrillation[failure].mean() > 2 * fibrillation[~failure].mean()
    present = values(hearts, "in_fibrillation")[fibrillation]
    assert 0.55 < present.mean() < 0.75
    bundle = values(hearts, "conduction") == "LBBB"
    assert bundle[values(hearts, "cardiomyopathy") == "dilated"].mean() > 5 * bundle[~disease.any(axis=1)].mean()


def test_scar_stays_in_its_territory_and_does_not_contract(hearts):
    infarcts = [h for h in hearts if h.infarct_territory]
    for heart in infarcts:
        outside = np.setdiff1d(np.arange(16), np.array(TERRITORIES[heart.infarct_territory][0]) - 1)
        assert (heart.scar[outside] == 0).all()
        assert heart.scar.max() > 0
    dead = np.concatenate([h.contraction[h.scar > 0.85] for h in infarcts])
    assert len(dead) and dead.max() < 0.05


def test_axis_lies_flat_in_heavy_people(hearts):
    bmi, axis = values(hearts, "bmi"), values(hearts, "axis")
    assert 0.2 < np.corrcoef(bmi, axis)[0, 1] < 0.8
    assert abs(axis.mean()) < 8


def test_codes_miss_and_invent_the_stated_share(hearts):
    config = SimulationConfig(missed_codes=0.2, false_codes=0.05)
    rng = np.random.default_rng(0)
    codes = np.array([coded_diagnoses(h, config, rng) for h in hearts])
    truth = np.array([h.diagnoses for h in hearts])
    assert codes.dtype == np.int8
    assert codes[truth].mean() == pytest.approx(0.8, abs=0.03)
    assert codes[~truth].mean() == pytest.approx(0.05, abs=0.01)
    exact = SimulationConfig(missed_codes=0.0, false_codes=0.0)
    np.testing.assert_array_equal(coded_diagnoses(hearts[0], exact, rng), truth[0])


def test_the_prevalence_of_codes_is_that_of_the_participants_who_would_be_simulated():
    config = SimulationConfig(seed=3, prevalence="biobank")
    streams = [participant_generators(3, number) for number in range(300)]
    codes = [coded_diagnoses(draw_heart(config, one.heart), config, one.codes) for one in streams]
    found = coded_prevalence(config, people=300)
    assert list(found) == list(DIAGNOSES) and list(found.values()) == pytest.approx(list(np.mean(codes, axis=0)))
    rare, enriched = coded_prevalence(config, 1000), coded_prevalence(SimulationConfig(seed=3), 1000)
    assert all(rare[code] < enriched[code] for code in DIAGNOSES)
