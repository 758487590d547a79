"""Short-axis stacks as NIfTI, one folder a patient: any in ukbb_cardiac's naming, ACDC, Sunnybrook and AutoFD.

ukbb_cardiac writes sa.nii.gz (columns, rows, slices, frames) and seg_sa.nii.gz, or the two phases of the beat alone,
sa_ED and sa_ES with seg_sa_ED and seg_sa_ES. These people have no ECG: the cohort has one modality, and traits from
masks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from eccl.data.sources.base import Listing, Open, Recording, chosen, nothing_found, refusal, safe_id
from eccl.data.sources.hearts import FEWER, RULES, measure, read_heart
from eccl.records import DataError

IMAGES = ("sa.nii.gz", "sa_EDES.nii.gz", "sa_ED.nii.gz")  # of a patient, the first that is there


def masks_beside(image: Path) -> list[Path]:
    """The masks of an image in ukbb_cardiac's naming: that of all its phases, or those of ED and (where there) ES."""
    whole, *phases = (image.with_name(f"seg_{name}") for name in (image.name, "sa_ED.nii.gz", "sa_ES.nii.gz"))
    if whole.exists() and image.name != "sa_ED.nii.gz":
        return [whole]
    return [path for path in phases if path.exists()] if phases[0].exists() else []  # ES alone measures nothing


@dataclass(frozen=True)
class NIfTIFolders(Open):
    """Folders in ukbb_cardiac's naming.

    Parameters
    ----------
    download : Path
        Holds one folder a patient, at any depth.
    fewer : str
        What is done with fewer phases than 50: "refuse", "interpolate" (from 10 on) or "still" (end-diastole repeated:
        no motion). The column `phases` says how many were acquired.
    rule : str
        Which slice, where there are masks: "middle" of those with LV cavity, or "rv", the most RV at end-systole (the
        paper's).
    units : str
        Of headers that state none, such as "mm sec"; a stated unit is never overridden.
    nominal : bool
        Whether pixel sizes are nominal: then ratios such as the ejection fraction are computed, ml and g are not.
    """

    download: Path
    fewer: str = "refuse"
    rule: str = "middle"
    units: str = ""
    nominal: bool = False

    decisive: ClassVar[tuple[str, ...]] = ("fewer", "rule", "units", "nominal")
    name: ClassVar[str] = "Short-axis stacks"
    licence: ClassVar[str] = "as given by their owner"
    diagnoses: ClassVar[tuple[str, ...]] = ()
    real_spacing: ClassVar[tuple[str, ...]] = ()  # folders whose pixel size is real where others' is nominal

    @property
    def description(self) -> dict[str, Any]:
        """Name, licence, modality, and the two choices."""
        choices = {"fewer": chosen(self.fewer, FEWER), "rule": chosen(self.rule, RULES)}
        return {
            "name": self.name,
            "licence": self.licence,
            "modalities": ["cmr"],
            "diagnoses": list(self.diagnoses),
            "choices": choices,
        }

    def listing(self, keep: Path) -> Listing:
        """Every folder that holds one of `IMAGES`."""
        folders: dict[Path, Path] = {}
        for name in IMAGES:
            for path in sorted(self.download.rglob(name)):
                folders.setdefault(path.parent, path)
        if not folders:
            raise nothing_found(self.download, f"folder with {' or '.join(IMAGES)}")
        rows = [self._entry(folder, image) for folder, image in sorted(folders.items())]
        return Listing(pd.DataFrame(rows))

    def _entry(self, folder: Path, image: Path) -> dict[str, Any]:
        masks = masks_beside(image)
        name = safe_id("-".join(folder.relative_to(self.download).parts) or folder.name)
        return {"participant_id": name, "_files": [str(image), *map(str, masks)], "_folder": folder.name}

    def read(self, entry: Mapping[str, Any]) -> Recording:
        """The cine, and what its masks measure."""
        image, *masks = entry["_files"]
        units = tuple(self.units.split()) or None
        nominal = self.nominal and entry["_folder"] not in self.real_spacing
        cine, phases = read_heart(image, masks, fewer=self.fewer, rule=self.rule, units=units, nominal=nominal)
        return Recording(cine=cine, row={"phases": phases, **measure(masks, units=units, nominal=nominal)})


