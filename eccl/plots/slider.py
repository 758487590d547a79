"""A heart to turn: a slider over pictures made beforehand, which moves ECG and cine together, without the network."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eccl.plots.moving import EVERY, data_url, painted, webp
from eccl.records import ECG, LEADS, Cine

SHOWN = ("II", "V2", "V5")
SECONDS = 4.0
MILLIMETRE = 4  # pixels of the ECG's paper
SPEED, GAIN = 25.0, 10.0  # mm/s, mm/mV
PITCH = 30.0  # mm between the traces
PIXELS = 120  # of the side of a cine, of 80 pixels itself; the browser enlarges it

STYLE = """
.heart-slider {max-width: 46rem}
.heart-slider .views {display: flex; flex-wrap: wrap; gap: 0.6rem; align-items: flex-start}
.heart-slider .ecg {flex: 1 1 24rem; min-width: 0; max-width: 100%; height: auto; background: #fff7f5}
.heart-slider .cine {width: 13.75rem; image-rendering: auto; background: #000}
.heart-slider label {display: grid; grid-template-columns: 15rem 1fr 5rem; gap: 0.6rem; align-items: center}
.heart-slider .step {display: none}
.heart-slider .step.shown {display: block}
@media (max-width: 40rem) {.heart-slider label {grid-template-columns: 1fr 4rem}
  .heart-slider label span {grid-column: 1 / -1}}
"""
SCRIPT = """
(function () {
  const root = document.currentScript.closest('.heart-slider');
  const sliders = Array.from(root.querySelectorAll('input'));
  const show = function (moved) {
    sliders.forEach(function (one) {
      if (one !== moved) { one.value = one.dataset.start; }
      one.nextElementSibling.textContent = one.dataset.values.split(' ')[one.value];
    });
    const wanted = moved.dataset.part + '-' + moved.value;
    root.querySelectorAll('.step').forEach(function (step) {
      step.classList.toggle('shown', step.dataset.step === wanted);
    });
  };
  sliders.forEach(function (one) {
    one.disabled = false;
    one.addEventListener('input', function () { show(one); });
  });
})();
"""


@dataclass(frozen=True, eq=False)
class HeartSlider:
    """What a notebook shows: the sliders, and one step of pictures at a time; without scripts the first step stands."""

    markup: str

    def _repr_html_(self) -> str:
        return self.markup

    def __repr__(self) -> str:
        return "HeartSlider: to be seen in a browser"


def heart_slider(steps: Mapping[str, Sequence[tuple[float, ECG, Cine]]], start: Mapping[str, int]) -> HeartSlider:
    """A slider for each part of a heart; moving one sets the others back to where they start.

    Parameters
    ----------
    steps : mapping of str to sequence of (value, ECG, Cine)
        Of each part, both views at each of its values.
    start : mapping of str to int
        Which step of each part is the heart as it is.
    """
    rows, views = [], []
    for number, (part, values) in enumerate(steps.items()):
        first, shown = start[part], " ".join(f"{value:g}" for value, _, _ in values)
        name = html.escape(part)
        rows.append(
            f'<label><span>{name}</span><input type="range" min="0" max="{len(values) - 1}" value="{first}" disabled '
            f'data-part="{number}" data-start="{first}" data-values="{shown}" aria-label="{name}">'
            f"<output>{values[first][0]:g}</output></label>"
        )
        for place, (value, ecg, cine) in enumerate(values):
            said = html.escape(f"{part} {value:g}")
            chosen = " shown" if number == 0 and place == first else ""
            views.append(
                f'<div class="step{chosen}" data-step="{number}-{place}"><div class="views">{_strips(ecg, said)}'
                f'<img class="cine" alt="cine of the simulated heart, {said}" src="{_moving(cine)}"></div></div>'
            )
    inside = "".join([f"<style>{STYLE}</style>", *views, *rows, f"<script>{SCRIPT}</script>"])
    return HeartSlider(f'<div class="heart-slider">{inside}</div>')


def _strips(ecg: ECG, said: str) -> str:
    """Three leads on millimetre paper as a drawing that is sharp at any size."""
    samples = round(min(SECONDS, ecg.duration) * ecg.sampling_rate)
    step = max(1, round(ecg.sampling_rate / 250))  # 250 points a second are more than a screen shows
    x = SPEED * np.arange(0, samples, step) / ecg.sampling_rate + 8.0
    width, height = SPEED * SECONDS + 10.0, PITCH * len(SHOWN) + 4.0
    parts = []
    for row, lead in enumerate(SHOWN):
        trace = ecg.signal[LEADS.index(lead), :samples]
        y = PITCH * (row + 0.65) - GAIN * (trace[::step] - np.median(trace))
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y))
        parts.append(f'<polyline points="{points}" fill="none" stroke="#222" stroke-width="0.35"/>')
        parts.append(f'<text x="1" y="{PITCH * (row + 0.65) + 1:.1f}" font-size="4.2" fill="#222">{lead}</text>')
    lines = [f"M{k} 0V{height:g}" for k in range(0, round(width) + 1, 5)]
    lines += [f"M0 {k}H{width:g}" for k in range(0, round(height) + 1, 5)]
    paper = f'<path d="{"".join(lines)}" stroke="#f0c4bc" stroke-width="0.2" fill="none"/>'
    return (
        f'<svg class="ecg" viewBox="0 0 {width:g} {height:g}" width="{width * MILLIMETRE:g}" role="img" '
        f'aria-label="ECG of the simulated heart, leads {", ".join(SHOWN)}, {said}">{paper}{"".join(parts)}</svg>'
    )


def _moving(cine: Cine) -> str:
    """The beat as a looping animation, an address that holds it."""
    return data_url(webp(painted(cine, pixels=PIXELS)[..., 0], round(EVERY * cine.frame_interval), quality=45))
