"""The 90 fields in UK Biobank's tables: at which visit, in which words, and that nothing else of a table is read."""

import numpy as np
import pandas as pd
import pytest
from helpers.ukb_tables import EID, OTHER, refused_unseen, table_file

from eccl.data.sources.ukbiobank.tabular import read_tabular

SHOWCASE = (
    "eid,31-0.0,48-0.0,48-2.0,49-2.0,20116-2.0,1498-2.0,4080-2.0,4080-2.1,30600-0.0,30600-1.0,24103-2.0,22420-2.0\n"
    f"{EID},1,80,88,99,2,-10,140,130,45.5,44,61,60\n"
    f"{OTHER},0,81,,97,-3,3,120,,,43,55,58\n"
)


STYLES = {  # name of a file: separator, heading of the participants, heading of a field
    "r.tab": ("\t", "f.eid", "f.{}.{}.{}"),
    "rap.csv": (",", "participant.eid", "participant.p{}_i{}_a{}"),
    "plain.tsv": ("\t", "eid", "p{}_i{}_a{}"),
}


def in_style(separator: str, eid: str, heading: str) -> str:
    """The same table as another export writes it."""
    head, *rows = SHOWCASE.splitlines()
    headings = [eid, *(heading.format(*each.replace("-", ".").split(".")) for each in head.split(",")[1:])]
    return "\n".join(line.replace(",", separator) for line in [",".join(headings), *rows])


@pytest.fixture
def path(tmp_path):
    return table_file(tmp_path / "a.csv", SHOWCASE)


def test_a_field_is_of_the_scan_or_of_the_first_visit_where_no_table_has_it_of_the_scan(path):
    table, earlier = read_tabular([path], {EID, OTHER})
    assert list(table) == ["systolic", "waist", "hip", "albumin", "coffee", "sex", "smoking"]  # in the list's order
    assert table.loc[EID].tolist() == [135, 88, 99, 45.5, 0, 1, 2]  # -10 is less than one
    # A waist of the first visit is not taken for one that is missing at the scan; -3 is no answer.
    np.testing.assert_array_equal(table.loc[OTHER], [120, np.nan, 97, np.nan, 3, 0, np.nan])
    assert earlier == ["albumin"]  # sex has no visit
    assert list(read_tabular([path], {OTHER}).table.index) == [OTHER]


@pytest.mark.parametrize("name", STYLES)
def test_every_style_says_the_same(tmp_path, path, name):
    expected, found = (
        read_tabular([one], {EID, OTHER}) for one in (path, table_file(tmp_path / name, in_style(*STYLES[name])))
    )
    pd.testing.assert_frame_equal(found.table, expected.table)
    assert found.earlier == expected.earlier


def test_a_visit_in_another_table_goes_before_the_first(tmp_path, path):
    later = table_file(tmp_path / "b.csv", f"eid,30600-2.0\n{OTHER},41\n")
    nothing = table_file(tmp_path / "c.csv", f"eid,41270-0.0\n{EID},I10\n")
    for paths in ([path, later, nothing], [nothing, later, path]):
        table, earlier = read_tabular(paths, {EID, OTHER})
        assert earlier == [] and table.loc[OTHER, "albumin"] == 41 and np.isnan(table.loc[EID, "albumin"])


def test_another_visit_is_another_instance(tmp_path):
    path = table_file(tmp_path / "a.csv", SHOWCASE.replace("48-2.0", "48-3.0"))
    table, earlier = read_tabular([path], {EID}, instance=3)
    assert table.loc[EID, "waist"] == 88 and "hip" not in table and earlier == ["albumin"]


BAD = {
    "no field": (SHOWCASE.split("\n")[0].replace("-", "-9") + "\n", ["none of the 90 fields", "tabular=False"]),
    "a label": (SHOWCASE.replace(",2,-10,", ",Never,-10,"), ["20116-2.0", "row 2", "codes, not with their labels"]),
    "no code": (SHOWCASE.replace(",2,-10,", ",7,-10,"), ["smoking", "7", "0, 1, 2", "20116-2.0", "tabular=False"]),
    "a person for a code": (SHOWCASE.replace(",2,-10,", f",{EID},-10,"), ["smoking", "20116-2.0"]),
    "twice": (SHOWCASE + SHOWCASE.splitlines()[1] + "\n", ["row 2 is there again in row 4"]),
    "a field twice": (SHOWCASE.replace("49-2.0", "48-2.0"), ["48-2.0 and 48-2.0"]),
    "titles": (SHOWCASE.replace("eid", "Participant ID"), ["titles"]),
    "strangers": (SHOWCASE.replace(EID, "7").replace(OTHER, "8"), ["none of 2 participants"]),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_refused_without_a_number(tmp_path, case):
    content, words = BAD[case]
    path = table_file(tmp_path / "a.csv", content)
    refused_unseen(lambda: read_tabular([path], {EID, OTHER}), path, *words)


def test_tables_that_contradict_each_other_are_refused(tmp_path, path):
    other = table_file(tmp_path / "b.csv", f"eid,48-2.0\n{EID},89\n")
    refused_unseen(lambda: read_tabular([path, other], {EID, OTHER}), other, "waist 0 of 1 participants")
