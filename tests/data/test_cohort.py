"""Cohorts, splits and scalers; the malformed tables are in test_bad_input.py."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from helpers.making import PARTICIPANTS, write_cohort

from eccl.data.cohort import Cohort
from eccl.data.scaling import Scaler
from eccl.data.split import Split, split
from eccl.records import DataError
from eccl.traits import DIAGNOSES, TRAIT_NAMES

NAMES = [f"p{number}" for number in range(4000)]


def test_a_cohort_is_what_its_table_says(tiny_cohort):
    cohort = Cohort.load(tiny_cohort)
    assert len(cohort) == PARTICIPANTS and cohort.participant_ids[3] == "p003" and cohort.simulated is True
    assert cohort.traits.shape == (PARTICIPANTS, 82) and cohort.traits.dtype == np.float32
    assert cohort.diagnoses.shape == (PARTICIPANTS, 4) and set(cohort.diagnoses.ravel()) == {0, 1}
    np.testing.assert_array_equal(cohort.traits[:, 5], cohort.table[TRAIT_NAMES[5]].astype(np.float32))
    np.testing.assert_array_equal(cohort.diagnoses[:, 2], cohort.table[DIAGNOSES[2]])
    ecg, cine = cohort[3].ecg, cohort[3].cine
    assert ecg.signal.shape == (12, 5000) and cine.frames.shape == (50, 80, 80)
    assert ecg.source.endswith("p003.hea") and cine.source.endswith("p003.nii.gz")


def test_names_stay_text_and_empty_cells_are_missing_traits(tmp_path):
    folder = write_cohort(tmp_path / "cohort", participants=2)
    table = Cohort.load(folder).table
    for old, new in (("p000", "0012"), ("p001", "NA")):
        for path in (folder / "ecg").glob(f"{old}.*"):
            header = path.suffix == ".hea"
            if header:
                path.write_text(path.read_text().replace(old, new))
            path.rename(path.with_stem(new))
        (folder / "cmr" / f"{old}.nii.gz").rename(folder / "cmr" / f"{new}.nii.gz")
    table["participant_id"] = ["0012", "NA"]
    table.loc[1, "lv_edv"] = np.nan
    table.to_csv(folder / "cohort.csv", index=False)
    cohort = Cohort.load(folder)
    assert cohort.participant_ids == ("0012", "NA")
    assert np.isnan(cohort.traits[1, 0]) and np.isfinite(cohort.traits[0]).all()
    cohort.read(1, "ecg")


def describe(folder, **changes):
    path = folder / "dataset_description.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def rewrite(folder, **columns):
    Cohort.load(folder).table.assign(**columns).to_csv(folder / "cohort.csv", index=False)


def test_a_cohort_of_one_modality_and_of_some_diagnoses(tmp_path):
    folder = write_cohort(tmp_path / "cohort", participants=3)
    table = Cohort.load(folder).table.assign(I42=np.nan, I50=np.nan)
    shutil.rmtree(folder / "cmr")
    table.to_csv(folder / "cohort.csv", index=False)
    describe(folder, modalities=["ecg"], diagnoses=["I21", "I48"])
    cohort = Cohort.load(folder)
    ecg, cine = cohort[1].ecg, cohort[1].cine
    assert ecg is not None and cine is None and len(cohort.paths(0)) == 2
    no = np.nan
    np.testing.assert_equal(cohort.diagnoses, [[1, no, 0, no], [0, no, 0, no], [0, no, 1, no]])
    cohort.require(["ecg"], ["I48"])
    with pytest.raises(DataError, match=r"does not have recordings of the modality cine.*it has ecg"):
        cohort.require(["ecg", "cine"])
    with pytest.raises(DataError, match="does not have the diagnosis I42, I50"):
        cohort.require(diagnoses=DIAGNOSES)
    describe(folder, diagnoses=["I21"])
    with pytest.raises(DataError, match=r"I48 is [01].*does not list it.*p000"):
        Cohort.load(folder)


def test_a_description_that_calls_the_cine_cmr_is_still_read(tiny_cohort, tmp_path):
    folder = shutil.copytree(tiny_cohort, tmp_path / "cohort")
    describe(folder, modalities=["cmr", "ecg"])
    cohort = Cohort.load(folder)
    assert cohort.modalities == ("cine", "ecg") and cohort.paths(0)[0].parent.name == "cmr"
    assert cohort[0].ecg is not None and cohort[0].cine is not None
    describe(folder, modalities=["cmr"])
    shutil.rmtree(folder / "ecg")
    assert Cohort.load(folder).modalities == ("cine",)


@pytest.mark.parametrize("change", [{"modalities": []}, {"modalities": "ecg"}, {"diagnoses": ["I99"]}])
def test_a_description_of_what_is_there_must_be_a_list_of_known_names(tiny_cohort, tmp_path, change):
    folder = shutil.copytree(tiny_cohort, tmp_path / "cohort")
    describe(folder, **change)
    with pytest.raises(DataError, match=next(iter(change))):
        Cohort.load(folder)


def test_the_split_of_a_source_is_taken_and_patients_stay_whole(tmp_path):
    folder = write_cohort(tmp_path / "cohort", participants=6)
    parts = ["train", "train", "validation", "test", "train", "test"]
    rewrite(folder, split=parts, patient_id=["a", "a", "b", "c", "d", "c"])
    split = Cohort.load(folder).split()
    assert [list(part) for part in (split.train, split.validation, split.test)] == [[0, 1, 4], [2], [3, 5]]
    rewrite(folder, patient_id=["a", "a", "b", "c", "c", "c"])
    with pytest.raises(DataError, match=r"is in test and another of the same patient in another part in row 5"):
        Cohort.load(folder)
    table = pd.read_csv(folder / "cohort.csv")
    table.assign(split="holdout").to_csv(folder / "cohort.csv", index=False)
    with pytest.raises(DataError, match="split is holdout"):
        Cohort.load(folder)


def test_without_a_given_split_a_patients_recordings_stay_together(tmp_path):
    folder = write_cohort(tmp_path / "cohort", participants=24)
    patients = [f"q{number // 2}" for number in range(24)]
    rewrite(folder, patient_id=patients)
    split = Cohort.load(folder).split(seed=3)
    where_ = {patients[row]: part for part, rows in vars(split).items() for row in rows}
    assert all(where_[patients[row]] == part for part, rows in vars(split).items() for row in rows)


def test_without_a_patient_a_recording_stands_for_itself(tmp_path):
    folder = write_cohort(tmp_path / "cohort", participants=40)
    rewrite(folder, patient_id=["a"] * 4 + [""] * 36)
    split = Cohort.load(folder).split()
    assert len({len(split.train), 40}) == 2 and len(split.test) > 1 and len(split.validation) > 1
    assert sum(set(range(4)) <= set(rows) for rows in vars(split).values()) == 1


def test_a_given_split_without_a_part_is_refused(tmp_path):
    folder = write_cohort(tmp_path / "cohort", participants=4)
    rewrite(folder, split=["train", "train", "train", "test"])
    with pytest.raises(DataError, match="no participant is in the validation part of 4"):
        Cohort.load(folder).split()


def test_prevalent_and_incident_need_dates_and_undated_records_are_neither(tmp_path):
    folder = write_cohort(tmp_path / "cohort", participants=4)
    with pytest.raises(DataError, match=r"need the columns I21_days, I42_days"):
        Cohort.load(folder).diagnoses_at("incident")
    with pytest.raises(ValueError, match="'soon'"):
        Cohort.load(folder).diagnoses_at("soon")
    days = {f"{code}_days": np.nan for code in DIAGNOSES}
    rewrite(folder, **days | {"I21_days": [-3, np.nan, np.nan, np.nan], "I48_days": [np.nan, np.nan, 9, np.nan]})
    cohort = Cohort.load(folder)
    np.testing.assert_equal(cohort.diagnoses_at("prevalent")[:, 0], [1, 0, 0, 0])
    np.testing.assert_equal(cohort.diagnoses_at("incident")[:, 0], [np.nan, 0, 0, 0])
    np.testing.assert_equal(cohort.diagnoses_at("prevalent")[:, 2], [0, 0, 0, 0])
    np.testing.assert_equal(cohort.diagnoses_at("incident")[:, 2], [0, 0, 1, 0])
    assert np.isnan(cohort.diagnoses_at("prevalent")[3, 3]) and np.isnan(cohort.diagnoses_at("incident")[3, 3])


def test_fingerprint_follows_content_not_place(tiny_cohort, tmp_path):
    copied = shutil.copytree(tiny_cohort, tmp_path / "elsewhere")
    fingerprint = Cohort.load(tiny_cohort).fingerprint
    assert Cohort.load(copied).fingerprint == fingerprint
    table = copied / "cohort.csv"
    changed = Cohort.load(copied).table
    changed.loc[0, "lv_edv"] += 1
    changed.to_csv(table, index=False)
    assert Cohort.load(copied).fingerprint != fingerprint
    shutil.copy(tiny_cohort / "cohort.csv", table)
    assert Cohort.load(copied).fingerprint == fingerprint
    description = copied / "dataset_description.json"
    description.write_text(json.dumps(json.loads(description.read_text()) | {"licence": "none"}))
    assert Cohort.load(copied).fingerprint != fingerprint


def test_a_split_is_a_partition_near_its_fractions():
    parts = split(NAMES, seed=1)
    joined = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(joined) == list(range(len(NAMES)))  # nobody twice, nobody left out
    shares = np.array([len(parts.train), len(parts.validation), len(parts.test)]) / len(NAMES)
    bounds = 3 * np.sqrt(np.array([0.6 * 0.4, 0.2 * 0.8, 0.2 * 0.8]) / len(NAMES))
    assert (np.abs(shares - [0.6, 0.2, 0.2]) < bounds).all()


def where(parts: Split, names) -> dict[str, str]:
    return {names[index]: part for part, indices in vars(parts).items() for index in indices}


def test_a_participant_keeps_its_part_when_the_cohort_grows_or_is_sorted_anew(rng):
    small, large = NAMES[:500], [str(name) for name in rng.permutation(NAMES)]
    before, after = where(split(small), small), where(split(large), large)
    assert all(after[name] == part for name, part in before.items())


def test_a_repeated_participant_stays_whole():
    names = NAMES[:100] * 3
    parts = split(names)
    for part in vars(parts).values():
        assert {names[index] for index in part}.isdisjoint(names[i] for i in range(300) if i not in set(part))


def test_another_seed_is_another_split_and_the_same_seed_the_same():
    one, again, other = split(NAMES, seed=1), split(NAMES, seed=1), split(NAMES, seed=2)
    np.testing.assert_array_equal(one.test, again.test)
    both = len(set(one.test) & set(other.test)) / len(one.test)
    assert both == pytest.approx(0.2, abs=0.05)  # as two independent draws


def test_fractions_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="sum to 1"):
        split(NAMES, (0.6, 0.2, 0.1))
    with pytest.raises(DataError, match=r"(train|validation|test) part of 2"):
        split(NAMES[:2])
    assert len(split(NAMES, (0.8, 0.2, 0.0)).test) == 0


def test_the_scaler_sees_the_training_rows_alone(rng):
    traits = rng.normal(100, 15, (300, 82)).astype(np.float32)
    parts = split(NAMES[:300])
    scaler = Scaler.fit(traits, parts.train)
    altered = traits.copy()
    altered[parts.validation], altered[parts.test] = np.nan, 1e6
    again = Scaler.fit(altered, parts.train)
    np.testing.assert_array_equal(scaler.mean, again.mean)
    np.testing.assert_array_equal(scaler.std, again.std)
    altered[parts.train[0]] += 1
    assert not np.array_equal(scaler.mean, Scaler.fit(altered, parts.train).mean)


def test_scores_have_mean_0_and_deviation_1_and_come_back(rng):
    traits = rng.normal(100, 15, (300, 82)).astype(np.float32)
    train = np.arange(200)
    scaler = Scaler.fit(traits, train)
    scores = scaler.transform(traits)
    np.testing.assert_allclose(scores[train].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scores[train].std(axis=0), 1, atol=1e-5)
    np.testing.assert_allclose(scaler.inverse(scores), traits, rtol=1e-5)
    assert scores.dtype == np.float32


def test_missing_becomes_the_training_mean(rng):
    traits = rng.normal(50, 5, (40, 3))
    traits[[0, 5, 30], 1] = np.nan
    train = np.arange(20)
    scaler = Scaler.fit(traits, train)
    assert scaler.mean[1] == pytest.approx(np.delete(traits[:20, 1], [0, 5]).mean())
    scores = scaler.transform(traits)
    assert scores[[0, 5, 30], 1].tolist() == [0.0, 0.0, 0.0]
    assert scaler.inverse(scores)[30, 1] == pytest.approx(scaler.mean[1])


def test_a_constant_trait_is_centred_and_an_absent_one_refused(rng):
    traits = rng.normal(50, 5, (40, 82))
    traits[:, 4] = 7.0
    scaler = Scaler.fit(traits, np.arange(20))
    assert (scaler.transform(traits)[:, 4] == 0).all()
    traits[:20, 4] = np.nan
    with pytest.raises(DataError, match=TRAIT_NAMES[4]):
        Scaler.fit(traits, np.arange(20))
