"""Tables of the simulated people: 90 answers and measurements, and 157 genotypes, drawn from hearts that are there.

A table is drawn beside a cohort and never into it: the cohort's files, and what was trained on them, stay as they are.
Participant `i` of seed `s` has the same rows whatever the cohort, from generators that nothing else draws from.

Both are drawn *given* the heart, so that the association between them is the stated one. What drives them are ten
standard scores of a person and heart, and disease (`drivers`). `eccl/reference/tabular.csv` states for each field by
how many of its standard deviations it moves with one of a driver, the others as they are: of the size that is reported
for UK Biobank, rounded, and not at all where none is known. `eccl/reference/snps.csv` states for each variant how
frequent it is and the correlation of its count with one driver, or with none; of one driver they explain 1 to 4 %.

What this cannot be: real tables. Beside the drivers the fields share nothing with one another, so that left and right
grip differ more than they do in people, and the genotypes of one person are independent.

References
----------
Petersen et al., PLoS One 2017;12:e0185114 (risk factors and the heart in UK Biobank).
Beyer et al., PLoS One 2018;13:e0193124 (hand grip and the heart).
Locke et al., Nature 2015;518:197; Wood et al., Nat Genet 2014;46:1173; Evangelou et al., Nat Genet 2018;50:1412
(variants explain 2.7 % of body mass index, 16 % of height, 5.7 % of systolic pressure).
Aung et al., Circulation 2019;140:1318; Pirruccello et al., Nat Commun 2020;11:2254 (variants of the left ventricle).
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np
import pandas as pd

from eccl.cache import kept_table
from eccl.data.cohort import Cohort
from eccl.data.standard.tabular import answers, fields, numbers
from eccl.simulate.cohort import number_of, read_truth
from eccl.simulate.heart import Generators
from eccl.simulate.population import MEAN_AGE, MEN, REFERENCES, SD_AGE, lognormal, standard_score

VERSION = 1  # raise it whenever a value changes, here or in the two files of eccl/reference/
SCORES = ("age", "sex", "height", "bmi", "systolic", "edv", "mass", "ef", "la", "rate")
LARGEST = 3.0  # of a driver: the hearts of the sick lie farther, and their tables no farther with them
DIGITS = 4  # of a number, as a form keeps it
NOT_CALLED = 0.01  # share of genotypes that are missing


class Tables(NamedTuple):
    """What there is of everyone beside the recordings, one row a participant, NaN where missing."""

    tabular: pd.DataFrame  # the fields by name, numbers in their units and answers by code
    snp: pd.DataFrame  # counts of alleles by variant


def simulate_tables(cohort: Cohort) -> Tables:
    """The tables of everyone in a simulated cohort, drawn from its truth; drawn once and kept.

    Raises
    ------
    DataError
        If no truth is known, as of a cohort that was not simulated here.
    """
    truth = read_truth(cohort.folder).reindex(cohort.participant_ids)
    seed = cohort.description["config"]["seed"]
    parts = (cohort.fingerprint, VERSION)
    tables = (
        kept_table("tabular", parts, lambda: draw_tabular(truth, seed)),
        kept_table("snp", parts, lambda: draw_genotypes(truth, seed)),
    )
    return Tables(*(table.set_axis(cohort.participant_ids).astype(float) for table in tables))


@cache
def variants() -> pd.DataFrame:
    """The 157 variants by name: group, trait, frequency, driver (empty without one) and r, its correlation with it."""
    with (resources.files("eccl") / "reference" / "snps.csv").open() as file:
        return pd.read_csv(file, index_col="snp").fillna({"driver": "", "r": 0.0})


def drivers(truth: pd.DataFrame) -> pd.DataFrame:
    """What the tables are drawn from: ten scores, standard and cut at 3, and `illness`, 1 with any true diagnosis.

    `age` and `sex` are standardised among all; `height`, `bmi`, `systolic`, `edv`, `mass`, `ef`, `la` (maximal volume)
    and `rate` within the sex, by the reference of people without disease: in them the mean is near 0, the SD near 1.

    Parameters
    ----------
    truth : DataFrame
        Columns heart.* and true.*, as `read_truth` gives them.
    """
    heart = truth.filter(like="heart.").rename(columns=lambda name: name.removeprefix("heart."))
    sex = heart["sex"].to_numpy(dtype=int)

    def reference(name: str) -> tuple[np.ndarray, np.ndarray]:
        mean, sd = np.array([getattr(each, name) for each in REFERENCES])[sex].T
        return mean, sd

    def normal(name: str, value: pd.Series) -> pd.Series:
        mean, sd = reference(name)
        return (value - mean) / sd

    scores = {
        "age": (heart["age"] - MEAN_AGE) / SD_AGE,
        "sex": (sex - MEN) / np.sqrt(MEN * (1 - MEN)),
        "height": normal("height", heart["height"]),
        "bmi": standard_score(reference("bmi"), _bmi(heart)),
        "systolic": normal("systolic", heart["systolic"]),
        "edv": standard_score(reference("lv_edv"), heart["lv_edv"]),
        "mass": standard_score(reference("lv_mass"), heart["lv_mass"]),
        "ef": normal("lv_ef", 100 * (1 - heart["lv_esv"] / heart["lv_edv"])),
        "la": standard_score(reference("la_max"), heart["la_max"]),
        "rate": standard_score(reference("heart_rate"), heart["heart_rate"]),
    }
    table = pd.DataFrame(scores, index=truth.index).clip(-LARGEST, LARGEST)
    return table.assign(illness=truth.filter(like="true.").max(axis=1).astype(float))


def _bmi(heart: pd.DataFrame) -> pd.Series:
    return heart["weight"] / (heart["height"] / 100) ** 2


def draw_tabular(truth: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The 90 fields of people, by name; numbers in their units, answers by code, NaN where missing.

    Parameters
    ----------
    truth : DataFrame
        Of `read_truth`; the participants' names give their numbers.
    seed : int
        Of the cohort.
    """
    spec = fields()
    noise, chance = _draws(truth.index, seed, len(Generators._fields), len(spec))
    weights = spec[[*SCORES, "illness"]].fillna(0.0)
    own = np.sqrt(1 - (weights[list(SCORES)] ** 2).sum(axis=1))
    z = drivers(truth)[weights.columns] @ weights.T + noise * own.to_numpy()
    heart = {name: truth[f"heart.{name}"] for name in ("age", "sex", "height", "weight", "systolic", "diastolic")}
    heart["bmi"] = _bmi(pd.DataFrame(heart))
    codes = answers()
    values = {}
    for name in spec.index:
        one = spec.loc[name]
        if one["shape"] == "truth":
            values[name] = heart[name].to_numpy(dtype=float)
        elif name in codes:
            values[name] = _answers(z[name], codes[name], one["shares"])
        else:
            values[name] = _numbers(z[name], one)
    table = pd.DataFrame(values, index=truth.index).mask(chance < spec["missing"].to_numpy())
    return table.assign(**{name: _rounded(table[name]) for name in numbers()})


