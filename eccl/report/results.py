"""Tables that are read: published values that come with the package, and results of earlier runs that were kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from eccl.errors import DataError
from eccl.files import make_folder, replacing

_MADE = "made_"  # begins the columns of a kept table that say what made it


def read_reference(name: str) -> pd.DataFrame:
    """Published values that come with the package: a table of `eccl/reference/`.

    "paper" holds the figures of the paper and its public code, typed once: columns quantity, model (the paper's
    name), target, value, low_end, high_end, source and kind; a figure that is only known as a range has its ends and
    no value. "petersen2017" holds mean and SD of traits of healthy adults: columns trait, sex (0 female, 1 male),
    mean and sd, in the trait's unit. "normal_waves" holds mean and SD over PTB-XL's normal recordings of the heights
    of `eccl.data.measure.ecg.wave_amplitudes`: columns wave, lead, mean, sd (mV), n and source. "related" holds what
    other methods of this kind claim: columns method, reference, pairs, quantity, claim and source.

    Raises
    ------
    ValueError
        If there is no such table.
    """
    folder = resources.files("eccl") / "reference"
    names = sorted(file.name.removesuffix(".csv") for file in folder.iterdir() if file.name.endswith(".csv"))
    if name not in names:
        raise ValueError(f"no published table {name!r}; there are {', '.join(names)}")
    with (folder / f"{name}.csv").open() as file:
        return pd.read_csv(file)


def keep_or_read(
    name: str,
    table: pd.DataFrame | None = None,
    provenance: Mapping[str, Any] | None = None,
    keep: bool = False,
    folder: Path | str | None = None,
) -> pd.DataFrame:
    """A table of results: the one given (and kept as a file, if so asked), or the one that was kept.

    Parameters
    ----------
    name : str
        Of the file, without .csv; its folder before it, if it is in one: "ablations/alpha".
    table : DataFrame, optional
        Results of this run; None reads those that were kept.
    provenance : mapping, optional
        Of `eccl.training.provenance.provenance()`: what made them, one column each beside every row.
    keep : bool
        Whether to write them.
    folder : path, optional
        Of the kept results; by default book/results/ of the checkout that holds this package.

    Raises
    ------
    DataError
        If nothing was kept, or the package is in no checkout and no folder is given.
    """
    if table is not None and not keep:
        return table.reset_index(drop=True)
    path = _results(folder) / f"{name}.csv"
    if table is None:
        if not path.exists():
            raise DataError("no results were kept", source=path, remedy="run the notebook on the data, with keep=True")
        columns = pd.read_csv(path, nrows=0).columns
        # As text: a digest such as 12e4567890 would be read as a number. Seeds are whole numbers, or missing.
        types = {column: str for column in columns if column.startswith(_MADE)}
        return pd.read_csv(path, dtype=types | ({"seed": "Int64"} if "seed" in columns else {}))
    make_folder(path.parent)
    with replacing(path) as beside:
        facts = {f"{_MADE}{key}": value for key, value in (provenance or {}).items()}
        table.assign(**facts).to_csv(beside, index=False, float_format="%.6g")
    return table.reset_index(drop=True)


def _results(folder: Path | str | None) -> Path:
    if folder is not None:
        return Path(folder)
    here = Path(__file__).resolve().parents[2] / "book" / "results"
    if not here.is_dir():
        raise DataError(
            "kept results are part of the repository, which this installed package is not in",
            source=here,
            remedy="clone the repository and run there, or pass folder=...",
        )
    return here


def kept_names(inside: str, folder: Path | str | None = None) -> list[str]:
    """The names of the tables that were kept in a folder of the kept results, in order."""
    return sorted(path.stem for path in (_results(folder) / inside).glob("*.csv"))


def kept_provenance(name: str, folder: Path | str | None = None) -> dict[str, str]:
    """What made the results that were kept under a name, as text."""
    row = keep_or_read(name, folder=folder).iloc[0]
    return {key.removeprefix(_MADE): value for key, value in row.items() if key.startswith(_MADE)}


def made_table(names: Sequence[str], folder: Path | str | None = None) -> pd.DataFrame:
    """One line a kept table, as text: the commits that made its rows, whether their code was unchanged, where, when."""
    lines = {}
    for name in names:
        made = keep_or_read(name, folder=folder).filter(like=_MADE)
        changed = (made[f"{_MADE}dirty"] != "False").any()
        commits = [commit[:7] for commit in made.sort_values(f"{_MADE}date")[f"{_MADE}commit"].unique()]
        lines[name] = {
            "commits": ", ".join(commits[-3:]) + (f" and {len(commits) - 3} before" if len(commits) > 3 else ""),
            "code": "changed since" if changed else "unchanged",
            "device": ", ".join(made[f"{_MADE}device"].unique()),
            "last": made[f"{_MADE}date"].max()[:10],
        }
    return pd.DataFrame.from_dict(lines, orient="index")
