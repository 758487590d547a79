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
from eccl.simulate.chambers import draw_chambers
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
from eccl.traits import DIAGNOSES


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
    def diagnoses(self) -> np.ndarray:
        """True diagnoses (4,) in the order of `eccl.traits.DIAGNOSIS_NAMES`: I21, I42, I48, I50."""
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
    chambers = draw_chambers(person, illness, rng)
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


def coded_diagnoses(heart: Heart, config: SimulationConfig, rng: np.random.Generator) -> np.ndarray:
    """Diagnoses as coded (4,) int8: true ones of which some were missed, and some false ones."""
    chance = rng.random(4)
    return np.where(heart.diagnoses, chance >= config.missed_codes, chance < config.false_codes).astype(np.int8)


def coded_prevalence(config: SimulationConfig, people: int = 4000) -> dict[str, float]:
    """How frequent each code is among so many people of a simulation, by code; no recording of them is made."""
    codes = []
    for participant in range(people):
        generators = participant_generators(config.seed, participant)
        codes.append(coded_diagnoses(draw_heart(config, generators.heart), config, generators.codes))
    return dict(zip(DIAGNOSES, np.mean(codes, axis=0).tolist()))


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
