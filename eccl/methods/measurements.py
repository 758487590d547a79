"""Classical measurements of the ECG, as a cardiologist takes them: what needs no learning."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from eccl.cache import kept_table
from eccl.data.cohort import Cohort
from eccl.data.ecg import read_ecg
from eccl.data.measure.ecg import VERSION, measure_ecg
from eccl.methods.base import Method


def measurements(cohort: Cohort) -> pd.DataFrame:
    """Classical measurements of every ECG of a cohort, one row a participant; measured once and kept."""
    table = kept_table("measurements", (cohort.fingerprint, VERSION), lambda: _measured(cohort))
    return table.set_axis(cohort.participant_ids)  # a CSV would make the number 1 of the name 001


def _measured(cohort: Cohort) -> pd.DataFrame:
    from joblib import Parallel, delayed

    rows = Parallel(n_jobs=-1)(delayed(_measure)(cohort.path(index, "ecg")) for index in range(len(cohort)))
    return pd.DataFrame(rows, index=cohort.participant_ids)


def _measure(path: Path) -> dict[str, float]:
    return measure_ecg(read_ecg(path))


METHOD = Method(
    name="measurements",
    label="classical measurements",
    colour="#CC79A7",
    reference="Macfarlane et al., Compr Electrocardiology 2010",
    table=lambda data: measurements(data.cohort),
)
