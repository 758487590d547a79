"""Cines that move: looping pictures inside the page, with a still where nothing may move, and nothing fetched."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eccl.data.standard.intensity import PERCENTILES
from eccl.plots.style import ORANGE
from eccl.records import Cine

PIXELS = 240  # of the longer side of a cine, of 80 pixels itself
EVERY = 2  # frames from one that is shown to the next: 25 a beat are enough for the eye
BYTES = 150_000  # of one looping picture at most
QUALITIES = (70, 55, 40, 25)  # of WebP, the first that fits into `BYTES`
LINE = 0.8  # pixels of half an outline
GAP, SHAFT, HEAD = 6, 26, 9  # pixels between an arrow and the wall, of its length, and of its head
DIRECTIONS = 72  # around the cavity, in which the wall's thickness is taken

LOOK = """
.moving-cines {display: grid; grid-template-columns: repeat(auto-fill, minmax(12.5rem, 1fr)); gap: 0.8rem}
.moving-cines > div {text-align: center}
.moving-cines img {width: 100%; max-width: 20rem; background: #000}
@media (max-width: 40rem) {.moving-cines {grid-template-columns: repeat(2, 1fr)}}
@media print {.moving-cines {grid-template-columns: repeat(3, 1fr)}}
"""


@dataclass(frozen=True, eq=False)
class MovingCines:
    """What a notebook shows: the cines side by side, each in its own time."""

    markup: str

    def _repr_html_(self) -> str:
        return self.markup

    def __repr__(self) -> str:
        return "MovingCines: to be seen in a browser"


def moving_cines(
    cines: Sequence[Cine],
    labels: Sequence[str],
    walls: Sequence[np.ndarray] | None = None,
    arrows: Sequence[str] | None = None,
) -> MovingCines:
    """Cines that beat, each at its own rate, the wall of the left ventricle outlined where it is known.

    On paper, and for a reader who has asked for no motion, the first frame stands still.

    Parameters
    ----------
    cines : sequence of Cine
    labels : sequence of str
        Name of each, below it and in its alternative text.
    walls : sequence of ndarray of bool, shape (F, H, W), optional
        Where the muscle is in each frame of each cine.
    arrows : sequence of str, optional
        What of each wall is pointed at, where it is in the first frame: its "thinnest" part, its "thickest", or "".

    Raises
    ------
    ValueError
        If there are not as many labels, walls and arrows as cines, a wall is not of its cine's shape, or an arrow
        points at anything else.
    """
    marked = [None] * len(cines) if walls is None else list(walls)
    pointed = [""] * len(cines) if arrows is None else list(arrows)
    if not len(cines) == len(labels) == len(marked) == len(pointed):
        counts = f"{len(cines)} cines, {len(labels)} labels, {len(marked)} walls and {len(pointed)} arrows"
        raise ValueError(f"{counts}: give one of each")
    cells = []
    for cine, label, wall, part in zip(cines, labels, marked, pointed):
        frames = painted(cine, wall)
        name = html.escape(label)
        said = f"cine of the heart: {name}" + ("" if wall is None else ", its wall outlined")
        if part:
            if wall is None:
                raise ValueError(f"an arrow at the {part} part of a wall that is not given")
            frames, said = with_arrow(frames, wall[0], part), f"{said}, an arrow at its {part} part"
        still, moving = _url(frames[:1], 0), _url(frames, round(EVERY * cine.frame_interval))
        sources = "".join(
            f'<source media="{when}" srcset="{still}">' for when in ("print", "(prefers-reduced-motion: reduce)")
        )
        cells.append(f'<div><picture>{sources}<img alt="{said}" src="{moving}"></picture><br>{name}</div>')
    return MovingCines(f'<style>{LOOK}</style><div class="moving-cines">{"".join(cells)}</div>')


def painted(cine: Cine, wall: np.ndarray | None = None, every: int = EVERY, pixels: int = PIXELS) -> np.ndarray:
    """Frames of a cine as pictures (frames, height, width, 3) uint8, in true proportions, its wall outlined.

    Parameters
    ----------
    cine : Cine
    wall : ndarray of bool, shape (F, H, W), optional
        Where the muscle is. Its outer and its inner border are drawn.
    every : int
        Frames from one that is shown to the next.
    pixels : int
        Of the longer side.

    Raises
    ------
    ValueError
        If the wall is not of the cine's shape.
    """
    from matplotlib.colors import to_rgb
    from scipy.ndimage import binary_fill_holes

    if wall is not None and wall.shape != cine.frames.shape:
        raise ValueError(f"a wall of shape {wall.shape} for frames of {cine.frames.shape}: give one for each frame")
    low, high = np.percentile(cine.frames, PERCENTILES)
    grey = np.clip((cine.frames[::every] - low) / max(high - low, 1e-6), 0, 1)
    lengths = np.array(cine.frames.shape[1:]) * cine.spacing
    shape = tuple(round(float(length)) for length in pixels * lengths / lengths.max())
    pictures = np.stack([_enlarged(frame, shape) for frame in grey])[..., None].repeat(3, axis=3)
    if wall is not None:
        for picture, muscle in zip(pictures, wall[::every]):
            whole = binary_fill_holes(muscle)
            for region in (whole, whole & ~muscle):
                line = _outline(region, shape)[..., None]
                picture[:] = (1 - line) * picture + line * np.array(to_rgb(ORANGE))
    return np.rint(255 * np.clip(pictures, 0, 1)).astype(np.uint8)


def with_arrow(pictures: np.ndarray, wall: np.ndarray, part: str) -> np.ndarray:
    """Pictures (frames, height, width, 3) with an arrow from outside at one part of the wall.

    Parameters
    ----------
    wall : ndarray of bool, shape (H, W)
        Where the muscle is.
    part : str
        "thinnest" or "thickest".

    Raises
    ------
    ValueError
        If it is neither.
    """
    from PIL import Image, ImageDraw

    (row, column), angle, reach = _pointed_at(wall, part)
    scale = np.array(pictures.shape[1:3]) / wall.shape
    outwards = np.array([np.sin(angle), np.cos(angle)])
    tip = (np.array([row, column]) + reach * outwards + 0.5) * scale + GAP * outwards
    across = np.array([outwards[1], -outwards[0]])
    head = [tip, *(tip + HEAD * outwards + side * HEAD / 2 * across for side in (-1, 1))]
    shaft = [tip + HEAD * outwards, tip + SHAFT * outwards]
    head, shaft = ([tuple(point[::-1]) for point in points] for points in (head, shaft))
    shown = []
    for picture in pictures:
        image = Image.fromarray(picture)
        pen = ImageDraw.Draw(image)
        pen.line([*head, head[0], head[1]], "black", 3)  # the rim is seen on blood, the inside on muscle and lung
        pen.line(shaft, "black", 5)
        pen.line(shaft, "white", 3)
        pen.polygon(head, "white")
        shown.append(np.asarray(image))
    return np.stack(shown)


def _pointed_at(wall: np.ndarray, part: str) -> tuple[np.ndarray, float, float]:
    """The cavity's centre (row, column), the direction of a part of the wall (radians), and how far out that ends."""
    from scipy.ndimage import binary_fill_holes, center_of_mass, gaussian_filter1d, map_coordinates

    if part not in ("thinnest", "thickest"):
        raise ValueError(f"an arrow points at the thinnest or the thickest part of a wall; got {part!r}")
    centre = np.array(center_of_mass(binary_fill_holes(wall) & ~wall))
    angles = np.linspace(0, 2 * np.pi, DIRECTIONS, endpoint=False)
    steps = np.arange(0, max(wall.shape) / 2, 0.25)  # pixels
    rays = centre[:, None, None] + np.stack([np.sin(angles), np.cos(angles)])[:, :, None] * steps
    muscle = map_coordinates(wall.astype(float), rays, order=1)
    thickness = gaussian_filter1d(muscle.sum(axis=1), 2, mode="wrap")
    best = int(thickness.argmin() if part == "thinnest" else thickness.argmax())
    return centre, float(angles[best]), float(steps[muscle[best] > 0.5].max())


def webp(frames: np.ndarray, duration: int, quality: int) -> bytes:
    """A looping WebP of pictures (frames, H, W) or (frames, H, W, 3) uint8, each shown for `duration` ms."""
    from PIL import Image

    first, *others = [Image.fromarray(frame) for frame in frames]
    file = io.BytesIO()
    first.save(file, "WEBP", save_all=True, append_images=others, duration=duration, loop=0, quality=quality, method=4)
    return file.getvalue()


def data_url(picture: bytes) -> str:
    """A WebP as an address that holds it whole."""
    return f"data:image/webp;base64,{base64.b64encode(picture).decode()}"


def _url(frames: np.ndarray, duration: int) -> str:
    """The best quality that fits, or the least there is."""
    for quality in QUALITIES:
        picture = webp(frames, duration, quality)
        if len(picture) <= BYTES:
            break
    return data_url(picture)


def _enlarged(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    from PIL import Image

    size = Image.fromarray(image.astype(np.float32)).resize(shape[::-1], Image.Resampling.BICUBIC)
    return np.asarray(size)


def _outline(region: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """How much of each pixel (H, W) of the larger picture the border of a region covers, 0 to 1."""
    from scipy.ndimage import gaussian_filter

    smooth = _enlarged(gaussian_filter(region.astype(np.float32), 0.7), shape)  # a border without the mask's steps
    slope = np.hypot(*np.gradient(smooth))
    distance = np.abs(smooth - 0.5) / np.maximum(slope, 0.02)  # in pixels, to the height of one half
    return np.clip(LINE + 0.5 - distance, 0, 1)
