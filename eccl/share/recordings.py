"""One recording of one's own, an ECG or a cine, told apart by what is in the file."""

from __future__ import annotations

from pathlib import Path

from eccl.data.ecg import read_ecg
from eccl.data.formats.zips import is_dicom
from eccl.records import ECG, Cine

_WAVEFORM = "1.2.840.10008.5.1.4.1.1.9."  # how the SOP class of every DICOM waveform begins
_IMAGES = (".nii", ".nii.gz", ".zip")


def read_recording(
    path: Path | str, unit: str | None = None, rate: float | None = None, units: str | None = None
) -> ECG | Cine:
    """The ECG or the cine of a file, or of a folder of DICOM images.

    An ECG is read as `eccl.read_ecg` does. Of a stack the middle slice is cut about what moves, as an ingest does
    without masks, and from ten frames on interpolated to 50; of one frame, a still is repeated.

    Parameters
    ----------
    path : path
        Any format that `eccl.read_ecg` or `eccl.read_cine` reads.
    unit, rate : str and float, optional
        Unit of the samples and rate in Hz, of an ECG that states none.
    units : str, optional
        Of length and time, such as "mm sec", of a NIfTI file that states none.

    Raises
    ------
    DataError
        As these two.
    """
    path = Path(path)
    return _cine(path, units) if _holds_images(path) else read_ecg(path, unit=unit, rate=rate)


def _holds_images(path: Path) -> bool:
    """Whether images are in there: by its name, or of a file of DICOM by its class."""
    if path.is_dir() or path.name.lower().endswith(_IMAGES):
        return True
    if not path.is_file():  # WFDB may be named without its ending, and a pipe would be waited for
        return False
    from pydicom.errors import InvalidDicomError
    from pydicom.filereader import read_file_meta_info

    try:
        with path.open("rb") as file:
            if not is_dicom(file.read(132)):
                return False
        kind = str(read_file_meta_info(path).get("MediaStorageSOPClassUID", _WAVEFORM))
    except (InvalidDicomError, OSError, ValueError, AttributeError):
        return False  # what cannot be read, the reader of ECGs explains
    return not kind.startswith(_WAVEFORM)


def _cine(path: Path, units: str | None) -> Cine:
    from eccl.data.cmr import open_image
    from eccl.data.standard.slices import cut_cine

    image = open_image(path, tuple(units.split()) if units else None)
    return cut_cine(image, frame_policy="still" if image.frame_count == 1 else "interpolate")
