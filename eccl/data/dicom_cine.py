"""Short-axis DICOM cines, in a zip or a folder: sorted into slices and phases by their headers, decoded on demand.

Nothing is extracted to disk, and of the slices that are not asked for no pixel is decoded.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from eccl.data.cmr import Stack, shifted
from eccl.data.dicom_header import DAMAGE, Instance, read_header
from eccl.data.members import AGAIN, Read, damaged, open_members
from eccl.data.nifti import LARGEST, check_slices
from eccl.records import DataError

SAME_PLACE = 0.5  # mm along the normal between images of one slice
SAME_DIRECTION = 1.0  # degrees
BASE_TO_APEX = np.array([1.0, -1.0, -1.0])  # roughly, in a patient: to the left, to the front, to the feet (DICOM LPS)
OVERLAY = "InlineVF"  # in the description of a series of the scanner's own contours, drawn into the image
_HEAD = 2**14  # bytes of a member in which its header most often ends


@dataclass(frozen=True, eq=False)
class DicomCine:
    """A short-axis cine whose headers have been read and whose pixels have not.

    Attributes
    ----------
    source : str
        The zip or folder.
    shape : tuple of int
        Phases, slices, rows, columns.
    spacing : tuple of float
        Pixel size in mm, (row, column).
    slice_spacing : float
        Distance between slices in mm, from their positions; of a single slice its stated thickness, or NaN.
    intervals : tuple of float
        Time between phases of each slice, ms.
    affine : ndarray, shape (4, 4), optional
        Voxel (column, row, slice) to mm to the patient's right, front and head (NIfTI's RAS).
    members : tuple of tuple of str
        Names of the files: one tuple a slice, from base to apex, one name a phase.
    """

    source: str
    shape: tuple[int, int, int, int]
    spacing: tuple[float, float]
    slice_spacing: float
    intervals: tuple[float, ...]
    affine: np.ndarray | None
    members: tuple[tuple[str, ...], ...]

    @property
    def frames(self) -> int:
        """How many phases each slice has."""
        return self.shape[0]

    @property
    def slices(self) -> int:
        """How many slices there are."""
        return self.shape[1]

    @property
    def frame_interval(self) -> float:
        """Time between phases in ms, the mean of the slices."""
        return float(np.mean(self.intervals))

    def stack(self, slices: Sequence[int] | None = None) -> Stack:
        """The pixels of some neighbouring slices (by default all), scaled as the file says; no other slice is decoded.

        Raises
        ------
        DataError
            If there is no such slice, a member is damaged or cannot be decoded, or the stack exceeds 2^28 voxels.
        """
        chosen = check_slices(range(self.slices) if slices is None else slices, self.slices, self.source)
        frames, _, rows, columns = self.shape
        voxels = len(chosen) * frames * rows * columns
        if voxels > LARGEST:
            raise DataError(
                f"{voxels:.3g} voxels, above the {LARGEST:.3g} that are read",
                source=self.source,
                remedy="read it in parts",
            )
        images = np.empty((frames, len(chosen), rows, columns), np.float32)
        with open_members(Path(self.source)) as (_, read):
            for place, index in enumerate(chosen):
                for phase, name in enumerate(self.members[index]):
                    images[phase, place] = _pixels(read(name, -1), (rows, columns), f"{self.source}/{name}")
        interval = float(np.mean([self.intervals[index] for index in chosen]))
        affine = None if self.affine is None else self.affine @ shifted(chosen[0])
        return Stack(images, self.spacing, self.slice_spacing, interval, self.source, affine)


def open_dicom_cine(path: Path | str) -> DicomCine:
    """The cine of a zip (as UK Biobank's field 20209) or a folder of .dcm files; other files in it are ignored.

    Images belong to one slice where their positions along the normal of the image lie within 0.5 mm. Slices run from
    base to apex: along the normal, in the sense that goes with left, front and feet. Phases are in order of
    TriggerTime; of InstanceNumber only where no image has one. Series with "InlineVF" in their description, which hold
    the scanner's own contours, are left out. Where a slice was acquired more than once, the series of the highest
    SeriesNumber is taken.

    Raises
    ------
    DataError
        If it is no zip or folder, damaged, encrypted or built to harm; holds no image, or images of several patients,
        directions, sizes or spacings; an image is not a plain MR slice or does not say where and when it was taken;
        slices differ in their number of phases or lie unevenly; or phases are doubled or missing.
    """
    path = Path(path)
    with open_members(path) as (names, read):
        instances = [_instance(name, read, f"{path}/{name}") for name in names]
    instances = [instance for instance in instances if OVERLAY.lower() not in instance.description.lower()]
    if not instances:
        raise DataError("no image is in it", source=path, remedy="give the zip or folder that holds the .dcm files")
    _check_same(instances, path)
    first = instances[0]
    along = np.cross(first.orientation[:3], first.orientation[3:])
    along *= 1.0 if along @ BASE_TO_APEX >= 0 else -1.0
    slices = [_newest(slice_) for slice_ in _by_place(instances, along)]
    timed = [instance for slice_ in slices for instance in slice_ if instance.trigger is not None]
    phases = [_by_time(slice_, bool(timed), path) for slice_ in slices]
    _check_counts(phases, along, path)
    if timed:
        _check_gaps(phases, path)
    step = _step(phases, along, path)
    affine = None
    if np.isfinite(step).all():
        affine = np.eye(4)
        affine[:3, 0] = first.orientation[:3] * first.spacing[1]
        affine[:3, 1] = first.orientation[3:] * first.spacing[0]
        affine[:3, 2], affine[:3, 3] = step, phases[0][0].position
        affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    return DicomCine(
        source=str(path),
        shape=(len(phases[0]), len(phases), *first.size),
        spacing=first.spacing,
        slice_spacing=float(np.linalg.norm(step)),
        intervals=tuple(_interval(slice_, path) for slice_ in phases),
        affine=affine,
        members=tuple(tuple(instance.name for instance in slice_) for slice_ in phases),
    )


def _instance(name: str, read: Read, where: str) -> Instance:
    """The header of a member; of most members the start is enough."""
    return read_header(name, read(name, _HEAD), where, whole=False) or read_header(name, read(name, -1), where)


def _check_same(instances: list[Instance], path: Path) -> None:
    first = instances[0]
    nearest = np.cos(np.deg2rad(SAME_DIRECTION))
    for other in instances:
        for what, one, two, remedy in (
            ("sizes (rows, columns)", first.size, other.size, "give one short-axis series"),
            ("pixel spacings (mm)", first.spacing, other.spacing, "give one short-axis series"),
        ):
            if one != two:
                raise DataError(f"images of two {what}: {one}, and {two} in {other.name}", source=path, remedy=remedy)
        if first.patient != other.patient:  # neither number is said: it may be one that nobody may see
            said = f"images of two patients: {other.name} is of another than {first.name}"
            raise DataError(said, source=path, remedy="give one person's scan")
        cosines = (first.orientation * other.orientation).reshape(2, 3).sum(axis=1)
        if cosines.min() < nearest:
            angle = np.rad2deg(np.arccos(np.clip(cosines.min(), -1, 1)))
            raise DataError(
                f"images of two directions: {other.name} is turned by {angle:.1f} degrees",
                source=path,
                remedy="give the short-axis slices alone, without long-axis views or localisers",
            )


def _by_place(instances: list[Instance], along: np.ndarray) -> list[list[Instance]]:
    ordered = sorted(instances, key=lambda instance: float(instance.position @ along))
    slices = [[ordered[0]]]
    for before, instance in pairwise(ordered):
        if (instance.position - before.position) @ along > SAME_PLACE:
            slices.append([])
        slices[-1].append(instance)
    return slices


def _newest(slice_: list[Instance]) -> list[Instance]:
    newest = max((instance.series, instance.series_uid) for instance in slice_)
    return [instance for instance in slice_ if (instance.series, instance.series_uid) == newest]


def _by_time(slice_: list[Instance], timed: bool, path: Path) -> list[Instance]:
    without = [instance for instance in slice_ if timed and instance.trigger is None]
    if without:
        raise DataError(
            "the TriggerTime is missing, which other images have", source=f"{path}/{without[0].name}", remedy=AGAIN
        )

    def order(instance: Instance) -> float:
        return instance.trigger if timed else instance.number

    ordered = sorted(slice_, key=order)
    what, unit = ("TriggerTime", " ms") if timed else ("InstanceNumber", "")
    for before, instance in pairwise(ordered):
        if order(before) == order(instance):
            times = len({order(each) for each in ordered})
            raise DataError(
                f"{before.name} and {instance.name} have the same {what}, {order(instance):g}{unit}, in one series "
                f"({times} different ones of {len(ordered)})",
                source=path,
                remedy="remove what is there twice; a still image is no cine",
            )
    return ordered


def _check_counts(phases: list[list[Instance]], along: np.ndarray, path: Path) -> None:
    usual = Counter(len(slice_) for slice_ in phases).most_common(1)[0][0]
    for index, slice_ in enumerate(phases):
        if len(slice_) != usual:
            place = float((slice_[0].position - phases[0][0].position) @ along)
            raise DataError(
                f"slice {index} of {len(phases)} ({place:.1f} mm below the first; {slice_[0].name}) has {len(slice_)} "
                f"phases, others have {usual}",
                source=path,
                remedy="download it again, or take the files of that slice out",
            )


def _check_gaps(phases: list[list[Instance]], path: Path) -> None:
    for slice_ in phases:
        gaps = np.diff([instance.trigger for instance in slice_])
        if len(gaps) and gaps.max() > 1.5 * (usual := np.sort(gaps)[(len(gaps) - 1) // 2]):
            raise DataError(
                f"{gaps.max():g} ms between {slice_[gaps.argmax()].name} and the next phase, {usual:g} ms between "
                "others: a phase is missing",
                source=path,
                remedy=AGAIN,
            )


def _step(phases: list[list[Instance]], along: np.ndarray, path: Path) -> np.ndarray:
    """From one slice to the next, (3,) in mm; NaN where there is one slice of unknown thickness."""
    first = phases[0][0]
    if len(phases) == 1:
        return along * first.thickness
    step = (phases[-1][0].position - first.position) / (len(phases) - 1)
    allowed = max(SAME_PLACE, 0.1 * float(np.linalg.norm(step)))
    for index, slice_ in enumerate(phases):
        for instance in slice_:
            off = float(np.linalg.norm(instance.position - first.position - index * step))
            if off > allowed:
                raise DataError(
                    f"slices lie unevenly: slice {index} ({instance.name}) is {off:.1f} mm from where steps of "
                    f"{np.linalg.norm(step):.1f} mm lead",
                    source=path,
                    remedy="a slice may be missing: download it again",
                )
    return step


def _interval(slice_: list[Instance], path: Path) -> float:
    """Time between phases, ms."""
    if len(slice_) > 1 and slice_[0].trigger is not None:
        return (slice_[-1].trigger - slice_[0].trigger) / (len(slice_) - 1)
    if not slice_[0].beat > 0:
        raise DataError(
            "neither TriggerTime nor NominalInterval says how long a phase lasts",
            source=f"{path}/{slice_[0].name}",
            remedy="export the series with its times",
        )
    return slice_[0].beat / len(slice_)


def _pixels(content: bytes, size: tuple[int, int], where: str) -> np.ndarray:
    """The image (H, W) float32 of a DICOM file, scaled as it says."""
    import pydicom

    try:
        dataset: Any = pydicom.dcmread(io.BytesIO(content))
        pixels = dataset.pixel_array
        slope, intercept = (
            float(dataset.get(name, value)) for name, value in (("RescaleSlope", 1), ("RescaleIntercept", 0))
        )
    except DAMAGE as error:
        raise damaged(where, error) from error
    if pixels.shape != size:
        raise damaged(where, f"pixels of shape {pixels.shape}, not {size}")
    return pixels.astype(np.float32) * np.float32(slope) + np.float32(intercept)
