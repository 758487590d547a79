"""Short-axis stacks made in a few lines, and NIfTI files whose header says exactly what a test wants it to say."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np

from eccl.data.formats.nifti import write_nifti
from eccl.records import Stack
from eccl.simulate.stack import oblique


def beating(shape=(50, 7, 120, 130), spacing=(1.8, 1.8), centre=(70.0, 50.0), interval=20.0):
    """A stack with a disc that beats and its labels: cavity in slices 1 to 5, RV largest in slice 4."""
    frames, depth, rows, columns = shape
    turn = np.sin(np.pi * np.arange(frames) / frames)[:, None, None] ** 2
    row, column = np.mgrid[:rows, :columns]
    distance = np.hypot((row - centre[0]) * spacing[0], (column - centre[1]) * spacing[1])
    cavity, wall = distance < 25 - 8 * turn, np.broadcast_to(distance < 34, (frames, rows, columns))
    labels = np.zeros(shape, np.float32)
    for index in range(1, min(6, depth)):
        labels[:, index][wall] = 2
        labels[:, index][cavity] = 1
        labels[:, index, 5 : 8 + (8 if index == 4 else index), 5:15] = 3
    images = np.where(labels == 1, 200, np.where(labels == 2, 60, 20)).astype(np.float32)
    affine = np.diag([-spacing[1], -spacing[0], 8.0, 1.0])
    return (Stack(images, spacing, 8.0, interval, "sa", affine), Stack(labels, spacing, 8.0, interval, "seg", affine))


def blocks(*sides, muscle=0, right=0, label=3):
    """A stack of 5 slices whose LV cavity is a square of so many pixels at each frame."""
    images = np.zeros((len(sides), 5, 40, 40), np.float32)
    for frame, side in enumerate(sides):
        images[frame, :, 2 : 2 + right, 2:12] = label * (right > 0)
        images[frame, :, 15 : 15 + side + muscle, 15 : 15 + side] = 2
        images[frame, :, 15 : 15 + side, 15 : 15 + side] = 1
    return Stack(images, (2.0, 1.5), 10.0, 30.0, "seg")


def write_stack(path: Path, stack: Stack) -> Path:
    """The path of a NIfTI file (X, Y, Z, T) of a stack of images or labels, rounded to whole numbers."""
    voxel = (*stack.spacing[::-1], stack.slice_spacing)
    return write_nifti(path, stack.images, stack.affine, voxel, stack.frame_interval)


def in_a_patient(spacing=(1.8, 1.8), depth=8.0):
    """The affine of a stack from base to apex, as a scan of a heart has it."""
    row, column = spacing
    return oblique(1.0, depth) @ np.diag([column, row, 1.0, 1.0])


def nifti_file(path: Path, images, pixdim=(1.8, 1.8, 8.0), sform=None, qform=None, dt=0.02, units=10, **fields) -> Path:
    """A NIfTI-1 file of images (F, Z, H, W) or (Z, H, W), whose header is written field by field and never repaired.

    A transform sets its code to 1; units 10 are mm and s, 0 is unknown.
    """
    images = np.asarray(images)
    header = nib.Nifti1Header()
    header.set_data_dtype(images.dtype)
    header.set_data_shape(images.shape[::-1])
    if qform is not None:
        header.set_qform(qform, 1)
    header["pixdim"][1:5] = *pixdim, dt
    for name, row in zip(("srow_x", "srow_y", "srow_z"), np.zeros((3, 4)) if sform is None else sform):
        header[name] = row
    header["sform_code"] = sform is not None
    header["magic"], header["vox_offset"], header["xyzt_units"] = b"n+1", 352, units
    for name, value in fields.items():
        header[name] = value
    content = header.binaryblock + bytes(4) + images.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, 1, mtime=0) if path.suffix.lower() == ".gz" else content)
    return path
