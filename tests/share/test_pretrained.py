"""A folder predicts with no cohort on disk, from files of several formats, and says when it is damaged."""

import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.ecg_files import counts, dicom_group, dicom_names, write_dicom
from helpers.making import refused

import eccl.share.pretrained as pretrained
from eccl.config import preset
from eccl.data.ecg import read_ecg, write_ecg
from eccl.data.formats.cardiosoft import write_cardiosoft
from eccl.data.split import Split
from eccl.encoders.ecg import ecg_encoder
from eccl.share.arrays import load_arrays, save_arrays
from eccl.share.pretrained import equip, is_equipped, load
from eccl.training.embedding import embed

FILES = {f"{name}.{ending}" for name in ("encoder", "readout", "domain") for ending in ("json", "safetensors")}
COLD = """
import sys, time
start = time.perf_counter()
import eccl
from eccl.share.pretrained import load
model = load(sys.argv[1])
predictions = [model.predict(eccl.read_ecg(path)) for path in sys.argv[2:]]
assert all(len(made.traits) == 82 for made in predictions)
heavy = {"monai", "lightning_fabric", "sklearn", "matplotlib", "nibabel", "eccl.data.cohort", "eccl.data.store"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""


@pytest.fixture
def moved(tmp_path, small):
    """The folder of a model at another place."""
    return shutil.copytree(small, tmp_path / "moved")


def write_formats(folder, ecg):
    write_ecg(folder / "w", ecg)
    write_cardiosoft(folder / "c.xml", ecg)
    write_dicom(folder / "d.dcm", [dicom_group(counts(ecg), 500.0, dicom_names())])
    return [folder / "w.hea", folder / "c.xml", folder / "d.dcm"]


def test_the_folder_holds_safetensors_and_json_alone(small):
    assert {path.name for path in small.iterdir()} == FILES
    facts = json.loads((small / "encoder.json").read_text())
    assert facts["description"]["simulated"] is True and facts["description"]["method"] == "random"


def test_three_formats_give_one_prediction_in_under_two_seconds_each(tmp_path, moved, typical):
    made = []
    for path in write_formats(tmp_path, typical):
        start = time.perf_counter()
        made.append(load(moved).predict(read_ecg(path)))
        assert time.perf_counter() - start < 2
        assert made[-1].source == str(path)
    for other in made[1:]:
        pd.testing.assert_frame_equal(made[0].traits, other.traits, rtol=1e-4)


def test_a_new_process_needs_no_cohort_and_nothing_heavy(tmp_path, moved, typical):
    paths = write_formats(tmp_path, typical)
    environment = {"ECCL_HOME": str(tmp_path / "empty"), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", COLD, str(moved), *map(str, paths)], check=True, env=environment)
    assert not (tmp_path / "empty").exists()


def test_what_is_there_is_not_made_again(monkeypatch, moved, encoder, people, few):
    stamps = {path: path.stat().st_mtime_ns for path in moved.iterdir()}
    monkeypatch.setattr(pretrained, "fit_readout", None)
    assert equip(moved, encoder, people, few, {"method": "random"}) == moved
    assert {path: path.stat().st_mtime_ns for path in moved.iterdir()} == stamps


@pytest.mark.parametrize("what", ["weights", "people", "a file missing"])
def test_what_has_changed_is_made_again(tmp_path, moved, encoder, people, few, what):
    if what == "weights":
        torch.manual_seed(1)
        encoder = ecg_encoder(preset("smoke").ecg)
    elif what == "people":
        few = Split(few.train[::2], few.validation, few.test)
    else:
        (moved / "domain.safetensors").unlink()
    before = {path.name: path.read_bytes() for path in moved.iterdir()}
    equip(moved, encoder, people, few, {"method": "random"})
    after = {path.name: path.read_bytes() for path in moved.iterdir()}
    assert set(after) == FILES
    assert (after["readout.safetensors"] == before["readout.safetensors"]) == (what == "a file missing")
    load(moved)


def test_a_folder_says_whether_it_predicts(monkeypatch, tmp_path, moved):
    assert is_equipped(moved) and not is_equipped(tmp_path) and not is_equipped(tmp_path / "nowhere")
    monkeypatch.setattr(pretrained, "VERSION", pretrained.VERSION + 1)
    assert not is_equipped(moved)


def test_an_interrupted_fit_leaves_nothing_that_looks_whole(monkeypatch, moved, people, few):
    def full(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr(pretrained, "fit_domain", full)
    torch.manual_seed(2)
    with pytest.raises(OSError, match="no space"):
        equip(moved, ecg_encoder(preset("smoke").ecg), people, few, {})
    refused(lambda: load(moved), "encoder.json", "missing", "obtain")


def test_features_that_are_given_are_taken(tmp_path, encoder, people, few, small):
    fitted = np.concatenate([few.train, few.validation])
    features = np.zeros((len(people), encoder.width), np.float32)
    features[fitted] = embed(encoder, people, fitted)
    equip(tmp_path / "given", encoder, people, few, {"method": "random"}, features=features)
    mine, its = (load(folder).readout.trait_probe for folder in (tmp_path / "given", small))
    np.testing.assert_allclose(mine.coefficients, its.coefficients, atol=1e-3)
    shifted = equip(tmp_path / "shifted", encoder, people, few, {"method": "random"}, features=features + 3)
    assert np.abs(load(shifted).domain.centre - load(small).domain.centre).min() > 2


def test_the_encoder_is_left_as_it_was(tmp_path, people, few, encoder):
    encoder.train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    equip(tmp_path, encoder, people, Split(few.train[:40], few.validation[:20], few.test), {})
    assert encoder.training and all(torch.equal(before[name], value) for name, value in encoder.state_dict().items())


def test_the_test_participants_have_no_part_in_it(tmp_path, people, few, encoder, small):
    without = Split(few.train, few.validation, few.test[:0])
    equip(tmp_path, encoder, people, without, {"method": "random"})
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (small / name).read_bytes()


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_damage_is_told(moved, name, damage):
    content = (moved / name).read_bytes()
    (moved / name).unlink()
    if damage == "cut":
        (moved / name).write_bytes(content[:-30])
    refused(lambda: load(moved), name, f"delete {name}", "obtain")


def test_settings_of_another_version_are_told(moved):
    arrays, facts = load_arrays(moved, "encoder")
    save_arrays(moved, "encoder", arrays, facts | {"settings": facts["settings"] | {"flavour": 3}})
    refused(lambda: load(moved), "encoder.json", "flavour", "obtain")
    save_arrays(moved, "encoder", arrays, facts | {"settings": {"width": 48}})
    refused(lambda: load(moved), "encoder.json", "size mismatch", "obtain")


@pytest.mark.parametrize("name", ["encoder", "readout", "domain"])
def test_facts_that_were_altered_are_told(moved, name):
    facts = json.loads((moved / f"{name}.json").read_text())
    facts |= {"settings": {**preset("smoke").ecg.__dict__, "heads": 4}, "level": 0.5, "samples": 2500}
    (moved / f"{name}.json").write_text(json.dumps(facts))
    refused(lambda: load(moved), f"{name}.json", "SHA-256", "obtain")
    assert not is_equipped(moved)


@pytest.mark.parametrize("name", ["readout", "domain", "encoder"])
def test_a_part_of_another_model_is_told(tmp_path, moved, people, few, name):
    torch.manual_seed(3)
    other = equip(tmp_path / "other", ecg_encoder(preset("smoke").ecg), people, few, {"method": "random"})
    for ending in ("json", "safetensors"):
        shutil.copy(other / f"{name}.{ending}", moved / f"{name}.{ending}")
    refused(lambda: load(moved), "it is of another model", "obtain")


def test_no_folder(tmp_path):
    refused(lambda: load(tmp_path / "nowhere"), "nowhere", "no such folder")
    refused(lambda: load(tmp_path), "encoder.json", "missing")
