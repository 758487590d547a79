"""UK Biobank end to end: a simulated download becomes the simulated cohort again, and nobody's number shows."""

from __future__ import annotations

import logging
import shutil
from datetime import date, timedelta
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from eccl.config import SimulationConfig
from eccl.data.cohort import Cohort
from eccl.data.formats.dicom_writer import dicom_files, write_zip
from eccl.data.sources import open_source
from eccl.data.sources.ingest import ingest, ingest_tables
from eccl.data.sources.pseudonym import pseudonym, read_or_make_key
from eccl.records import DataError
from eccl.simulate.biobank import FIRST, write_biobank
from eccl.simulate.cohort import simulate_participant
from eccl.simulate.heart import participant_generators
from eccl.simulate.stack import image_stack
from eccl.traits import DIAGNOSES, TRAIT_NAMES

CONFIG = SimulationConfig(participants=8, seed=31)


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    """A download of eight, of whom the first three are damaged and the last has withdrawn."""
    folder = tmp_path_factory.mktemp("ukb") / "download"
    return write_biobank(CONFIG, folder, slices=3, withdrawn=1, damaged=3, workers=1, progress=False)


@pytest.fixture
def download(original, tmp_path) -> Path:
    return shutil.copytree(original, tmp_path / "download")


def taken(download: Path, folder: Path, **options) -> Cohort:
    return Cohort.load(ingest(open_source("ukbiobank", download, **options), folder, workers=1, progress=False))


def names(folder: Path) -> dict[int, str]:
    """The participants' names in a cohort, by their number in the simulation."""
    key = read_or_make_key(folder / "ingest" / "key")
    return {number: pseudonym(str(FIRST + number), key) for number in range(CONFIG.participants)}


def test_the_cohort_that_was_written_is_read_again(download, tmp_path):
    cohort = taken(download, tmp_path / "cohort", simulated=True)
    name = names(tmp_path / "cohort")
    assert set(cohort.participant_ids) == {name[number] for number in (3, 4, 5, 6)} and cohort.simulated
    table = cohort.table.set_index("participant_id")
    for number in (3, 4, 5, 6):
        row = cohort.participant_ids.index(name[number])
        simulated = simulate_participant(CONFIG, number)
        ecg, cine = cohort[row].ecg, cohort[row].cine
        assert np.abs(ecg.signal - simulated.ecg.signal).max() < 1e-6  # both at the recorder's 5 uV
        expected = [simulated.traits[trait] for trait in TRAIT_NAMES]
        np.testing.assert_allclose(table.loc[name[number], list(TRAIT_NAMES)].astype(float), expected, rtol=1e-5)
        assert list(cohort.diagnoses[row]) == list(simulated.diagnoses)
        assert table.loc[name[number], "sex"] == simulated.heart.sex
        assert table.loc[name[number], "weight"] == pytest.approx(simulated.heart.weight, abs=0.06)
        # The square about the heart is cut from the middle slice at whole pixels: the beat itself is untouched.
        frames = simulated.cine.frames
        assert cine.frame_interval == pytest.approx(simulated.cine.frame_interval, rel=1e-3)
        assert cine.spacing == pytest.approx((1.8, 1.8))
        best = min(
            np.abs(np.roll(cine.frames, (down, across), (1, 2))[:, 25:55, 25:55] - frames[:, 25:55, 25:55]).max()
            for down in range(-20, 21)
            for across in range(-20, 21)
        )
        assert best <= 0.5  # whole numbers


def test_the_damaged_are_in_quarantine_with_their_reasons_and_the_withdrawn_nowhere(download, tmp_path):
    taken(download, tmp_path / "cohort")
    summary, quarantine = ingest_tables(tmp_path / "cohort")
    reasons = quarantine.set_index("participant_id")["reason"]
    name = names(tmp_path / "cohort")
    assert set(reasons.index) == {name[0], name[1], name[2]} and (quarantine["remedy"] != "").all()
    assert "unit" in reasons[name[1]] and "zip" in reasons[name[2]]
    assert summary.query("outcome == 'noted'").values.tolist() == [["noted", "withdrawn: taken out", 1]]


