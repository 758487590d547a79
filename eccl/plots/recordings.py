"""Figures of recordings: the ECG on millimetre paper, the ECG that a model reconstructs, the cine as rows of frames."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from eccl.data.measure.ecg import measure_ecg
from eccl.data.standard.intensity import PERCENTILES
from eccl.plots.style import GRID, INK, WIDTH, colour_of, legend_above, new_figure, style
from eccl.records import ECG, LEADS, SAMPLING_RATE, Cine

SPEED = 25.0  # mm/s
GAIN = 10.0  # mm/mV
INCH = 25.4  # mm
PIXELS = 8  # of one millimetre of paper: twice what a screen's column shows
PULSE = 10.0  # mm to the left of the traces, for the calibration pulse of 1 mV and 200 ms
PULSE_X = np.array([-9.0, -7.5, -7.5, -2.5, -2.5, -1.0])  # mm
PULSE_Y = GAIN * np.array([0.0, 0.0, 1.0, 1.0, 0.0, 0.0])  # mm
PAPER = {"face": "#fff7f5", "fine": "#fae1dc", "coarse": "#eeb0a6"}
NAME_SIZE, BESIDE_SIZE = 12.5, 11.5  # points, of lead names and of what stands at the edges
LETTER = np.array([3.3, 4.8])  # mm, width and height of a letter of a lead's name, at most
CLINIC_ROWS = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))


def clinic_ecg(ecg: ECG, title: str | None = None) -> Figure:
    """The ECG as a clinic prints it: 3 rows of 4 leads, 2.5 s each, and lead II for 10 s, on millimetre paper.

    One unit of both axes is one millimetre of paper, at 25 mm/s and 10 mm/mV, and one of the figure too: saved as
    PDF or SVG and printed at 100 %, a ruler can measure it. Time runs on across a row. Each lead is drawn about its
    own median, its shape and size untouched by any filter. Above stand rate, intervals and axis as `measure_ecg`
    takes them, with a dash for what has no meaning, as PR in fibrillation.

    Parameters
    ----------
    ecg : ECG
        Of which the first 10 s are drawn.
    title : str, optional
        Above the paper.
    """
    samples = round(min(ecg.duration, 10.0) * ecg.sampling_rate)
    signal = GAIN * (ecg.signal[:, :samples] - np.median(ecg.signal[:, :samples], axis=1, keepdims=True))
    x = SPEED * np.arange(samples) / ecg.sampling_rate
    rows = [_row(signal, names) for names in CLINIC_ROWS] + [signal[LEADS.index("II")]]
    offsets = _offsets(rows)
    right = 2.0 + SPEED * samples / ecg.sampling_rate
    bottom = 5.0 * np.floor((offsets[-1] + min(rows[-1].min(), -5.0) - 8.0) / 5.0)
    traces = [(x, offset + row) for offset, row in zip(offsets, rows)]
    above = [_free(traces, x[part.start], 0.0, len(name)) for part, name in zip(_parts(samples, 4), CLINIC_ROWS[0])]
    highest = max(middle + LETTER[1] / 2 for _, middle in above)
    top = 5.0 * np.ceil(max(rows[0].max() + 3.0, GAIN + 3.0, highest + 1.0) / 5.0)
    with style():
        paper = _paper(right, bottom, top, title, _measured(ecg))
        for trace, offset, names in zip(traces, offsets, (*CLINIC_ROWS, ("II",))):
            paper.plot(PULSE_X, offset + PULSE_Y, color=INK, linewidth=1.2, solid_joinstyle="miter")
            for part, name in zip(_parts(samples, len(names)), names):
                start = x[part.start]
                paper.plot(x[part], trace[1][part], color=INK, linewidth=1.0, label=name)
                place = _free(traces, start, offset, len(name))
                paper.text(*place, name, fontsize=NAME_SIZE, fontweight="bold", va="center", zorder=1.5)
                if part.start:
                    paper.plot([start, start], [offset - 3.0, offset + 3.0], color=INK, linewidth=0.9)
        terms = f"25 mm/s   10 mm/mV   filter: none added, {ecg.sampling_rate:g} Hz"
        paper.text(right - 2.0, bottom + 1.5, terms, fontsize=BESIDE_SIZE, ha="right", va="bottom")
    return paper.figure


def _measured(ecg: ECG) -> str:
    """Rate, intervals and axis in one line, as a recorder prints them; a dash where there is none."""
    values = measure_ecg(ecg)
    axis = np.rad2deg(np.arctan2(values["axis_sin"], values["axis_cos"]))
    named = {
        "HR {}/min": values["heart_rate_bpm"],
        "PR {} ms": values["pr_ms"],
        "QRS {} ms": values["qrs_duration_ms"],
        "QTc {} ms (Fridericia)": values["qtc_ms"],
        "axis {}\N{DEGREE SIGN}": axis,
    }
    return "   ".join(text.format("\N{EN DASH}" if np.isnan(value) else round(value)) for text, value in named.items())


def _free(
    traces: Sequence[tuple[np.ndarray, np.ndarray]], start: float, offset: float, letters: int
) -> tuple[float, float]:
    """Where a lead's name stands near the start of its trace, its left end and its middle in mm, clear of every trace.

    Where the traces leave no room, the place with the most.
    """
    width, height = LETTER * (letters, 1)
    nearest = sorted(product(np.arange(1.2, 25.0, 1.6), (8.0, 6.0, 10.0, 12.0, 14.0, -7.0, -10.0)), key=_away)
    best, most = (start + 1.2, offset + 8.0), -np.inf
    for along, up in nearest:
        left, middle = start + along, offset + up
        near = [y[(x >= left - 0.8) & (x <= left + width + 0.8)] for x, y in traces]
        gaps = [max(y.min() - middle, middle - y.max()) for y in near if len(y)]
        room = min(gaps, default=np.inf) - height / 2
        if room > 0.5:
            return left, middle
        if room > most:
            best, most = (left, middle), room
    return best


def _away(place: tuple[float, float]) -> float:
    """How far a place is from where a lead's name is looked for, above the start of its trace."""
    along, up = place
    return along + 0.7 * abs(up - 8.0)


