"""Volumes, mass, filling and rate of one heart: as if healthy, then shifted by each disease according to its severity.

Means and spreads are the reference values of `population.py`; the size of a shift is chosen so that mild disease lies
within the range of the healthy and severe disease where the clinic sees it.
"""

from __future__ import annotations

import numpy as np

from eccl.simulate.population import REFERENCES, Illness, Person, lognormal


def draw_chambers(person: Person, illness: Illness, rng: np.random.Generator) -> dict[str, float]:
    """Volumes, mass, filling and rate: healthy values by the reference, then each disease's shift by its severity."""
    z = np.clip(rng.standard_normal(12), -3, 3)
    # healthy correlations: body size 0.55 with EDV; EDV 0.6 with mass and 0.4 with the atria
    z_edv = 0.55 * person.z_size - 0.12 * person.z_age + 0.82 * z[0]
    z_mass = 0.55 * z_edv + 0.25 * person.z_systolic + 0.15 * person.z_bmi + 0.73 * z[1]
    z_ef = -0.1 * z_edv + 0.995 * z[2]
    edv, sv, mass, healthy_sv = _left_ventricle(person, illness, z_edv, z_ef, z_mass)
    rv_edv, rv_sv = _right_ventricle(person, illness, sv, healthy_sv, z[5:7])
    return {
        "lv_edv": edv,
        "lv_esv": edv - sv,
        "lv_mass": mass,
        "rv_edv": rv_edv,
        "rv_esv": rv_edv - rv_sv,
        **_atria(person, illness, z_edv, z[[3, 4, 7, 8]]),
        "diastolic_function": _relaxation(person, illness, z[9]),
        "heart_rate": _rate(person, illness, sv, z[10:12]),
    }


def _left_ventricle(
    person: Person, illness: Illness, z_edv: float, z_ef: float, z_mass: float
) -> tuple[float, float, float, float]:
    """EDV, stroke volume, mass, and the stroke volume without disease; ml and g."""
    reference = REFERENCES[person.sex]
    _, myopathy, _, failure = illness.severity
    edv = lognormal(reference.lv_edv, z_edv)
    ef = reference.lv_ef[0] + reference.lv_ef[1] * z_ef
    healthy_sv = edv * ef / 100
    mass = lognormal(reference.lv_mass, z_mass)

    scarred = illness.scar.mean()
    growth, thickening = 0.7 * scarred, 0.1 * scarred  # of log EDV and log mass
    ef *= 1 - 0.95 * scarred
    if illness.cardiomyopathy == "dilated":
        growth += 0.12 + 0.42 * myopathy
        thickening += 0.1 + 0.28 * myopathy
        ef -= 5 + 26 * myopathy
    if illness.cardiomyopathy == "hypertrophic":
        growth -= 0.08 + 0.15 * myopathy
        thickening += 0.2 + 0.5 * myopathy
        ef += 6 * myopathy
    if illness.failure == "reduced":
        growth += 0.05 + 0.2 * failure
        thickening += 0.08
        ef -= 4 + 14 * failure
    if illness.failure == "preserved":
        growth -= 0.06
        thickening += 0.04 + 0.18 * failure
    ef = np.clip(ef - 3 * illness.in_fibrillation, 14, 80)
    edv *= np.exp(growth)
    return float(edv), float(edv * ef / 100), float(mass * np.exp(thickening)), healthy_sv


def _mean_stroke_volume(sex: int) -> float:
    return REFERENCES[sex].lv_edv[0] * REFERENCES[sex].lv_ef[0] / 100


def _right_ventricle(
    person: Person, illness: Illness, sv: float, healthy_sv: float, z: np.ndarray
) -> tuple[float, float]:
    """EDV and stroke volume in ml. Both ventricles eject the same, so r = 0.82 gives the reference's ESV."""
    reference = REFERENCES[person.sex]
    spread = np.hypot(reference.lv_edv[1] / reference.lv_edv[0], reference.lv_ef[1] / reference.lv_ef[0])
    z_sv = np.log(healthy_sv / _mean_stroke_volume(person.sex)) / spread + spread / 2
    edv = lognormal(reference.rv_edv, 0.82 * z_sv + 0.57 * z[0])
    _, myopathy, fibrillation, failure = illness.severity
    growth = 0.25 * myopathy * (illness.cardiomyopathy == "dilated") + 0.08 * fibrillation
    growth += {"": 0.0, "reduced": 0.12, "preserved": 0.1}[illness.failure] * failure
    edv *= float(np.exp(growth))
    return edv, float(np.clip(sv * np.exp(0.05 * z[1]), 0.15 * edv, 0.75 * edv))


def _atria(person: Person, illness: Illness, z_edv: float, z: np.ndarray) -> dict[str, float]:
    """Volumes in ml: atria grow and empty less when a ventricle fills poorly, and when they fibrillate."""
    reference = REFERENCES[person.sex]
    z_left = 0.4 * z_edv + 0.15 * person.z_age + 0.9 * z[0]
    z_right = 0.3 * z_edv + 0.35 * z_left + 0.84 * z[1]
    infarct, myopathy, fibrillation, failure = illness.severity
    load = 0.25 * infarct * illness.scar.mean()
    load += {"": 0.0, "dilated": 0.1, "hypertrophic": 0.22 * myopathy}[illness.cardiomyopathy]
    load += {"": 0.0, "reduced": 0.3 * failure, "preserved": 0.12 + 0.25 * failure}[illness.failure]
    left = lognormal(reference.la_max, z_left) * np.exp(load + 0.45 * fibrillation)
    right = lognormal(reference.ra_max, z_right) * np.exp(0.5 * load + 0.42 * fibrillation)
    lost = 14 * load + 9 * fibrillation  # points of EF
    still = 0.5 if illness.in_fibrillation else 1.0  # without atrial contraction only the conduit emptying is left
    left_ef = np.clip((reference.la_ef[0] + reference.la_ef[1] * z[2] - lost) * still, 8, 82)
    right_ef = np.clip((reference.ra_ef[0] + reference.ra_ef[1] * z[3] - lost) * still, 8, 80)
    return {
        "la_max": float(left),
        "la_min": float(left * (1 - left_ef / 100)),
        "ra_max": float(right),
        "ra_min": float(right * (1 - right_ef / 100)),
    }


def _relaxation(person: Person, illness: Illness, z: float) -> float:
    """Diastolic function, 1 brisk to 0: worse with age, pressure, hypertrophy, scar and failure."""
    value = 0.72 - 0.09 * person.z_age - 0.03 * person.z_systolic + 0.1 * z
    value -= {"": 0.0, "dilated": 0.2, "hypertrophic": 0.3 * illness.severity[1]}[illness.cardiomyopathy]
    value -= {"": 0.0, "reduced": 0.15, "preserved": 0.38}[illness.failure] + 0.3 * illness.scar.mean()
    return float(np.clip(value, 0.05, 1))


def _rate(person: Person, illness: Illness, sv: float, z: np.ndarray) -> float:
    """Heart rate in bpm: cardiac output is kept, so a small stroke volume for the body goes with a fast rate."""
    mean, sd = REFERENCES[person.sex].heart_rate
    expected = _mean_stroke_volume(person.sex) * np.exp(0.085 * person.z_size)
    log_rate = np.log(mean) - 0.3 * np.log(sv / expected) + 0.92 * sd / mean * z[0]
    log_rate += {"": 0.0, "reduced": 0.06, "preserved": 0.04}[illness.failure]
    log_rate += illness.in_fibrillation * (0.18 + 0.1 * z[1])
    return float(np.clip(np.exp(log_rate), 40, 140))
