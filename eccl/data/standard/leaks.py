"""Columns of a table that tell what is to be predicted: refused by their field, and by their correlation with a trait.

The tables of biobanks hold measures of the heart's images, such as its ejection fraction, beside the answers and the
blood. A model that is given one learns to read it off, and a comparison with such a model says nothing.

Where the numbers of fields were confirmed: 24100 to 24181 as in `eccl.data.sources.ukbiobank.fields`; 22420 and 31060,
each an ejection fraction, in public notes on the showcase (sklasfeld.netlify.app). The ends of the other ranges were
not: they are wide rather than narrow, none of the 90 fields lies in them, and what they miss the correlation must find.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd

from eccl.errors import DataError
from eccl.traits import DIAGNOSES, TRAIT_NAMES

MEASURES_OF_THE_HEART = (  # fields of UK Biobank, first and last, and what they were measured on
    (24100, 24181, "the CMR"),  # the 82 traits (Bai et al., Nat Med 2020)
    (22420, 22427, "the CMR"),  # ejection fraction, volumes, output, rate: the scanner's own analysis
    (20207, 20214, "the CMR"),  # its images
    (31060, 31150, "the CMR"),  # a second analysis of the same images
    (20205, 20205, "the ECG"),  # at rest
    (12336, 12340, "the ECG"),  # rate, P and QRS duration
    (12653, 12654, "the ECG"),  # the recorder's diagnosis
    (12657, 12658, "the ECG"),  # its conclusion, and how it was recorded
    (22330, 22338, "the ECG"),  # intervals and axes
    (6025, 6039, "the ECG"),  # under exercise
    (5983, 5993, "the ECG"),
    (131296, 131355, "diagnoses of the heart"),  # first occurrences of I20 to I50
)
LARGEST_CORRELATION = 0.8  # of a column with a trait; body mass and the mass of the heart stay below
CHANCE = 0.05  # that any column at all is refused whose correlation is no larger than that


def refuse_measures_of_the_heart(headings: Mapping[str, int | None], source: Path | None = None) -> None:
    """Raise if a heading names a trait, a diagnosis, or a field that was measured on the heart.

    Parameters
    ----------
    headings : mapping of str to int or None
        The number of the field, where a heading states one.

    Raises
    ------
    DataError
        With the heading, and what it was measured on.
    """
    for heading, field in headings.items():
        on = "the CMR" if heading in TRAIT_NAMES else "diagnoses of the heart" if heading in DIAGNOSES else None
        for first, last, what in MEASURES_OF_THE_HEART:
            on = what if field is not None and first <= field <= last else on
        if on is not None:
            raise DataError(
                f"the column {heading} is of {on}: it tells what is to be predicted",
                source=source,
                remedy="take it out of the table",
            )


def refuse_leaks(table: pd.DataFrame, traits: np.ndarray, train: np.ndarray, allowed: Sequence[str] = ()) -> None:
    """Raise if a column tells a trait nearly by itself, over the training rows.

    It does if its correlation with one is above `LARGEST_CORRELATION` beyond what chance makes of so many: the lower
    end of Fisher's interval, at a level that all pairs of column and trait share.

    Parameters
    ----------
    table : DataFrame (N, columns)
        NaN is missing.
    traits : ndarray (N, 82)
        NaN is missing.
    train : ndarray of int
        Training rows: no other is looked at.
    allowed : sequence of str
        Columns that are known to be no measure of the heart.

    Raises
    ------
    DataError
        With the column and the trait that it tells.
    """
    x = table.iloc[train].drop(columns=[name for name in allowed if name in table]).reset_index(drop=True)
    y = pd.DataFrame(np.asarray(traits, dtype=float)[train], columns=list(TRAIT_NAMES)).add_prefix("trait ")
    r = pd.concat([x, y], axis=1).corr().loc[x.columns, y.columns].abs().clip(upper=1).fillna(0).to_numpy()
    n = x.notna().to_numpy(float).T @ y.notna().to_numpy(float)
    quantile = NormalDist().inv_cdf(1 - CHANCE / max(r.size, 1))
    with np.errstate(divide="ignore"):
        surely = np.tanh(np.arctanh(r) - quantile / np.sqrt(np.maximum(n - 3, 1e-9)))
    if (surely > LARGEST_CORRELATION).any():
        row, trait = np.unravel_index(np.argmax(surely), surely.shape)
        raise DataError(
            f"the column {x.columns[row]} tells the trait {TRAIT_NAMES[trait]}: r = {r[row, trait]:.2f} over "
            f"{int(n[row, trait])} training participants, and {LARGEST_CORRELATION} is the most",
            remedy="take it out of the table; if it is no measure of the heart, name it among those `allowed`",
        )
