"""How a method is judged, alike for all: what it predicts of the test participants by a probe, or after fine-tuning.

A new protocol is one function and one row of `PROTOCOLS`. Predictions are kept: their parts are the features or the run
that they come from, the labels, and who is in which part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from eccl.cache import array_digest, digest, kept_array
from eccl.evaluation.baselines import measurement_features
from eccl.evaluation.probes import probe_diagnoses, probe_traits
from eccl.machine import engine
from eccl.methods import METHODS, Method, obtain, supervised
from eccl.methods.base import Data, copy_weights
from eccl.training.embedding import embed
from eccl.training.supervision import Outputs, labelled
from eccl.traits import DIAGNOSES


@dataclass(frozen=True)
class Protocol:
    """One way to judge a method.

    Attributes
    ----------
    name, label : str
        Column of every table, and as readers see it.
    predict : callable (Method, Data, target) -> ndarray
        Of the test participants: traits in their units (n, 82), or probabilities (n, 4).
    applies : callable (Method) -> bool
        Whether a method can be judged so.
    """

    name: str
    label: str
    predict: Callable[[Method, Data, str], np.ndarray]
    applies: Callable[[Method], bool]


def check_target(target: str) -> None:
    """Raise unless methods are compared by this target.

    Raises
    ------
    ValueError
        If it is neither "traits" nor "diagnoses".
    """
    if target not in ("traits", "diagnoses"):
        raise ValueError(f"comparisons are of traits or diagnoses; got {target!r}")


def labels_of(data: Data, target: str) -> np.ndarray:
    """Traits (N, 82) or diagnoses (N, 4) of everyone.

    Raises
    ------
    ValueError
        If the target is neither "traits" nor "diagnoses".
    DataError
        If the cohort does not know one of the diagnoses.
    """
    check_target(target)
    data.cohort.require(diagnoses=DIAGNOSES if target == "diagnoses" else ())
    return data.cohort.traits if target == "traits" else data.cohort.diagnoses


def features_of(method: Method, data: Data) -> np.ndarray:
    """What a probe sees (N, D): features of the frozen encoder, of the ECG or else of the cine; or a whole table."""
    if method.table is not None:
        return measurement_features(method.table(data), data.split.train)
    return obtain(method, data).features(data, _seen(method))


def probe(method: Method, data: Data, target: str, beside: Method | None = None) -> np.ndarray:
    """By a linear probe, fitted on the training participants whose labels are known.

    Parameters
    ----------
    beside : Method, optional
        A table whose columns stand beside the features, such as demographics.
    """
    labels, split = labels_of(data, target), data.split
    train = labelled(split.train, data.config.label_share, data.config.seed)
    sources = [_identity(each, data) for each in (method, beside) if each is not None]
    who = digest(train.tolist(), split.validation.tolist(), split.test.tolist())
    parts = (
        method.name,
        beside and beside.name,
        sources,
        data.cohort.fingerprint,
        data.store.fingerprint,
        target,
        who,
        data.config.precision,
    )

    def make() -> np.ndarray:
        h = np.column_stack([features_of(each, data) for each in (method, beside) if each is not None])
        fit = probe_traits if target == "traits" else probe_diagnoses
        return fit(h[train], labels[train], h[split.validation], labels[split.validation], h[split.test])

    return kept_array("probe", parts, make)


def _identity(method: Method, data: Data) -> str:
    """What names the features of a method: its run; of a table its content, which another function may give it."""
    return obtain(method, data).run.name if method.table is None else array_digest(features_of(method, data))


def finetuned(method: Method, target: str) -> Method:
    """Traits or diagnoses from the ECG alone, all weights free, from a method's ECG encoder: a method itself.

    Parameters
    ----------
    target : str
        "traits": mean squared error of the 82 z-scores, chosen by the validation mean r. "diagnoses" or the code of
        one: cross-entropy, chosen by the validation (mean) AUROC. Cases are weighted to balance the controls, so
        predicted probabilities exceed the prevalence.
    """
    return replace(
        method,
        name=f"finetune-{target}-{method.name}",
        label=f"{method.label}, fine-tuned",
        settings=lambda config: supervised.settings(config, config.stage_finetune, target),
        build=supervised.build,
        setup=supervised.setup,
        reads=("ecg",),
        starts_from=lambda config: {"ecg": method},
        start=lambda model, upstream: copy_weights(model.encoder, upstream["ecg"].encoder()),
        frozen=(),
        ecg_encoder=lambda model: model.encoder,
        cine_encoder=None,
        projections=None,
    )


def finetune(method: Method, data: Data, target: str) -> np.ndarray:
    """By the whole encoder, trained on."""
    labels_of(data, target)
    trained, split = obtain(finetuned(method, target), data), data.split

    def make() -> np.ndarray:
        fabric = engine(data.machine, data.config.precision)
        outputs = embed(trained.model, data.store, split.test, fabric=fabric)
        return Outputs(**trained.run.config["outputs"]).to_units(outputs)

    return kept_array("finetune", (trained.run.name, split.test.tolist(), data.store.fingerprint), make)


def _seen(method: Method) -> str | None:
    """The modality that a method's own features are of."""
    if method.ecg_encoder is not None:
        return "ecg"
    return None if method.cine_encoder is None else "cine"


def _has_features(method: Method) -> bool:
    return method.table is not None or _seen(method) is not None


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("probe", "linear probe", probe, _has_features),
        Protocol(
            "probe_demographics",
            "with demographics",
            partial(probe, beside=METHODS["demographics"]),
            lambda method: _has_features(method) and method.name != "demographics",
        ),
        Protocol("finetune", "fine-tuned", finetune, lambda method: _seen(method) == "ecg"),
    )
}


def find_protocol(name: str) -> Protocol:
    """A protocol by its name.

    Raises
    ------
    ValueError
        If there is none, with those that there are.
    """
    if name not in PROTOCOLS:
        raise ValueError(f"no protocol is named {name!r}; there are {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]