def test_nobodys_number_is_written_printed_or_logged(download, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    (download / "bulk" / f"{FIRST + 4}_20209_2_0.zip").unlink()
    hospital = pd.read_csv(download / "tables" / "hospital.csv", dtype=str)
    hospital.loc[hospital["eid"] == str(FIRST + 5), ["41270-0.0", "41280-0.0"]] = "I480", "2999-01-01"
    hospital.to_csv(download / "tables" / "hospital.csv", index=False)
    ingest(open_source("ukbiobank", download), tmp_path / "cohort", workers=1)
    _, quarantine = ingest_tables(tmp_path / "cohort")
    assert len(quarantine) == 5
    said = capfd.readouterr()
    text = "".join([said.out, said.err, caplog.text])
    written = b"".join(path.read_bytes() for path in (tmp_path / "cohort").rglob("*") if path.is_file())
    paths = " ".join(str(path.relative_to(tmp_path)) for path in (tmp_path / "cohort").rglob("*"))
    for number in range(CONFIG.participants):
        eid = str(FIRST + number)
        assert eid not in text and eid.encode() not in written and eid not in paths
    assert quarantine["file"].str.contains("ukb-[0-9a-f]{16}_20209_2_0.zip").any()  # masked, not dropped


def test_errors_of_the_tables_show_no_number_either(download, tmp_path):
    people = download / "tables" / "participants.csv"
    table = pd.read_csv(people, dtype=str)
    pd.concat([table, table.iloc[:1]]).to_csv(people, index=False)
    with pytest.raises(DataError) as caught:
        taken(download, tmp_path / "cohort")
    assert str(FIRST) not in str(caught.value) and "again" in str(caught.value)


def test_who_withdraws_later_is_taken_out(download, tmp_path):
    folder = tmp_path / "cohort"
    assert len(taken(download, folder)) == 4
    gone = names(folder)[5]
    (download / "w1_20260101.csv").write_text(f"{FIRST + 5}\n")
    assert gone not in taken(download, folder).participant_ids
    assert not [path for path in folder.rglob("*") if gone in path.name]
    assert not [path for path in folder.rglob("*.csv") if gone in path.read_text()]


def test_if_everybody_withdraws_nobody_stays(download, tmp_path):
    folder = tmp_path / "cohort"
    taken(download, folder)
    everyone = "".join(f"{FIRST + number}\n" for number in range(CONFIG.participants))
    (download / "bulk" / "W2_20260601.CSV").write_text(everyone)  # a list is found wherever it lies
    with pytest.raises(DataError, match="withdrawn: taken out"):
        taken(download, folder)
    assert not [path for part in ("ecg", "cmr") for path in (folder / part).iterdir()]
    assert not (folder / "cohort.csv").exists()


def test_that_nobody_looked_for_withdrawals_is_noted(download, tmp_path):
    (download / "w0_simulated.csv").unlink()
    taken(download, tmp_path / "cohort")
    assert "none is here" in ingest_tables(tmp_path / "cohort")[0].query("outcome == 'noted'")["reason"].item()


def test_another_persons_number_inside_a_zip_is_not_shown(download, tmp_path):
    images, _ = image_stack(simulate_participant(CONFIG, 4).heart, np.random.default_rng(0), slices=3)
    own, other = dicom_files(images, str(FIRST + 4)), dicom_files(images, str(FIRST + 999))
    last = list(own)[-1]
    write_zip(download / "bulk" / f"{FIRST + 4}_20209_2_0.zip", own | {last: list(other.values())[-1]})
    write_zip(download / "bulk" / f"{FIRST + 5}_20209_2_0.zip", {f"0{FIRST + 5}.dcm": b"no image"})
    taken(download, tmp_path / "cohort")
    written = b"".join(path.read_bytes() for path in (tmp_path / "cohort").rglob("*") if path.is_file())
    assert b"two patients" in written
    for number in (4, 5, 999):
        assert str(FIRST + number).encode() not in written


def test_a_key_gives_people_the_same_names_elsewhere(download, tmp_path):
    one = taken(download, tmp_path / "one")
    two = taken(download, tmp_path / "two")
    three = taken(download, tmp_path / "three", key=str(tmp_path / "one" / "ingest" / "key"))
    assert set(one.participant_ids) == set(three.participant_ids)
    assert not set(one.participant_ids) & set(two.participant_ids)


def test_prevalent_and_incident_are_kept_apart_by_the_scan(download, tmp_path):
    hospital, people = (download / "tables" / f"{name}.csv" for name in ("hospital", "participants"))
    table = pd.read_csv(hospital, dtype=str).set_index("eid")
    scans = pd.read_csv(people, dtype=str).set_index("eid")["53-2.0"].map(date.fromisoformat)
    table.loc[:] = np.nan
    before, after, same = str(FIRST + 3), str(FIRST + 4), str(FIRST + 5)
    table.loc[before, ["41270-0.0", "41280-0.0"]] = "I489", str(scans[before] - timedelta(days=400))
    table.loc[after, ["41270-0.1", "41280-0.1"]] = "I500", str(scans[after] + timedelta(days=30))
    table.loc[same, ["41270-0.0", "41280-0.0"]] = "I251", str(scans[same])  # none of the four
    first = pd.DataFrame({"eid": [same], "131298-0.0": [str(scans[same])]})
    table.reset_index().to_csv(hospital, index=False)
    first.to_csv(download / "tables" / "first.csv", index=False)
    cohort = taken(download, tmp_path / "cohort")
    rows = [cohort.participant_ids.index(names(tmp_path / "cohort")[number]) for number in (3, 4, 5)]
    place = {code: DIAGNOSES.index(code) for code in DIAGNOSES}
    days = cohort.table[[f"{code}_days" for code in DIAGNOSES]].to_numpy()[rows]
    assert (days[0, place["I48"]], days[1, place["I50"]], days[2, place["I21"]]) == (-400, 30, 0)
    ever, prevalent, incident = (cohort.diagnoses_at(timing)[rows] for timing in ("ever", "prevalent", "incident"))
    for row, code, now, later in ((0, "I48", 1, np.nan), (1, "I50", 0, 1), (2, "I21", 1, np.nan)):
        assert ever[row, place[code]] == 1
        np.testing.assert_equal([prevalent[row, place[code]], incident[row, place[code]]], [now, later])
    assert ever.sum() == 3 and prevalent[0, place["I50"]] == 0 and incident[0, place["I50"]] == 0


def test_ukbb_cardiacs_folders_serve_as_well_and_are_preferred(download, tmp_path):
    number = 4
    simulated = simulate_participant(CONFIG, number)
    images, labels = image_stack(simulated.heart, participant_generators(CONFIG.seed, number).cine)
    folder = download / str(FIRST + number)
    folder.mkdir()
    for name, stack in (("sa.nii.gz", images), ("seg_sa.nii.gz", labels)):
        image = nib.Nifti1Image(np.rint(stack.images).transpose(3, 2, 1, 0).astype(np.uint8), images.affine)
        image.header.set_zooms((1.8, 1.8, images.slice_spacing, images.frame_interval / 1000))
        image.header.set_xyzt_units("mm", "sec")
        image.to_filename(folder / name)
    cohort = taken(download, tmp_path / "cohort")
    row = cohort.participant_ids.index(names(tmp_path / "cohort")[number])
    cine = cohort[row].cine
    middle = np.flatnonzero((labels.images[0] == 1).any(axis=(1, 2)))
    chosen = images.images[:, middle[len(middle) // 2]]
    rows, columns = np.nonzero(np.isin(labels.images[:, middle[len(middle) // 2]], (1, 2)).any(axis=0))
    down, across = (round(39.5 - where.mean()) for where in (rows, columns))
    shifted = np.roll(chosen, (down, across), (1, 2))[:, 30:50, 30:50]
    best = min(
        np.abs(np.roll(cine.frames, (y, x), (1, 2))[:, 30:50, 30:50] - shifted).max()
        for y in range(-3, 4)
        for x in range(-3, 4)
    )
    assert best <= 0.5


@pytest.mark.parametrize(("end", "unit"), [(".nii.gz", "unknown"), (".nii", "unknown"), (".nii.gz", "micron")])
def test_files_of_ukbb_cardiac_that_state_no_unit_are_in_mm_and_s(original, tmp_path, end, unit):
    number = 5
    download = tmp_path / "download"
    shutil.copytree(original / "tables", download / "tables")
    images, labels = image_stack(simulate_participant(CONFIG, number).heart, np.random.default_rng(0), slices=3)
    (download / str(FIRST + number)).mkdir()
    for name, stack in (("sa", images), ("seg_sa", labels)):
        image = nib.Nifti1Image(np.rint(stack.images).transpose(3, 2, 1, 0).astype(np.uint8), images.affine)
        image.header.set_zooms((1.8, 1.8, images.slice_spacing, 0.02))
        image.header.set_xyzt_units(unit, "unknown")
        image.to_filename(download / str(FIRST + number) / f"{name}{end}")
    if unit != "unknown":  # a unit that is stated is never overridden
        with pytest.raises(DataError, match="'micron', not mm"):
            taken(download, tmp_path / "cohort", modalities="cine")
        return
    cine = taken(download, tmp_path / "cohort", modalities="cmr")[0].cine  # the former name serves
    assert cine.spacing == pytest.approx((1.8, 1.8)) and cine.frame_interval == pytest.approx(20.0)


@pytest.mark.parametrize(("modalities", "count"), [("ecg", 5), ("cine", 6), ("both", 4)])
def test_one_modality_is_taken_of_those_who_have_it(download, tmp_path, modalities, count):
    cohort = taken(download, tmp_path / "cohort", modalities=modalities)
    assert len(cohort) == count
    assert cohort.modalities == {"both": ("ecg", "cine")}.get(modalities, (modalities,))


def test_parquet_and_the_headers_of_the_platform_give_the_same_cohort(download, tmp_path):
    pytest.importorskip("pyarrow")
    key = str(tmp_path / "one" / "ingest" / "key")
    one = taken(download, tmp_path / "one")
    for path in sorted((download / "tables").glob("*.csv")):
        table = pd.read_csv(path, dtype=str)
        table.columns = [
            name
            if name == "eid"
            else f"p{name.split('-')[0]}_i{name.split('-')[1].split('.')[0]}_a{name.split('.')[1]}"
            for name in table
        ]
        single = {name: name.split("_a")[0] for name in table if not name.startswith(("p4127", "p4128", "p40"))}
        single = {old: new.removesuffix("_i0") if new.startswith("p31_") else new for old, new in single.items()}
        table.rename(columns=single).to_parquet(path.with_suffix(".parquet"))
        path.unlink()
    two = taken(download, tmp_path / "two", key=key)
    pd.testing.assert_frame_equal(one.table, two.table)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: shutil.rmtree(folder / "tables"), "no table of the tabular download"),
        (lambda folder: shutil.rmtree(folder / "bulk"), "no recording of field"),
        (lambda folder: (folder / "w2.csv").write_text("hello world\n"), "w2.csv"),
    ],
)
def test_an_incomplete_download_is_refused(download, tmp_path, spoil, words):
    spoil(download)
    with pytest.raises(DataError, match=words):
        taken(download, tmp_path / "cohort")


def test_a_folder_of_ukbb_cardiac_is_of_the_first_visit(download, tmp_path):
    folder = download / str(FIRST + 4)
    folder.mkdir()
    (folder / "sa.nii.gz").write_bytes(b"")
    (download / "bulk" / f"{FIRST + 4}_20205_2_0.xml").rename(download / "bulk" / f"{FIRST + 4}_20205_3_0.xml")
    with pytest.raises(DataError, match="fields are missing"):  # the tables are of visit 2
        taken(download, tmp_path / "cohort", visit=3, modalities="cine")


def test_a_download_of_other_settings_is_not_taken_for_this_one(original):
    with pytest.raises(DataError, match="other settings"):
        write_biobank(CONFIG, original, slices=5, workers=1, progress=False)


def test_a_download_that_is_written_again_is_the_same(original, tmp_path):
    again = write_biobank(CONFIG, tmp_path / "again", slices=3, withdrawn=1, damaged=3, workers=1, progress=False)
    for path in sorted(original.rglob("*")):
        if path.is_file():
            assert (again / path.relative_to(original)).read_bytes() == path.read_bytes()