def _numbers(z: pd.Series, spec: pd.Series) -> np.ndarray:
    """A number in its unit, of its standard score: normal, lognormal, or whole."""
    mean, sd = spec["mean"], spec["sd"]
    if spec["shape"] == "lognormal":
        return lognormal((mean, sd), z.to_numpy())
    values = mean + sd * z.to_numpy()
    values = np.rint(values) if spec["shape"] == "whole" else values
    return np.fmax(np.fmin(values, float(spec["high"])), float(spec["low"]))  # a bound that is NaN is none


def _answers(z: pd.Series, codes: tuple[int, ...], shares: str) -> np.ndarray:
    """The code of a standard score: they are in the order of the score, and as frequent as their shares say."""
    from scipy.special import ndtri

    ends = np.cumsum([float(share) for share in shares.split("|")])[:-1]
    return np.array(codes, dtype=float)[np.searchsorted(ndtri(ends), z)]


def _rounded(column: pd.Series) -> np.ndarray:
    """Four digits that count, so that a last bit that differs between machines does not reach the table."""
    return np.array([float(f"{value:.{DIGITS}g}") for value in column])


def draw_genotypes(truth: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Counts of alleles (0, 1, 2; NaN where not called) of people, by variant.

    Each variant is in Hardy-Weinberg proportions, independent of the others, and of the stated correlation with its
    driver: a count is cut from a normal score, and the scores of one driver's variants are drawn given the driver so
    that together they have the identity for their covariance.

    Parameters
    ----------
    truth, seed
        As in `draw_tabular`.
    """
    spec, score = variants(), drivers(truth)
    frequency = spec["frequency"].to_numpy()
    noise, chance = _draws(truth.index, seed, len(Generators._fields) + 1, len(spec))
    liability = noise.copy()
    for driver in sorted(set(spec["driver"]) - {""}):
        rows = np.flatnonzero(spec["driver"] == driver)
        r = spec["r"].to_numpy()[rows] / attenuation(frequency[rows])
        explained = r @ r
        # noise of covariance I - r r', to which r times the driver adds r r'
        inner = (1 - np.sqrt(1 - explained)) / explained
        liability[:, rows] = np.outer(score[driver], r) + noise[:, rows] - inner * np.outer(noise[:, rows] @ r, r)
    one, two = _cuts(frequency)
    count = (liability > one).astype(float) + (liability > two)
    return pd.DataFrame(count, index=truth.index, columns=spec.index).mask(chance < NOT_CALLED)


def _cuts(frequency: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a normal score becomes one allele, and two, in Hardy-Weinberg proportions."""
    from scipy.special import ndtri

    return ndtri((1 - frequency) ** 2), ndtri(1 - frequency**2)


def attenuation(frequency: np.ndarray) -> np.ndarray:
    """Correlation of a count of alleles with the normal score that it is cut from."""
    density = sum(np.exp(-(cut**2) / 2) for cut in _cuts(frequency)) / np.sqrt(2 * np.pi)
    return density / np.sqrt(2 * frequency * (1 - frequency))


def _draws(names: pd.Index, seed: int, stream: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal and uniform numbers (N, count) of a stream of each participant's own, after those of the recordings."""
    numbered = map(number_of, names)
    generators = [np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(one, stream))) for one in numbered]
    normal = np.array([generator.standard_normal(count) for generator in generators])
    return normal, np.array([generator.random(count) for generator in generators])
