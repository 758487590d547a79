"""How a method is judged, alike for all: what it predicts of the test participants by a probe, or after fine-tuning.

A new protocol is one function and one row of `PROTOCOLS`. Predictions are kept: their parts are the features or the run
that they come from, the labels, and who is in which part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from eccl.cache import array_digest, digest, kept_array, kept_table
from eccl.config import Config, StageConfig
from eccl.data.split import Split
from eccl.evaluation.baselines import measurement_features
from eccl.evaluation.boosting import boosted_diagnoses, boosted_traits
from eccl.evaluation.permutation import permutation_table
from eccl.evaluation.probes import probe_diagnoses, probe_traits
from eccl.machine import engine
from eccl.methods import METHODS, Method, obtain, supervised
from eccl.methods.base import Data, copy_weights, most_passes
from eccl.training.embedding import embed
from eccl.training.supervision import Known, Outputs
from eccl.traits import DIAGNOSES

if TYPE_CHECKING:
    import pandas as pd


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
    trains : callable (Method, target) -> Method
        What is trained for it, on whose terms the row stands: the method itself, or it fine-tuned.
    demographics : bool
        Whether sex, age, height and weight stand beside the features.
    """

    name: str
    label: str
    predict: Callable[[Method, Data, str], np.ndarray]
    applies: Callable[[Method], bool]
    trains: Callable[[Method, str], Method] = lambda method, target: method
    demographics: bool = False


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


def probe(method: Method, data: Data, target: str, beside: Method | None = None, part: str = "test") -> np.ndarray:
    """By a linear probe, fitted on the training participants whose labels are known.

    Parameters
    ----------
    beside : Method, optional
        A table whose columns stand beside the features, such as demographics.
    part : "test" or "validation"
        Who is predicted. Of validation, where thresholds are chosen; the probe's penalty was chosen there too.
    """
    labels, split, sources = labels_of(data, target), known_split(data, target), _sources(method, beside)

    def make() -> np.ndarray:
        h = np.column_stack([features_of(each, data) for each in sources])
        fit = probe_traits if target == "traits" else probe_diagnoses
        known, chosen = split.train, split.validation
        return fit(h[known], labels[known], h[chosen], labels[chosen], h[getattr(split, part)])

    name = "probe" if part == "test" else f"probe-{part}"
    return kept_array(name, parts_of(sources, data, split, target), make)


def boosted(method: Method, data: Data, target: str, beside: Method | None = None) -> np.ndarray:
    """By boosted trees from a table, alone or beside another, on the same participants as `probe`."""
    labels, split, sources = labels_of(data, target), known_split(data, target), _sources(method, beside)
    seed = data.shared().config.seed  # a table has no seed of its own

    def make() -> np.ndarray:
        import pandas as pd

        table = pd.concat([each.table(data).reset_index(drop=True) for each in sources], axis=1)
        fit = boosted_traits if target == "traits" else boosted_diagnoses
        return fit(table, labels, split, seed)

    return kept_array("boosted", (*parts_of(sources, data, split, target), seed), make)


def permutation_test(method: Method, data: Data, target: str, permutations: int = 999) -> pd.DataFrame:
    """Of the features and participants of `probe`: how often permuted labels do as well, as `permutation_table`."""
    labels, split, seed = labels_of(data, target), known_split(data, target), data.shared().config.seed

    def make() -> pd.DataFrame:
        return permutation_table(features_of(method, data), labels, split, target, permutations, seed)

    return kept_table("permutation", (*parts_of([method], data, split, target), permutations, seed), make)


def _identity(method: Method, data: Data) -> str:
    """What names the features of a method: its run; of a table its content, which another function may give it."""
    return obtain(method, data).run.name if method.table is None else array_digest(features_of(method, data))


def _sources(method: Method, beside: Method | None) -> list[Method]:
    """Whose features a probe sees."""
    return [each for each in (method, beside) if each is not None]


def known_split(data: Data, target: str) -> Split:
    """The split, of its training participants those whose labels are known."""
    return replace(data.split, train=Known.of(data.config, target).among(data.split.train))


def parts_of(sources: Sequence[Method], data: Data, split: Split, target: str) -> tuple[Any, ...]:
    """What decides the prediction from some features."""
    who = digest(split.train.tolist(), split.validation.tolist(), split.test.tolist())
    features = [(each.name, _identity(each, data)) for each in sources]
    return (features, data.cohort.fingerprint, data.store.fingerprint, target, who, data.config.precision)


def finetuned(method: Method, target: str) -> Method:
    """Traits or diagnoses from the ECG alone, all weights free, from a method's ECG encoder: a method itself.

    Parameters
    ----------
    target : str
        "traits": mean squared error of the 82 z-scores, chosen by the validation mean r. "diagnoses" or the code of
        one: cross-entropy, chosen by the validation (mean) AUROC. Cases are weighted to balance the controls, so
        predicted probabilities exceed the prevalence.

    Notes
    -----
    On equal terms: an encoder that had fewer passes than ECCL's has the rest of them here, beside those of the stage.
    """

    def stage(config: Config) -> StageConfig:
        behind = most_passes(METHODS["eccl"], config) - most_passes(method, config)
        return replace(config.stage_finetune, epochs=config.stage_finetune.epochs + max(0, behind))

    return replace(
        method,
        name=f"finetune-{target}-{method.name}",
        label=f"{method.label}, fine-tuned",
        settings=lambda config: supervised.settings(config, stage(config), target),
        build=supervised.build,
        setup=supervised.setup,
        reads=("ecg",),
        view=supervised.METHOD.view,
        starts_from=lambda config: {"ecg": method},
        start=lambda model, upstream: copy_weights(model.encoder, upstream["ecg"].encoder()),
        frozen=(),
        ecg_encoder=lambda model: model.encoder,
        cine_encoder=None,
        projections=None,
        learns_from=supervised.METHOD.learns_from,
    )


def finetune(method: Method, data: Data, target: str) -> np.ndarray:
    """By the whole encoder, trained on."""
    labels_of(data, target)
    return tuned(method, data, target)


def tuned(method: Method, data: Data, target: str) -> np.ndarray:
    """As `finetune`, also to the code of one diagnosis: probabilities (n, 1)."""
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


def _beside_demographics(method: Method) -> bool:
    return _has_features(method) and method.name != "demographics"


def _is_table(method: Method) -> bool:
    return method.table is not None


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("probe", "linear probe", probe, _has_features),
        Protocol(
            "probe_demographics",
            "with demographics",
            partial(probe, beside=METHODS["demographics"]),
            _beside_demographics,
            demographics=True,
        ),
        Protocol("finetune", "fine-tuned", finetune, lambda method: _seen(method) == "ecg", finetuned),
        Protocol("boosted", "boosted trees", boosted, _is_table),
        Protocol(
            "boosted_demographics",
            "boosted trees, with demographics",
            partial(boosted, beside=METHODS["demographics"]),
            lambda method: _is_table(method) and _beside_demographics(method),
            demographics=True,
        ),
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
