"""Short-axis DICOM cines, in a zip or a folder: sorted by their headers and decoded on demand.

Nothing is extracted to disk, and of the slices that are not asked for no pixel is decoded. A frame of the beat is a
*phase* here, since DICOM calls each image of a file that holds several, of whatever slice, a frame.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np

from eccl.data.formats.axes import BASE_TO_APEX
from eccl.data.formats.dicom_elements import Allowance
from eccl.data.formats.dicom_header import Instance, read_images
from eccl.data.formats.dicom_pixels import Pixels, read_pixels
from eccl.data.formats.dicom_times import order_phases, phase_intervals
from eccl.data.formats.nifti import LARGEST
from eccl.data.formats.zips import MOST_MEMBERS, Members, check_sizes, open_members
from eccl.records import DataError, ShortAxis, Stack, check_slices, shifted

SAME_PLACE = 0.5  # mm along the normal between images of one slice
SAME_DIRECTION = 1.0  # degrees
SAME_SPACING = 1e-3  # share: decimals are cut off in one file and not in another
_GIVE = "give the zip or folder that holds the DICOM images of one person's short-axis cine, or one NIfTI file"


@dataclass(frozen=True, eq=False)
class DicomCine(ShortAxis):
    """A short-axis cine whose headers have been read and whose pixels have not.

    Attributes
    ----------
    source, shape, spacing, slice_spacing, affine
        As in `ShortAxis`. The distance between slices is that of their positions, of a single slice its stated
        thickness; of one of unknown thickness the slice's axis of the affine is 1 mm long.
    intervals : tuple of float
        Time between phases of each slice, ms.
    images : tuple of tuple of Instance
        One tuple a slice, from base to apex, one image a phase.
    """

    source: str
    shape: tuple[int, int, int, int]
    spacing: tuple[float, float]
    slice_spacing: float
    intervals: tuple[float, ...]
    affine: np.ndarray
    images: tuple[tuple[Instance, ...], ...]

    nominal: ClassVar[bool] = False  # DICOM states real sizes

    @property
    def members(self) -> tuple[tuple[str, ...], ...]:
        """Names of the files, with the number of the frame where one holds several, as `images`."""
        return tuple(tuple(image.name for image in slice_) for slice_ in self.images)

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
        chosen = check_slices(range(self.slice_count) if slices is None else slices, self.slice_count, self.source)
        frames, _, rows, columns = self.shape
        voxels = len(chosen) * frames * rows * columns
        if voxels > LARGEST:
            raise DataError(
                f"{voxels:.3g} voxels, above the {LARGEST:.3g} that are read",
                source=self.source,
                remedy="read it in parts",
            )
        images = np.empty((frames, len(chosen), rows, columns), np.float32)
        with open_members(Path(self.source)) as members:
            for pixels, places in self._by_file(chosen).items():
                for plane, index in zip(read_pixels(pixels, sorted(places), members), sorted(places), strict=True):
                    for place, phase, image in places[index]:
                        images[phase, place] = plane
                        images[phase, place] *= np.float32(image.slope)
                        images[phase, place] += np.float32(image.intercept)
        interval = float(np.mean([self.intervals[index] for index in chosen]))
        affine = self.affine @ shifted(chosen[0])
        return Stack(images, self.spacing, self.slice_spacing, interval, self.source, affine)

    def _by_file(self, chosen: Sequence[int]) -> dict[Pixels, dict[int, list[tuple[int, int, Instance]]]]:
        """Of each file that holds chosen slices, by the index of an image in it, where that image comes to lie."""
        files: dict[Pixels, dict[int, list[tuple[int, int, Instance]]]] = {}
        for place, index in enumerate(chosen):
            for phase, image in enumerate(self.images[index]):
                files.setdefault(image.pixels, {}).setdefault(image.index, []).append((place, phase, image))
        return files


def open_dicom_cine(path: Path | str) -> DicomCine:
    """The cine of a zip (as UK Biobank's field 20209), a folder or a file of DICOM.

    Files are told by their content, whatever their names, at any depth; a zip within a zip is not opened, and hidden
    files and symbolic links are passed over. MR Image Storage is read, one image a file, and Enhanced MR and Legacy
    Converted Enhanced MR Image Storage, whose frames may be of all slices and phases; without the preamble of DICOM
    too. Objects of other classes (directories, reports, secondary captures), localisers, series with "InlineVF" in
    their description, which hold the scanner's own contours, and files that are no DICOM are left out.

    Images belong to one slice where their positions along the normal of the image lie within 0.5 mm, be they one series
    or one series a slice. Slices run from base to apex: along the normal, in the sense that goes with left, front and
    feet. Where a slice was acquired more than once, the series of the highest SeriesNumber is taken.

    Phases are in order of their time in ms after the R wave: TriggerTime; of a frame its nominal, else its actual
    trigger delay, else its percentage of the stated beat. Only where no image has one are they in order of
    TemporalPositionIdentifier or, where that tells none apart, of InstanceNumber, and the beat (NominalInterval, of a
    frame RRIntervalTimeNominal) is shared among them. FrameTime, HeartRate and RepetitionTime are not used.

    Pixels are scaled by RescaleSlope and RescaleIntercept, each image by its own; real-world values, windows and
    private scales (Philips) are not applied.

    Raises
    ------
    DataError
        If it is no zip, folder or DICOM, damaged, encrypted or built to harm; holds no image, or images of several
        patients, studies, directions, sizes or spacings; an image is no grey MR magnitude image, or does not say where
        and when it was taken; slices differ in their number of phases or lie unevenly; or phases are doubled or
        missing, or last for other than the beat that is stated.
    """
    path = Path(path)
    instances = _instances(path)
    _check_same(instances, path)
    first = instances[0]
    along = np.cross(first.orientation[:3], first.orientation[3:])
    along *= 1.0 if along @ BASE_TO_APEX >= 0 else -1.0
    phases = order_phases([_newest(slice_) for slice_ in _by_place(instances, along)], path)
    _check_counts(phases, along, path)
    intervals = phase_intervals(phases, path)
    step = _step(phases, along, path)
    affine = np.eye(4)
    affine[:3, 0] = first.orientation[:3] * first.spacing[1]
    affine[:3, 1] = first.orientation[3:] * first.spacing[0]
    affine[:3, 2] = step if np.isfinite(step).all() else along  # of one slice of unknown thickness: its direction alone
    affine[:3, 3] = phases[0][0].position
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    return DicomCine(
        source=str(path),
        shape=(len(phases[0]), len(phases), *first.size),
        spacing=first.spacing,
        slice_spacing=float(np.linalg.norm(step)),
        intervals=intervals,
        affine=affine,
        images=tuple(map(tuple, phases)),
    )


def _instances(path: Path) -> list[Instance]:
    """Every image of a zip, folder or file."""
    instances: list[Instance] = []
    sizes: dict[str, int] = {}
    others: Counter[str] = Counter()
    allowance = Allowance()
    with open_members(path) as members:
        for name in members.sizes:
            images, kind = read_images(name, members, allowance)
            if images or kind:
                sizes[name] = members.sizes[name]
                others[kind] += 1
            instances += images
            if len(instances) > MOST_MEMBERS:
                raise DataError(
                    f"more than {MOST_MEMBERS} images", source=path, remedy="give one person's short-axis scan alone"
                )
        check_sizes(sizes, path)
        if not instances:
            raise DataError(_nothing(members, others), source=path, remedy=_GIVE)
    return instances


def _nothing(members: Members, others: Counter[str]) -> str:
    """What there is, where no image is."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in others.most_common())
    closed = sum(name.lower().endswith((".zip", ".nii", ".nii.gz")) for name in members.sizes)
    alone = f", and {closed} of them zips or NIfTI, which are read one by one" if closed else ""
    links = f", and {members.links} symbolic links, which are not followed" if members.links else ""
    problem = f"no image is in it: {len(members.sizes)} files, {others.total()} of them DICOM"
    return problem + (f" ({kinds})" if kinds else "") + alone + links


def _check_same(instances: list[Instance], path: Path) -> None:
    first = instances[0]
    nearest = np.cos(np.deg2rad(SAME_DIRECTION))
    for other in instances:
        for what, one, two, same in (
            ("sizes (rows, columns)", first.size, other.size, 0),
            ("pixel spacings (mm)", first.spacing, other.spacing, SAME_SPACING),
        ):
            if not np.allclose(one, two, rtol=same, atol=0):
                problem = f"images of two {what}: {one}, and {two} in {other.name}"
                raise DataError(problem, source=path, remedy="give one short-axis series")
        if first.patient != other.patient:  # neither number is said: it may be one that nobody may see
            problem = f"images of two patients: {other.name} is of another than {first.name}"
            raise DataError(problem, source=path, remedy="give one person's scan")
        if first.study and other.study and first.study != other.study:
            problem = f"images of two studies: {other.name} is of another than {first.name}"
            raise DataError(problem, source=path, remedy="give one visit's scan")
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
