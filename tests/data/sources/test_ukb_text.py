"""Text of tables: any name, any quotation mark, bytes of Latin-1; what is not needed does not matter, row by row."""

import gzip
from itertools import product

import pytest

from eccl.data.sources.ukbiobank.adapter import TABLES
from eccl.data.sources.ukbiobank.tables import read_tables
from eccl.records import DataError

PEOPLE = ("1234567", "2345678", "3456789")
HEAD = ["eid", "31-0.0", "21003-2.0", "50-2.0", "20003-0.0", "21002-2.0", "4080-2.0", "4079-2.0", "53-2.0", "41270-0.0"]
FREE = HEAD.index("20003-0.0")  # what nobody needs
AGES = [61.0, 62.0, 63.0]


def rows(free, last=False):
    """Three people whose cell of free text is given; as the last column of the table, or between others."""
    made = [
        [eid, "1", f"{age:.0f}", "170", text, "70", "130", "80", "2019-05-30", "I48"]
        for eid, age, text in zip(PEOPLE, AGES, free)
    ]
    lines = [HEAD, *made]
    return [[*line[:FREE], *line[FREE + 1 :], line[FREE]] for line in lines] if last else lines


def written(path, lines, separator=",", encoding="utf-8", end="\n"):
    content = end.join(map(separator.join, lines)).encode(encoding) + end.encode()
    path.write_bytes(gzip.compress(content) if path.suffix.lower() == ".gz" else content)
    return path


def right(table):
    return list(table.index) == list(PEOPLE) and list(table["age"]) == AGES and set(table["icd10"]) == {"I48"}


@pytest.mark.parametrize(
    "name", [f"ukb{end}" for end in TABLES if end != ".parquet"] + ["UKB.TXT", "UKB.TAB.GZ", "a.Csv"]
)
def test_a_table_goes_by_every_name(tmp_path, name):
    separator = "," if ".csv" in name.lower() else "\t"
    assert right(read_tables([written(tmp_path / name, rows(["a", "b", "c"]), separator)]))


STRAY = [
    ('"5 inch', "b", "c"),
    ('5 inch"', "b", "c"),
    ('5" nail', "b", "c"),
    ('"unknown" pain', "b", "c"),
    ('a "b" c', "b", "c"),
    ('"', "b", "c"),
    ('"""', "b", "c"),
    ("a", "b", '"never closed'),
    ('"one', "b", '"three'),
    ('"a"b"', '"c"d', "e"),
]


@pytest.mark.parametrize(("free", "last", "separator"), list(product(STRAY, (False, True), ("\t", ","))))
def test_a_stray_quotation_mark_that_nobody_needs_does_not_matter(tmp_path, free, last, separator):
    assert right(read_tables([written(tmp_path / "a.txt", rows(free, last), separator)]))


@pytest.mark.parametrize("last", [False, True])
def test_marks_that_can_be_read_in_two_ways_are_refused_where_commas_separate(tmp_path, last):
    free = ('"5 inch', 'b"', "c")
    with pytest.raises(DataError, match="row 2 has quotation marks that can be read in two ways") as caught:
        read_tables([written(tmp_path / "a.csv", rows(free, last))])
    assert not any(eid in str(caught.value) for eid in PEOPLE)
    assert right(read_tables([written(tmp_path / "a.tab", rows(free, last), "\t")]))  # no quoting there


def test_a_mark_closed_in_a_row_that_has_a_comma_in_quotes_is_refused_too(tmp_path):
    lines = rows(('"5 inch', '6 inch"', "c"))
    lines[2][-1] = '"I48,I10"'
    with pytest.raises(DataError, match="row 2 has quotation marks"):
        read_tables([written(tmp_path / "a.csv", lines)])


def test_a_participant_is_never_swallowed_by_a_cell_of_several_lines(tmp_path):
    """The last row is whole, a quoted cell at its end; its stray mark would close the one of the row before."""
    lines = [[*line, more] for line, more in zip(rows(["a", '"b ', '"']), ("20004-0.0", "x", "y", '",\na\n"'))]
    with pytest.raises(DataError, match="row 3 has quotation marks"):
        read_tables([written(tmp_path / "a.csv", lines)])


def test_a_line_of_a_cell_may_be_longer_than_csv_reads(tmp_path):
    free = ['"two\n' + "x" * 200_000 + '"', "b", "c"]
    with pytest.raises(DataError, match="row 2 has 5 cells"):
        read_tables([written(tmp_path / "a.csv", rows(free))])


