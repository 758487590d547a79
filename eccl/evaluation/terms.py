"""On what terms a row was trained: from which labels, in how many passes over the ECGs, at what rate, in what time.

A comparison is of methods only where its rows are trained on equal terms; a row that had fewer passes than ECCL says so
by itself. What a method may have is known of its config alone, what it had of its runs.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from eccl.config import Config
from eccl.evaluation.protocols import PROTOCOLS
from eccl.evaluation.rows import Row, rows_of
from eccl.methods import METHODS, Method, obtain
from eccl.methods.base import Data, Stage, most_passes, stages
from eccl.methods.obtaining import tried

if TYPE_CHECKING:
    import pandas as pd

REFERENCE = "eccl"  # whose passes are the budget that others are held to


@dataclass(frozen=True)
class Terms:
    """What a trained row saw, how often and for how long; `terms` makes it.

    Attributes
    ----------
    labels : str
        What the ECG encoder learnt from, its start included: "traits, pairs"; "none" of what is not trained.
    labels_cmr : str
        What the frozen CMR encoder that it learns from had learnt from; empty without one.
    label_share, diagnosis_share : float
        Of the training participants, whose labels are known; and of these, whose diagnoses are.
    passes_most, passes_cmr : int
        Most passes over the training participants: of the ECG encoder, its start included; of the frozen CMR encoder.
    patience : int
        Of the last stage: passes without a better score on validation, after which it ends.
    learning_rates : tuple of float
        Those that the last stage tries, of which validation chooses.
    passes : int, optional
        Of the ECG encoder, as many as early stopping left; this and what follows is None before it is trained.
    people, seen : int, optional
        Whom the last stage learnt from; and how many ECGs all stages of the ECG encoder read, each as often as it was.
    learning_rate : float, optional
        The chosen one of the last stage.
    seconds, seconds_ecg : float, optional
        Of all stages that it stands on, under every learning rate that its seed tried; of the ECG's stages alone.
    note : str
        What a reader must know before the row is compared: "4 of 16 passes" where ECCL may have more, else nothing.
    """

    labels: str
    labels_cmr: str
    label_share: float
    diagnosis_share: float
    passes_most: int
    passes_cmr: int
    patience: int
    learning_rates: tuple[float, ...]
    passes: int | None = None
    people: int | None = None
    seen: int | None = None
    learning_rate: float | None = None
    seconds: float | None = None
    seconds_ecg: float | None = None
    note: str = ""

    def as_columns(self) -> dict[str, Any]:
        """The columns of a table; the learning rates that were tried are one text, which a CSV keeps as it is."""
        return asdict(self) | {"learning_rates": json.dumps(self.learning_rates)}


COLUMNS = tuple(Terms.__dataclass_fields__)
WHOLE = ("passes_most", "passes_cmr", "patience", "passes", "people", "seen")  # columns of whole numbers


def budget(method: Method, config: Config) -> Terms:
    """The terms that a config gives a method, known before anything is trained.

    Examples
    --------
    >>> from eccl.config import preset
    >>> budget(METHODS["supervised"], preset("smoke")).labels
    'traits'
    """
    chain = [(stage, stage.method.settings(config)) for stage in stages(method, config)]
    own = chain[-1][1].stage if chain else None
    passes = most_passes(method, config)
    return Terms(
        labels=_learnt(chain, of_ecg=True) or "none",
        labels_cmr=_learnt(chain, of_ecg=False),
        label_share=config.label_share,
        diagnosis_share=config.diagnosis_share,
        passes_most=passes,
        passes_cmr=most_passes(method, config, of_ecg=False),
        patience=own.patience if own else 0,
        learning_rates=(own.learning_rates or (own.learning_rate,)) if own else (),
        note=_note(method, passes, config),
    )


def _learnt(chain: Sequence[tuple[Stage, Any]], of_ecg: bool) -> str:
    """What the stages of one encoder learnt from, each once."""
    taught = [stage.method.learns_from(settings) for stage, settings in chain if stage.of_ecg == of_ecg]
    return ", ".join(dict.fromkeys(itertools.chain(*taught)))


def _note(method: Method, passes: int, config: Config) -> str:
    """That fewer passes are granted than to ECCL, where something is trained at all."""
    if method.name == REFERENCE or not passes:
        return ""
    most = most_passes(METHODS[REFERENCE], config)
    return f"{passes} of {most} passes" if passes < most else ""


def terms(method: Method, data: Data) -> Terms:
    """The terms of a method that was trained on data: its budget, and what was made of it."""
    runs, chosen = {}, {}  # of each stage once, by the name of the run
    for stage in stages(method, data.config):
        on = data.shared() if stage.shared else data
        runs |= {one.run.name: (stage.of_ecg, one.history) for one in tried(stage.method, on)}
        if stage.of_ecg:
            chosen[stage.method.name] = obtain(stage.method, on)
    seconds, seconds_ecg = (
        round(sum(float(history["seconds"].sum()) for of_ecg, history in runs.values() if of_ecg or every), 1)
        for every in (True, False)
    )
    read = [(len(trained.history), trained.run.config["reads"]) for trained in chosen.values()]
    made = {"passes": sum(passes for passes, _ in read), "seen": sum(passes * reads for passes, reads in read)}
    if read:
        own = chosen[method.name]
        made |= {"people": own.run.config["people"], "learning_rate": own.learning_rate}
    return replace(budget(method, data.config), **made, seconds=seconds, seconds_ecg=seconds_ecg)


def with_terms(
    table: pd.DataFrame, data: Data, target: str = "traits", methods: Mapping[str, Method] = METHODS
) -> pd.DataFrame:
    """The table with the terms of each of its rows, as columns of `Terms`; missing of what is no method.

    Parameters
    ----------
    table : DataFrame
        With columns method, protocol and seed.
    data : Data
        On which the methods were trained; what was not is trained now.
    target : str
        What a row that is fine-tuned was tuned to: "traits" or "diagnoses".
    methods : mapping of str to Method
        By the name in the table.
    """
    import pandas as pd

    rows, found = rows_of(table), {}
    for row in dict.fromkeys(rows):
        if row.method in methods:
            on = data if row.seed is None else data.seeded(row.seed)
            found[row] = terms(_trained(row, target, methods), on).as_columns()
    columns = pd.DataFrame([found.get(row, {}) for row in rows], table.index, COLUMNS)
    return table.join(columns.astype(dict.fromkeys(WHOLE, "Int64")).fillna({"note": ""}))


def _trained(row: Row, target: str, methods: Mapping[str, Method]) -> Method:
    """The method that was trained for a row."""
    protocol = PROTOCOLS.get(row.protocol)  # none of retrieval, which judges a method as it is
    return methods[row.method] if protocol is None else protocol.trains(methods[row.method], target)
