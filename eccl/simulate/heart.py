"""The latent heart: one person and one heart, from which both views are drawn.

The state has three parts. *Shared* state shows in the ECG and in the cine; *electrical* and *mechanical* nuisance (drawn in
`simulate/ecg.py` and `simulate/cine.py` from generators of their own) shows in one view only and is independent, so what one
view can say of the other is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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
