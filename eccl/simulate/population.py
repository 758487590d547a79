"""The people of the simulated cohort: body, blood pressure and disease, and the reference values of a healthy heart.

References
----------
Petersen et al., J Cardiovasc Magn Reson 2017;19:18 (chamber volumes and mass of UK Biobank adults without disease).
Cerqueira et al., Circulation 2002;105:539 (the AHA segments and their coronary territories).
Bai et al., Nat Med 2020;26:1654 (atrial and aortic measures in UK Biobank).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Reference(NamedTuple):
    """Mean and SD among adults of one sex without disease."""

    height: tuple[float, float]  # cm
    bmi: tuple[float, float]  # kg/m2
    lv_edv: tuple[float, float]  # ml
    lv_ef: tuple[float, float]  # %
    lv_mass: tuple[float, float]  # g
    rv_edv: tuple[float, float]  # ml
    la_max: tuple[float, float]  # ml
    la_ef: tuple[float, float]  # %
    ra_max: tuple[float, float]  # ml
    ra_ef: tuple[float, float]  # %
    heart_rate: tuple[float, float]  # bpm
    systolic: tuple[float, float]  # mmHg
    diastolic: tuple[float, float]  # mmHg
    aao_area: tuple[float, float]  # mm2
    dao_area: tuple[float, float]  # mm2


# LV, RV and atrial maxima: Petersen 2017, whose ESV follow from EDV and EF (RV: from its EDV and the LV stroke volume).
# Height and BMI: rounded from the UK Biobank imaging visit. Blood pressure and heart rate: near the same visit.
# Atrial EF and aortic areas: near the values by Bai et al., Nat Med 2020, rounded.
FEMALE = Reference(
    height=(163, 6.2), bmi=(26.2, 4.4), lv_edv=(124, 21), lv_ef=(60.7, 5.0), lv_mass=(70, 13), rv_edv=(130, 24),
    la_max=(62, 17), la_ef=(61, 8), ra_max=(69, 17), ra_ef=(50, 8), heart_rate=(66, 9.5), systolic=(132, 18),
    diastolic=(77, 10), aao_area=(720, 125), dao_area=(400, 65),
)  # fmt: skip
MALE = Reference(
    height=(176, 6.7), bmi=(27.0, 3.8), lv_edv=(166, 32), lv_ef=(58.3, 5.0), lv_mass=(103, 21), rv_edv=(182, 36),
    la_max=(71, 19), la_ef=(60, 8), ra_max=(93, 24), ra_ef=(46, 8), heart_rate=(63, 9.5), systolic=(138, 17),
    diastolic=(80, 10), aao_area=(860, 150), dao_area=(525, 85),
)  # fmt: skip
REFERENCES = (FEMALE, MALE)  # by `Person.sex`

MEAN_AGE, SD_AGE = 63.7, 7.5  # years, of the draw below
MEN = 0.48  # share of them


class Prevalence(NamedTuple):
    """Share of participants with each disease, at the mean age and averaged over the sexes."""

    infarct: float
    dilated: float
    hypertrophic: float
    fibrillation: float  # without any of the others
    failure: float  # without any of the others


# "biobank": infarction near the 6.3 % of the paper's training split, the others a few percent.
PREVALENCE = {
    "enriched": Prevalence(infarct=0.15, dilated=0.07, hypertrophic=0.06, fibrillation=0.09, failure=0.075),
    "biobank": Prevalence(infarct=0.06, dilated=0.006, hypertrophic=0.006, fibrillation=0.03, failure=0.012),
}
TERRITORIES = {  # AHA segments and their usual coronary artery (Cerqueira 2002), and the share of infarcts
    "LAD": ((1, 2, 7, 8, 13, 14), 0.45),
    "RCA": ((3, 4, 9, 10, 15), 0.35),
    "LCX": ((5, 6, 11, 12, 16), 0.20),
}


@dataclass(frozen=True)
class Person:
    """One person; z are standard normal."""

    sex: int
    age: float
    height: float
    weight: float
    systolic: float
    diastolic: float
    z_age: float  # among all
    z_size: float  # standardised log body surface area, within sex
    z_bmi: float
    z_systolic: float


@dataclass(frozen=True, eq=False)
class Illness:
    """The diseases of one person and how severe each is."""

    territory: str
    extent: float
    cardiomyopathy: str
    fibrillation: bool
    in_fibrillation: bool
    failure: str
    severity: np.ndarray  # (4,) of infarct, cardiomyopathy, fibrillation and heart failure; 0 where absent

    @property
    def scar(self) -> np.ndarray:
        """Transmural share of scar (16,): most in the territory's mid and apical segments."""
        scar = np.zeros(16)
        if self.territory:
            segments = np.array(TERRITORIES[self.territory][0]) - 1
            scar[segments] = np.clip(self.extent * np.where(segments < 6, 0.75, 1.1), 0, 1)
        return scar


