"""Tables of UK Biobank: three styles of headings, and no participant's number in any message."""

import gzip
import logging
import traceback

import numpy as np
import pandas as pd
import pytest
from helpers.ukb_tables import EID, OTHER, RAP, SHOWCASE, STYLES, TODAY, refused_unseen, table_file

from eccl.data.sources.ukbiobank.diagnoses import diagnoses
from eccl.data.sources.ukbiobank.fields import FIELDS, FIRST_OCCURRENCE, showcase_name
from eccl.data.sources.ukbiobank.tables import read_tables
from eccl.traits import DIAGNOSES, TRAIT_NAMES, TRAITS


@pytest.mark.parametrize("name", STYLES)
def test_every_style_of_headings_says_the_same(tmp_path, name):
    table = read_tables([table_file(tmp_path / name, STYLES[name])])
    assert list(table.index) == [EID, OTHER] and table.index.name == "eid"
    one, other = table.loc[EID], table.loc[OTHER]
    assert (one.sex, one.age, one.height, one.weight, one.systolic, one.diastolic) == (1, 62, 180, 80.5, 135, 75)
    assert (other.sex, other.age, other.systolic, other.diastolic) == (0, 66, 120, 75)  # means of what was answered
    assert np.isnan(other.weight) and np.isnan(other.lv_edv)  # -1 is an answer, not a weight
    assert one.lv_edv == 151.5 and one.ecc_global == -3.0  # and -3 is a strain
    assert one.scan_date == pd.Timestamp("2019-05-30") and other.scan_date == pd.Timestamp("2020-01-01")
    assert one.icd10 == "I10|I480|I251" and one.icd10_dates == "2010-01-01|2018-05-30|2011-02-03"
    assert one.first_I48 == "2020-05-29" and (other.icd10, other.first_I50) == ("", "")
    assert table[list(TRAIT_NAMES)].dtypes.eq(float).all() and table.lv_esv.isna().all()
    labels, problems = diagnoses(table, TODAY)
    assert problems == {} and labels[list(DIAGNOSES)].to_numpy().tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]]
    assert labels.loc[EID, "I48_days"] == -365 and labels.loc[OTHER, "I21_days"] == -round(66 * 365.25)
    assert labels.loc[EID, ["I21_days", "I42_days", "I50_days"]].isna().all()


