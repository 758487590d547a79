"""Short-axis stacks as NIfTI: any in the naming of ukbb_cardiac or of M&Ms, ACDC, Sunnybrook and AutoFD.

ukbb_cardiac writes sa.nii.gz (columns, rows, slices, frames) and seg_sa.nii.gz into a folder for each patient, or the
two phases of the beat alone, sa_ED and sa_ES with seg_sa_ED and seg_sa_ES. M&Ms write the patient's code into the name:
<code>_sa with <code>_sa_gt, labelled at two frames of many; M&Ms-2 <code>_SA_CINE with <code>_SA_ED_gt and
<code>_SA_ES_gt; both label 1 LV, 2 myocardium, 3 RV. Files end in .nii.gz or .nii; where both are there, .nii.gz is
taken, which has a checksum. These people have no ECG: the cohort has one modality, and traits from masks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from eccl.data.sources.base import Index, OpenData, Recording, chosen, files_under, nothing_found, refusal, safe_id
from eccl.data.sources.scans import Scan, read_scan
from eccl.data.standard.slices import FRAME_POLICIES, SLICE_RULES
from eccl.records import DataError

IMAGES = ("sa", "sa_edes", "sa_ed")  # of a patient, the first that is there; stems of names, in lower case
_SUFFIXES = (".nii", ".nii.gz")  # the latter is taken where both are there
_CODED = re.compile(r"(?P<code>.+)_sa(?P<cine>_cine)?", re.IGNORECASE)
_MASKS = ("seg", "label")  # what stands before _sa in the name of a mask, and is no patient's code


def masks_beside(image: Path) -> list[Path]:
    """The masks of an image in ukbb_cardiac's naming: that of all its frames, or those of ED and (where there) ES."""
    files = _by_stem(path for path in image.parent.iterdir() if path.is_file())
    whole = f"seg_{_stem(image)}"
    if whole in files and _stem(image) != "sa_ed":
        return [files[whole]]
    return _both(files, "seg_sa_ed", "seg_sa_es")


def _by_stem(paths: Iterable[Path]) -> dict[str, Path]:
    """NIfTI files of a folder by the stems of their names."""
    files = [path for path in paths if path.name.lower().endswith(_SUFFIXES) and not path.name.startswith(".")]
    return {_stem(path): path for path in sorted(files, key=lambda path: (path.suffix.lower() == ".gz", path.name))}


def _both(files: Mapping[str, Path], diastole: str, systole: str) -> list[Path]:
    """Masks of ED and, where there, ES, which alone measures nothing."""
    return [files[name] for name in (diastole, systole) if name in files] if diastole in files else []


def _stem(path: Path) -> str:
    """The name without its suffix, in lower case."""
    return path.name.lower().removesuffix(".gz").removesuffix(".nii")


