"""The packed store: content against the files, memoised, checked, whole or absent."""

import json
import os
import pickle
import shutil
import time

import numpy as np
import pytest
import torch
from helpers.making import PARTICIPANTS, make_cine, write_cohort

from eccl.data.cmr import write_cine
from eccl.data.cohort import Cohort
from eccl.data.standard.intensity import scale_intensity
from eccl.data.store import Store, pack
from eccl.records import DataError


@pytest.fixture
def copy(tiny_store, tmp_path):
    """A store of one's own, to damage."""
    return shutil.copytree(tiny_store.folder, tmp_path / "store")


def test_a_batch_is_what_the_files_hold(tiny_cohort, tiny_store):
    cohort = Cohort.load(tiny_cohort)
    rows = [17, 0, 5]
    batch = tiny_store.batch(rows)
    for place, row in enumerate(rows):
        ecg, cine = cohort[row].ecg, cohort[row].cine
        np.testing.assert_array_equal(batch["ecg"][place].numpy(), ecg.signal)
        scaled = scale_intensity(cine.frames)
        assert np.abs(batch["cine"][place].numpy() - scaled).max() <= 0.5 / 255 + 1e-6
    np.testing.assert_array_equal(batch.traits.numpy(), cohort.traits[rows])
    np.testing.assert_array_equal(batch.diagnoses.numpy(), cohort.diagnoses[rows])
    assert batch.index.tolist() == rows and len(batch) == 3
    assert tiny_store.participant_ids == cohort.participant_ids and len(tiny_store) == PARTICIPANTS


def test_a_batch_has_the_stated_shapes_and_ranges(tiny_store):
    batch = tiny_store.batch(np.arange(4))
    assert batch["ecg"].shape == (4, 12, 5000) and batch["cine"].shape == (4, 50, 80, 80)
    assert batch.traits.shape == (4, 82) and batch.diagnoses.shape == (4, 4)
    assert {tensor.dtype for tensor in (batch["ecg"], batch["cine"], batch.traits, batch.diagnoses)} == {torch.float32}
    assert batch.index.dtype == torch.int64
    assert batch["cine"].min() == 0 and batch["cine"].max() == 1
    moved = batch.to("cpu")
    assert torch.equal(moved["cine"], batch["cine"])


def test_a_modality_that_is_not_asked_for_is_not_there(tiny_store):
    batch = tiny_store.batch([1, 2], modalities=("ecg",))
    assert list(batch.recordings) == ["ecg"] and torch.equal(batch["ecg"], tiny_store.batch([1, 2])["ecg"])
    assert list(tiny_store.batch([1], modalities=("cine",)).recordings) == ["cine"]
    with pytest.raises(ValueError, match="cmr"):
        tiny_store.batch([1], modalities=("cmr",))


def test_a_batch_may_be_changed_without_changing_the_store(tiny_store):
    before = tiny_store.batch([2])
    changed = tiny_store.batch([2])
    for tensor in (changed["ecg"], changed["cine"], changed.traits, changed.diagnoses):
        tensor.fill_(7)
    after = tiny_store.batch([2])
    assert torch.equal(after["ecg"], before["ecg"]) and torch.equal(after.traits, before.traits)
    assert not tiny_store.packed("ecg").flags.writeable and not tiny_store.packed("cine").flags.writeable


def test_a_store_travels_to_a_worker_small(tiny_store):
    tiny_store.batch([0])
    sent = pickle.dumps(tiny_store)
    assert len(sent) < 10_000
    assert torch.equal(pickle.loads(sent).batch([3])["cine"], tiny_store.batch([3])["cine"])


def test_packing_is_memoised_and_repeatable(tiny_cohort, tiny_store, tmp_path):
    cohort = Cohort.load(tiny_cohort)
    written = (tiny_store.folder / "cine.npy").stat().st_mtime_ns
    assert pack(cohort, tiny_store.folder, progress=False).fingerprint == tiny_store.fingerprint
    assert (tiny_store.folder / "cine.npy").stat().st_mtime_ns == written
    other = pack(cohort, tmp_path / "again", progress=False)
    assert other.fingerprint == tiny_store.fingerprint and other.index["cohort"] == cohort.fingerprint
    assert other.simulated is True


