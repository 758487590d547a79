"""What there is to see of one person's ECG or cine: on paper, by a ruler, by the model, beside simulated hearts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eccl.data.measure.ecg import MEASUREMENTS, measure_ecg
from eccl.display import drawn, figure
from eccl.files import replacing
from eccl.records import ECG, Cine, DataError
from eccl.share.gallery import Gallery, Neighbour
from eccl.share.predict import Model
from eccl.share.prediction import OTHERWISE, SIMULATED, Prediction
from eccl.share.recordings import read_recording

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from eccl.metrics import Estimate

RULED = ("heart_rate_bpm", "pr_ms", "qrs_duration_ms", "qtc_ms")  # of the classical measurements, what is read first
FRAMES = 5  # of each cine, over the beat
RED = "#b3001b"
PLOTTED = {"paper": "clinic_ecg", "cines": "cine_montage"}  # the functions of `eccl.plots`, by the picture's name


@dataclass(frozen=True, eq=False)
class Description:
    """One person's ECG, cine, or both, as a notebook shows them; `describe` makes it.

    Attributes
    ----------
    ecg, cine : ECG and Cine, or None
        What was given.
    measured : DataFrame
        What a clinic reads first, by its name: value and unit; nan where it has no meaning, as PR without P waves.
    prediction : Prediction or None
        Traits and diagnoses of the ECG; None without one, or if it was refused.
    refusal : str
        Why the model says nothing of this ECG, and what to do; empty if it does.
    hearts : tuple of Neighbour
        The simulated hearts nearest to the ECG, the nearest first.
    recall : Estimate or None
        How often the own heart is among as many, for simulated people.
    simulated : bool
        Whether the model has learnt from simulated hearts.
    """

    ecg: ECG | None
    cine: Cine | None
    measured: pd.DataFrame
    prediction: Prediction | None
    refusal: str
    hearts: tuple[Neighbour, ...]
    recall: Estimate | None
    simulated: bool

    @property
    def warning(self) -> str:
        """What all this is not for."""
        return SIMULATED if self.simulated else OTHERWISE

    @property
    def title(self) -> str:
        """Name of the file or files; where they lie is nobody's business on a page."""
        names = [Path(each.source).name for each in (self.ecg, self.cine) if each is not None and each.source]
        return " and ".join(names) or "one's own recording"

    def figures(self) -> dict[str, Figure]:
        """The pictures by name: "paper", the ECG; "cines", the own cine and the nearest simulated hearts."""
        return {name: drawn(PLOTTED[name], *arguments) for name, arguments in self._drawn().items()}

    def save(self, path: Path | str) -> Path:
        """The path of one HTML page that shows all of it, and needs nothing else.

        Raises
        ------
        DataError
            If the folder cannot be written.
        """
        with replacing(path) as beside:
            head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(self.title)}</title>'
            beside.write_text(f"{head}<body>{self._repr_html_()}</body></html>\n", encoding="utf-8")
        return Path(path)

    def __repr__(self) -> str:
        lines = [f"Description of {self.title}", self.warning, ""]
        lines += [f"{name:29}{_number(row.value):>14}  {row.unit}" for name, row in self.measured.iterrows()]
        if self.refusal:
            lines += ["", f"Refused by the model: {self.refusal}"]
        if self.prediction is not None:
            lines += ["", repr(self.prediction)]
        if self.hearts:
            near = ", ".join(f"{each.participant_id} (cosine {each.similarity:.2f})" for each in self.hearts)
            lines += ["", f"Nearest simulated hearts: {near}", self._worth()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        red = f'style="color: {RED}; font-weight: bold"'
        parts = [f"<p><b>{escape(self.title)}</b><br><span {red}>{escape(self.warning)}</span></p>"]
        pictures = self._drawn()
        if "paper" in pictures:
            parts.append(figure("clinic_ecg", *pictures["paper"], caption="The ECG as a clinic prints it"))
        table = self.measured.assign(value=[_number(value) for value in self.measured["value"]])
        parts.append(table.to_html(border=0))
        if self.refusal:
            parts.append(f"<p {red}>Refused by the model: {escape(self.refusal)}</p>")
        if self.prediction is not None:
            parts.append(self.prediction._repr_html_())
        if "cines" in pictures:
            parts.append(figure("cine_montage", *pictures["cines"], caption=self._worth() or "The cine over its beat"))
        return "\n".join(parts)

    def _drawn(self) -> dict[str, tuple]:
        """What each picture is drawn of."""
        rows = {} if self.cine is None else {"own cine": self.cine}
        rows |= {f"{each.participant_id}, cosine {each.similarity:.2f}": each.cine for each in self.hearts}
        pictures = {} if self.ecg is None else {"paper": (self.ecg,)}
        return pictures | ({"cines": (list(rows.values()), list(rows), FRAMES)} if rows else {})

    def _worth(self) -> str:
        """What the nearest hearts are worth, where there are any."""
        if self.recall is None:
            return ""
        share, count = f"{100 * self.recall.value:.0f} in 100", len(self.hearts)
        between = f"{100 * self.recall.low:.0f} to {100 * self.recall.high:.0f}"
        return (
            f"The {count} of {self.recall.n} simulated hearts that the model lays nearest to the ECG. Of simulated "
            f"people, {share} ({between}) have their own heart among the nearest {count}; a real person's is none of "
            "them."
        )


def describe(
    model: Model,
    recording: ECG | Cine | Path | str,
    cine: Cine | Path | str | None = None,
    gallery: Gallery | None = None,
    count: int = 3,
) -> Description:
    """An ECG, a cine, or both, with what the model says of the ECG, or in words why it says nothing.

    Parameters
    ----------
    model : Model
    recording : ECG, Cine or path
        A path is read by `eccl.share.recordings.read_recording`.
    cine : Cine or path, optional
        Of the same person. It is shown; the model reads the ECG alone.
    gallery : Gallery, optional
        Whose hearts are laid beside the ECG.
    count : int
        How many of them.

    Raises
    ------
    DataError
        If a file cannot be read.
    TypeError
        If what is given is neither an ECG nor a cine, or two of a kind.
    """
    given = [each for each in (recording, cine) if each is not None]
    read = [read_recording(each) if isinstance(each, (str, Path)) else each for each in given]
    ecgs, cines = ([each for each in read if isinstance(each, kind)] for kind in (ECG, Cine))
    if len(ecgs) + len(cines) != len(read) or max(len(ecgs), len(cines)) > 1:
        kinds = " and ".join(type(each).__name__ for each in read)
        raise TypeError(f"describe takes one ECG, one cine, or one of each, as records or as paths; got {kinds}")
    ecg, image = (next(iter(found), None) for found in (ecgs, cines))
    prediction, refusal, hearts = None, "", ()
    if ecg is not None:
        try:
            prediction = model.predict(ecg)
        except DataError as refused:
            refusal = f"{refused.problem}. Remedy: {refused.remedy}."
    if prediction is not None and gallery is not None:
        hearts = tuple(gallery.nearest(model.embed(ecg)[0], count))
    recall = gallery.recall(len(hearts)) if hearts else None
    simulated = model.description["simulated"]
    return Description(ecg, image, _measured(ecg, image), prediction, refusal, hearts, recall, simulated)


def _measured(ecg: ECG | None, cine: Cine | None) -> pd.DataFrame:
    """Rate, intervals and axis of the ECG, and the rate of the cine."""
    import pandas as pd

    rows: dict[str, tuple[float, str]] = {}
    if ecg is not None:
        values = measure_ecg(ecg)
        rows |= {item.label: (values[item.name], item.unit) for item in MEASUREMENTS if item.name in RULED}
        rows["frontal QRS axis"] = (_axis(values), "degrees")
    if cine is not None:
        moves = np.ptp(cine.frames, axis=0).any()  # the beat of a still is nominal
        rows["heart rate of the cine"] = (
            60_000 / (len(cine.frames) * cine.frame_interval) if moves else np.nan,
            "/min",
        )
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "unit"])


def _axis(values: Mapping[str, float]) -> float:
    return float(np.degrees(np.arctan2(values["axis_sin"], values["axis_cos"])))


def _number(value: float) -> str:
    return "not measurable" if np.isnan(value) else f"{value:.0f}"