@dataclass(frozen=True)
class NIfTIFolders(OpenData):
    """Files in ukbb_cardiac's naming, one folder a patient, or in that of M&Ms, where a folder may hold several.

    Parameters
    ----------
    download : Path
        Holds them at any depth.
    frame_policy : str
        What is done with fewer frames than 50: "refuse", "interpolate" (from 10 on) or "still" (end-diastole repeated:
        no motion). The column `phases` says how many were acquired.
    slice_rule : str
        Which slice, where there are masks: "middle" of those with LV cavity, or "rv", the most RV at end-systole (the
        paper's).
    units : str
        Of headers that state none, such as "mm sec"; a stated unit is never overridden.
    nominal : bool
        Whether pixel sizes are nominal: then ratios such as the ejection fraction are computed, ml and g are not.
    """

    download: Path
    frame_policy: str = "refuse"
    slice_rule: str = "middle"
    units: str = ""
    nominal: bool = False

    cache_keys: ClassVar[tuple[str, ...]] = ("frame_policy", "slice_rule", "units", "nominal")
    name: ClassVar[str] = "Short-axis stacks"
    licence: ClassVar[str] = "as given by their owner"
    diagnoses: ClassVar[tuple[str, ...]] = ()
    real_spacing: ClassVar[tuple[str, ...]] = ()  # folders whose pixel size is real where others' is nominal

    @property
    def description(self) -> dict[str, Any]:
        """Name, licence, modality, and the two choices."""
        return {
            "name": self.name,
            "licence": self.licence,
            "modalities": ["cine"],
            "diagnoses": list(self.diagnoses),
            "choices": {
                "frame_policy": chosen(self.frame_policy, FRAME_POLICIES),
                "slice_rule": chosen(self.slice_rule, SLICE_RULES),
            },
        }

    def index(self, keep: Path) -> Index:
        """Every folder that holds one of `IMAGES`; and in the others every <code>_sa."""
        folders = _folders(self.download)
        rows = [row for folder, files in folders.items() for row in self._entries(folder, files)]
        if not rows:
            wanted = "folder with sa.nii.gz, sa_EDES.nii.gz or sa_ED.nii.gz, and no <code>_sa.nii.gz"
            others = sum(map(len, folders.values()))
            if not others:
                raise nothing_found(self.download, wanted)
            remedy = "name them so, or list them in a participants.csv and take the adapter folder"
            raise DataError(f"no {wanted} is here, but {others} other NIfTI files", source=self.download, remedy=remedy)
        return Index(pd.DataFrame(rows))

    def _entries(self, folder: Path, files: Mapping[str, Path]) -> Iterator[dict[str, Any]]:
        image = next((files[stem] for stem in IMAGES if stem in files), None)
        if image is not None:
            name = safe_id("-".join(folder.relative_to(self.download).parts) or folder.name)
            yield {"participant_id": name, "_files": _text(image, *masks_beside(image)), "_folder": folder.name}
            return
        for path in files.values():
            coded = _CODED.fullmatch(_stem(path))
            if coded is None or coded["code"] in _MASKS:
                continue
            code = coded["code"]
            whole = [] if coded["cine"] else [files[f"{code}_sa_gt"]] if f"{code}_sa_gt" in files else []
            masks = whole or _both(files, f"{code}_sa_ed_gt", f"{code}_sa_es_gt")
            name = safe_id(path.name[: len(code)])
            yield {"participant_id": name, "_files": _text(path, *masks), "_folder": folder.name}

    def read(self, entry: Mapping[str, Any]) -> Recording:
        """The cine, and what its masks measure."""
        image, *masks = entry["_files"]
        scan = self._scan(image, masks, self.nominal and entry["_folder"] not in self.real_spacing)
        return Recording(cine=scan.cine, row={"phases": scan.frame_count, **scan.traits()})

    def _scan(self, image: str, masks: Sequence[str], nominal: bool, relabel: Mapping[int, int] | None = None) -> Scan:
        return read_scan(
            image,
            masks,
            frame_policy=self.frame_policy,
            slice_rule=self.slice_rule,
            units=tuple(self.units.split()) or None,
            nominal=nominal,
            relabel=relabel,
        )


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

    def index(self, keep: Path) -> Index:
        """Every folder, with what the table of patients says of it."""
        index, patients = super().index(keep), self._patients()
        if patients is None:
            return index
        entries = index.entries.join(patients, on=index.entries["_folder"].map(_plain_case))
        unknown = entries["sex"].isna()
        error = DataError("the table of patients has no row of this folder", remedy="name folders SC-HF-I-01 and so on")
        refused = [refusal(*entries.loc[row, ["participant_id", "_folder"]], error) for row in entries.index[unknown]]
        return Index(entries[~unknown].drop(columns="key_0", errors="ignore"), refused)

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
    """ACDC: patientNNN/patientNNN_4d (.nii.gz or .nii), masks of two phases, Info.cfg (Bernard et al., IEEE TMI 2018).

    Its masks count the other way round (1 RV, 2 myocardium, 3 LV). The five groups give two of the diagnoses: I42 for
    DCM and HCM, I21 for MINF (a former infarction with a low ejection fraction).
    """

    frame_policy: str = "interpolate"

    name: ClassVar[str] = "Automated Cardiac Diagnosis Challenge"
    licence: ClassVar[str] = "CC-BY-NC-SA-4.0"
    diagnoses: ClassVar[tuple[str, ...]] = ("I21", "I42")

    def index(self, keep: Path) -> Index:
        """Every folder with a cine, `*_4d`."""
        rows = []
        for folder, files in _folders(self.download).items():
            masks = [path for stem, path in files.items() if _frame(stem)]
            for image in (path for stem, path in files.items() if stem.endswith("_4d")):
                paths = _text(image, folder / "Info.cfg", *masks)
                rows.append({"participant_id": safe_id(folder.name), "_files": paths})
        if not rows:
            raise nothing_found(self.download, "patient folder with a *_4d.nii.gz or *_4d.nii")
        return Index(pd.DataFrame(rows))

    def read(self, entry: Mapping[str, Any]) -> Recording:
        """The cine, what its masks measure, and what Info.cfg says."""
        image, description, *masks = entry["_files"]
        info = _read_info(Path(description))
        masks.sort(key=lambda path: _frame(path) != float(info["ED"]))
        if [_frame(path) for path in masks] != [float(info["ED"]), float(info["ES"])]:
            problem = f"masks of the frames {', '.join(str(_frame(path)) for path in masks) or 'none'}"
            remedy = f"give those of ED ({info['ED']}) and ES ({info['ES']}), as Info.cfg says"
            raise DataError(problem, source=description, remedy=remedy)
        scan = self._scan(image, masks, self.nominal, relabel={1: 3, 2: 2, 3: 1})
        row = {"phases": scan.frame_count, "height": float(info["Height"]), "weight": float(info["Weight"])}
        row |= {"I21": int(info["Group"] == "MINF"), "I42": int(info["Group"] in ("DCM", "HCM"))}
        return Recording(cine=scan.cine, row=row | scan.traits())


