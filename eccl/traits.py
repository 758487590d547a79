"""The 82 cardiac and aortic traits of UK Biobank (fields 24100-24181) and the four diagnoses of the paper.

References
----------
Bai et al., Nat Med 2020 (the segmentation that produced the fields); UK Biobank category "Cardiac and aortic function".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Trait:
    """One trait: its UK Biobank field, column name, reading name, unit, group and plausible range (in that unit)."""

    field: int
    name: str
    label: str
    unit: str
    group: str
    low: float
    high: float


@dataclass(frozen=True)
class Diagnosis:
    """One diagnosis: ICD-10 code (also the column name) and what it is."""

    code: str
    label: str


GROUPS = (
    "left ventricle",
    "right ventricle",
    "atria",
    "aorta",
    "wall thickness",
    "circumferential strain",
    "radial strain",
    "longitudinal strain",
)

DIAGNOSIS_NAMES = (
    Diagnosis("I21", "acute myocardial infarction"),
    Diagnosis("I42", "cardiomyopathy"),
    Diagnosis("I48", "atrial fibrillation and flutter"),
    Diagnosis("I50", "heart failure"),
)
DIAGNOSES = tuple(diagnosis.code for diagnosis in DIAGNOSIS_NAMES)


def _chamber(prefix: str, label: str, group: str, largest: float) -> Iterator[tuple]:
    yield f"{prefix}_max", f"{label} maximal volume", "ml", group, 5.0, largest
    yield f"{prefix}_min", f"{label} minimal volume", "ml", group, 1.0, largest
    yield f"{prefix}_sv", f"{label} stroke volume", "ml", group, 0.0, 200.0
    yield f"{prefix}_ef", f"{label} ejection fraction", "%", group, 0.0, 95.0


def _ventricle(prefix: str, label: str, group: str) -> Iterator[tuple]:
    yield f"{prefix}_edv", f"{label} end-diastolic volume", "ml", group, 20.0, 600.0
    yield f"{prefix}_esv", f"{label} end-systolic volume", "ml", group, 3.0, 550.0
    yield f"{prefix}_sv", f"{label} stroke volume", "ml", group, 5.0, 250.0
    yield f"{prefix}_ef", f"{label} ejection fraction", "%", group, 3.0, 95.0


def _aorta(prefix: str, label: str) -> Iterator[tuple]:
    yield f"{prefix}_max_area", f"{label} maximal area", "mm²", "aorta", 80.0, 3000.0
    yield f"{prefix}_min_area", f"{label} minimal area", "mm²", "aorta", 80.0, 3000.0
    yield f"{prefix}_distensibility", f"{label} distensibility", "10⁻³/mmHg", "aorta", 0.0, 20.0


def _segments(prefix: str, label: str, count: int, unit: str, low: float, high: float) -> Iterator[tuple]:
    segment = "AHA segment" if count == 16 else "segment"
    for number in range(1, count + 1):
        yield f"{prefix}_{number}", f"{label}, {segment} {number}", unit, label, low, high
    yield f"{prefix}_global", f"{label}, global", unit, label, low, high


def _all() -> Iterator[tuple]:
    yield from _ventricle("lv", "LV", "left ventricle")
    yield "lv_co", "LV cardiac output", "l/min", "left ventricle", 0.5, 20.0
    yield "lv_mass", "LV myocardial mass", "g", "left ventricle", 20.0, 500.0
    yield from _ventricle("rv", "RV", "right ventricle")
    yield from _chamber("la", "LA", "atria", 400.0)
    yield from _chamber("ra", "RA", "atria", 400.0)
    yield from _aorta("aao", "ascending aorta")
    yield from _aorta("dao", "descending aorta")
    yield from _segments("wt", "wall thickness", 16, "mm", 1.0, 40.0)
    yield from _segments("ecc", "circumferential strain", 16, "%", -60.0, 25.0)
    yield from _segments("err", "radial strain", 16, "%", -40.0, 200.0)
    yield from _segments("ell", "longitudinal strain", 6, "%", -60.0, 25.0)


TRAITS = tuple(Trait(24100 + offset, *row) for offset, row in enumerate(_all()))
TRAIT_NAMES = tuple(trait.name for trait in TRAITS)


def trait(name: str) -> Trait:
    """The trait of one column name; KeyError with the name if there is none."""
    for candidate in TRAITS:
        if candidate.name == name:
            return candidate
    raise KeyError(f"no trait is named {name!r}; see eccl.traits.TRAIT_NAMES")
