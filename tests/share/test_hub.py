"""A model goes to a folder and to the Hub with its card and nothing else, and comes back as it was; no network here."""

import sys
import types

import numpy as np
import pandas as pd
import pytest
import yaml
from helpers.making import refused

import eccl
from eccl.share.hub import CARD, NEEDED
from eccl.share.pretrained import PACKAGED, Pretrained, load


class StandIn:
    """An HfApi that keeps what it is asked to do, and reads the folder as it would be sent."""

    def __init__(self):
        self.made, self.sent = [], {}

    def create_repo(self, repo_id, private, exist_ok):
        self.made.append((repo_id, private, exist_ok))

    def upload_folder(self, repo_id, folder_path, commit_message):
        assert self.made and repo_id == self.made[-1][0]
        self.sent = {path.name: path.read_bytes() for path in folder_path.iterdir()}
        return types.SimpleNamespace(commit_url=f"https://example.org/{repo_id}/commit/1")


def header_of(card: str) -> dict:
    return yaml.safe_load(card.split("---\n")[1])


def test_a_folder_returns_what_was_saved(tmp_path, model, typical, equipped):
    folder = model.save_pretrained(tmp_path / "saved")
    assert {path.name for path in folder.iterdir()} == {*NEEDED, CARD}
    for name in NEEDED:
        assert (folder / name).read_bytes() == (equipped / name).read_bytes()
    back = Pretrained.from_pretrained(folder)
    pd.testing.assert_frame_equal(back.predict(typical).traits, model.predict(typical).traits)
    assert back.folder == folder and back.save_pretrained(folder) == folder  # onto itself: the card alone is written


def test_the_packaged_one_goes_with_gallery_and_card(tmp_path):
    model = eccl.load()
    folder = model.save_pretrained(tmp_path / "saved")
    back = Pretrained.from_pretrained(str(folder))
    np.testing.assert_array_equal(back.gallery.participants, model.gallery.participants)
    card = (folder / CARD).read_text()
    assert (PACKAGED / "CARD.md").read_text() in card and 'from_pretrained("saved")' in card


def test_what_is_pushed_are_the_models_files_and_a_card(model, equipped):
    (equipped / "history.csv").write_text("what else a run's folder holds")
    try:
        api = StandIn()
        address = model.push_to_hub("somebody/ecg", private=True, api=api)
    finally:
        (equipped / "history.csv").unlink()
    assert address == "https://example.org/somebody/ecg/commit/1" and api.made == [("somebody/ecg", True, True)]
    assert set(api.sent) == {*NEEDED, CARD}
    card = api.sent[CARD].decode()
    assert header_of(card)["library_name"] == "eccl" and header_of(card)["license"] == "mit"
    assert "simulated-data" in header_of(card)["tags"] and "Not for patients" in card
    assert 'from_pretrained("somebody/ecg")' in card and f"{model.description['people']['train']:,} simulated" in card


def test_a_card_of_real_people_does_not_say_simulated(tmp_path, model):
    real = Pretrained(
        model.encoder, model.readout, model.domain, {**model.description, "simulated": False}, model.folder
    )
    card = (real.save_pretrained(tmp_path / "real") / CARD).read_text()
    assert "simulated" not in card and "For research alone" in card


def test_a_repository_is_fetched_and_read(monkeypatch, model, equipped):
    asked = {}

    def snapshot_download(name, revision, allow_patterns):
        asked.update(name=name, revision=revision, files=allow_patterns)
        return str(equipped)

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(snapshot_download=snapshot_download))
    back = Pretrained.from_pretrained("somebody/ecg", revision="v1")
    assert back.folder == equipped and asked["name"] == "somebody/ecg" and asked["revision"] == "v1"
    assert set(NEEDED) <= set(asked["files"]) and "model.safetensors" not in asked["files"]


def test_what_cannot_be_fetched_is_told(monkeypatch, tmp_path):
    def fails(name, revision, allow_patterns):
        raise OSError("no such repository\nand more")

    errors = types.SimpleNamespace(HfHubHTTPError=RuntimeError)
    stand_in = types.SimpleNamespace(snapshot_download=fails, errors=errors)
    monkeypatch.setitem(sys.modules, "huggingface_hub", stand_in)
    refused(lambda: Pretrained.from_pretrained("somebody/ecg"), "somebody/ecg", "(no such repository)", "network")
    refused(lambda: Pretrained.from_pretrained(tmp_path / "nowhere"), "nowhere", "no such folder", "owner/name")
    refused(lambda: load().push_to_hub("ecg", api=StandIn()), "'ecg' is no repository", "owner/name")


def test_without_the_package_the_way_to_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    refused(
        lambda: load().push_to_hub("somebody/ecg"), "huggingface_hub is not installed", "pip install huggingface_hub"
    )


def test_the_stand_in_is_asked_as_the_real_one_is():
    hub = pytest.importorskip("huggingface_hub", reason="the extra hub is not installed")
    import inspect

    for name in ("create_repo", "upload_folder"):
        known = set(inspect.signature(getattr(hub.HfApi, name)).parameters)
        assert set(inspect.signature(getattr(StandIn, name)).parameters) <= known
    known = set(inspect.signature(hub.snapshot_download).parameters)
    assert {"revision", "allow_patterns"} <= known and issubclass(hub.errors.HfHubHTTPError, Exception)
