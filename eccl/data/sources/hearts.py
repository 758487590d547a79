"""A heart of any image format as a cohort's cine, and the traits of its masks: what the CMR adapters share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from eccl.data.cmr import Stack, read_image
from eccl.data.dicom_cine import open_dicom_cine
from eccl.data.masks import mask_traits
from eccl.data.slices import align, cut_cine, mid_slice
from eccl.records import Cine

FEWER = ("refuse", "interpolate", "still")
RULES = ("middle", "rv")
