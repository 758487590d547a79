"""CMR files of any format, read into checked cines and stacks, and NIfTI written without loss."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eccl.data.formats.dicom_cine import DicomCine, open_dicom_cine
from eccl.data.formats.nifti import Nifti, open_nifti, unknown_interval, write_nifti
from eccl.data.formats.zips import is_dicom
from eccl.data.standard.orientation import upright
from eccl.data.standard.plane import SIZE, SLICE_SPACING, crop_or_pad
from eccl.data.standard.slices import cut_cine, mid_slice, whole_cine
from eccl.records import FRAMES, Cine, DataError, Stack


def open_image(path: Path | str, units: tuple[str, str] | None = None, nominal: bool = False) -> Nifti | DicomCine:
    """An image whose header has been read and whose pixels have not: NIfTI; or a zip, folder or file of DICOM.

    Parameters
    ----------
    path : path
    units, nominal
        As in `read_image`; DICOM states its units itself.

    Raises
    ------
    DataError
        As `eccl.data.formats.nifti.open_nifti` and `eccl.data.formats.dicom_cine.open_dicom_cine`.
    """
    path = Path(path)
    return open_dicom_cine(path) if _is_dicom(path) else open_nifti(path, units, nominal)


def _is_dicom(path: Path) -> bool:
    if path.is_dir() or path.suffix.lower() == ".zip":
        return True
    if not path.is_file():  # a pipe would be waited for
        return False
    try:
        with open(path, "rb") as file:
            start = file.read(132)
    except OSError:
        return False  # that it cannot be read is for its reader to say
    return start[:4] == b"PK\3\4" or is_dicom(start)


def read_image(
    path: Path | str,
    units: tuple[str, str] | None = None,
    nominal: bool = False,
    slices: Sequence[int] | None = None,
) -> Stack:
    """The slices and frames of a NIfTI file (X, Y, Z) or (X, Y, Z, T) as they are.

    Parameters
    ----------
    path : path
        .nii or .nii.gz.
    units : tuple of str, optional
        Of length and time, such as ("mm", "sec"), for a header that states none. Stated units are never overridden.
    nominal : bool
        Whether its spacing is known not to be real (`ShortAxis.nominal`); no file says so itself.
    slices : sequence of int, optional
        Which neighbouring slices are read; by default all.

    Raises
    ------
    DataError
        If the file is missing, damaged, empty, no NIfTI, too large, of other than 3 or 4 dimensions, there is no such
        slice, or its spacing is absent or not in mm.
    """
    return open_nifti(path, units, nominal).stack(slices)


def read_cine(
    path: Path | str,
    frames: int = FRAMES,
    size: int | None = SIZE,
    slice_index: int | None = None,
    resample_frames: bool = False,
    units: tuple[str, str] | None = None,
) -> Cine:
    """One slice over the beat, upright (`eccl.data.standard.orientation`); intensities untouched.

    Parameters
    ----------
    path : path
        NIfTI of (X, Y, Z, T), .nii or .nii.gz; or a zip, folder or file of DICOM.
    frames : int
        Frames of the result, evenly over one R-R interval.
    size : int, optional
        Rows and columns of the result: cut, or padded with 0, about the image's centre; None leaves them as they are.
        Pixels are not resampled: `resample_plane` does that.
    slice_index : int, optional
        Which slice, counted as the file does (of DICOM from the base); by default the middle one (`mid_slice`).
    resample_frames : bool
        Whether another number of frames (at least 10) is interpolated, linearly and periodically, or refused.
    units : tuple of str, optional
        As in `read_image`.

    Raises
    ------
    DataError
        As `open_image`; and if there is no time axis, no frame interval, no such slice, another number of frames, the
        image is blank, or the beat is shorter than 0.25 s or longer than 3 s.

    Examples
    --------
    >>> cohort = eccl.Cohort.load(eccl.simulate_cohort(eccl.preset("smoke").simulation))
    >>> read_cine(cohort.path(0, "cine"))
    Cine(50 frames of 80 x 80 pixels of 1.8 x 1.8 mm, 18 ms apart: a beat of 0.90 s)
    """
    image = open_image(path, units)
    if isinstance(image, Nifti) and not image.timed:
        raise DataError(
            f"no time axis: an image of shape {image.shape[:0:-1]}",
            source=path,
            remedy="give the cine as (columns, rows, slices, frames); for a still image use read_image()",
        )
    if isinstance(image, Nifti) and not image.frame_interval > 0:
        raise unknown_interval(image)
    one, _ = upright(image.stack([mid_slice(image) if slice_index is None else slice_index]))
    cine = whole_cine(one, frames, resample_frames)
    return cine if size is None else dataclasses.replace(cine, frames=crop_or_pad(cine.frames, size))


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
    lowest, highest = float(cine.frames.min()), float(cine.frames.max())
    if lowest < 0 or not 1 < highest <= 32767:
        raise ValueError(
            f"pixels are written as whole numbers up to 32767; got {lowest:g} to {highest:g}: scale them first"
        )
    row, column = cine.spacing
    affine = np.diag([-column, -row, SLICE_SPACING, 1.0])
    return write_nifti(path, cine.frames[:, None], affine, (column, row, SLICE_SPACING), cine.frame_interval)


def still_slice(stack: Stack, labels: Stack | None = None, frame: int = 0) -> Cine:
    """A cine that repeats one frame of the middle slice, in a cohort's geometry: anatomy without motion (`still_cine`).

    Parameters
    ----------
    stack : Stack
        As `read_image` gives it.
    labels : Stack, optional
        Labels of the same slices, 1 the LV cavity (as Sunnybrook, AutoFD and ukbb_cardiac have it): slice and centre
        are then those of `cut_cine`; else the stack's and the image's middle.
    frame : int
        Which frame of the beat.

    Raises
    ------
    DataError
        If there is no such frame, or the labels have another shape than the images or no LV cavity.
    """
    if not 0 <= frame < stack.frame_count:
        raise DataError(
            f"no frame {frame} among {stack.frame_count}", source=stack.source, remedy="count frames from 0"
        )
    one, *mask = (
        dataclasses.replace(each, images=each.images[frame : frame + 1]) for each in (stack, labels) if each is not None
    )
    return cut_cine(one, *mask, frame_policy="still")
