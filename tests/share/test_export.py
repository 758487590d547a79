"""The ONNX graph says what torch says, filter and scale inside; the linear parts are tested without onnx too."""

import dataclasses
import sys

import numpy as np
import pytest
import torch
from helpers.making import refused

import eccl
from eccl.config import preset
from eccl.encoders.ecg import ecg_encoder
from eccl.share.export import Graph, write_onnx
from eccl.traits import DIAGNOSES, TRAIT_NAMES

CLOSE = {"rtol": 1e-4, "atol": 1e-4}


def expected(model, signals):
    """What torch and the readout say of ECGs (n, 12, T)."""
    with torch.inference_mode():
        h = model.encoder(torch.from_numpy(signals)).numpy()
    return h, model.readout.trait_probe.predict(h), model.readout.diagnosis_probe.log_odds(h)


def test_the_graph_holds_the_probes(model, ecgs):
    signals = np.stack([ecg.signal for ecg in ecgs[:5]])
    graph = Graph(model)
    with torch.inference_mode():
        found = graph(torch.from_numpy(signals))
    assert graph.outputs == ["features", "traits", "log_odds"]
    for one, other in zip(found, expected(model, signals)):
        np.testing.assert_allclose(one.numpy(), other, **CLOSE)


def test_a_probe_that_is_not_there_is_no_output(model):
    readout = dataclasses.replace(model.readout, codes=(), diagnosis_probe=None)
    assert Graph(dataclasses.replace(model, readout=readout)).outputs == ["features", "traits"]


def test_a_feature_without_change_in_training_has_no_part(model, ecgs):
    probe = model.readout.trait_probe
    constant = dataclasses.replace(probe.features, std=np.where(np.arange(len(probe.features.std)) == 3, 0.0, 1.0))
    readout = dataclasses.replace(model.readout, trait_probe=dataclasses.replace(probe, features=constant))
    changed = dataclasses.replace(model, readout=readout)
    signals = ecgs[0].signal[None]
    with torch.inference_mode():
        found = Graph(changed)(torch.from_numpy(signals))[1].numpy()
    np.testing.assert_allclose(found, expected(changed, signals)[1], **CLOSE)


def session(path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """ONNX file of the packaged model."""
    pytest.importorskip("onnxscript", reason="the extra onnx is not installed")
    return eccl.load().to_onnx(tmp_path_factory.mktemp("onnx") / "eccl.onnx")


@pytest.mark.parametrize("count", [1, 2, 5])
def test_onnxruntime_says_what_torch_says_of_any_number_of_ecgs_in_millivolt(exported, ecgs, count):
    signals = np.stack([ecg.signal for ecg in ecgs[:count]])
    found = session(exported).run(None, {"ecg": signals})
    for one, other in zip(found, expected(eccl.load(), signals)):
        np.testing.assert_allclose(one, other, **CLOSE)


def test_the_anti_alias_filter_is_inside(exported):
    """A tone of 180 Hz, which 100 Hz inside cannot hold, would fold down to 20 Hz without one."""
    tone = np.sin(2 * np.pi * 180 * np.arange(5000) / 500, dtype=np.float32)
    fast, silent = np.broadcast_to(tone, (1, 12, 5000)), np.zeros((1, 12, 5000), np.float32)
    slow = np.broadcast_to(np.sin(2 * np.pi * 20 * np.arange(5000) / 500, dtype=np.float32), (1, 12, 5000))
    features = [session(exported).run(["features"], {"ecg": each})[0] for each in (silent, fast, slow)]
    assert np.abs(features[1] - features[0]).max() < 0.1 * np.abs(features[2] - features[0]).max()


def test_the_file_says_what_goes_in_and_comes_out(exported):
    made = session(exported)
    assert made.get_inputs()[0].name == "ecg" and made.get_inputs()[0].shape[1:] == [12, 5000]
    assert [each.name for each in made.get_outputs()] == ["features", "traits", "log_odds"]
    facts = made.get_modelmeta().custom_metadata_map
    assert facts["traits"].split(",") == list(TRAIT_NAMES) and facts["diagnoses"].split(",") == list(DIAGNOSES)
    assert (facts["unit"], facts["sampling_rate_hz"], facts["purpose"]) == ("mV", "500", "not for patients")


def test_the_transformer_is_exported_too(tmp_path, model, ecgs):
    pytest.importorskip("onnxscript", reason="the extra onnx is not installed")
    torch.manual_seed(0)
    vit = ecg_encoder(dataclasses.replace(preset("smoke").ecg, name="vit")).eval()
    other = dataclasses.replace(model, encoder=vit)
    signals = np.stack([ecg.signal for ecg in ecgs[:3]])
    (found,) = session(write_onnx(tmp_path / "vit.onnx", other)).run(["features"], {"ecg": signals})
    np.testing.assert_allclose(found, vit(torch.from_numpy(signals)).detach().numpy(), **CLOSE)


def test_without_onnx_the_way_to_it_is_told(monkeypatch, tmp_path, model):
    monkeypatch.setitem(sys.modules, "onnx", None)
    refused(lambda: write_onnx(tmp_path / "a.onnx", model), "not installed", "pip install onnx")
    assert not list(tmp_path.iterdir())
