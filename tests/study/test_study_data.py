"""Data prepared once: split whatever the seed, refused where something is missing, trained on what there is."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from eccl import config
from eccl.data.cohort import Cohort
from eccl.methods import measurements as measurements_module
from eccl.methods.measurements import measurements
from eccl.records import DataError
from eccl.study.compare import obtain_available, predictions
from eccl.study.data import prepare
from eccl.training.supervision import supervise
from eccl.traits import DIAGNOSES, TRAIT_NAMES


def test_prepared_data_split_participants_whatever_the_training_seed(tiny_cohort, tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path))
    one, two = (prepare(config.preset("smoke", seed=seed), tiny_cohort) for seed in (1, 2))
    np.testing.assert_array_equal(one.split.test, two.split.test)
    assert one.indices.shape == (config.preset("smoke").replicates, len(one.split.test))
    everyone = np.concatenate(one.parts(np.arange(len(one.store))))
    assert sorted(everyone) == list(range(len(one.store)))


def test_measurements_are_taken_once(tiny_cohort, tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path))
    cohort = Cohort.load(tiny_cohort)
    first = measurements(cohort)
    assert list(first.index) == list(cohort.participant_ids)
    monkeypatch.setattr(measurements_module, "measure_ecg", None)
    pd.testing.assert_frame_equal(measurements(cohort), first)


def test_names_of_digits_stay_names_of_measurements(tiny_cohort, tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path / "home"))
    folder = shutil.copytree(tiny_cohort, tmp_path / "cohort")
    table = pd.read_csv(folder / "cohort.csv")
    names = [f"{row:05d}" for row in range(len(table))]
    for old, new in zip(table["participant_id"], names):
        (folder / "cmr" / f"{old}.nii.gz").rename(folder / "cmr" / f"{new}.nii.gz")
        (folder / "ecg" / f"{old}.dat").rename(folder / "ecg" / f"{new}.dat")
        header = (folder / "ecg" / f"{old}.hea").read_text().replace(str(old), new)
        (folder / "ecg" / f"{new}.hea").write_text(header)
        (folder / "ecg" / f"{old}.hea").unlink()
    table.assign(participant_id=names).to_csv(folder / "cohort.csv", index=False)
    assert list(measurements(Cohort.load(folder)).index) == names


def test_what_a_cohort_does_not_have_is_refused_before_anything_is_trained(tiny_cohort, tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path / "home"))
    folder = shutil.copytree(tiny_cohort, tmp_path / "cohort")
    table = pd.read_csv(folder / "cohort.csv").assign(I50=np.nan)
    table.to_csv(folder / "cohort.csv", index=False)
    path = folder / "dataset_description.json"
    path.write_text(
        json.dumps(json.loads(path.read_text()) | {"modalities": ["ecg"], "diagnoses": ["I21", "I42", "I48"]})
    )
    smoke = config.preset("smoke")
    with pytest.raises(DataError, match="modality cine"):
        prepare(smoke, folder)
    data = prepare(smoke, folder, ["ecg"])
    for call in (lambda: predictions(data, target="diagnoses"), data.prevalence):
        with pytest.raises(DataError, match="diagnosis I50"):
            call()
    with pytest.raises(DataError, match=r"the diagnosis I50 is not known.*train on a diagnosis that is: I21, I42, I48"):
        supervise(data.store, data.split, "diagnoses")
    supervise(data.store, data.split, "I48")
    assert list(obtain_available(data)) == ["masked autoencoder"]


@pytest.mark.parametrize(
    ("traits", "diagnoses", "trained"),
    [(True, [], ["CMR, traits"]), (False, ["I48"], ["CMR, I48"]), (False, [], [])],
)
def test_scans_alone_are_trained_on_what_is_known_of_them(
    tiny_cohort, tmp_path, monkeypatch, traits, diagnoses, trained
):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path / "home"))
    folder = shutil.copytree(tiny_cohort, tmp_path / "cohort")
    table = pd.read_csv(folder / "cohort.csv")
    table[[code for code in DIAGNOSES if code not in diagnoses]] = np.nan
    table["I48"] = np.arange(len(table)) % 2 if diagnoses else np.nan
    table.assign(**({} if traits else {"rv_edv": np.nan})).to_csv(folder / "cohort.csv", index=False)
    path = folder / "dataset_description.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"modalities": ["cine"], "diagnoses": diagnoses}))
    data = prepare(config.preset("smoke"), folder, ["cine"])
    assert list(obtain_available(data)) == trained


def unlabelled(tiny_cohort, folder, rename):
    """The ECGs of the tiny cohort under other names, as a cohort of them alone."""
    table = pd.read_csv(tiny_cohort / "cohort.csv")
    (folder / "ecg").mkdir(parents=True)
    names = {old: rename(old) for old in table["participant_id"]}
    for old, new in names.items():
        shutil.copy(tiny_cohort / "ecg" / f"{old}.dat", folder / "ecg" / f"{new}.dat")
        header = (tiny_cohort / "ecg" / f"{old}.hea").read_text().replace(str(old), new)
        (folder / "ecg" / f"{new}.hea").write_text(header)
    table["participant_id"] = list(names.values())
    table[[*TRAIT_NAMES, *DIAGNOSES]] = np.nan
    table.to_csv(folder / "cohort.csv", index=False)
    description = {"name": "ECGs", "simulated": True, "modalities": ["ecg"], "diagnoses": []}
    (folder / "dataset_description.json").write_text(json.dumps(description))
    return folder


def test_unlabelled_ecgs_are_those_of_a_folder(tiny_cohort, tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path / "home"))
    others = unlabelled(tiny_cohort, tmp_path / "others", lambda name: f"other-{name}")
    data = prepare(config.preset("smoke", unlabelled=7), tiny_cohort, unlabelled=others)
    assert len(data.unlabelled) == len(data.store) == 24 and "24 more without labels" in repr(data)
    assert data.unlabelled.participant_ids[0].startswith("other-")
    assert prepare(config.preset("smoke", unlabelled=7), tiny_cohort).unlabelled is None  # they would be simulated


def test_somebody_of_the_cohort_is_not_among_the_unlabelled(tiny_cohort, tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path / "home"))
    first = pd.read_csv(tiny_cohort / "cohort.csv")["participant_id"][3]
    others = unlabelled(tiny_cohort, tmp_path / "others", lambda name: name if name == first else f"other-{name}")
    with pytest.raises(DataError, match=rf"1 of 24 unlabelled people are in the cohort too, the first of them {first}"):
        prepare(config.preset("smoke"), tiny_cohort, unlabelled=others)
    scans = json.loads((others / "dataset_description.json").read_text()) | {"modalities": ["cine"]}
    (others / "ecg").rename(others / "cmr")
    for path in (others / "cmr").glob("*.dat"):
        path.rename(path.with_suffix(".nii.gz"))
    (others / "dataset_description.json").write_text(json.dumps(scans))
    with pytest.raises(DataError, match="modality ecg"):
        prepare(config.preset("smoke"), tiny_cohort, unlabelled=others)


def test_simulated_unlabelled_people_come_beside_the_simulated_cohort(tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path))
    few = config.preset("smoke", simulation={"participants": 20}, unlabelled=4)
    data = prepare(few)
    assert data.unlabelled.participant_ids == tuple(f"sim-{number:06d}" for number in (20, 21, 22, 23))
    assert data.unlabelled.modalities == ("ecg",) and np.isnan(data.unlabelled.traits).all()
