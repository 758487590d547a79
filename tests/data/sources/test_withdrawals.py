"""Whoever has withdrawn is in no cohort, whatever their list is called; and whoever reads a list shows no number."""

from __future__ import annotations

import codecs
import gzip
import logging
import traceback
from pathlib import Path

import pytest

from eccl.data.sources import open_source
from eccl.data.sources.ingest import ingest, ingest_messages, ingest_tables
from eccl.data.sources.ukbiobank.withdrawals import find_lists, taken_out, withdrawn
from eccl.records import DataError

FIRST = 9_000_000
HEAD = "eid,31-0.0,21003-2.0,50-2.0,21002-2.0,4080-2.0,4079-2.0,53-2.0,41270-0.0\n"
EID, OTHER = str(FIRST + 1), str(FIRST + 2)


def make_download(folder: Path, people: int) -> Path:
    """Empty recordings of some people, and a table that has them all: enough to be listed."""
    for part in ("bulk", "tables"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for number in range(FIRST, FIRST + people):
        (folder / "bulk" / f"{number}_20205_2_0.xml").touch()
    rows = "".join(f"{number},1,60,170,70,130,80,2019-05-30,I10\n" for number in range(FIRST, FIRST + people))
    (folder / "tables" / "people.csv").write_text(HEAD + rows)
    return folder


@pytest.fixture(scope="module")
def thousand(tmp_path_factory) -> Path:
    return make_download(tmp_path_factory.mktemp("ukb") / "download", 1000)


@pytest.fixture
def five(tmp_path) -> Path:
    return make_download(tmp_path / "download", 5)


def listing(download: Path, keep: Path, **options):
    return open_source("ukbiobank", download, modalities="ecg", **options).index(keep)


def left(download: Path, keep: Path, **options) -> set[str]:
    return set(listing(download, keep, **options).entries["_eid"])


def unseen(error: DataError) -> str:
    told = "".join(traceback.format_exception(error))
    assert EID not in told and OTHER not in told, told
    return str(error)


NAMES = [
    "withdraw12345_398_20240119.txt",
    "w12345_20240119.csv",
    "W12345_20240119.CSV",
    "withdrawals.csv",
    "withdrawn_participants.txt",
    "Withdrawal-list (2).TXT",
    "ukb_withdrawn_2024.tsv",
    "w_12345.txt",
    "w12345",
    "withdraw12345_398_20240119.txt.gz",
    "to_remove.csv",
    "list.txt",
    "gone",
    "2024.lst",
    "tables/people_gone.csv",
    "tables/withdraw12345_398_20240119.txt",
    "bulk/deep/down/w12345_20240119.txt",
]


@pytest.mark.parametrize("name", NAMES)
def test_of_a_thousand_people_none_who_withdrew_is_left(thousand, tmp_path, name):
    gone = {str(number) for number in range(FIRST + 7, FIRST + 1000, 50)}
    path = thousand / name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(f"{eid}\n" for eid in sorted(gone)).encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    try:
        made = listing(thousand, tmp_path)
    finally:
        path.unlink()
    people = set(made.entries["_eid"])
    assert len(gone) == 20 and len(people) == 980 and not gone & people
    assert (
        made.notes == {"withdrawn: taken out": 20}
        and path.name in made.messages[0]
        and " 20 of 1000 " in made.messages[0]
    )


CONTENTS = {
    "plain": f"{EID}\n{OTHER}\n",
    "without an end": f"{EID}\n{OTHER}",
    "Windows": f"eid\r\n{EID}\r\n\r\n-1\r\n{OTHER}",
    "old Mac": f"eid\r{EID}\r{OTHER}\r",
    "blanks": f"\ufeff {EID}\n\n{OTHER} \n\n",
    "quoted": f'"eid"\n"{EID}"\n"{OTHER}"\n',
    "single quotes": f"'{EID}'\n'{OTHER}'\n",
    "R": f"f.eid\n{EID}\n{OTHER}\n",
    "Stata": f"n_eid\n{EID}\n{OTHER}\n",
    "platform": f"participant.eid\n{EID}\n{OTHER}\n",
    "title": f"Participant ID\n{EID}\n{OTHER}\n",
    "another heading": f"people to leave out\n{EID}\n{OTHER}\n",
    "trailing commas": f"{EID},\n{OTHER},,\n",
    "of a data frame": f",eid\n0,{EID}\n1,{OTHER}\n",
    "of R with rows": f'"","x"\n"1",{EID}\n"2",{OTHER}\n',
    "of PLINK": f"FID IID\n{EID} {EID}\n{OTHER} {OTHER}\n",
    "floats": f"{EID}.0\n{OTHER}.0\n",
    "in one line": f"{EID}, {OTHER}\n",
    "the dead of tables": f"-1\n-2\n{EID}\n{OTHER}\n",
    "decimals": f"{EID}.00\n{OTHER}.\n",
    "powers of ten": f"{EID[0]}.{EID[1:]}e+06\n{OTHER[0]}.{OTHER[1:]}000E6\n",
    "a comment": f"# who left\n{EID}\n{OTHER}\n",
    "several headings": f"Withdrawals\nApplication 12345\neid\n{EID}\n{OTHER}\n",
    "JSON": f"[\n  {EID},\n  {OTHER}\n]\n",
    "JSON of texts": f'["{EID}", "{OTHER}"]',
    "bars": f"{EID}|\n{OTHER}|\n",
    "hard spaces": f"{EID}\u00a0\n\u200b{OTHER}\u00a0\n",
    "R with gaps": f'"","eid"\n"17",{EID}\n"230",{OTHER}\n',
    "R printed": f"[1] {EID} {OTHER}\n",
    "a long line": ", ".join([EID, *map(str, range(2_000_000, 2_000_900)), OTHER]),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("case", CONTENTS)
def test_a_list_is_known_and_read_in_every_form(tmp_path, case, encoding):
    for name in ("anything.txt", "withdrawn.csv"):
        path = tmp_path / name
        path.write_bytes(CONTENTS[case].encode(encoding))
        assert withdrawn(path) & {EID, OTHER, "12345", "17", "1"} == {EID, OTHER}
    assert {(item.path.name, item.named) for item in find_lists(tmp_path)} == {
        ("anything.txt", False),
        ("withdrawn.csv", True),
    }


@pytest.mark.parametrize("content", ["", "\n\n", "eid\n", "-1\n-2\n", codecs.BOM_UTF8.decode()])
def test_a_list_of_nobody_is_a_list(five, tmp_path, content):
    (five / "w12345_20240119.txt").write_text(content)
    made = listing(five, tmp_path)
    assert len(made.entries) == 5 and made.notes == {} and "takes out 0 of 5" in made.messages[0]


NONE = {  # what is no list by its content: people stay
    "README.txt": "The data of application 12345, fetched in 2024.\n",
    "dates.txt": "20240119\n20240120\n",
    "six.txt": "123456\n234567\n",
    "extract.csv": f"eid,31-0.0\n{EID},1\n",
    "ukb12345.bulk.txt": f"{EID} 20205_2_0\n{OTHER} 20205_2_0\n",
    "pairs.csv": f"{EID},x\n{OTHER},y\n",
    "image.bin": f"{EID}\n",
    "notes.xml": f"{EID}\n",
    f"{EID}_90001_0_0.csv": f"{EID}\n",
    "empty.txt": "",
    "weights.csv": "eid,weight\n1,70\n",
}


@pytest.mark.parametrize("name", NONE)
def test_other_files_are_no_lists(five, tmp_path, name):
    (five / name).write_text(NONE[name])
    assert len(left(five, tmp_path)) == 5


BAD = {  # content of what is a list by its name: words of the message
    "a name behind": (f"{OTHER}\n{EID},x\n", "line 2"),
    "no list": ("hello world\n", "line 1"),
    "a heading amid": (f"{EID}\neid\n", "line 2"),
    "a letter": ("We are sorry to see 3 people leave.\n", "line 1"),
    "a fraction": (f"\n\n{EID}.5\n", "line 3"),
    "a leading zero": ("012345\n", "line 1"),
    "thousands": ("9,123,456\n9,123,457\n", "line 1"),
    "minus": (f"-{EID}\n-{OTHER}\n", "line 1"),
    "rounded": ("9.00e+06\n", "line 1"),
    "of whom some left": (f"eid,withdrawn\n{EID},1\n{OTHER},0\n", "line 2"),
    "a foot": (f"{EID}\nTotal: 1\n", "line 2"),
    "no end": (EID * 1000, "line 1"),
    "other digits": ("٣٤٥٦٧٨٩\n", "line 1"),
    "no text": (b"\x80\x81\x82\n", "UTF-8"),
    "zeros": (b"\x00\x01\x02", "line 1"),
    "a spreadsheet": (b"PK\x03\x04\x14\x00", "line 1"),
}


@pytest.mark.parametrize("name", ["w12345_20240119.txt", "Withdrawals.csv", "tables/withdrawn.txt"])
@pytest.mark.parametrize("case", BAD)
def test_a_list_by_name_that_cannot_be_read_stops_the_ingest(five, tmp_path, case, name):
    content, words = BAD[case]
    (five / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=words) as caught:
        listing(five, tmp_path)
    told = unseen(caught.value)
    assert Path(name).name in told and "one number a line" in told
    assert len(left(five, tmp_path, other_lists=Path(name).name)) == 5  # the remedy for what is none


@pytest.mark.parametrize("name", ["w12345_20240119.xlsx", "withdrawals.xlsx", "withdraw12345.zip", "Withdrawn.docx"])
def test_a_list_that_is_no_text_stops_the_ingest_too(five, tmp_path, name):
    (five / name).write_bytes(b"PK\x03\x04\x14\x00\x06\xff")
    with pytest.raises(DataError, match="as text"):
        listing(five, tmp_path)


def test_a_damaged_packed_list_stops_the_ingest(five, tmp_path):
    (five / "w12345.txt.gz").write_bytes(gzip.compress(b"9000001\n" * 100)[:-9])
    with pytest.raises(DataError, match="cannot be read"):
        listing(five, tmp_path)


def test_lists_given_and_found_both_count(five, tmp_path):
    (five / "w12345_20240119.csv").write_text(f"{EID}\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "any name").write_text(f"{OTHER}\n")
    (elsewhere / "second").write_text(f"{FIRST + 3}\n")
    for given, count in ((elsewhere / "any name", 3), (elsewhere, 2), (five / "w12345_20240119.csv", 4)):
        made = listing(five, tmp_path, withdrawals=str(given))
        assert len(made.entries) == count and made.notes == {"withdrawn: taken out": 5 - count}
    both = f"{elsewhere / 'any name'}; {elsewhere / 'second'}"
    assert len(left(five, tmp_path, withdrawals=both)) == 2
    with pytest.raises(DataError, match="No such file"):
        listing(five, tmp_path, withdrawals=str(tmp_path / "none.csv"))


def test_tables_elsewhere_may_hold_a_list(five, tmp_path):
    tables = (five / "tables").rename(tmp_path / "elsewhere")
    (tables / "gone.txt").write_text(f"{EID}\n")
    assert EID not in left(five, tmp_path, tables=str(tables))
    assert len(left(five, tmp_path, tables=str(tables / "people.csv"))) == 5  # that one file, and nothing beside it


@pytest.mark.parametrize(("count", "refused"), [(2, False), (3, True), (5, True)])
def test_a_list_told_by_its_content_does_not_take_out_most_of_the_people(five, tmp_path, count, refused):
    (five / "keep.txt").write_text("".join(f"{FIRST + number}\n" for number in range(count)))
    if not refused:
        made = listing(five, tmp_path)
        assert len(made.entries) == 5 - count and "told by its content alone" in made.messages[0]
        return
    with pytest.raises(DataError, match=f"{count} of 5 people") as caught:
        listing(five, tmp_path)
    assert "other_lists=keep.txt" in unseen(caught.value)
    assert len(left(five, tmp_path, other_lists="keep.txt")) == 5
    (five / "keep.txt").rename(five / "withdrawals.txt")
    assert len(listing(five, tmp_path).entries) == 5 - count


def test_a_list_told_by_its_first_lines_must_be_one_to_its_end(five, tmp_path):
    (five / "gone.txt").write_text(f"{EID}\n" * 60 + "that is all\n")
    with pytest.raises(DataError, match="line 61"):
        listing(five, tmp_path)


def test_only_the_start_of_a_large_file_is_read_to_tell(five, tmp_path, monkeypatch):
    path = five / "huge.csv"
    with open(path, "wb") as file:
        file.write(b"eid,a\n" + b"1,2\n" * 100)
        file.truncate(2**40)  # sparse
    assert len(left(five, tmp_path)) == 5


def test_other_lists_that_are_not_there_are_told(five, tmp_path):
    with pytest.raises(DataError, match="other_lists names"):
        listing(five, tmp_path, other_lists="kep.txt")


def test_numbers_in_paths_are_not_shown(five, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    folder = five / EID / f"w1_{OTHER}"
    folder.mkdir(parents=True)
    (folder / f"withdraw_{EID}.txt").write_text("hello world\n")
    with pytest.raises(DataError) as caught:
        listing(five, tmp_path)
    assert "withdraw_#######.txt" in unseen(caught.value)
    (folder / f"withdraw_{EID}.txt").write_text(f"{EID}\n")
    made = listing(five, tmp_path)
    assert "withdraw_#######.txt" in made.messages[0] and EID not in " ".join([*made.messages, caplog.text])


def test_that_no_list_was_found_is_logged_and_kept_to_be_printed(five, tmp_path, caplog):
    (five / "bulk" / f"{EID}_20205_2_0.xml").write_text("no recording")
    with pytest.raises(DataError, match="none of 5"):
        ingest(open_source("ukbiobank", five, modalities="ecg"), tmp_path / "cohort", workers=1, progress=False)
    sentence, *_ = ingest_messages(tmp_path / "cohort")
    assert "No list of withdrawals was found" in sentence and "5 people" in sentence
    assert any(sentence in record.message for record in caplog.records if record.levelno == logging.WARNING)
    assert "none is here" in ingest_tables(tmp_path / "cohort")[0].query("outcome == 'noted'")["reason"].item()
    with pytest.raises(DataError, match="no ingest has been here"):
        ingest_messages(tmp_path / "nowhere")


def test_everyone_may_be_on_a_list_that_is_named_one(five):
    (five / "w1.csv").write_text("".join(f"{FIRST + number}\n" for number in range(5)))
    people = {str(FIRST + number) for number in range(5)}
    assert taken_out(find_lists(five), people)[0] == people
