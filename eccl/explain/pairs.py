"""Which wave a prediction should come from: pairs that were fixed, with their reasons, before any was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eccl.traits import DIAGNOSIS_NAMES, trait

if TYPE_CHECKING:
    import pandas as pd


def name_of(target: str) -> str:
    """A trait or diagnosis as readers see it: "I48, atrial fibrillation and flutter"."""
    named = {diagnosis.code: f"{diagnosis.code}, {diagnosis.label}" for diagnosis in DIAGNOSIS_NAMES}
    return named[target] if target in named else trait(target).label


@dataclass(frozen=True)
class Pair:
    """A trait or diagnosis, the wave through which a simulated ECG knows it, and how (`eccl.simulate.electrical`)."""

    target: str
    wave: str
    reason: str

    @property
    def label(self) -> str:
        """As readers see it: "LA maximal volume: P"."""
        return f"{name_of(self.target)}: {self.wave}"


PAIRS = (
    Pair("lv_mass", "QRS", "mass raises the voltage of QRS and makes it longer"),
    Pair("lv_edv", "QRS", "a large ventricle makes QRS longer and turns its loop backwards"),
    Pair("lv_ef", "QRS", "a weak ventricle has a longer, lower QRS, turned backwards"),
    Pair("wt_global", "QRS", "thickness goes with mass, and so with the voltage of QRS"),
    Pair("ecc_global", "T", "scar turns T away from it, and weakness makes T lower"),
    Pair("la_max", "P", "a large left atrium makes P longer and its end deeper"),
    Pair("la_min", "P", "as the largest volume, with which it goes"),
    Pair("I48", "P", "who fibrillates during the recording has no P"),
    Pair("I21", "QRS", "early forces are lost over the scar: Q waves"),
    Pair("I21", "T", "T turns away from the scar"),
    Pair("I42", "QRS", "a dilated heart often has a left bundle-branch block, a thick one high voltage"),
    Pair("I50", "QRS", "weakness makes QRS longer, and a left bundle-branch block is frequent"),
)
TARGETS = tuple(dict.fromkeys(pair.target for pair in PAIRS))


def pair_table() -> pd.DataFrame:
    """The pairs with their reasons: columns label and reason."""
    import pandas as pd

    return pd.DataFrame([{"pair": pair.label, "reason": pair.reason} for pair in PAIRS]).set_index("pair")