def _paper(right: float, bottom: float, top: float, title: str | None, beside: str) -> Axes:
    """Axes in millimetres that look like ECG paper, from `-PULSE` to `right` and from `bottom` to `top`."""
    width, height = right + PULSE, top - bottom
    above = 15.0 if title else 7.0
    figure, _ = new_figure(1.0, dpi=PIXELS * INCH)
    figure.clear()
    figure.set_layout_engine("none")
    figure.set_size_inches(width / INCH, (height + above) / INCH)
    paper = figure.add_axes((0.0, 0.0, 1.0, height / (height + above)))
    paper.set(xlim=(-PULSE, right), ylim=(bottom, top), facecolor=PAPER["face"])
    paper.set(xticks=[], yticks=[])
    for step, colour, weight in ((1.0, PAPER["fine"], 0.5), (5.0, PAPER["coarse"], 0.7)):
        columns = step * np.arange(np.ceil(-PULSE / step), np.floor(right / step) + 1)
        rows = step * np.arange(np.ceil(bottom / step), np.floor(top / step) + 1)
        paper.vlines(columns, bottom, top, color=colour, linewidth=weight, zorder=1, snap=True)
        paper.hlines(rows, -PULSE, right, color=colour, linewidth=weight, zorder=1, snap=True)
    for spine in paper.spines.values():
        spine.set(visible=True, color=PAPER["coarse"], linewidth=1.2)
    paper.text(-PULSE, top + 2.0, beside, fontsize=BESIDE_SIZE, va="bottom")
    if title:
        paper.text(-PULSE, top + 8.5, title, fontsize=14, va="bottom")
    return paper


