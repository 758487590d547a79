"""Tables beside an ingested cohort of UK Biobank: whose rows they are, and when they are written anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from helpers.making import refused
from helpers.ukb_beside import NAMES, taken, write_beside

from eccl.data.cohort import Cohort
from eccl.data.sources.ingest import ingest_messages
from eccl.data.sources.pseudonym import pseudonym, read_or_make_key
from eccl.data.standard.tabular import fields
from eccl.simulate.biobank import FIRST


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with the download and the cohort that was made of it."""
    folder = tmp_path_factory.mktemp("beside")
    write_beside(folder / "download")
    taken(folder / "download", folder / "cohort")
    return folder


@pytest.fixture
def both(made, tmp_path) -> tuple[Path, Path]:
    """Copies of the download and of its cohort: what has not changed is not read again."""
    return tuple(shutil.copytree(made / name, tmp_path / name) for name in ("download", "cohort"))


def table(folder: Path, name: str) -> pd.DataFrame:
    """A table of a cohort, by participant."""
    return pd.read_csv(folder / f"{name}.csv", index_col="participant_id")


def name_of(folder: Path, number: int) -> str:
    return pseudonym(str(FIRST + number), read_or_make_key(folder / "ingest" / "key"))


def test_each_row_is_that_of_its_person_and_of_nobody_who_has_withdrawn(made):
    cohort, more = Cohort.load(made / "cohort"), pd.read_csv(made / "download" / "tables" / "more.csv", index_col="eid")
    raw = pd.read_csv(made / "download" / "genotypes.raw", sep=" ", index_col="IID")
    tabular, snp = (table(made / "cohort", name) for name in ("tabular", "snp"))
    assert list(tabular) == list(fields().index) and list(snp) == NAMES
    assert list(tabular.index) == list(snp.index) == list(cohort.participant_ids) and len(cohort) == 8
    for number in range(8):
        name = name_of(made / "cohort", number)
        assert tabular.at[name, "waist"] == more.at[FIRST + number, "48-2.0"]
        assert tabular.at[name, "sex"] == cohort.table.set_index("participant_id").at[name, "sex"]
        assert snp.loc[name].tolist() == raw.loc[FIRST + number, NAMES].tolist()
    said = ingest_messages(made / "cohort")
    assert "tabular.csv has 90 of the 90 fields" in said and "snp.csv has 49 variants of 8 of 8 people" in said
    assert "1 of these are of the first visit, since no table has them of visit 2: albumin" in said
    for path in (made / "cohort").rglob("*.*"):
        assert not path.is_file() or not any(str(FIRST + number).encode() in path.read_bytes() for number in range(9))


def test_they_are_written_anew_when_the_download_says_otherwise_and_the_cohort_stays_the_same(both):
    download, folder = both
    before, stamp = Cohort.load(folder), (folder / "tabular.csv").stat().st_mtime_ns
    taken(download, folder)
    assert (folder / "tabular.csv").stat().st_mtime_ns == stamp  # nothing is new
    path = download / "tables" / "more.csv"
    pd.read_csv(path).assign(**{"48-2.0": 99.5}).to_csv(path, index=False)
    after = taken(download, folder)
    assert (table(folder, "tabular")["waist"] == 99.5).all()
    assert after.fingerprint == before.fingerprint  # no recording and no label is another
    (folder / "snp.csv").unlink()
    taken(download, folder)
    assert len(table(folder, "snp")) == 8


def test_who_withdraws_later_is_taken_out_of_them(both):
    download, folder = both
    gone = name_of(folder, 3)
    assert gone in table(folder, "tabular").index
    (download / "w1_20260101.csv").write_text(f"{FIRST + 3}\n")
    taken(download, folder)
    assert not [path for path in folder.rglob("*.csv") if gone in path.read_text()]
    everyone = "".join(f"{FIRST + number}\n" for number in range(9))
    (download / "w1_20260101.csv").write_text(everyone)
    refused(lambda: taken(download, folder), "withdrawn")
    assert not (folder / "tabular.csv").exists() and not (folder / "snp.csv").exists()


def test_what_is_no_longer_asked_for_goes_and_what_somebody_else_wrote_stays(both):
    download, folder = both
    taken(download, folder, genotypes=False, tabular=False)
    assert not (folder / "tabular.csv").exists() and not (folder / "snp.csv").exists()
    (folder / "tabular.csv").write_text("participant_id,waist\n")
    taken(download, folder)
    assert (folder / "tabular.csv").read_text() == "participant_id,waist\n" and len(table(folder, "snp")) == 8
    assert "tabular.csv, which no ingest has written, stays as it is" in ingest_messages(folder)


def test_of_genotypes_that_are_none_nothing_is_written(both, tmp_path):
    download, _ = both
    raw = (download / "genotypes.raw").read_text().splitlines()
    (download / "genotypes.raw").write_text("\n".join([raw[0], raw[1][:-1] + "3", *raw[2:]]))
    refused(lambda: taken(download, tmp_path / "new"), "genotypes.raw", "g49_rs49_A", "'3'")
    assert not list((tmp_path / "new").glob("*.csv"))
    refused(lambda: taken(download, tmp_path / "new", genotypes=False, variants="list.csv"), "give genotypes=")
