"""Runs: what is written is whole, what is damaged says so, and one process at a time trains."""

import errno
import getpass
import io
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers.making import refused

from eccl.config import preset
from eccl.records import DataError
from eccl.training import provenance as provenance_module
from eccl.training.provenance import provenance
from eccl.training.runs import Run

WEIGHTS = {"a": torch.arange(6.0).reshape(2, 3), "count": torch.tensor(7)}
HISTORY = [{"epoch": 0, "train_loss": 2.0}, {"epoch": 1, "train_loss": 1.0}]


@pytest.fixture
def run(tmp_path):
    return Run.open("mae-laptop", "settings", root=tmp_path)


@pytest.fixture
def finished(run):
    with run.lock():
        run.save_json("config.json", {"stage": "mae"})
        run.save_state({"model": WEIGHTS})
        run.finish(WEIGHTS, HISTORY, {"epoch": 1}, provenance(preset("smoke")))
    return run


def test_name_is_readable_and_follows_every_part(tmp_path):
    config = preset("smoke")
    names = {
        Run.open("mae-smoke", config.mae, seed, data, root=tmp_path).name for seed in (1, 2) for data in ("x", "y")
    }
    assert len(names) == 4
    again = Run.open("mae-smoke", preset("smoke").mae, 1, "x", root=tmp_path)
    assert again.name in names
    prefix, _, code = again.name.rpartition("-")
    assert prefix == "mae-smoke" and len(code) == 10 and int(code, 16) >= 0


def test_default_root_is_under_home(tmp_path, monkeypatch):
    monkeypatch.setenv("ECCL_HOME", str(tmp_path))
    assert Run.open("mae", 1).folder.parent == tmp_path / "runs"


def test_finished_run_reads_back(finished):
    assert finished.complete
    for name, value in finished.load_model().items():
        assert torch.equal(value, WEIGHTS[name]) and value.dtype == WEIGHTS[name].dtype
    assert finished.history.to_dict("records") == HISTORY
    assert finished.config == {"stage": "mae"} and finished.metrics == {"epoch": 1}
    found = {path.name for path in finished.folder.iterdir()}
    assert found == {"config.json", "model.safetensors", "history.csv", "metrics.json", "provenance.json"}


def test_run_is_incomplete_until_the_last_file(run, monkeypatch):
    def fail(file, content):
        raise DataError("full", remedy="free space")

    with run.lock():
        run.save_state({"model": WEIGHTS})
        monkeypatch.setattr(Run, "save_json", lambda self, *a: fail(*a))
        with pytest.raises(DataError):
            run.finish(WEIGHTS, HISTORY, {}, {})
    assert not run.complete and run.load_state() is not None


def test_state_is_no_arbitrary_pickle(run):
    run.folder.mkdir(parents=True)
    run.save_state({"model": WEIGHTS, "history": HISTORY, "best": None})
    state = torch.load(run.folder / "state.pt", weights_only=True)
    assert state["history"] == HISTORY
    assert torch.equal(run.load_state()["model"]["a"], WEIGHTS["a"])


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "metrics.json", "provenance.json", "state.pt"])
@pytest.mark.parametrize("damage", ["truncated", "garbage"])
def test_damaged_file_is_named_with_a_remedy(finished, file, damage):
    finished.save_state({"model": WEIGHTS})
    path = finished.folder / file
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] if damage == "truncated" else b"\x00garbage" * 40)
    readers = {
        "model.safetensors": finished.load_model,
        "state.pt": finished.load_state,
        "config.json": lambda: finished.config,
        "metrics.json": lambda: finished.metrics,
        "provenance.json": lambda: finished.provenance,
    }
    with pytest.raises(DataError) as caught:
        readers[file]()
    assert file in str(caught.value) and f"delete the folder {finished.name}" in str(caught.value)


def test_missing_files_are_named(run):
    for read in (run.load_model, lambda: run.history, lambda: run.config):
        with pytest.raises(DataError, match="missing"):
            read()
    assert run.load_state() is None


def test_full_disk_leaves_the_last_state_whole(run, monkeypatch):
    run.folder.mkdir(parents=True)
    run.save_state({"history": HISTORY})

    def full(state, file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(DataError, match="No space left") as caught:
        run.save_state({"history": []})
    assert "free space" in caught.value.remedy
    monkeypatch.undo()
    assert run.load_state() == {"history": HISTORY}
    assert [path.name for path in run.folder.iterdir()] == ["state.pt"]


def test_second_trainer_is_refused_and_a_dead_one_leaves_no_lock(run):
    script = (
        "import sys, time; from pathlib import Path; from eccl.training.runs import Run\n"
        "with Run(Path(sys.argv[1])).lock():\n    print('locked', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", script, str(run.folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(DataError, match="another process is training"), run.lock():
            pass
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait()
        other.stdout.close()
    with run.lock():
        pass
    with run.lock():  # released by its own end too
        pass


def test_a_trainer_that_waits_has_the_right_when_the_other_ends(run):
    script = (
        "import sys, time; from pathlib import Path; from eccl.training.runs import Run\n"
        "with Run(Path(sys.argv[1])).lock():\n    print('locked', flush=True); time.sleep(1)\nprint('free', flush=True)"
    )
    other = subprocess.Popen([sys.executable, "-c", script, str(run.folder)], stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "locked\n"
    with run.lock(wait=True):
        assert other.stdout.readline() == "free\n"
    assert other.wait() == 0
    other.stdout.close()


def test_provenance_says_what_and_not_who():
    config = preset("smoke", seed=7, precision="bf16-mixed")
    facts = provenance(config, run="mae-smoke-0")
    assert facts["seed"] == 7 and facts["precision"] == "bf16-mixed" and facts["run"] == "mae-smoke-0"
    assert facts["torch"] == torch.__version__ and facts["threads"] == torch.get_num_threads()
    assert all(type(value) in (str, int, bool, type(None)) for value in facts.values())
    assert facts["date"].endswith("+00:00")
    text = json.dumps(facts)
    assert "/" not in text and "\\" not in text
    for name in (getpass.getuser(), socket.gethostname()):
        assert name not in facts.values()


@pytest.mark.parametrize("build", ["2.13.0", "2.13.0+cpu", "2.13.0+cu130"])
def test_provenance_names_the_build_of_torch_whatever_the_package_calls_itself(build, monkeypatch):
    monkeypatch.setattr(torch, "__version__", torch.torch_version.TorchVersion(build))
    monkeypatch.setattr(provenance_module.importlib.metadata, "version", lambda package: "2.13.0")
    facts = provenance(preset("smoke"))
    assert facts["torch"] == build and facts["numpy"] == "2.13.0"


def test_without_git_the_commit_is_unknown(monkeypatch):
    monkeypatch.setattr(provenance_module.shutil, "which", lambda name: None)
    assert provenance_module.commit() == {"commit": None, "dirty": None}


def test_a_disk_that_fills_while_the_state_is_written_is_told(tmp_path, monkeypatch):
    class Full(io.FileIO):
        def write(self, data):
            if self.tell() + len(data) > 3000:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(data)

    monkeypatch.setattr(Path, "open", lambda path, mode: Full(path, mode))
    refused(lambda: Run(tmp_path).save_state({"weight": torch.zeros(1000)}), "state.pt", "No space left", "free space")
    assert not list(tmp_path.iterdir())
