"""A run: the folder of one trained model with all that made it, named by the digest of its configuration and its data.

runs/<name>/
    config.json        every setting, the stage, the runs it starts from
    model.safetensors  the best weights
    history.csv        one row an epoch
    metrics.json       what the best epoch reached; written last, so its presence says that the run is complete
    provenance.json    code, versions, device, seed, data, date
    state.pt           where training stands, for resuming; removed on completion
"""

from __future__ import annotations

import csv
import json
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from eccl.cache import digest, home
from eccl.display import figure
from eccl.files import PARTIAL, locked, replacing, write_json
from eccl.records import DataError

if TYPE_CHECKING:
    import pandas as pd


def part_of(weights: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """Those weights whose names begin with a prefix, by their names without it."""
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


@dataclass(frozen=True)
class Run:
    """One training run on disk.

    Attributes
    ----------
    folder : Path
        Where its files are. It need not exist yet.
    """

    folder: Path

    @classmethod
    def open(cls, prefix: str, *parts: Any, root: Path | None = None) -> Run:
        """The run of a stage with these settings on these data, whether it has been trained or not.

        Parameters
        ----------
        prefix : str
            Readable beginning of the name, e.g. "mae-laptop".
        *parts
            Everything that influences the result: configs, seeds, data fingerprints, names of earlier runs.
        root : Path, optional
            Folder of all runs; default home()/"runs".
        """
        return cls((root or home() / "runs") / f"{prefix}-{digest(*parts)}")

    def __repr__(self) -> str:
        return f"Run({self.name}, {self._state()})"

    def _repr_html_(self) -> str:
        caption = f"{self.name}: {self._state()}"
        if not (self.folder / "history.csv").exists():
            return f"<p>{caption}</p>"
        return figure("training_history", self.history, caption=caption)

    def _state(self) -> str:
        """How far it is."""
        if not self.complete:
            return "not complete" if self.folder.exists() else "not trained"
        metrics = self.metrics
        best = metrics[metrics["chosen_by"]]
        chosen = metrics["chosen_by"].replace("_", " ")
        return f"complete: {chosen} {best:.3f} in epoch {metrics['epoch'] + 1} of {metrics['stopped_after']}"

    @property
    def name(self) -> str:
        """Name of the folder, which identifies the run."""
        return self.folder.name

    @property
    def complete(self) -> bool:
        """Whether training ended; metrics.json is written last."""
        return (self.folder / "metrics.json").exists()

    @property
    def config(self) -> dict[str, Any]:
        """Contents of config.json."""
        return self._read_json("config.json")

    @property
    def metrics(self) -> dict[str, Any]:
        """Contents of metrics.json."""
        return self._read_json("metrics.json")

    @property
    def provenance(self) -> dict[str, Any]:
        """Contents of provenance.json."""
        return self._read_json("provenance.json")

    @property
    def history(self) -> pd.DataFrame:
        """One row an epoch: epoch, train_loss, validation_loss, validation_score, learning_rate, seconds."""
        import pandas as pd

        try:
            return pd.read_csv(self.folder / "history.csv")
        except (OSError, ValueError) as error:
            raise self._damaged("history.csv", error) from error

    def load_model(self) -> dict[str, torch.Tensor]:
        """The best weights, on the CPU."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(self.folder / "model.safetensors")
        except (OSError, SafetensorError) as error:
            raise self._damaged("model.safetensors", error) from error

    def load_into(self, model: torch.nn.Module, prefix: str = "") -> torch.nn.Module:
        """The model with the best weights, or with those of them whose names begin with `prefix`.

        Raises
        ------
        DataError
            If the file is missing or damaged, or holds a model of another shape.
        """
        try:
            model.load_state_dict(part_of(self.load_model(), prefix))
        except RuntimeError as error:
            misfit = str(error).splitlines()[-1].strip()
            raise DataError(
                f"the weights do not fit a {type(model).__name__} of this config ({misfit})",
                source=self.folder / "model.safetensors",
                remedy="use the settings in the config.json beside it",
            ) from error
        return model

    def save_model(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Write the weights, all at once or not at all."""
        from safetensors.torch import save

        with replacing(self.folder / "model.safetensors") as path:
            path.write_bytes(save({name: value.detach().cpu().contiguous() for name, value in weights.items()}))

    def load_state(self) -> dict[str, Any] | None:
        """Where an interrupted training stands, on the CPU; None if there is nothing to resume."""
        path = self.folder / "state.pt"
        if not path.exists():
            return None
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise self._damaged("state.pt", error) from error

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Write where training stands: tensors, numbers, strings, lists and dicts only."""
        with replacing(self.folder / "state.pt") as path, path.open("wb") as file:
            try:
                torch.save(dict(state), file)
            except RuntimeError as error:  # torch's own end of the file hides why the disk did not take it
                if isinstance(error.__context__, OSError):
                    raise error.__context__ from None
                raise

    def save_json(self, file: str, content: Mapping[str, Any]) -> None:
        """Write one of the run's JSON files."""
        write_json(self.folder / file, content)

    def save_history(self, rows: list[dict[str, float]]) -> None:
        """Write history.csv, one row an epoch."""
        with replacing(self.folder / "history.csv") as path, path.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def finish(
        self,
        weights: Mapping[str, torch.Tensor],
        history: list[dict[str, float]],
        metrics: Mapping[str, Any],
        facts: Mapping[str, Any],
    ) -> None:
        """Write all that a complete run holds, metrics.json last, and remove the state."""
        self.save_model(weights)
        self.save_history(history)
        self.save_json("provenance.json", facts)
        self.save_json("metrics.json", metrics)
        for leftover in [self.folder / "state.pt", self.folder / "lock", *self.folder.glob(f"{PARTIAL}*")]:
            leftover.unlink(missing_ok=True)

    @contextmanager
    def lock(self, wait: bool = False) -> Iterator[None]:
        """Exclusive right to train this run, waited for or not; the system takes it back if the process dies.

        Raises
        ------
        DataError
            If another process is training the run and this one does not wait, or the folder cannot be written.
        """
        remedy = "wait until it ends, then call again: the finished run is read from the folder"
        with locked(self.folder, "another process is training this run", remedy, wait):
            yield

    def _read_json(self, file: str) -> dict[str, Any]:
        try:
            return json.loads((self.folder / file).read_text())
        except (OSError, ValueError) as error:
            raise self._damaged(file, error) from error

    def _damaged(self, file: str, error: Exception) -> DataError:
        remedy = f"delete the folder {self.name} and call the stage again"
        if isinstance(error, FileNotFoundError):
            return DataError("the file is missing", source=self.folder / file, remedy=f"{remedy}, or train it first")
        return DataError(f"the file cannot be read ({error})", source=self.folder / file, remedy=remedy)
