"""Sex, age, height and weight: what everybody knows who records an ECG."""

from __future__ import annotations

from eccl.methods.base import Method

COLUMNS = ["sex", "age", "height", "weight"]

METHOD = Method(
    name="demographics",
    label="demographics",
    colour="#4C9F70",
    reference="Petersen et al., J Cardiovasc Magn Reson 2017",
    table=lambda data: data.cohort.table[COLUMNS],
)
