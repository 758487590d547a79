"""The tables of simulated people: what their columns are, how they go with the heart, and that they change nothing."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from helpers.hearts import hearts_of
from helpers.making import refused
from scipy.stats import norm

from eccl.config import SimulationConfig
from eccl.data.cohort import Cohort
from eccl.data.standard.genotypes import encode_genotypes
from eccl.data.standard.leaks import refuse_leaks
from eccl.data.standard.tabular import answers, columns, fields, numbers, standard_table
from eccl.simulate.cohort import read_truth, simulate_cohort
from eccl.simulate.geometry import traits
from eccl.simulate.heart import participant_generators
from eccl.simulate.tables import (
    NOT_CALLED,
    SCORES,
    attenuation,
    draw_genotypes,
    draw_tabular,
    drivers,
    simulate_tables,
    variants,
)
from eccl.traits import DIAGNOSES, TRAIT_NAMES

COUNT, SEED = 6000, 5


def truth_of(hearts) -> pd.DataFrame:
    """What `read_truth` gives of hearts, without the arrays."""
    rows = [
        {f"heart.{item.name}": getattr(heart, item.name) for item in dataclasses.fields(heart)}
        | {f"true.{code}": int(present) for code, present in zip(DIAGNOSES, heart.diagnoses)}
        for heart in hearts
    ]
    return pd.DataFrame(rows, index=[f"sim-{number:06d}" for number in range(len(hearts))])


@pytest.fixture(scope="module")
def truth():
    return truth_of(hearts_of(COUNT, SEED))


@pytest.fixture(scope="module")
def table(truth):
    return draw_tabular(truth, SEED)


@pytest.fixture(scope="module")
def genotypes(truth):
    return draw_genotypes(truth, SEED)


@pytest.fixture(scope="module")
def healthy(truth):
    return (drivers(truth)["illness"] == 0).to_numpy()


def score(values, name):
    """The standard score that a number was made of."""
    mean, sd = fields().loc[name, ["mean", "sd"]].astype(float)
    if fields().at[name, "shape"] == "lognormal":
        variance = np.log1p((sd / mean) ** 2)
        return (np.log(values / mean) + variance / 2) / np.sqrt(variance)
    return (values - mean) / sd


def test_drivers_are_standard_in_people_without_disease(truth, healthy):
    within_sex = drivers(truth).loc[healthy, [name for name in SCORES if name not in ("age", "sex")]]
    assert within_sex.mean().abs().max() < 0.16 and (within_sex.std() - 1).abs().max() < 0.06
    assert drivers(truth)[["age", "sex"]].mean().abs().max() < 0.05


@pytest.mark.parametrize("name", [name for name in numbers() if fields().at[name, "shape"] in ("normal", "lognormal")])
def test_a_number_moves_with_each_driver_as_is_stated(name, table, truth, healthy):
    """Least squares over people without disease: slopes and what is left, each within four standard errors."""
    known = healthy & table[name].notna().to_numpy()
    x = drivers(truth).loc[known, list(SCORES)].to_numpy()
    design = np.column_stack([np.ones(len(x)), x])
    z = score(table.loc[known, name].to_numpy(), name)
    slopes, *_ = np.linalg.lstsq(design, z, rcond=None)
    stated = fields().loc[name, list(SCORES)].astype(float).fillna(0.0).to_numpy()
    left = np.sqrt(1 - (stated**2).sum())
    error = left * np.sqrt(np.diag(np.linalg.inv(design.T @ design)))
    assert (np.abs(slopes[1:] - stated) < 4.2 * error[1:] + 0.01).all()
    assert np.std(z - design @ slopes) == pytest.approx(left, rel=0.06)


@pytest.mark.parametrize("name", [name for name in numbers() if fields().at[name, "shape"] != "truth"])
def test_a_number_has_about_the_stated_mean_and_spread(name, table, healthy):
    values, (mean, sd) = table.loc[healthy, name].dropna(), fields().loc[name, ["mean", "sd"]].astype(float)
    assert values.mean() == pytest.approx(mean, abs=0.3 * sd)
    assert 0.6 < values.std() / sd < 1.25  # a count that is cut at zero is narrower


def test_disease_shifts_what_it_is_said_to(table, healthy, truth):
    z = score(table["c_reactive_protein"], "c_reactive_protein") - 0.4 * drivers(truth)["bmi"]
    assert z[~healthy].mean() - z[healthy].mean() == pytest.approx(0.2, abs=0.1)
    assert table.loc[~healthy, "diabetes"].mean() > 1.3 * table.loc[healthy, "diabetes"].mean()


def test_what_is_known_of_the_person_is_in_the_table_as_it_is(table, truth):
    for name in ("age", "height", "weight", "systolic", "sex"):
        np.testing.assert_allclose(table[name], truth[f"heart.{name}"], rtol=1e-3)
    np.testing.assert_allclose(table["bmi"], table["weight"] / (table["height"] / 100) ** 2, rtol=2e-3)


@pytest.mark.parametrize("name", [name for name in answers() if name != "sex"])
def test_answers_are_as_frequent_as_is_stated(name, table, healthy):
    shares = np.array([float(share) for share in fields().at[name, "shares"].split("|")])
    found = table.loc[healthy, name].dropna()
    np.testing.assert_allclose([(found == code).mean() for code in answers()[name]], shares, atol=0.04)


def test_an_answer_goes_with_its_driver_as_a_cut_score_does(table, truth, healthy):
    """Diabetes is above the 95th percentile of a score that moves by 0.3 with body mass."""
    r = np.corrcoef(table.loc[healthy, "diabetes"].fillna(0), drivers(truth).loc[healthy, "bmi"])[0, 1]
    assert r == pytest.approx(0.3 * norm.pdf(norm.ppf(0.95)) / np.sqrt(0.05 * 0.95), abs=0.05)
    nothing = np.corrcoef(table.loc[healthy, "chronotype"].fillna(2), drivers(truth).loc[healthy, "bmi"])[0, 1]
    assert abs(nothing) < 0.07


def test_as_much_is_missing_as_is_stated(table, genotypes):
    np.testing.assert_allclose(table.isna().mean(), fields()["missing"], atol=0.015)
    assert genotypes.isna().to_numpy().mean() == pytest.approx(NOT_CALLED, abs=0.001)


def test_nothing_in_the_tables_leaks(table):
    few = 300
    hearts = hearts_of(few, SEED)
    truth = [traits(heart, participant_generators(SEED, number).cine) for number, heart in enumerate(hearts)]
    values = np.array([[one[name] for name in TRAIT_NAMES] for one in truth])
    standard = standard_table(table.iloc[:few])
    pd.testing.assert_frame_equal(standard, table.iloc[:few])
    refuse_leaks(columns(standard), values, np.arange(few))
    leaking = columns(standard).assign(waist=values[:, TRAIT_NAMES.index("lv_edv")])
    refused(lambda: refuse_leaks(leaking, values, np.arange(few)), "waist", "lv_edv")


def test_variants_are_157_in_49_groups_and_explain_a_few_per_cent():
    spec = variants()
    assert len(spec) == 157 and sorted(set(spec["group"])) == list(range(1, 50)) and spec.index.is_unique
    assert spec.groupby("trait")["group"].nunique().eq(1).all()
    driven = spec[spec["driver"] != ""]
    explained = (driven["r"] ** 2).groupby(driven["driver"]).sum()
    assert set(explained.index) < set(SCORES) and explained.between(0.005, 0.045).all()
    assert (spec.loc[spec["driver"] == "", "r"] == 0).all() and spec["frequency"].between(0.05, 0.5).all()


def test_variants_are_in_hardy_weinberg_proportions_and_apart(genotypes, healthy):
    p = variants()["frequency"].to_numpy()
    called = genotypes[healthy]
    for count, share in enumerate(((1 - p) ** 2, 2 * p * (1 - p), p**2)):
        found = (called == count).sum() / called.notna().sum()
        assert (np.abs(found - share) < 4.5 * np.sqrt(share * (1 - share) / healthy.sum())).all()
    r = np.triu(called.corr().to_numpy(), 1)
    pairs = 157 * 156 / 2
    assert np.sqrt((r**2).sum() / pairs) == pytest.approx(1 / np.sqrt(healthy.sum()), rel=0.05)  # chance alone


def test_variants_go_with_their_drivers_as_is_stated(genotypes, truth, healthy):
    spec, d = variants(), drivers(truth)[healthy]
    error = 1 / np.sqrt(healthy.sum())
    driven = spec[spec["driver"] != ""]
    found = np.array([genotypes[healthy][snp].corr(d[row["driver"]]) for snp, row in driven.iterrows()])
    assert np.sqrt(np.mean((found - driven["r"]) ** 2)) < 1.2 * error
    slope = found @ driven["r"] / (driven["r"] @ driven["r"])
    assert slope == pytest.approx(1, abs=4 * error / np.linalg.norm(driven["r"]))
    nothing = [genotypes[healthy][snp].corr(d["mass"]) for snp in spec.index[spec["driver"] == ""]]
    assert np.sqrt(np.mean(np.square(nothing))) < 1.25 * error


def test_attenuation_is_the_correlation_of_a_cut_score(rng):
    p = np.array([0.05, 0.3, 0.5])
    z = rng.standard_normal(200_000)
    for one, expected in zip(p, attenuation(p)):
        count = (z > norm.ppf((1 - one) ** 2)).astype(int) + (z > norm.ppf(1 - one**2))
        assert np.corrcoef(count, z)[0, 1] == pytest.approx(expected, abs=0.005)


def test_participant_17_is_the_same_whatever_the_cohort_and_the_seed_decides(truth, table, genotypes):
    some = truth.iloc[[40, 17, 3]]
    pd.testing.assert_frame_equal(draw_tabular(some, SEED), table.loc[some.index])
    pd.testing.assert_frame_equal(draw_genotypes(some, SEED), genotypes.loc[some.index])
    other = draw_tabular(some, SEED + 1), draw_genotypes(some, SEED + 1)
    assert not other[0].equals(table.loc[some.index]) and not other[1].equals(genotypes.loc[some.index])


def test_tables_of_a_cohort_are_kept_beside_it_and_change_nothing_in_it(tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path / "home"))
    folder = simulate_cohort(SimulationConfig(participants=20, seed=SEED), tmp_path / "cohort", 1, progress=False)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    cohort = Cohort.load(folder)
    tables, again = simulate_tables(cohort), simulate_tables(cohort)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert Cohort.load(folder).fingerprint == cohort.fingerprint
    assert list(tables.tabular.index) == list(tables.snp.index) == list(cohort.participant_ids)
    drawn = draw_tabular(read_truth(folder), SEED), draw_genotypes(read_truth(folder), SEED)
    for one, two, three in zip(tables, again, drawn):
        pd.testing.assert_frame_equal(one, two)
        pd.testing.assert_frame_equal(one, three, check_names=False, check_index_type=False)
    assert encode_genotypes(tables.snp).shape == (20, 49, 120)
    (folder / "simulation" / "truth.csv").unlink()
    refused(lambda: simulate_tables(cohort), "no truth")