@dataclass(frozen=True)
class Sunnybrook(NIfTIFolders):
    """Sunnybrook Cardiac Data: ED and ES stacks with LV masks (Radau et al., MIDAS J 2009), CC0.

    The PNG copies from which such folders are made lost the pixel size: it is nominal but for SC-N-02, so no ml and g.
    The table of patients (OriginalID, Gender, Age, Pathology), if it is there, gives sex, age and two diagnoses: I50
    for heart failure, I21 for heart failure with infarct.
    """

    units: str = "mm sec"
    nominal: bool = True

    name: ClassVar[str] = "Sunnybrook Cardiac Data"
    licence: ClassVar[str] = "CC0-1.0"
    real_spacing: ClassVar[tuple[str, ...]] = ("SC-N-02",)
    tables: ClassVar[tuple[str, ...]] = ("scd_patientdata.csv", "manifest.csv")

    @property
    def description(self) -> dict[str, Any]:
        """As of any such folder; with diagnoses where the table of patients is there."""
        return super().description | {"diagnoses": [] if self._patients() is None else ["I21", "I50"]}

    def listing(self, keep: Path) -> Listing:
        """Every folder, with what the table of patients says of it."""
        listing, patients = super().listing(keep), self._patients()
        if patients is None:
            return listing
        entries = listing.entries.join(patients, on=listing.entries["_folder"].map(_plain_case))
        unknown = entries["sex"].isna()
        error = DataError("the table of patients has no row of this folder", remedy="name folders SC-HF-I-01 and so on")
        refused = [refusal(*entries.loc[row, ["participant_id", "_folder"]], error) for row in entries.index[unknown]]
        return Listing(entries[~unknown].drop(columns="key_0", errors="ignore"), refused)

    def _patients(self) -> pd.DataFrame | None:
        path = next((path for name in self.tables if (path := self.download / name).exists()), None)
        if path is None:
            return None
        try:
            table = pd.read_csv(path, encoding="utf-8-sig")
            pathology = table["Pathology"].str.casefold()
            return pd.DataFrame(
                {
                    "sex": table["Gender"].str.casefold().map({"female": 0, "male": 1}).to_numpy(),
                    "age": table["Age"].to_numpy(float),
                    "I21": (pathology == "heart failure with infarct").astype(int).to_numpy(),
                    "I50": pathology.str.startswith("heart failure").astype(int).to_numpy(),
                },
                index=table["OriginalID"].map(_plain_case),
            )
        except (OSError, ValueError, KeyError, AttributeError) as error:
            remedy = "give scd_patientdata.csv as it was downloaded, or take it out"
            raise DataError(f"this is no table of patients ({error!r})", source=path, remedy=remedy) from error


@dataclass(frozen=True)
class AutoFD(NIfTIFolders):
    """AutoFD's test data: one end-diastolic stack a subject, with masks (Tokarczuk, Dawes and O'Regan 2018), MIT."""

    units: str = "mm sec"  # of the masks, whose headers are silent

    name: ClassVar[str] = "AutoFD test data"
    licence: ClassVar[str] = "MIT"


@dataclass(frozen=True)
class ACDC(NIfTIFolders):
    """ACDC: patientNNN/patientNNN_4d.nii.gz, masks of the two phases, Info.cfg (Bernard et al., IEEE TMI 2018).

    Its masks count the other way round (1 RV, 2 myocardium, 3 LV). The five groups give two of the diagnoses: I42 for
    DCM and HCM, I21 for MINF (a former infarction with a low ejection fraction).
    """

    fewer: str = "interpolate"

    name: ClassVar[str] = "Automated Cardiac Diagnosis Challenge"
    licence: ClassVar[str] = "CC-BY-NC-SA-4.0"
    diagnoses: ClassVar[tuple[str, ...]] = ("I21", "I42")

    def listing(self, keep: Path) -> Listing:
        """Every folder with a cine, `*_4d.nii.gz`."""
        rows = []
        for image in sorted(self.download.rglob("*_4d.nii.gz")):
            masks = sorted(image.parent.glob("*_frame*_gt.nii.gz"))
            files = [str(image), str(image.with_name("Info.cfg")), *map(str, masks)]
            rows.append({"participant_id": safe_id(image.parent.name), "_files": files})
        if not rows:
            raise nothing_found(self.download, "patient folder with a *_4d.nii.gz")
        return Listing(pd.DataFrame(rows))

    def read(self, entry: Mapping[str, Any]) -> Recording:
        """The cine, what its masks measure, and what Info.cfg says."""
        image, description, *masks = entry["_files"]
        units, relabel = tuple(self.units.split()) or None, {1: 3, 2: 2, 3: 1}
        info = _read_info(Path(description))
        masks.sort(key=lambda path: _frame(path) != float(info["ED"]))
        if [_frame(path) for path in masks] != [float(info["ED"]), float(info["ES"])]:
            said = f"masks of the frames {', '.join(str(_frame(path)) for path in masks) or 'none'}"
            remedy = f"give those of ED ({info['ED']}) and ES ({info['ES']}), as Info.cfg says"
            raise DataError(said, source=description, remedy=remedy)
        cine, phases = read_heart(
            image,
            masks,
            fewer=self.fewer,
            rule=self.rule,
            units=units,
            nominal=self.nominal,
            relabel=relabel,
        )
        row = {"phases": phases, "height": float(info["Height"]), "weight": float(info["Weight"])}
        row |= {"I21": int(info["Group"] == "MINF"), "I42": int(info["Group"] in ("DCM", "HCM"))}
        return Recording(cine=cine, row=row | measure(masks, units=units, nominal=self.nominal, relabel=relabel))


def _plain_case(name: str) -> str:
    """SC-HF-I-01 and SC-HF-I-1 alike."""
    return re.sub(r"-0+(?=\d)", "-", name)


def _read_info(path: Path) -> dict[str, str]:
    remedy = "copy the patient's folder again: it says which frames are ED and ES, and the group"
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise DataError(f"the description cannot be read ({error.strerror})", source=path, remedy=remedy) from error
    info = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines) if value}
    numbers = {key: info.get(key, "") for key in ("ED", "ES", "Height", "Weight")}
    wrong = [key for key, value in numbers.items() if not re.fullmatch(r"\d+(\.\d+)?", value)]
    if wrong or info.get("Group") not in ("NOR", "MINF", "DCM", "HCM", "RV"):
        what = f"{wrong[0]} is {numbers[wrong[0]]!r}" if wrong else f"the group is {info.get('Group')!r}"
        raise DataError(what, source=path, remedy=remedy)
    return info


def _frame(path: str) -> int:
    match = re.search(r"_frame(\d+)_gt", path)
    return int(match[1]) if match else 0
