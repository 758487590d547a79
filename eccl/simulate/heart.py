"""The latent heart: one person and one heart, from which both views are drawn.

The state has three parts. *Shared* state shows in the ECG and in the cine; *electrical* and *mechanical* nuisance
(drawn in `simulate/ecg.py` and `simulate/cine.py` from generators of their own) shows in one view only and is
independent, so what one view can say of the other is bounded.

Chambers are drawn as if healthy, with the means, spreads and correlations of the reference values in `population.py`,
and then shifted by each disease according to a severity of its own, so that mild disease overlaps with health: a
diagnosis is a latent state and not a threshold of a trait.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from eccl.config import SimulationConfig
from eccl.simulate.population import (
    MEAN_AGE,
    PREVALENCE,
    REFERENCES,
    Illness,
    Person,
    draw_illness,
    draw_person,
    lognormal,
)


@dataclass(frozen=True, eq=False)
class Heart:
    """One person's heart, in the units of the clinic. Arrays of 16 follow the AHA segments 1-16.

    Everything here is shared state: a link to the ECG exists for it, whose strength `SimulationConfig.coupling` scales.
    """

    # person
    age: float  # years
    sex: int  # 0 female, 1 male (UK Biobank field 31)
    height: float  # cm
    weight: float  # kg
    systolic: float  # mmHg
    diastolic: float  # mmHg
    # disease (truth, before the noise of coding)
    infarct_territory: str  # "", "LAD", "RCA" or "LCX"
    infarct_extent: float  # share of the territory's wall that is scar, 0-1
    cardiomyopathy: str  # "", "dilated" or "hypertrophic"
    fibrillation: bool  # a history of atrial fibrillation
    in_fibrillation: bool  # and present while recording
    heart_failure: str  # "", "reduced" or "preserved"
    # rhythm and conduction
    heart_rate: float  # bpm
    conduction: str  # "", "LBBB" or "RBBB"
    # chambers
    lv_edv: float  # ml
    lv_esv: float  # ml
    lv_mass: float  # g
    rv_edv: float  # ml
    rv_esv: float  # ml
    la_max: float  # ml
    la_min: float  # ml
    ra_max: float  # ml
    ra_min: float  # ml
    diastolic_function: float  # 1 brisk early filling .. 0 all by atrial kick
    wall: np.ndarray  # (16,) relative end-diastolic thickness, mean 1 (asymmetric septum in HCM, thin in scar)
    contraction: np.ndarray  # (16,) relative contraction, 1 normal, 0 akinetic
    scar: np.ndarray  # (16,) transmural share of scar, 0-1
    axis: float  # degrees: anatomical rotation of the heart in the chest, positive = more horizontal (leftward)
    # aorta
    aao_area: float  # mm2, ascending, diastolic
    dao_area: float  # mm2, descending, diastolic
    aao_distensibility: float  # 1e-3/mmHg
    dao_distensibility: float  # 1e-3/mmHg
    sphericity: float = 0.48  # end-diastolic short over long semi-axis of the LV cavity

    @property
    def bmi(self) -> float:
        """Body mass index, kg/m2."""
        return self.weight / (self.height / 100) ** 2

    @property
    def bsa(self) -> float:
        """Body surface area, m2 (Du Bois and Du Bois 1916)."""
        return 0.007184 * self.weight**0.425 * self.height**0.725

    @property
    def diseases(self) -> np.ndarray:
        """True diagnoses (4,) in the order of `eccl.traits.DISEASES`: I21, I42, I48, I50."""
        return np.array(
            [self.infarct_territory != "", self.cardiomyopathy != "", self.fibrillation, self.heart_failure != ""]
        )


class Generators(NamedTuple):
    """Independent random generators of one participant."""

    heart: np.random.Generator
    ecg: np.random.Generator
    cine: np.random.Generator
    codes: np.random.Generator


# Relative end-diastolic thickness of a healthy wall: septum and base thicker, apex thinner.
HEALTHY_WALL = np.array([1.05, 1.15, 1.13, 1.05, 0.99, 1.0, 0.97, 1.04, 1.07, 0.98, 0.94, 0.95, 0.9, 0.93, 0.9, 0.87])
# Where asymmetric hypertrophy thickens it: the septum, and a little of its neighbours.
SEPTUM = np.array([0.35, 1, 0.75, 0.1, 0, 0.05, 0.35, 1, 0.75, 0.1, 0, 0.05, 0.2, 0.6, 0.1, 0])


def participant_generators(seed: int, participant: int) -> Generators:
    """Four generators of one participant, the same whatever the cohort's size, order or number of workers."""
    streams = np.random.SeedSequence(seed, spawn_key=(participant,)).spawn(len(Generators._fields))
    return Generators(*(np.random.Generator(np.random.PCG64(stream)) for stream in streams))