def test_gzip_and_parquet_say_the_same_as_text(tmp_path):
    expected = read_tables([table_file(tmp_path / "a.csv", RAP)])
    packed = table_file(tmp_path / "a.csv.gz", gzip.compress(RAP.encode()))
    pd.testing.assert_frame_equal(read_tables([packed]), expected)
    frame = pd.read_csv(tmp_path / "a.csv", parse_dates=["participant.p53_i2"])
    frame["participant.p41270"] = [["I10", "I480", "I251"], None]
    frame.to_parquet(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(read_tables([tmp_path / "a.parquet"]), expected)
    pd.testing.assert_frame_equal(read_tables([tmp_path / "a.parquet"], {OTHER}), expected.loc[[OTHER]])


def test_all_82_traits_have_their_fields(tmp_path):
    head, *rows = SHOWCASE.splitlines()
    fields = ",".join(f"{field}-2.0" for field in range(24100, 24182) if field not in (24100, 24157))
    cells = ",".join(str(field / 100) for field in range(24100, 24182) if field not in (24100, 24157))
    table = read_tables([table_file(tmp_path / "a.csv", f"{head},{fields}\n{rows[0]},{cells}\n")])
    for trait in TRAITS:
        if trait.field not in (24100, 24157):
            assert table.loc[EID, trait.name] == trait.field / 100
    assert len(FIELDS) == 6 + 82 + 1 + 2 + 4 and showcase_name("scan_date") == "53-2.0"
    assert FIRST_OCCURRENCE == {"I21": 131298, "I42": 131338, "I48": 131350, "I50": 131354}


def test_another_visit_is_another_instance(tmp_path):
    content = SHOWCASE.replace('"21003-2.0"', '"21003-2.7"').replace("-2.", "-4.").replace('"21003-4.7"', '"21003-4.0"')
    table = read_tables([table_file(tmp_path / "a.csv", content)], instance=4)
    assert table.loc[EID, "lv_edv"] == 151.5 and table.loc[EID, "icd10"]
    refused_unseen(lambda: read_tables([tmp_path / "a.csv"]), "21003-2.0 (age)", "53-2.0 (scan_date)")


def test_only_what_is_needed_is_kept_and_parsed(tmp_path, monkeypatch):
    head, *rows = SHOWCASE.splitlines()
    more = ",".join(f"20002-0.{array}" for array in range(500))
    junk = ",".join(["no number; 99/99/9999"] * 500)
    content = "\n".join([f"{head},{more}", *(f"{row},{junk}" for row in rows)])
    seen = []
    original = pd.to_numeric
    monkeypatch.setattr(pd, "to_numeric", lambda values, **how: seen.append(len(values)) or original(values, **how))
    table = read_tables([table_file(tmp_path / "a.csv", content)], participants=[EID])
    assert list(table.index) == [EID]
    assert seen == [1] * 10  # sex, age, height, weight, four readings, two traits; of the one participant wanted


def test_chunks_do_not_show(tmp_path, monkeypatch):
    head, row, _ = SHOWCASE.splitlines()
    people = [str(3_000_000 + number) for number in range(23)]
    path = table_file(tmp_path / "a.csv", "\n".join([head, *(row.replace(EID, person) for person in people)]))
    whole = read_tables([path])
    monkeypatch.setattr("eccl.data.sources.ukbiobank.rows.CHUNK", 5)
    pd.testing.assert_frame_equal(read_tables([path]), whole)
    assert list(whole.index) == people
    assert list(read_tables([path], people[20:]).index) == people[20:]


def test_tables_are_joined_and_may_agree(tmp_path):
    person = "eid,31-0.0,21003-2.0,50-2.0,21002-2.0,4080-2.0,4079-2.0\n1234567,1,62,180,80,140,80\n2345678,0,60,,,,\n"
    scan = "f.eid\tf.53.2.0\tf.24100.2.0\tf.31.0.0\tf.4080.2.1\n1234567\t2019-05-30\t150\t1\t130\n"
    stays = "eid,p41270,p41280_a0\n1234567,I21,2019-05-31\n"
    paths = [table_file(tmp_path / f"{place}.csv", text) for place, text in enumerate((person, scan, stays))]
    table = read_tables(paths)
    assert table.loc[EID, ["lv_edv", "sex", "height", "systolic"]].tolist() == [150, 1, 180, 135]
    assert pd.isna(table.loc[OTHER, "scan_date"]) and pd.isna(table.loc[OTHER, "icd10"])
    pd.testing.assert_frame_equal(read_tables(paths[::-1]), table)
    pd.testing.assert_frame_equal(read_tables(paths, {OTHER}), table.loc[[OTHER]])
    labels, problems = diagnoses(table, TODAY)
    assert labels.loc[EID, "I21_days"] == 1 and list(labels.index) == [EID] and list(problems) == [OTHER]
    assert "none of the tables" in str(problems[OTHER]) and OTHER not in str(problems[OTHER])


def test_a_table_without_anyone_wanted_adds_nothing(tmp_path):
    one = table_file(tmp_path / "a.csv", SHOWCASE)
    other = table_file(tmp_path / "b.csv", SHOWCASE.replace(EID, "9").replace(OTHER, "8"))
    expected = read_tables([one], {EID})
    for paths in ([one, other], [other, one]):
        pd.testing.assert_frame_equal(read_tables(paths, {EID}), expected)
    assert list(read_tables([one, other]).index) == [EID, OTHER, "8", "9"]


def test_what_is_missing_is_told(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    read_tables([table_file(tmp_path / "a.csv", RAP.replace("p131338", "p131339"))])
    assert "80 of 82 traits" in caplog.text and "131338-0.0" in caplog.text
    assert EID not in caplog.text and OTHER not in caplog.text


def test_the_withdrawn_may_still_have_rows(tmp_path):
    table = read_tables([table_file(tmp_path / "a.csv", SHOWCASE.replace('"2345678"', '"-5"'))])
    assert list(table.index) == [EID]


LINES = SHOWCASE.splitlines()
BAD = {  # what is wrong: (name of the file, content, words of the message)
    "empty": ("a.csv", "", ["no header"]),
    "blank": ("a.csv", "\n\n", ["no header"]),
    "no rows": ("a.csv", LINES[0] + "\n", ["no rows"]),
    "no header": ("a.csv", "\n".join(LINES[1:]), ["0 of 25 columns are named eid"]),
    "no eid": ("a.csv", SHOWCASE.replace('"eid"', '"id"'), ["0 of 25 columns are named eid"]),
    "two eids": ("a.csv", SHOWCASE.replace('"24100-3.0"', '"eid"'), ["2 of 25 columns are named eid"]),
    "wrong delimiter": ("a.csv", SHOWCASE.replace(",", ";"), ["0 of 1 columns", "commas or tabs"]),
    "titles for headings": ("a.csv", "Participant ID,Sex\n1234567,Male\n", ["titles", "FIELD-NAME"]),
    "titles beside eid": (
        "a.csv",
        "eid,Sex,Age when attended assessment centre | Instance 2\n1234567,Male,60\n",
        ["titles", "header_style FIELD-NAME"],
    ),
    "mixed styles": ("a.csv", SHOWCASE.replace("53-2.0", "p53_i2"), ["31-0.0", "p53_i2", "two styles"]),
    "mixed with R": ("a.csv", SHOWCASE.replace("24100-3.0", "f.24100.3.0"), ["31-0.0", "f.24100.3.0"]),
    "a field twice": ("a.csv", SHOWCASE.replace("24157-2.0", "24100-2.0"), ["24100-2.0 and 24100-2.0"]),
    "a field twice with prefix": ("a.csv", RAP.replace("participant.p24157_i2", "p24100_i2"), ["and p24100_i2"]),
    "participant twice": ("a.csv", SHOWCASE + LINES[1] + "\n", ["row 2 is there again in row 4"]),
    "no participant's number": ("a.csv", SHOWCASE.replace('"2345678"', '"x1234567"'), ["row 3", "column eid"]),
    "text in a trait": ("a.csv", SHOWCASE.replace('"151.5"', '"1234567x"'), ["24100-2.0", "no number in row 2"]),
    "infinite trait": ("a.csv", SHOWCASE.replace('"151.5"', '"inf"'), ["24100-2.0", "row 2"]),
    "text as sex": ("a.csv", SHOWCASE.replace('"2345678","0"', '"2345678","1234567 f"'), ["31-0.0", "row 3"]),
    "scan date no date": ("a.csv", SHOWCASE.replace("2019-05-30", "1234567"), ["53-2.0", "no date in row 2"]),
    "scan date day first": ("a.csv", SHOWCASE.replace("2019-05-30", "30/05/2019"), ["53-2.0", "year-month-day"]),
    "no such day": ("a.csv", SHOWCASE.replace("2018-05-30", "2018-02-30"), ["41280-0.1", "row 2"]),
    "first report no date": ("a.csv", SHOWCASE.replace("1903-03-03", "1903"), ["131298-0.0", "row 3"]),
    "unfinished list": ("a.csv", RAP.replace("'I251']", "'1234567"), ["p41270", "unfinished list in row 2"]),
    "a cell too many": ("a.csv", SHOWCASE.replace('"180"', '"180","1234567"'), ["row 2 has 26 cells, not 25"]),
    "a row cut short": ("a.csv", RAP[:-4], ["row 3 has 20 cells, not 23"]),
    "text behind a quote": ("a.csv", SHOWCASE.replace('"180"', '"180"5'), ["50-2.0", "row 2"]),
    "open quote": ("a.csv", SHOWCASE.replace('"2345678",', '"2345678'), ["a.csv"]),
    "cell without end": ("a.csv", LINES[0] + '\n"' + "1234567," * 20_000, ["row 2 has 20001 cells"]),
    "binary": ("a.csv", bytes(range(256)) * 20, ["a.csv"]),
    "zeros": ("a.csv", b"\0" * 5000, ["no header"]),
    "UTF-16": ("a.csv", SHOWCASE.encode("utf-16"), ["UTF-8"]),
    "UTF-16 without mark": ("a.csv", SHOWCASE.encode("utf-16-le"), ["no header"]),
    "Latin-1 far down": ("a.csv", SHOWCASE.encode() + b'"\xe9"', ["row 4 has 1 cells"]),
    "Latin-1 in a code": ("a.csv", SHOWCASE.encode().replace(b"I480", b"I480 \xe9"), ["41270-0.1", "UTF-8 in row 2"]),
    "Latin-1 in a number": ("a.csv", SHOWCASE.encode().replace(b"80.5", b"80\xb75"), ["21002-2.0", "row 2"]),
    "no gzip": ("a.csv.gz", SHOWCASE, ["cannot be read"]),
    "gzip cut short": ("a.csv.gz", gzip.compress(SHOWCASE.encode())[:-40], ["cannot be read"]),
    "no parquet": ("a.parquet", SHOWCASE, ["no parquet"]),
    "parquet garbage": ("a.parquet", b"PAR1" + b"\0" * 99 + b"\x10\0\0\0PAR1", ["a.parquet"]),
    "empty parquet": ("a.parquet", b"", ["no parquet"]),
    "no scan date": ("a.csv", SHOWCASE.replace("53-2.0", "54-2.0"), ["fields are missing: 53-2.0 (scan_date)"]),
    "no person": ("a.csv", SHOWCASE.replace("50-2.0", "51-2.0").replace("4080-", "93-"), ["50-2.0", "4080-2.0"]),
    "no diagnoses": (
        "a.csv",
        SHOWCASE.replace("41270-", "9-").replace("1313", "1300").replace("131298", "9"),
        ["41270"],
    ),
    "strangers": ("a.csv", SHOWCASE.replace(EID, "7").replace(OTHER, "8"), ["none of 2 participants"]),
}


@pytest.mark.parametrize("case", BAD)
def test_a_malformed_table_is_refused(tmp_path, case):
    name, content, words = BAD[case]
    path = table_file(tmp_path / name, content)
    refused_unseen(lambda: read_tables([path], participants={EID, OTHER}), path, *words)


def test_what_a_cell_holds_is_not_shown(tmp_path):
    for text in ("20x9-05-30", "2019-05-30x", "secret"):
        path = table_file(tmp_path / "a.csv", SHOWCASE.replace("2019-05-30", text))
        error = refused_unseen(lambda path=path: read_tables([path]), "no date in row 2")
        assert text not in "".join(traceback.format_exception(error))


def test_a_heading_with_seven_digits_is_no_field(tmp_path):
    content = RAP.replace(
        "participant.p24100_i3", "1234567-2.0"
    )  # else it would be shown as a heading of another style
    assert list(read_tables([table_file(tmp_path / "a.csv", content)]).index) == [EID, OTHER]


def test_a_line_without_end_is_not_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("eccl.data.sources.ukbiobank.text.LONGEST_LINE", 2000)
    path = table_file(tmp_path / "a.csv", SHOWCASE + "1234567" * 1000)
    refused_unseen(lambda: read_tables([path]), path, "more than 2000 characters")


def test_damaged_pages_of_parquet_are_refused(tmp_path):
    pd.read_csv(table_file(tmp_path / "a.csv", RAP)).to_parquet(tmp_path / "a.parquet", compression="gzip")
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    content[4:400] = bytes(396)
    path = table_file(tmp_path / "a.parquet", bytes(content))
    refused_unseen(lambda: read_tables([path]), path)


def test_parquet_without_pyarrow_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    refused_unseen(lambda: read_tables([table_file(tmp_path / "a.parquet", b"")]), "pip install pyarrow")


def test_tables_that_contradict_each_other_are_refused(tmp_path):
    one = table_file(tmp_path / "a.csv", SHOWCASE)
    for old, new, name in (
        ("151.5", "152", "lv_edv"),
        ("2019-05-30", "2019-05-31", "scan_date"),
        ("I480", "I10", "icd10"),
    ):
        other = table_file(tmp_path / "b.csv", SHOWCASE.replace(old, new))
        refused_unseen(lambda other=other: read_tables([one, other]), other, f"{name} of 1 participants")
    read_tables([one, table_file(tmp_path / "b.csv", RAP)])


def test_absent_files_and_no_files_are_refused(tmp_path):
    refused_unseen(lambda: read_tables([tmp_path / "none.csv"]), tmp_path / "none.csv", "No such file")
    refused_unseen(lambda: read_tables([tmp_path / "none.parquet"]), tmp_path / "none.parquet", "No such file")
    refused_unseen(lambda: read_tables([]), "nobody is there")
