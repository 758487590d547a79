"""What a model says about one ECG, as tables and as text that a person reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eccl.share.readout import Interval, Readout
from eccl.traits import DIAGNOSIS_NAMES, GROUPS, trait

if TYPE_CHECKING:
    import pandas as pd

SIMULATED = "Learnt from simulated hearts: not for patients."
OTHERWISE = "Learnt from one cohort, for research: not for the care of patients."
UNCALIBRATED = "Validation had too few people for intervals: those without one show the plausible range."
MAIN = (  # of the 82, what is read first
    *("lv_edv", "lv_esv", "lv_ef", "lv_mass", "lv_co", "rv_edv", "rv_ef", "la_max", "ra_max", "aao_max_area"),
    *("wt_global", "ecc_global", "err_global", "ell_global"),
)


@dataclass(frozen=True, eq=False)
class Prediction:
    """Traits and diagnoses of one ECG, each with an interval.

    Attributes
    ----------
    traits : DataFrame
        One row a trait, by name: value, low, high (in its unit) and unit. From low to high lies the true value of
        `level` of people like those of the cohort, on average over all of them.
    diagnoses : DataFrame
        One row a diagnosis that the cohort knows, by code: probability, low, high and label. Low and high are the two
        calibrated probabilities of Venn-Abers: the wider apart, the less the validation participants tell.
    level : float
        Of the traits' intervals: 0.95.
    calibrated : bool
        Whether validation had enough people for the interval of every trait; from low to high is its plausible range
        where not.
    source : str
        The file of the ECG; empty if it was made in memory.
    simulated : bool
        Whether the hearts of training were simulated.
    """

    traits: pd.DataFrame
    diagnoses: pd.DataFrame
    level: float
    calibrated: bool
    source: str
    simulated: bool

    @property
    def warning(self) -> str:
        """What the numbers are not for, and what is wanting, in one line."""
        purpose = SIMULATED if self.simulated else OTHERWISE
        return purpose if self.calibrated else f"{purpose} {UNCALIBRATED}"

    def __repr__(self) -> str:
        lines = [self._title(), self.warning]
        main = [name for name in MAIN if name in self.traits.index]
        if main:
            lines += ["", f"{'trait':34}{'value':>9}  {self.level:.0%} interval"]
            lines += [f"{trait(name).label:34}{_interval(self.traits.loc[name])}" for name in main]
            lines += [f"and {len(self.traits) - len(main)} more in .traits"] if len(self.traits) > len(main) else []
        if len(self.diagnoses):
            lines += ["", f"{'diagnosis':39}probability (calibrated between)"]
            lines += [
                f"{code} {row.label:35}{row.probability:.3f} ({row.low:.3f} to {row.high:.3f})"
                for code, row in self.diagnoses.iterrows()
            ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        shown = self.traits.assign(label=[trait(name).label for name in self.traits.index])
        groups = [trait(name).group for name in self.traits.index]
        parts = [f"<p><b>{escape(self._title())}</b><br>{self.warning}</p>"]
        if len(self.diagnoses):
            named = self.diagnoses[["label", "probability", "low", "high"]].round(3)
            parts.append(named.rename_axis(None).to_html(border=0))
        parts.append(f"<p>{self._kind()}</p>")
        for group in GROUPS:
            table = shown[[of == group for of in groups]].set_index("label").rename_axis(None)
            if len(table):
                html = table[["value", "low", "high", "unit"]].round(1).to_html(border=0)
                parts.append(f"<details><summary>{group}, {len(table)} traits</summary>{html}</details>")
        return "\n".join(parts)

    def _kind(self) -> str:
        """What low and high are."""
        share = f"{100 * self.level:.0f} %"
        of_traits = f"Of a trait, the true value lies from low to high for {share} of people like those of training."
        of_diagnoses = "Of a diagnosis, low and high are the two calibrated probabilities of Venn-Abers."
        return " ".join([of_traits] * self.calibrated + [of_diagnoses] * (len(self.diagnoses) > 0))

    def _title(self) -> str:
        of = f" of {Path(self.source).name}" if self.source else ""  # where it lies is nobody's business on a page
        return f"Prediction{of}: {len(self.traits)} traits and {len(self.diagnoses)} diagnoses"


def predictions(readout: Readout, h: np.ndarray, sources: Sequence[str], simulated: bool) -> list[Prediction]:
    """One Prediction a person, of features (n, D) and the files of their ECGs."""
    import pandas as pd

    traits, diagnoses = readout.traits(h), readout.diagnoses(h)
    names, codes = pd.Index(readout.trait_names, name="trait"), pd.Index(readout.codes, name="diagnosis")
    units = [trait(name).unit for name in names]
    labels = [diagnosis.label for code in codes for diagnosis in DIAGNOSIS_NAMES if diagnosis.code == code]

    def table(interval: Interval, row: int, value: str, last: str, texts: list[str], index: pd.Index) -> pd.DataFrame:
        columns = {value: interval.value[row], "low": interval.low[row], "high": interval.high[row], last: texts}
        return pd.DataFrame(columns, index=index)

    return [
        Prediction(
            table(traits, row, "value", "unit", units, names),
            table(diagnoses, row, "probability", "label", labels, codes),
            readout.level,
            bool(np.isfinite(readout.half_widths).all()),
            source,
            simulated,
        )
        for row, source in enumerate(sources)
    ]


def _interval(row: pd.Series) -> str:
    return f"{row.value:9.1f}  {row.low:.1f} to {row.high:.1f} {row.unit}"