def draw_heart(config: SimulationConfig, rng: np.random.Generator) -> Heart:
    """One person's heart, drawn from the stated distributions.

    Parameters
    ----------
    config : SimulationConfig
        Its `prevalence` is used: enriched or biobank.
    rng : Generator
        The participant's `Generators.heart`.

    Raises
    ------
    ValueError
        If `config.prevalence` is unknown.
    """
    if config.prevalence not in PREVALENCE:
        raise ValueError(f"prevalence {config.prevalence!r}; it is one of {', '.join(PREVALENCE)}")
    person = draw_person(rng)
    illness = draw_illness(person, PREVALENCE[config.prevalence], rng)
    chambers = _chambers(person, illness, rng)
    muscle = _muscle(illness, rng)
    return Heart(
        age=person.age,
        sex=person.sex,
        height=person.height,
        weight=person.weight,
        systolic=person.systolic,
        diastolic=person.diastolic,
        infarct_territory=illness.territory,
        infarct_extent=illness.extent,
        cardiomyopathy=illness.cardiomyopathy,
        fibrillation=illness.fibrillation,
        in_fibrillation=illness.in_fibrillation,
        heart_failure=illness.failure,
        conduction=_conduction(illness, rng),
        axis=_axis(person, chambers["lv_mass"], rng),
        **chambers,
        **muscle,
        **_aorta(person, rng),
    )


def coded_diseases(heart: Heart, config: SimulationConfig, rng: np.random.Generator) -> np.ndarray:
    """Diagnoses as coded (4,) int8: true ones of which some were missed, and some false ones."""
    chance = rng.random(4)
    return np.where(heart.diseases, chance >= config.missed_codes, chance < config.false_codes).astype(np.int8)


def _muscle(illness: Illness, rng: np.random.Generator) -> dict:
    """Thickness, contraction and scar of the 16 segments, and the shape of the cavity."""
    z_wall, z_contraction = rng.standard_normal((2, 16))
    z_sphericity = rng.standard_normal()
    scar = illness.scar
    wall = HEALTHY_WALL * np.exp(0.06 * z_wall)
    contraction = 1 + 0.08 * z_contraction - 0.08 * SEPTUM
    sphericity = 0.48 * np.exp(0.07 * z_sphericity)
    severity = illness.severity[1]
    if illness.cardiomyopathy == "hypertrophic":
        wall *= 1 + (0.35 + 0.8 * severity) * SEPTUM
        contraction -= (0.15 + 0.3 * severity) * SEPTUM
    if illness.cardiomyopathy == "dilated":
        sphericity *= 1 + 0.25 * severity
        contraction -= 0.25 * severity * SEPTUM
    wall *= 1 - 0.45 * scar  # thinned by remodelling
    contraction = np.clip(contraction, 0.3, None) * np.clip(1 - 1.15 * scar, 0, 1)
    return {
        "wall": wall / wall.mean(),
        "contraction": contraction,
        "scar": scar,
        "sphericity": float(np.clip(sphericity, 0.36, 0.75)),
    }


def _chambers(person: Person, illness: Illness, rng: np.random.Generator) -> dict[str, float]:
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
    """EDV and stroke volume in ml. Both ventricles eject the same; so a correlation of 0.82 gives the reference's ESV."""
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


def _conduction(illness: Illness, rng: np.random.Generator) -> str:
    left = 0.01 + 0.22 * (illness.cardiomyopathy == "dilated") + 0.14 * (illness.failure == "reduced")
    right = 0.03 + 0.03 * (illness.territory == "LAD")
    chance = rng.random()
    return "LBBB" if chance < left else "RBBB" if chance > 1 - right else ""


def _axis(person: Person, mass: float, rng: np.random.Generator) -> float:
    """A heavy body, age and hypertrophy lay the heart across the chest."""
    hypertrophy = np.log(mass / REFERENCES[person.sex].lv_mass[0])
    bmi = person.weight / (person.height / 100) ** 2
    return float(1.4 * (bmi - 26.6) + 0.4 * (person.age - MEAN_AGE) + 14 * hypertrophy + 11 * rng.standard_normal())


def _aorta(person: Person, rng: np.random.Generator) -> dict[str, float]:
    """Diastolic areas grow, and distensibility falls, with age and pressure."""
    reference = REFERENCES[person.sex]
    z = np.clip(rng.standard_normal(4), -3, 3)
    z_wide = 0.3 * person.z_size + 0.25 * person.z_age + 0.15 * person.z_systolic
    z_stiff = 0.5 * person.z_age + 0.25 * person.z_systolic
    return {
        "aao_area": lognormal(reference.aao_area, z_wide + 0.85 * z[0]),
        "dao_area": lognormal(reference.dao_area, z_wide + 0.5 * z[0] + 0.7 * z[1]),
        "aao_distensibility": lognormal((1.8, 0.9), 0.8 * z[2] - z_stiff),
        "dao_distensibility": lognormal((2.3, 0.9), 0.55 * z[2] + 0.58 * z[3] - z_stiff),
    }