def lognormal(reference: tuple[float, float], z: np.ndarray | float) -> np.ndarray | float:
    """Positive values with the reference's mean and SD, from standard normal z; of one number a float."""
    mean, sd = reference
    variance = np.log1p((sd / mean) ** 2)
    value = mean * np.exp(np.sqrt(variance) * z - variance / 2)
    return value if isinstance(z, np.ndarray) else float(value)


def standard_score(reference: tuple[float, float], value: np.ndarray | float) -> np.ndarray | float:
    """The z of which `lognormal` makes a value."""
    mean, sd = reference
    variance = np.log1p((sd / mean) ** 2)
    return (np.log(value / mean) + variance / 2) / np.sqrt(variance)


def draw_person(rng: np.random.Generator) -> Person:
    """One person of the ages and bodies of the UK Biobank imaging visit."""
    sex = int(rng.random() < MEN)
    reference = REFERENCES[sex]
    age = 45 + 34 * rng.beta(2.2, 1.8)  # the imaging visit of UK Biobank
    z_height, z_bmi, z_pressure, z_pulse = np.clip(rng.standard_normal(4), -3, 3)
    height = reference.height[0] + reference.height[1] * z_height
    weight = lognormal(reference.bmi, z_bmi) * (height / 100) ** 2
    # log of Du Bois's surface is 0.425 log BMI + 1.575 log height: its spread from theirs
    shape = 0.425 * reference.bmi[1] / reference.bmi[0]
    stature = 1.575 * reference.height[1] / reference.height[0]
    z_size = (shape * z_bmi + stature * z_height) / np.hypot(shape, stature)
    z_age = float((age - MEAN_AGE) / SD_AGE)
    z_systolic = 0.35 * z_age + 0.2 * z_bmi + 0.91 * z_pressure
    systolic = max(reference.systolic[0] + reference.systolic[1] * z_systolic, 92.0)
    diastolic = reference.diastolic[0] + reference.diastolic[1] * (0.65 * z_pressure + 0.2 * z_bmi + 0.73 * z_pulse)
    diastolic = float(np.clip(diastolic, 50, systolic - 22))
    return Person(
        sex, float(age), float(height), float(weight), float(systolic), diastolic, z_age, z_size, z_bmi, z_systolic
    )


def draw_illness(person: Person, prevalence: Prevalence, rng: np.random.Generator) -> Illness:
    """The diseases of a person, which cause one another, each with a severity between 0 and 1."""
    chance = rng.random(8)
    ageing = np.exp(0.045 * (person.age - MEAN_AGE)) / 1.06  # mean 1 over the ages drawn
    severity = rng.beta(2.0, 1.8, 4)  # mild disease is common

    infarct = chance[0] < prevalence.infarct * ageing * (0.55, 1.5)[person.sex]
    shares = np.cumsum([share for _, share in TERRITORIES.values()])
    territory = list(TERRITORIES)[int(np.searchsorted(shares, chance[1]))] if infarct else ""

    dilated = chance[2] < prevalence.dilated * (0.75, 1.27)[person.sex]
    hypertrophic = not dilated and chance[2] > 1 - prevalence.hypertrophic * (0.8, 1.22)[person.sex]
    cardiomyopathy = "dilated" if dilated else "hypertrophic" if hypertrophic else ""

    # heart failure follows infarction and cardiomyopathy, atrial fibrillation follows all of them
    failing = prevalence.failure * ageing + 0.28 * infarct * severity[0] * 2 + 0.5 * dilated + 0.18 * hypertrophic
    reduced_share = 0.95 if dilated else 0.7 if infarct else 0.05 if hypertrophic else 0.4
    failure = ("reduced" if chance[4] < reduced_share else "preserved") if chance[3] < failing else ""
    fibrillating = prevalence.fibrillation * ageing * (0.8, 1.2)[person.sex]
    fibrillating += 0.28 * (failure != "") + 0.12 * hypertrophic + 0.06 * dilated + 0.04 * infarct
    fibrillation = bool(chance[5] < fibrillating)
    severity = severity * np.array([infarct, cardiomyopathy != "", fibrillation, failure != ""])
    return Illness(
        territory,
        float(0.12 + 0.75 * severity[0]) if infarct else 0.0,
        cardiomyopathy,
        fibrillation,
        fibrillation and bool(chance[6] < 0.65),
        failure,
        severity,
    )
