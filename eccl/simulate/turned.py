"""One heart turned in one part, and both its views by the same chances: what changes is what the part does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from eccl.config import SimulationConfig
from eccl.records import ECG, Cine
from eccl.simulate.cine import simulate_cine
from eccl.simulate.ecg import simulate_ecg
from eccl.simulate.electrical import electrical
from eccl.simulate.heart import Heart, draw_heart, participant_generators
from eccl.simulate.population import Illness

STEPS: dict[str, tuple[float, ...]] = {
    "LV mass (g)": (60.0, 85.0, 110.0, 150.0, 200.0),
    "ejection fraction (%)": (65.0, 55.0, 45.0, 35.0, 25.0),
    "anterior scar (share of its territory)": (0.0, 0.25, 0.5, 0.75, 1.0),
    "atrial fibrillation (0 no, 1 yes)": (0.0, 1.0),
}


def ordinary_heart(seed: int = SimulationConfig().seed) -> Heart:
    """The first healthy heart of a cohort's seed, in sinus rhythm and without a block."""
    number = 0
    while True:
        heart = draw_heart(SimulationConfig(), participant_generators(seed, number).heart)
        if not heart.diagnoses.any() and not heart.conduction:
            return heart
        number += 1


def turned(heart: Heart, part: str, value: float) -> Heart:
    """The heart with one part as stated, everything else as it was.

    Parameters
    ----------
    part : str
        Of `STEPS`.
    value : float
        In its unit.

    Raises
    ------
    ValueError
        If there is no such part.
    """
    mass, ejection, scar, rhythm = STEPS
    if part == mass:
        return replace(heart, lv_mass=value)
    if part == ejection:
        return replace(heart, lv_esv=heart.lv_edv * (1 - value / 100), heart_failure="reduced" if value < 50 else "")
    if part == scar:
        share = Illness("LAD" if value else "", value, "", False, False, "", np.zeros(4)).scar
        wall = heart.wall * (1 - 0.45 * share)  # as `eccl.simulate.heart` thins and stills an infarct's wall
        contraction = heart.contraction * np.clip(1 - 1.15 * share, 0, 1)
        territory = "LAD" if value else ""
        changes = {"scar": share, "wall": wall / wall.mean(), "contraction": contraction}
        return replace(heart, infarct_territory=territory, infarct_extent=value, **changes)
    if part == rhythm:
        rate = heart.heart_rate + 35 * value
        return replace(heart, fibrillation=bool(value), in_fibrillation=bool(value), heart_rate=rate)
    raise ValueError(f"no part is named {part!r}; there are {', '.join(STEPS)}")


def both_views(heart: Heart, seed: int) -> tuple[ECG, Cine]:
    """ECG and cine of a heart, by chances that are the seed's alone."""
    state = electrical(heart, 1.0, np.random.default_rng([seed, 0]))
    return simulate_ecg(state, np.random.default_rng([seed, 1])), simulate_cine(heart, np.random.default_rng([seed, 2]))


def telling_seed(heart: Heart) -> int:
    """The first seed by whose chances an old anterior infarct shows, as about half do, and conduction is as it was."""
    scarred, seed = turned(heart, list(STEPS)[2], 1.0), 0
    while True:
        state = electrical(scarred, 1.0, np.random.default_rng([seed, 0]))
        if state.q_anterior > 0.5 and state.t_inversion > 0.5 and not (state.lbbb or state.rbbb):
            return seed
        seed += 1


def every_step(heart: Heart, seed: int) -> dict[str, list[tuple[float, ECG, Cine]]]:
    """Both views of a heart at each value of each part of `STEPS`."""
    return {
        part: [(value, *both_views(turned(heart, part, value), seed)) for value in values]
        for part, values in STEPS.items()
    }
