"""CMR files: NIfTI read into checked cines and stacks, and written without loss.

A NIfTI array is (X, Y, slice, frame) with X the column and Y the row of the image, as ukbb_cardiac writes it; records
hold frames of (row, column). The order of the pixels is trusted and the affine is not used to turn an image: in open
short-axis files it is often nominal.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eccl.data.files import replacing
from eccl.data.plane import SIZE, SPACING, crop_or_pad, mask_centre, resample_plane
from eccl.records import FRAMES, Cine, DataError

SLICE_THICKNESS = 8.0  # mm, written into the header of a cine of one slice
FEWEST_PHASES = 10  # below it, motion between two phases is not linear, and frames between them would be inventions
PERCENTILES = (0.5, 99.5)  # of intensity, mapped to 0 and 1

_LENGTHS = {0: "unknown", 1: "meter", 2: "mm", 3: "micron"}  # codes of NIfTI's xyzt_units
_TIMES = {0: "unknown", 8: "sec", 16: "msec", 24: "usec"}
_MILLISECONDS = {"sec": 1e3, "msec": 1.0, "usec": 1e-3}


@dataclass(frozen=True, eq=False)
class Stack:
    """Short-axis slices at as many phases of the beat as the file holds, no more.

    Attributes
    ----------
    images : ndarray of float32, shape (F, Z, H, W)
        Intensity (or labels); phase, slice, row, column.
    spacing : tuple of float
        Pixel size in mm, (row, column).
    slice_spacing : float
        Distance between slices, mm.
    phase_interval : float
        Time between phases, ms; NaN where the file states none.
    source : str
        The file.
    """

    images: np.ndarray
    spacing: tuple[float, float]
    slice_spacing: float
    phase_interval: float
    source: str = ""

    @property
    def phases(self) -> int:
        """How many phases of the beat there are."""
        return len(self.images)


def read_image(path: Path | str, units: tuple[str, str] | None = None) -> Stack:
    """The slices and phases of a NIfTI file (X, Y, Z) or (X, Y, Z, T) as they are.

    Parameters
    ----------
    path : path
        .nii or .nii.gz.
    units : tuple of str, optional
        Of length and time, such as ("mm", "sec"), for a header that states none. Stated units are never overridden.

    Raises
    ------
    DataError
        If the file is missing, damaged, empty, no NIfTI, of other than 3 or 4 dimensions, or its spacing is absent or
        not in mm.
    """
    data, zooms, length_unit, time_unit = _load(Path(path), units)
    if data.ndim not in (3, 4):
        raise DataError(
            f"an image of shape {data.shape}",
            source=path,
            remedy="give (columns, rows, slices) or (columns, rows, slices, phases)",
        )
    _check_spacing(zooms[:3], length_unit, path)
    data = data if data.ndim == 4 else data[..., None]
    interval = zooms[3] * _MILLISECONDS.get(time_unit, np.nan) if len(zooms) > 3 and zooms[3] > 0 else np.nan
    images = np.ascontiguousarray(data.transpose(3, 2, 1, 0), dtype=np.float32)
    return Stack(images, (zooms[1], zooms[0]), zooms[2], interval, str(path))


def read_cine(
    path: Path | str,
    frames: int = FRAMES,
    size: int | None = SIZE,
    slice_index: int | None = None,
    resample_frames: bool = False,
    units: tuple[str, str] | None = None,
) -> Cine:
    """One slice over the beat, from a NIfTI file (X, Y, Z, T); intensities untouched.

    Parameters
    ----------
    path : path
        .nii or .nii.gz.
    frames : int
        Frames of the result, evenly over one R-R interval.
    size : int, optional
        Rows and columns of the result: cut, or padded with 0, about the image's centre; None leaves them as they are.
        Pixels are not resampled: `resample_plane` does that.
    slice_index : int, optional
        Which slice; by default the middle one.
    resample_frames : bool
        Whether another number of phases (at least 10) is interpolated, linearly and periodically, or refused.
    units : tuple of str, optional
        As in `read_image`.

    Raises
    ------
    DataError
        As `read_image`; and if there is no time axis, no frame interval, no such slice, another number of frames, or
        the image is blank.
    """
    data, zooms, length_unit, time_unit = _load(Path(path), units)
    if data.ndim < 4:
        raise DataError(
            f"no time axis: an image of shape {data.shape}",
            source=path,
            remedy="give the cine as (columns, rows, slices, frames); for a still image use read_image()",
        )
    if data.ndim > 4:
        raise DataError(
            f"{data.ndim} dimensions", source=path, remedy="give the cine as (columns, rows, slices, frames)"
        )
    _check_spacing(zooms[:3], length_unit, path)
    _check_interval(zooms[3], time_unit, path)
    chosen = data.shape[2] // 2 if slice_index is None else slice_index
    if not 0 <= chosen < data.shape[2]:
        raise DataError(
            f"no slice {chosen} among {data.shape[2]}",
            source=path,
            remedy="count slices from 0, or take the middle one",
        )
    images = np.ascontiguousarray(data[:, :, chosen].transpose(2, 1, 0), dtype=np.float32)
    if images.max() == images.min():
        raise DataError(
            f"a blank image: every pixel is {images.max():g}", source=path, remedy="export the series again"
        )
    interval = zooms[3] * _MILLISECONDS[time_unit] * len(images) / frames
    images = _to_frames(images, frames, resample_frames, path)
    images = images if size is None else crop_or_pad(images, size)
    return Cine(images, (zooms[1], zooms[0]), interval, str(path))


def write_cine(path: Path | str, cine: Cine) -> Path:
    """The path of a NIfTI file (X, Y, 1, T) of a cine, rounded to whole numbers: uint8 up to 255, int16 above.

    Spacing in mm and frame interval in s are in the header. X is the column and runs to the patient's left, Y the row
    and runs to the back, as the affine says; the slice axis is nominal.

    Raises
    ------
    ValueError
        If values are negative, above 32767, or all in [0, 1], where rounding would lose the image.
    DataError
        If the folder cannot be written.
    """
    import nibabel as nib

    path = Path(path)
    lowest, highest = float(cine.frames.min()), float(cine.frames.max())
    if lowest < 0 or not 1 < highest <= 32767:
        raise ValueError(
            f"pixels are written as whole numbers up to 32767; got {lowest:g} to {highest:g}: scale them first"
        )
    pixels = np.rint(cine.frames).astype(np.uint8 if highest <= 255 else np.int16)
    row, column = cine.spacing
    affine = np.diag([-column, -row, SLICE_THICKNESS, 1.0])
    image = nib.Nifti1Image(pixels.transpose(2, 1, 0)[:, :, None, :], affine)
    image.header.set_zooms((column, row, SLICE_THICKNESS, cine.frame_interval / 1e3))
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_qform(affine, code="scanner")
    content = image.to_bytes()
    with replacing(path) as beside:
        # Level 1: four times as fast as the default for a tenth more bytes. No time stamp: same cine, same bytes.
        beside.write_bytes(gzip.compress(content, 1, mtime=0) if path.suffix == ".gz" else content)
    return path


def scale_intensity(frames: np.ndarray, source: str = "") -> np.ndarray:
    """Frames in [0, 1], float32: the cine's 0.5 and 99.5 percentiles of intensity become 0 and 1, the rest is clipped.

    Raises
    ------
    DataError
        If the two percentiles are equal, so that there is nothing to see.
    """
    low, high = np.percentile(frames, PERCENTILES)
    if not high > low:
        raise DataError(
            f"no contrast: nearly all pixels are {low:g}",
            source=source or None,
            remedy="export the series again or leave this participant out",
        )
    scaled = (np.asarray(frames, dtype=np.float32) - np.float32(low)) / np.float32(high - low)
    return np.clip(scaled, 0.0, 1.0, out=scaled)


def still_cine(image: np.ndarray, spacing: tuple[float, float], frames: int = FRAMES, source: str = "") -> Cine:
    """A cine that repeats one image (H, W): it holds no motion, and its frame interval (20 ms) is nominal.

    Only for passing a real still image through an encoder of cines. Nothing that depends on motion (ejection fraction,
    strain, stroke volume) can be read from it, and no result for it stands for a result on cines.
    """
    return Cine(np.repeat(np.asarray(image, dtype=np.float32)[None], frames, axis=0), spacing, 20.0, source)


def still_slice(stack: Stack, labels: Stack | None = None, phase: int = 0) -> Cine:
    """A cine that repeats one phase of the middle slice, in a cohort's geometry: anatomy without motion (`still_cine`).

    Parameters
    ----------
    stack : Stack
        As `read_image` gives it.
    labels : Stack, optional
        Labels of the same slices, 1 the LV cavity (as Sunnybrook, AutoFD and ukbb_cardiac have it): the slice is then
        the middle one of those that hold it, and the image is centred on it; else the stack's and the image's middle.
    phase : int
        Which phase.

    Raises
    ------
    DataError
        If there is no such phase, or the labels have another shape than the images or no LV cavity.
    """
    if not 0 <= phase < stack.phases:
        raise DataError(f"no phase {phase} among {stack.phases}", source=stack.source, remedy="count phases from 0")
    images, middle, centre = stack.images[phase], stack.images.shape[1] // 2, None
    if labels is not None:
        if labels.images.shape != stack.images.shape:
            raise DataError(
                f"labels of shape {labels.images.shape} for images of shape {stack.images.shape}",
                source=labels.source,
                remedy="give labels of the same slices; cut padded ones to the image",
            )
        cavity = labels.images[phase] == 1
        slices = np.flatnonzero(cavity.any(axis=(1, 2)))
        if not len(slices):
            raise DataError("no pixel is labelled 1, LV cavity", source=labels.source, remedy="check the label values")
        middle = int(slices[len(slices) // 2])
        centre = mask_centre(cavity[middle])
    square = resample_plane(images[middle], stack.spacing, centre)
    return still_cine(square, (SPACING, SPACING), source=stack.source)


def _load(path: Path, units: tuple[str, str] | None) -> tuple[np.ndarray, list[float], str, str]:
    """Scaled array, zooms as they stand in the file, and the units of length and time."""
    import nibabel as nib

    damage = (OSError, EOFError, zlib.error, ValueError, nib.filebasedimages.ImageFileError)
    try:
        image = nib.load(path)
        # nibabel repairs a pixel size of 0 to 1 in silence, so the header is read once more, unrepaired.
        holder = image.file_map.get("header") or image.file_map["image"]
        with holder.get_prepare_fileobj("rb") as file:
            header = type(image.header).from_fileobj(file, check=False)
        data = np.asanyarray(image.dataobj)
    except FileNotFoundError as error:
        raise DataError("no such file", source=path, remedy="check the path, or leave this participant out") from error
    except (*damage, nib.spatialimages.HeaderDataError) as error:
        raise DataError(f"damaged, or no NIfTI ({error})", source=path, remedy="copy or export it again") from error
    if not isinstance(image, nib.Nifti1Pair):
        raise DataError(f"a {type(image).__name__}, not NIfTI", source=path, remedy="convert it to .nii.gz")
    if 0 in image.shape:
        raise DataError(
            f"an empty image of shape {image.shape}", source=path, remedy="export the series again, with its frames"
        )
    if data.dtype.kind not in "uif":
        raise DataError(
            f"pixels of type {data.dtype}", source=path, remedy="write one number a pixel, e.g. magnitude as int16"
        )
    code = int(header["xyzt_units"])
    length, time = _LENGTHS.get(code & 7, "unknown"), _TIMES.get(code & 56, "unknown")
    if units is not None:
        length = units[0] if length == "unknown" else length
        time = units[1] if time == "unknown" else time
    return data, [float(zoom) for zoom in header["pixdim"][1 : 1 + data.ndim]], length, time


def _check_spacing(zooms: list[float], unit: str, path: Path | str) -> None:
    if unit != "mm":
        raise DataError(
            f"pixel sizes in the unit {unit!r}, not mm",
            source=path,
            remedy='write the spacing in mm, or where the unit is absent state it: units=("mm", "sec")',
        )
    if not all(np.isfinite(zoom) and zoom > 0 for zoom in zooms):
        raise DataError(
            f"pixel sizes of {', '.join(f'{zoom:g}' for zoom in zooms)} mm",
            source=path,
            remedy="write the real spacing into the header (pixdim)",
        )


def _check_interval(zoom: float, unit: str, path: Path | str) -> None:
    if unit not in _MILLISECONDS or not (np.isfinite(zoom) and zoom > 0):
        raise DataError(
            f"a frame interval of {zoom:g} in the unit {unit!r}",
            source=path,
            remedy="write the time between frames into the header (pixdim[4]) with its unit, e.g. sec",
        )


def _to_frames(images: np.ndarray, frames: int, allowed: bool, path: Path | str) -> np.ndarray:
    phases = len(images)
    if phases == frames:
        return images
    if phases < FEWEST_PHASES:
        raise DataError(
            f"{phases} phases of the beat, not {frames} frames",
            source=path,
            remedy="use a full cine; so few phases are not interpolated, since that would invent motion",
        )
    if not allowed:
        raise DataError(
            f"{phases} frames, not {frames}",
            source=path,
            remedy="give a cine with that number, or allow interpolation: read_cine(..., resample_frames=True)",
        )
    place = np.arange(frames) * phases / frames
    before = place.astype(int)
    weight = (place - before).astype(np.float32)[:, None, None]
    return (1 - weight) * images[before] + weight * images[(before + 1) % phases]