def _parts(samples: int, count: int) -> list[slice]:
    """Equal parts of a recording, one after the other; the last takes what is left over."""
    bounds = [samples // count * part for part in range(count)] + [samples]
    return [slice(*ends) for ends in pairwise(bounds)]


def _row(signal: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Parts of several leads, one after the other in running time."""
    parts = _parts(signal.shape[1], len(names))
    return np.concatenate([signal[LEADS.index(name), part] for name, part in zip(names, parts)])


def _offsets(rows: Sequence[np.ndarray], least: float = 25.0, most: float = 45.0) -> np.ndarray:
    """Height of each row's baseline in mm, on coarse lines, far enough apart that traces do not meet (to a limit)."""
    gaps = [
        np.clip(5 * np.ceil((-above.min() + max(below.max(), GAIN) + 2) / 5), least, most)
        for above, below in pairwise(rows)
    ]
    return -np.concatenate([[0.0], np.cumsum(gaps)])


def masked_ecg(
    signal: np.ndarray,
    reconstruction: np.ndarray,
    hidden: np.ndarray,
    leads: Sequence[str] = ("II", "V1", "V5"),
    seconds: float = 5.0,
    sampling_rate: float = SAMPLING_RATE,
) -> Figure:
    """An ECG, what a masked autoencoder was not shown of it (shaded), and what it reconstructs there.

    Parameters
    ----------
    signal : ndarray, shape (12, T)
        In mV.
    reconstruction, hidden : ndarray, shape (12, T')
        In mV, and of bool; of the same seconds, at any rate.
    leads : sequence of str
        The rows.
    seconds : float
        Shown from the start.
    sampling_rate : float
        Of the signal, in Hz.
    """
    inner_rate = sampling_rate * hidden.shape[1] / signal.shape[1]
    time, inner_time = (np.arange(round(seconds * rate)) / rate for rate in (sampling_rate, inner_rate))
    time, inner_time = time[: signal.shape[1]], inner_time[: hidden.shape[1]]
    with style():
        figure, axes = new_figure(0.6 + 1.25 * len(leads), len(leads), 1, sharex=True)
        for panel, name in zip(axes[:, 0], leads):
            lead = LEADS.index(name)
            shown, gaps = signal[lead, : len(time)], hidden[lead, : len(inner_time)]
            guess = np.where(gaps, reconstruction[lead, : len(gaps)], np.nan)
            low, high = min(shown.min(), np.nanmin(guess, initial=0)), max(shown.max(), np.nanmax(guess, initial=0))
            room = 0.08 * (high - low)
            panel.fill_between(inner_time, low - room, high + room, gaps, color=GRID, linewidth=0, label="hidden")
            panel.plot(time, shown, color=INK, linewidth=0.8, label="ECG")
            panel.plot(inner_time, guess, color=colour_of("masked_autoencoder"), linewidth=1.5, label="reconstruction")
            panel.set(ylabel=f"{name} (mV)", xlim=(0, len(time) / sampling_rate), ylim=(low - room, high + room))
        axes[-1, 0].set_xlabel("time (s)")
        legend_above(figure, axes[0, 0])
    return figure


def cine_montage(
    cines: Cine | Sequence[Cine],
    labels: Sequence[str] | str = "",
    frames: int | Sequence[int] = 8,
    scale: float = 20.0,
) -> Figure:
    """Frames of one or more cines, one row each, with the time after the R peak and a scale bar.

    Parameters
    ----------
    cines : Cine or sequence of Cine
    labels : str or sequence of str
        Name of each row.
    frames : int or sequence of int
        How many frames, evenly spaced over the beat from the first; or which.
    scale : float
        Length of the bar, mm.

    Notes
    -----
    A row has one grey window, that which `scale_intensity` makes of all its frames: brightness compares along it.
    """
    cines = [cines] if isinstance(cines, Cine) else list(cines)
    labels = [labels] if isinstance(labels, str) else list(labels)
    if len(labels) != len(cines):
        raise ValueError(f"{len(cines)} cines and {len(labels)} labels")
    count = frames if isinstance(frames, int) else len(frames)
    wrapped = [textwrap.fill(label, 15) for label in labels]
    with style():
        margin = max((0.15 * (1 + label.count("\n")) for label in wrapped if label), default=0.0)
        cell = min((WIDTH - margin) / count, 2.6)
        heights = [cell * c.frames.shape[1] * c.spacing[0] / (c.frames.shape[2] * c.spacing[1]) + 0.22 for c in cines]
        width, grid = margin + cell * count, {"height_ratios": heights}
        figure, axes = new_figure(sum(heights), len(cines), count, width, pictures=True, gridspec_kw=grid)
        figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.01)
        for row, cine, label in zip(axes, cines, wrapped):
            evenly = np.arange(count) * len(cine.frames) // count
            shown = evenly if isinstance(frames, int) else frames
            low, high = np.percentile(cine.frames, PERCENTILES)
            height, width = (size * mm for size, mm in zip(cine.frames.shape[1:], cine.spacing))
            for cell_axes, frame in zip(row, shown):
                cell_axes.imshow(
                    cine.frames[frame],
                    cmap="gray",
                    vmin=low,
                    vmax=max(high, low + 1e-6),
                    extent=(0, width, height, 0),
                    interpolation="bicubic",
                )
                cell_axes.set_title(f"{frame * cine.frame_interval:.0f} ms", fontsize=8, pad=2, loc="center")
                cell_axes.set(xticks=[], yticks=[])
                for spine in cell_axes.spines.values():
                    spine.set_visible(False)
            x, y = 0.06 * width, 0.94 * height
            edge = [withStroke(linewidth=3, foreground="black")]  # blood and fat are as bright as the bar
            row[0].plot([x, x + scale], [y, y], color="white", linewidth=2, solid_capstyle="butt", path_effects=edge)
            place = (x, y - 0.03 * height)
            row[0].text(*place, f"{scale:.0f} mm", color="white", fontsize=8, va="bottom", path_effects=edge)
            row[0].set_ylabel(label, fontsize=8.5)
    return figure
