"""DICOM files of a small stack for the tests: as a scanner's one image a file, changed, and as Enhanced MR."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from eccl.records import Stack
from eccl.simulate.stack import oblique

ENHANCED, LEGACY = "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4"


def small_stack(rng: np.random.Generator, shape: tuple[int, int, int, int] = (4, 3, 16, 18)) -> Stack:
    """Noise in (phases, slices, rows, columns), 22.5 ms and 10 mm apart."""
    images = rng.integers(0, 3000, shape).astype(np.float32)
    return Stack(images, (1.8, 1.7), 10.0, 22.5, "", oblique(1.8, 10.0) @ np.diag([1.7 / 1.8, 1, 1, 1]))


def saved(image: Dataset) -> bytes:
    """The bytes of a data set as a file."""
    file = io.BytesIO()
    image.save_as(file)
    return file.getvalue()


def patched(content: bytes, **values) -> bytes:
    """A DICOM file with other values; None takes one out, and "" leaves it there and empty."""
    image = pydicom.dcmread(io.BytesIO(content))
    for key, value in values.items():
        if value is None:
            delattr(image, key)
        else:
            setattr(image, key, value)
    return saved(image)


def every(files: dict[str, bytes], **values) -> dict[str, bytes]:
    """All files with other values."""
    return {name: patched(content, **values) for name, content in files.items()}


def written(folder: Path, files: dict[str, bytes]) -> Path:
    """The folder, with the files in it at any depth."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def item(**values) -> Dataset:
    """One item of a sequence."""
    made = Dataset()
    for key, value in values.items():
        setattr(made, key, value)
    return made


def timing(kind: str, phase: int, stack: Stack) -> dict[str, list[Dataset]]:
    """Functional groups that say when a frame was taken, in one of the ways that the standard has."""
    time, beat = phase * stack.frame_interval, stack.frame_count * stack.frame_interval
    return {
        "nominal": {"CardiacSynchronizationSequence": [item(NominalCardiacTriggerDelayTime=time)]},
        "actual": {"CardiacSynchronizationSequence": [item(ActualCardiacTriggerDelayTime=time)]},
        "percentage": {
            "CardiacSynchronizationSequence": [
                item(NominalPercentageOfCardiacPhase=100 * phase / stack.frame_count, RRIntervalTimeNominal=beat)
            ]
        },
        "index": {
            "FrameContentSequence": [item(TemporalPositionIndex=phase + 1, StackID="1")],
            "CardiacSynchronizationSequence": [item(RRIntervalTimeNominal=beat)],
        },
        "converted": {"UnassignedPerFrameConvertedAttributesSequence": [item(TriggerTime=f"{time:g}")]},
        "none": {},
    }[kind]


def enhanced(
    stack: Stack,
    time: str = "nominal",
    order: Callable[[int], Sequence[int]] = range,
    shared: Sequence[str] = ("PlaneOrientationSequence", "PixelMeasuresSequence"),
    both: bool = False,
    slope: Callable[[int, int], float] | None = None,
    syntax: str = ExplicitVRLittleEndian,
    sop_class: str = ENHANCED,
    undefined: bool = False,
    change: Callable[[Dataset], None] | None = None,
) -> bytes:
    """One file whose frames are all slices and phases of a stack.

    `order` gives the order of the frames, of their number (slice by slice, phase by phase); `shared` names the groups
    that all frames share; with `both` every frame has its own as well, and what is shared is wrong. `slope` is that of
    a slice and phase. With `undefined` sequences end at a delimiter.
    """
    place = np.diag([-1.0, -1.0, 1.0, 1.0]) @ stack.affine
    along, down = (place[:3, axis] / np.linalg.norm(place[:3, axis]) for axis in (0, 1))
    fixed = {
        "PlaneOrientationSequence": [item(ImageOrientationPatient=[f"{v:.10g}" for v in (*along, *down)])],
        "PixelMeasuresSequence": [item(PixelSpacing=list(stack.spacing), SliceThickness=8, SpacingBetweenSlices="")],
    }
    frames, pixels = [], []
    for number in order(stack.slice_count * stack.frame_count):
        index, phase = divmod(number, stack.frame_count)
        position = (place @ (0, 0, index, 1))[:3]
        groups = {"PlanePositionSequence": [item(ImagePositionPatient=[f"{v:.10g}" for v in position])]}
        groups |= timing(time, phase, stack) | {key: group for key, group in fixed.items() if both or key not in shared}
        if slope is not None:
            value = [item(RescaleSlope=slope(index, phase), RescaleIntercept=-5)]
            groups["PixelValueTransformationSequence"] = value
        frames.append(item(**groups))
        pixels.append(stack.images[phase, index])
    wrong = {
        "PlaneOrientationSequence": [item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        "PixelMeasuresSequence": [item(PixelSpacing=[9, 9])],
    }
    image = item(
        SOPClassUID=sop_class,
        SOPInstanceUID="2.25.77",
        Modality="MR",
        PatientID="p",
        SeriesInstanceUID="2.25.78",
        InstanceNumber=1,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        NumberOfFrames=len(frames),
        Rows=stack.shape[2],
        Columns=stack.shape[3],
        BitsAllocated=16,
        BitsStored=12,
        HighBit=11,
        PixelRepresentation=0,
        SharedFunctionalGroupsSequence=[item(**{key: (wrong if both else fixed)[key] for key in shared})],
        PerFrameFunctionalGroupsSequence=frames,
        PixelData=np.stack(pixels).astype("<u2").tobytes(),
    )
    image["PixelData"].VR = "OW"
    image.file_meta, image.preamble = FileMetaDataset(), bytes(128)
    image.file_meta.MediaStorageSOPClassUID, image.file_meta.MediaStorageSOPInstanceUID = sop_class, "2.25.77"
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if change is not None:
        change(image)
    if undefined:
        for sequence in (image["SharedFunctionalGroupsSequence"], image["PerFrameFunctionalGroupsSequence"]):
            sequence.is_undefined_length = True
            for frame in sequence:
                frame.is_undefined_length_sequence_item = True
                for element in frame:
                    element.is_undefined_length = True
    if syntax == RLELossless:
        image.compress(RLELossless, generate_instance_uid=False)
    image.file_meta.TransferSyntaxUID = syntax
    return saved(image)