@pytest.mark.parametrize(
    "free",
    [
        ('"a, b"', "b", "c"),
        ('"a ""b"" c"', "b", "c"),
        ('"two\nlines"', "b", "c"),
        ('"one\r\n\r\ntwo, three"', '"x\ny"', "c"),
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_quotation_marks_of_csv_are_read_as_such(tmp_path, free, last):
    assert right(read_tables([written(tmp_path / "a.csv", rows(free, last))]))


@pytest.mark.parametrize(("separator", "end"), [(",", "\n"), ("\t", "\n"), (",", "\r\n")])
def test_cells_all_in_quotation_marks_are_read_without_them(tmp_path, separator, end):
    lines = [[f'"{cell}"' for cell in line] for line in rows(["a", "b", "c"])]
    assert right(read_tables([written(tmp_path / "a.txt", lines, separator, end=end)]))
    lines[2][FREE] = '"5" nail"'
    assert right(read_tables([written(tmp_path / "a.txt", lines, separator, end=end)]))


def test_rows_keep_their_numbers_behind_cells_of_several_lines(tmp_path):
    lines = rows(['"two\nlines"', '"5 inch', "c"])
    lines[3][2] = "old"
    with pytest.raises(DataError, match=r"21003-2\.0 has no number in row 4"):
        read_tables([written(tmp_path / "a.csv", lines)])


@pytest.mark.parametrize("text", ["caf\xe9 owner", "\xff\xfe", "\xb5V", 'na\xefve "x'])
@pytest.mark.parametrize("separator", [",", "\t"])
def test_bytes_of_latin_1_that_nobody_needs_do_not_matter(tmp_path, text, separator):
    assert right(read_tables([written(tmp_path / "a.txt", rows([text, "b", "c"]), separator, "latin-1")]))


@pytest.mark.parametrize(
    ("place", "cell", "words"),
    [
        (2, "6\xb2", "21003-2.0"),
        (8, "2019-05-3\xb0", "53-2.0"),
        (9, "I48 caf\xe9", "41270-0.0"),
        (0, "123456\xb7", "column eid"),
    ],
)
def test_in_a_column_that_is_needed_they_are_refused_with_row_and_column(tmp_path, place, cell, words):
    lines = rows(["a", "b", "c"])
    lines[2][place] = cell
    with pytest.raises(DataError, match="row 3") as caught:
        read_tables([written(tmp_path / "a.csv", lines, encoding="latin-1")])
    assert words in str(caught.value) and not any(eid in str(caught.value) for eid in PEOPLE)


def test_a_mark_that_is_never_closed_swallows_no_rows(tmp_path, monkeypatch):
    monkeypatch.setattr("eccl.data.sources.ukbiobank.text.LONGEST_CELL", 7)
    first = rows(["a", "b", "c"])[1]
    many = [[f"{4_000_000 + number}", *first[1:]] for number in range(100)]
    many[3][FREE] = '"5 inch'
    assert len(read_tables([written(tmp_path / "a.csv", [HEAD, *many])])) == 100


def surplus(path, before, behind, separator="\t"):
    """A table whose rows, but not its header, have a cell more."""
    head, *people = rows(["a", "b", ""], last=True)
    return written(
        path, [head, *([*before(row), *line, *behind(row)] for row, line in enumerate(people, 1))], separator
    )


@pytest.mark.parametrize("separator", ["\t", ","])
@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (lambda row: [f"{row}"], lambda row: []),
        (lambda row: [f'"{row + 40}"'], lambda row: []),
        (lambda row: [PEOPLE[row - 1]], lambda row: []),
        (lambda row: [], lambda row: [""]),
    ],
)
def test_names_of_rows_and_separators_at_the_end_need_no_heading(tmp_path, before, behind, separator):
    assert right(read_tables([surplus(tmp_path / "a.txt", before, behind, separator)]))


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (lambda row: [PEOPLE[row - 1]] * 2, lambda row: []),
        (lambda row: [], lambda row: ["x"]),
        (lambda row: [], lambda row: ["" if row == 1 else "x"]),
        (lambda row: [], lambda row: [""] if row == 1 else []),
        (lambda row: ["1"] if row == 1 else [], lambda row: []),
    ],
)
def test_other_cells_without_a_heading_are_refused(tmp_path, before, behind):
    with pytest.raises(DataError, match=r"row \d has \d+ cells, not"):
        read_tables([surplus(tmp_path / "a.txt", before, behind)])


@pytest.mark.parametrize("write", ["{}.0", "{}.000", "{0[0]}.{0[1]}{0[2]}{0[3]}{0[4]}{0[5]}{0[6]}e+06"])
def test_a_participants_number_may_have_decimals(tmp_path, write):
    lines = [[write.format(line[0]) if place else line[0], *line[1:]] for place, line in enumerate(rows("abc"))]
    assert right(read_tables([written(tmp_path / "a.csv", lines)]))


@pytest.mark.parametrize("cell", ["1.23457e+06", "1.2e+06", "1e6x", "-1234567", "0", "", "1234567.5", "1e7"])
def test_a_rounded_number_is_nobodys(tmp_path, cell):
    lines = rows("abc")
    lines[1][0] = cell
    with pytest.raises(DataError, match="row 2 has no participant's number"):
        read_tables([written(tmp_path / "a.csv", lines)])


def test_a_round_number_is_somebodys(tmp_path):
    lines = rows("abc")
    lines[1][0] = "4e+06"
    assert "4000000" in read_tables([written(tmp_path / "a.csv", lines)]).index


@pytest.mark.parametrize("missing", ["NaT", "N/A", "#N/A", ".", "<NA>"])
def test_every_sign_of_a_missing_value_is_one(tmp_path, missing):
    lines = rows("abc")
    for place in (3, 8, 9):
        lines[1][place] = missing
    table = read_tables([written(tmp_path / "a.csv", lines)]).loc[PEOPLE[0]]
    assert table[["height", "scan_date"]].isna().all() and table["icd10"] == ""
