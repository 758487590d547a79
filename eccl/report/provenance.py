"""The foot of a page: what made its numbers."""

from __future__ import annotations

import datetime
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from eccl.cache import digest
from eccl.training.provenance import commit

if TYPE_CHECKING:
    from eccl.config import Config
    from eccl.training.runs import Run

RUN_FACTS = ("commit", "dirty", "date", "device", "seed", "precision", "preset", "torch")


@dataclass(frozen=True)
class Provenance:
    """What made the numbers of a page, which a notebook shows folded; `runs_provenance` makes it.

    Attributes
    ----------
    people : str
        Whether they are simulated.
    page : str
        When, and from which commit, the page was built.
    runs : DataFrame
        One row a run.
    """

    people: str
    page: str
    runs: pd.DataFrame

    def _repr_html_(self) -> str:
        table = self.runs.to_html(index=False, border=0, justify="left")  # escapes what it shows
        shown = table if len(self.runs) else "<p>No trained model has a part in these numbers.</p>"
        return (
            f"<details><summary>Made by: {html.escape(self.people)}, {_counted(len(self.runs))}</summary>"
            f"<p>{html.escape(self.page)}</p>{shown}</details>"
        )

    def __repr__(self) -> str:
        runs = self.runs.to_string(index=False) if len(self.runs) else "no training runs"
        return f"{self.people}\n{self.page}\n{runs}"


def runs_provenance(
    runs: Sequence[Run], simulated: bool | str, config: Config, loaded: Mapping[str, Any] | None = None
) -> Provenance:
    """The foot of a page: what trained the models whose numbers it shows, and when the page itself was built.

    A run that was found and not trained anew shows the commit, device and date of its training.

    Parameters
    ----------
    runs : sequence of Run
        Complete ones; one that is named twice is shown once.
    simulated : bool or str
        Whether the participants are simulated; or who they are, in words, where both have a part.
    config : Config
        Of the page.
    loaded : mapping, optional
        The description of a model that came trained (`eccl.load().description`): its run stands first, with what is
        known of it.

    Raises
    ------
    DataError
        If a run has no provenance.json, or a damaged one.
    """
    now, code = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), commit()
    page = (
        f"Page built {now} from commit {_short(code['commit'])}, {_state(code['dirty'])}; "
        f"preset {config.preset}, seed {config.seed}, config {digest(config)}."
    )
    recorded_of = {loaded["run"]: loaded} if loaded else {}
    recorded_of |= {run.name: run.provenance for run in runs}
    rows = []
    for name, recorded in recorded_of.items():
        facts = {fact: recorded.get(fact) for fact in RUN_FACTS}
        facts |= {"commit": _short(facts["commit"]), "dirty": _state(facts["dirty"])}
        rows.append({"run": name, **{key: "unknown" if value is None else value for key, value in facts.items()}})
    table = pd.DataFrame(rows, columns=["run", *RUN_FACTS]).rename(columns={"dirty": "code"})
    return Provenance(_people(simulated), page, table)


def _short(commit: str | None) -> str:
    return commit[:10] if commit else "unknown"


def _state(dirty: bool | None) -> str:
    return {True: "changed since", False: "unchanged", None: "unknown"}[dirty]


def _counted(runs: int) -> str:
    return f"{runs} training run" if runs == 1 else f"{runs} training runs"


def _people(simulated: bool | str) -> str:
    if isinstance(simulated, str):
        return simulated
    return "simulated participants" if simulated else "real participants"


def provenance_table(provenance: Mapping[str, Any], simulated: bool | str) -> pd.DataFrame:
    """What made the numbers of one run or of kept results, as a table of one column.

    Parameters
    ----------
    provenance : mapping
        Of `eccl.training.provenance.provenance()`; a nested mapping (the versions) is written on one line.
    simulated : bool or str
        Whether the participants are simulated, or who they are in words; said first.
    """
    rows = {"data": _people(simulated)}
    for key, value in provenance.items():
        text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)
        rows[key.replace("_", " ")] = text
    return pd.DataFrame({"": rows})