def _plain_case(name: str) -> str:
    """SC-HF-I-01 and SC-HF-I-1 alike."""
    return re.sub(r"-0+(?=\d)", "-", name)


def _folders(download: Path) -> dict[Path, dict[str, Path]]:
    """NIfTI files below a folder: by their folder, and in it by their stem."""
    found: dict[Path, list[Path]] = {}
    for path in files_under(download, _SUFFIXES):
        found.setdefault(path.parent, []).append(path)
    return {folder: _by_stem(paths) for folder, paths in sorted(found.items())}


def _text(*paths: Path) -> list[str]:
    return [str(path) for path in paths]


def _read_info(path: Path) -> dict[str, str]:
    remedy = (
        "copy the patient's folder again: it says which frames are ED and ES, and the group, from which I21 and I42"
    )
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise DataError(f"the description cannot be read ({error.strerror})", source=path, remedy=remedy) from error
    info = {key.strip(): value.strip() for key, mark, value in (line.partition(":") for line in lines) if mark}
    missing = [key for key in ("ED", "ES", "Height", "Weight", "Group") if key not in info]
    if missing:
        raise DataError(
            f"it has no line {' and no line '.join(f'{key}:' for key in missing)}", source=path, remedy=remedy
        )
    info["Group"] = info["Group"].upper()
    numbers = {key: info[key] for key in ("ED", "ES", "Height", "Weight")}
    wrong = [key for key, value in numbers.items() if not re.fullmatch(r"\d+(\.\d+)?", value)]
    if wrong or info["Group"] not in ("NOR", "MINF", "DCM", "HCM", "RV"):
        what = f"{wrong[0]} is {numbers[wrong[0]]!r}" if wrong else f"the group is {info['Group']!r}"
        raise DataError(what, source=path, remedy=remedy)
    return info


def _frame(name: str) -> int:
    """The frame of a mask, counted from 1; 0 if it is none."""
    match = re.search(r"_frame(\d+)_gt", name, re.IGNORECASE)
    return int(match[1]) if match else 0