def test_a_recording_exported_again_is_packed_again(tmp_path, rng):
    cohort = Cohort.load(write_cohort(tmp_path / "cohort", participants=3))
    first = pack(cohort, tmp_path / "store", progress=False)
    time.sleep(0.01)
    write_cine(cohort.path(1, "cine"), make_cine(rng))
    second = pack(cohort, tmp_path / "store", progress=False)
    assert second.fingerprint != first.fingerprint and second.index["cohort"] == first.index["cohort"]
    np.testing.assert_array_equal(second.packed("ecg"), first.packed("ecg"))
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_the_default_place_is_under_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path / "home"))
    cohort = Cohort.load(write_cohort(tmp_path / "mine", participants=2))
    store = pack(cohort, progress=False)
    assert store.folder == (tmp_path / "home" / "stores" / f"mine-{cohort.fingerprint}").resolve()


@pytest.mark.parametrize("name", ["ecg.npy", "cine.npy", "traits.npy", "diagnoses.npy", "ids.json"])
def test_a_truncated_or_missing_file_is_found_on_opening(copy, name):
    path = copy / name
    size = path.stat().st_size
    os.truncate(path, size - 10)
    with pytest.raises(DataError, match=rf"{name}.*{size - 10} bytes, not {size}.*pack the cohort again"):
        Store.open(copy)
    path.unlink()
    with pytest.raises(DataError, match=rf"{name}.*missing"):
        Store.open(copy)


def test_an_altered_byte_is_found_by_its_checksum(copy):
    with open(copy / "cine.npy", "r+b") as file:
        file.seek(100_000)
        byte = file.read(1)[0]
        file.seek(100_000)
        file.write(bytes([byte ^ 1]))
    Store.open(copy)
    with pytest.raises(DataError, match=r"cine.npy.*SHA-256"):
        Store.open(copy, verify=True)


def test_an_intact_store_passes_its_checksums(tiny_store):
    assert len(Store.open(tiny_store.folder, verify=True)) == PARTICIPANTS


def test_no_store_is_said_so(tmp_path):
    with pytest.raises(DataError, match=r"store.json"):
        Store.open(tmp_path)


def test_a_packing_that_fails_leaves_nothing_and_keeps_what_was(tmp_path):
    cohort = Cohort.load(write_cohort(tmp_path / "cohort", participants=3))
    pack(cohort, tmp_path / "store", progress=False)
    before = json.loads((tmp_path / "store" / "store.json").read_text())
    cohort.path(2, "ecg").with_suffix(".dat").write_bytes(b"\0" * 1000)
    with pytest.raises(DataError, match=r"p002.hea"):
        pack(cohort, tmp_path / "store", progress=False)
    assert json.loads((tmp_path / "store" / "store.json").read_text()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cohort", "store"]


def test_a_folder_of_something_else_is_never_replaced(tiny_cohort, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(DataError, match="something else"):
        pack(Cohort.load(tiny_cohort), tmp_path, progress=False)
    assert (tmp_path / "thesis.tex").exists()


def test_memory_does_not_grow_with_the_cohort(tmp_path, monkeypatch):
    """What is held between two writes is bounded by the chunk, whatever the number of participants."""
    import eccl.data.store as module

    monkeypatch.setattr(module, "_CHUNK", 2)
    monkeypatch.setattr(module, "_WORKERS", 1)
    cohort = Cohort.load(write_cohort(tmp_path / "cohort", participants=9))
    alive, most = 0, 0
    read = module._read_one

    def counting(cohort, row):
        nonlocal alive, most
        alive += 1
        most = max(most, alive)
        return read(cohort, row)

    monkeypatch.setattr(module, "_read_one", counting)
    for _ in module._read_all(cohort):
        alive -= 1
    assert most == 2


def test_a_store_of_one_modality_has_no_array_of_the_other(tmp_path):
    folder = write_cohort(tmp_path / "cohort", participants=5)
    path = folder / "dataset_description.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"modalities": ["ecg"]}))
    store = pack(Cohort.load(folder), tmp_path / "store", progress=False)
    assert store.modalities == ("ecg",) and not (tmp_path / "store" / "cine.npy").exists()
    batch = store.batch([1, 3])
    assert batch["ecg"].shape == (2, 12, 5000) and list(batch.recordings) == ["ecg"]
    with pytest.raises(DataError, match=r"there is no cine of these participants"):
        store.batch([0], modalities=("ecg", "cine"))
    assert Store.open(tmp_path / "store", verify=True).fingerprint == store.fingerprint
