"""Who stands in a row, in a table and read back from it."""

import io

import pandas as pd
import pytest

from eccl.evaluation.rows import Row, check_rows, rows_of, table_of

ROWS = [Row("eccl", "probe", 42), Row("random", "finetune", 43), Row("mean", "none")]


def test_rows_survive_a_table_and_a_file():
    table = table_of([{**row._asdict(), "value": 0.5} for row in ROWS])
    assert list(table.columns) == ["method", "protocol", "seed", "value"]
    assert rows_of(table) == ROWS
    assert rows_of(pd.read_csv(io.StringIO(table.to_csv(index=False)))) == ROWS


def test_a_text_is_no_row():
    with pytest.raises(TypeError, match="got 'ECCL, probe'"):
        check_rows({"ECCL, probe": 1})
    with pytest.raises(TypeError, match=r"got \('eccl', 'probe', None\)"):
        check_rows([("eccl", "probe", None)])


def test_no_rows_and_another_reference_are_refused():
    with pytest.raises(ValueError, match="at least one row"):
        check_rows({})
    with pytest.raises(ValueError, match=r"no row eccl \(probe\) .* eccl \(probe, seed 42\), random"):
        check_rows(ROWS, Row("eccl"))


def test_a_table_of_another_kind_says_what_it_lacks():
    with pytest.raises(ValueError, match=r"no column protocol, seed; it has method, value"):
        rows_of(pd.DataFrame({"method": ["eccl"], "value": [1.0]}))
