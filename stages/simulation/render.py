"""Frames of a take: the place, shadows, people and things painted from the farthest to the nearest, and the lens.

Everything is painted at FINE times the frame's size and averaged, so that edges are smooth; a pixel belongs to who
covers at least half of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from stages.core.errors import DatasetError
from stages.core.params import Section
from stages.core.seeding import stream
from stages.simulation.backdrop import FINE, Backdrop, backdrop
from stages.simulation.figures import THING, Figure, figures
from stages.simulation.solids import SHIFT
from stages.simulation.world import Take

Bytes = NDArray[np.uint8]

BLOCK = 50
"""Frames prepared together: the memory that a clip takes, whatever its length."""
GRAIN = 64
"""px by which the picture of the sensor's noise is larger than a frame: it is moved at random from frame to frame."""
ZERO = 128
"""The level of that picture which stands for no noise."""


class RenderParams(Section):
    """What the light and the camera do to the picture.

    Args:
        noise: standard deviation of the sensor's noise, levels of 255. More hides detail and makes files larger.
        blur: standard deviation of the lens' blur, px; 0 is sharp.
        light: by how much the light of a clip may differ from the camera's usual one, relative.
        flicker: standard deviation of the light from frame to frame, relative.
        crf: constant rate factor of the H.264 encoder: 0 lossless … 51; 6 more halves the file.
    """

    noise: float = Field(default=2.5, ge=0, le=50)
    blur: float = Field(default=0.45, ge=0, le=1)
    light: float = Field(default=0.10, ge=0, lt=1)
    flicker: float = Field(default=0.004, ge=0, lt=0.2)
    crf: int = Field(default=23, ge=0, le=51)


@dataclass(frozen=True)
class Picture:
    """A frame.

    Args:
        image: `(H, W, 3)` uint8 RGB.
        people: `(H, W)` uint8: 0 nobody, else 1 + the person's track; bodies alone.
        things: `(H, W)` uint8: the same of what they ride, throw or carry.
    """

    image: Bytes
    people: Bytes
    things: Bytes


def render(take: Take, params: RenderParams) -> Iterator[Picture]:
    """Paint every frame of a take in order; memory is bounded by BLOCK frames.

    The same take gives the same bytes. OpenCV's threads are left as they are: nothing here depends on their number.

    Raises:
        DatasetError: a track is too large a number for the masks.
    """
    import cv2

    highest = max((actor.track for actor in take.actors), default=0)
    if highest >= THING - 1:
        raise DatasetError(
            f"track {highest} is too large a number for masks",
            where=f"clip {take.plan.clip}",
            fix=f"number people from 0 to {THING - 2}",
        )
    place = backdrop(take.plan.place, take.plan.camera)
    empty = np.dstack([place.image, np.zeros(place.image.shape[:2], np.uint8)])
    lens = _Lens(take, params)
    for start in range(0, take.plan.frames, BLOCK):
        stop = min(start + BLOCK, take.plan.frames)
        block = figures(take, place, start, stop)
        for frame in range(start, stop):
            here = [(one, frame - one.first) for one in block if 0 <= frame - one.first < len(one)]
            canvas = _paint(place, empty, [(one, row) for one, row in here if one.order[row]])
            yield Picture(lens.expose(canvas), *_split(_majority(np.asarray(cv2.extractChannel(canvas, 3), np.uint8))))


def _paint(place: Backdrop, empty: Bytes, here: list[tuple[Figure, int]]) -> Bytes:
    """The scene in fine pixels, `(FINE H, FINE W, 4)`: RGB, and who is where."""
    import cv2

    ground = _shadowed(place, empty, here)
    canvas = np.asarray(cv2.resize(ground, None, fx=FINE, fy=FINE, interpolation=cv2.INTER_NEAREST), np.uint8)
    for one, row in sorted(here, key=lambda pair: -pair[0].distance[pair[1]]):
        top, bottom, left, right = one.regions[row]
        window = (slice(top, bottom), slice(left, right))
        hidden = one.hidden_by[row][place.owner[window]]
        under = canvas[window][hidden]
        _brush(canvas, one, row)
        canvas[window][hidden] = under
    return canvas


def _brush(canvas: Bytes, one: Figure, row: int) -> None:
    import cv2

    corners, paint = one.corners[row], one.paint[row]
    for solid in one.order[row]:
        for layer in range(one.layers[solid]):
            cv2.fillConvexPoly(canvas, corners[solid, layer], paint[solid][layer], cv2.LINE_8, SHIFT)


def _shadowed(place: Backdrop, empty: Bytes, here: list[tuple[Figure, int]]) -> Bytes:
    """The place with the shadows of those about, soft at their edges; they fall on the ground alone."""
    import cv2

    if not here:
        return empty
    full = 255
    shade = np.full(empty.shape[:2], full, np.uint8)
    dark = round(full * (1 - place.strength))
    for one, row in here:
        for polygon in one.shadow[row]:
            cv2.fillConvexPoly(shade, polygon, dark, cv2.LINE_8, SHIFT)
    soft = np.asarray(cv2.GaussianBlur(shade, (5, 5), 1.2), np.uint8)
    soft[place.owner[::FINE, ::FINE] > 0] = full
    return np.asarray(cv2.multiply(empty, cv2.cvtColor(soft, cv2.COLOR_GRAY2BGRA), scale=1 / full), np.uint8)


def _majority(codes: Bytes) -> Bytes:
    """Who covers at least half of each pixel: the second largest of its four fine pixels."""
    upper, lower = np.maximum(codes[::2], codes[1::2]), np.minimum(codes[::2], codes[1::2])
    return np.maximum(np.minimum(upper[:, ::2], upper[:, 1::2]), np.maximum(lower[:, ::2], lower[:, 1::2]))


def _split(codes: Bytes) -> tuple[Bytes, Bytes]:
    """People's bodies, and their things."""
    none = np.uint8(0)
    return np.where(codes < THING, codes, none), np.where(codes < THING, none, codes & np.uint8(THING - 1))


class _Lens:
    """Light, blur and noise of one clip's camera."""

    def __init__(self, take: Take, params: RenderParams) -> None:
        camera, random = take.plan.camera, stream(take.plan.seed, "lens")
        self._size = (camera.width, camera.height)
        self._params = params
        self._light = 1 + params.light * random.uniform(-1, 1)
        grain = random.standard_normal((camera.height + GRAIN, camera.width + GRAIN, 3), np.float32)
        self._grain = np.rint(np.clip(ZERO + params.noise * grain, 0, 255)).astype(np.uint8)
        self._random = random

    def expose(self, canvas: Bytes) -> Bytes:
        """A frame `(H, W, 3)` from a scene in fine pixels."""
        import cv2

        image = cv2.cvtColor(cv2.resize(canvas, self._size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGBA2RGB)
        if self._params.blur:
            image = cv2.GaussianBlur(image, (3, 3), self._params.blur)
        light = self._light * (1 + self._params.flicker * self._random.standard_normal())
        down, right = self._random.integers(GRAIN, size=2)
        grain = self._grain[down : down + self._size[1], right : right + self._size[0]]
        return np.asarray(cv2.addWeighted(image, light, grain, 1, -ZERO), np.uint8)
