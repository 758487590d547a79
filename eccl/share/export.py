"""A model as one ONNX graph, from an ECG in mV at 500 Hz to features, traits in their units and log-odds.

Filter, rate and unit of the encoder's input are in the graph, and so are the linear probes. Not in it are what refuses
an ECG (`eccl.share.domain`), the intervals and the calibration: whoever runs the graph elsewhere is without them.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from eccl.errors import DataError
from eccl.evaluation.probes import LogisticProbe, RidgeProbe, Standardiser
from eccl.files import replacing
from eccl.records import LEADS
from eccl.share.predict import Model

INPUT = "ecg"
OPSET = 18  # of the operators; read by onnxruntime since version 1.14
INSTALL = "pip install onnx onnxruntime onnxscript (the extra onnx)"


class Linear(nn.Module):
    """A linear function of features (B, D): (B, K), in float32."""

    def __init__(self, slope: np.ndarray, intercept: np.ndarray):
        super().__init__()
        self.register_buffer("slope", torch.from_numpy(slope).float())
        self.register_buffer("intercept", torch.from_numpy(intercept).float())

    def forward(self, h: Tensor) -> Tensor:
        return h @ self.slope + self.intercept


class Graph(nn.Module):
    """What is exported: ECGs (B, 12, T) in mV to features (B, width) and, of each probe there is, its outputs."""

    def __init__(self, model: Model):
        super().__init__()
        self.encoder = model.encoder
        readout, self.heads = model.readout, nn.ModuleDict()
        if readout.trait_probe is not None:
            self.heads["traits"] = of_traits(readout.trait_probe)
        if readout.diagnosis_probe is not None:
            self.heads["log_odds"] = of_diagnoses(readout.diagnosis_probe)

    @property
    def outputs(self) -> list[str]:
        """Their names."""
        return ["features", *self.heads]

    def forward(self, ecg: Tensor) -> tuple[Tensor, ...]:
        h = self.encoder(ecg)
        return (h, *(head(h) for head in self.heads.values()))


def of_traits(probe: RidgeProbe) -> Linear:
    """The ridge regression with both its scales, from features to the traits' units."""
    scale, mean = _scale(probe.features), probe.features.mean
    slope = scale[:, None] * probe.coefficients * probe.scaler.std
    return Linear(slope, probe.scaler.mean - mean @ slope)


def of_diagnoses(probe: LogisticProbe) -> Linear:
    """The logistic regressions with the features' scale, from features to log-odds, which are not calibrated."""
    slope = _scale(probe.features)[:, None] * probe.coefficients.T
    return Linear(slope, probe.intercepts - probe.features.mean @ slope)


def write_onnx(path: Path | str, model: Model) -> Path:
    """The path of an ONNX file of a model: input `ecg` (B, 12, samples), outputs as in `Graph`, B free.

    Its metadata names the leads, the traits, the diagnoses, the rate, and what it is not for.

    Raises
    ------
    DataError
        If onnx is not installed, or the folder cannot be written.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 (torch exports through it)
    except ImportError as error:
        raise DataError(f"{error.name} is not installed", remedy=INSTALL) from error
    graph = Graph(model).eval()
    made = _exported(graph, model.domain.samples)
    facts = {
        "leads": ",".join(LEADS),
        "sampling_rate_hz": f"{model.domain.sampling_rate:g}",
        "unit": "mV",
        "traits": ",".join(model.readout.trait_names),
        "diagnoses": ",".join(model.readout.codes),
        "simulated": str(model.description["simulated"]),
        "purpose": "not for patients",
    }
    onnx.helper.set_model_props(made, facts)
    onnx.checker.check_model(made)
    with replacing(path) as beside:
        beside.write_bytes(made.SerializeToString())
    return Path(path)


def _exported(graph: Graph, samples: int) -> Any:
    """The ModelProto of a graph, for any number of ECGs of so many samples.

    Exported in two steps: in one, torch falls back to a fixed number in silence where a free one does not work.
    """
    free = {"ecg": {0: torch.export.Dim("batch")}}
    names = {"input_names": [INPUT], "output_names": graph.outputs}
    with _quiet(), torch.no_grad():
        example = (torch.zeros(2, len(LEADS), samples),)
        program = torch.export.export(graph, example, dynamic_shapes=free, strict=False)
        return torch.onnx.export(program, dynamo=True, opset_version=OPSET, verbose=False, **names).model_proto


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's words on torchvision, which this project is without on purpose, and on its own deprecations."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):
            yield
    finally:
        logger.setLevel(level)


def _scale(features: Standardiser) -> np.ndarray:
    """What features less their mean are multiplied by: 0 where they did not vary in training."""
    return np.divide(1.0, features.std, out=np.zeros_like(features.std), where=features.std > 0)
