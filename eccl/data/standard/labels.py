"""Labels of the heart in a stack: what their values mean, and which frames of the beat they are of.

A stack may hold labels at some frames alone, as in M&Ms at end-diastole and end-systole, wherever in the beat they are.
A frame without any label is not one of an empty ventricle: it says nothing. Among the frames that hold labels,
end-diastole is the one of the largest LV cavity and end-systole the one of the smallest.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from eccl.records import DataError, Stack

CAVITY, MUSCLE, RIGHT = (1,), (2,), (3, 4)  # labels: LV cavity, LV myocardium, RV cavity (3 ukbb_cardiac, 4 AutoFD)
KNOWN = (0, *CAVITY, *MUSCLE, *RIGHT)
_MEANING = "0 is background, 1 LV cavity, 2 myocardium, 3 or 4 RV cavity"
_ROUNDING = 0.01  # labels nearer to a whole number than this are that number: what interpolates labels goes further


def whole_labels(labels: Stack) -> Stack:
    """The labels as whole numbers, if they differ from them by rounding alone.

    Tools that write labels through numbers with a point leave a scale in the header which does not give them exactly.
    """
    off = max(float(np.abs(frame - np.rint(frame)).max()) for frame in labels.images)  # NaN if one is none
    return replace(labels, images=np.rint(labels.images)) if 0 < off <= _ROUNDING else labels


def check_labels(labels: Stack) -> None:
    """Raise unless every label is one that is known here: 0, 1, 2 and 3 or 4.

    Raises
    ------
    DataError
        If one is not, with its value.
    """
    values = np.unique(np.concatenate([np.unique(frame) for frame in labels.images]))  # frame by frame: less memory
    unknown = values[~np.isin(values, KNOWN)]
    if len(unknown):
        problem, remedy = f"an unknown label: {unknown[0]:g}", f"write the labels that are read: {_MEANING}"
        if not np.isfinite(unknown[0]):
            problem, remedy = "labels that are not finite", f"write 0 where nothing is labelled; {_MEANING}"
        elif np.mod(unknown[0], 1):
            problem, remedy = f"fractional labels: {unknown[0]:g}", f"resample by nearest neighbour; {_MEANING}"
        raise DataError(problem, source=labels.source or None, remedy=remedy)
    if np.isin(RIGHT, values).all():
        raise DataError(
            "the labels 3 and 4 in one mask, which both stand for the RV cavity",
            source=labels.source or None,
            remedy="keep 3 for the RV cavity",
        )


def count(labels: Stack, which: tuple[int, ...]) -> np.ndarray:
    """Voxels (F,) of some labels at each frame."""
    return np.array([np.isin(frame, which).sum() for frame in labels.images])


def labelled_frames(labels: Stack) -> np.ndarray:
    """Which frames (n,) hold any label, in order."""
    return np.flatnonzero(labels.images.any(axis=(1, 2, 3)))


def end_diastole(labels: Stack) -> int:
    """The frame of the largest LV cavity, the first of equals.

    Raises
    ------
    DataError
        If no frame holds LV cavity.
    """
    cavity = count(labels, CAVITY)
    frame = int(cavity.argmax())
    if not cavity[frame]:
        raise _no_cavity(labels, "")
    return frame


def end_systole(labels: Stack) -> int:
    """The frame of the smallest LV cavity among those that hold labels, the first of equals.

    Raises
    ------
    DataError
        If a frame that holds labels holds no LV cavity, or none holds any.
    """
    end_diastole(labels)
    frames = labelled_frames(labels)
    cavity = count(labels, CAVITY)[frames]
    frame = int(frames[cavity.argmin()])
    if not cavity.min():
        raise _no_cavity(labels, f", at frame {frame}, which has other labels" if labels.frame_count > 1 else "")
    return frame


def _no_cavity(labels: Stack, where: str) -> DataError:
    return DataError(
        f"no pixel is labelled 1, LV cavity{where}",
        source=labels.source or None,
        remedy="check the label values, or give the segmented frames alone",
    )
