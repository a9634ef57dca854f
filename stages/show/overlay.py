"""Skeletons on frames: reading the frames of a video, and drawing people on them coloured by their score."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import BackendError, VideoError
from stages.core.skeleton import Layout
from stages.show.palette import heat

Image = NDArray[np.uint8]
"""`(H, W, 3)` RGB."""

CANVAS = (32, 36, 42)
"""RGB of the ground that people stand on where there is no video."""


@dataclass(frozen=True)
class Person:
    """A person to draw.

    Args:
        keypoints: `(V, 3)`: x, y in px of the frame, confidence.
        box: `(4,)` x, y, width, height in px of the frame.
        track: id.
        heat: 0 usual … 1 unusual, None where no score is known.
    """

    keypoints: NDArray[np.float32]
    box: NDArray[np.float64]
    track: int
    heat: float | None


def read_frames(video: Path, frames: Iterable[int]) -> list[Image]:
    """Read some frames, in ascending order. The file is read from its start, because seeking is inexact in H.264.

    Args:
        video: the file.
        frames: 0-based.

    Raises:
        VideoError: the file cannot be opened or ends before the last of them.
        BackendError: OpenCV is not installed.
    """
    cv2 = cv2_module()
    capture, images, position = cv2.VideoCapture(str(video)), [], -1
    try:
        for frame in sorted(frames):
            while position < frame and capture.grab():
                position += 1
            done, image = capture.retrieve() if position == frame else (False, None)
            if not done:
                raise VideoError(f"frame {frame} cannot be read", where=str(video), fix="run `normotion check`")
            images.append(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    finally:
        capture.release()
    return images


def blank(width: int, height: int) -> Image:
    """A plain dark frame, for datasets that hold poses only."""
    return np.full((height, width, 3), CANVAS, dtype=np.uint8)


def draw_people(
    image: Image, people: Sequence[Person], layout: Layout, *, width: int, boxes: bool = False, ids: bool = False,
    dim: float = 0.75, least_confidence: float = 0.2,
) -> Image:  # fmt: skip
    """Scale a frame and draw people on it, the least unusual first so that the others lie on top.

    Args:
        image: `(H, W, 3)` RGB, left as it is.
        people: in px of `image`.
        layout: joints and bones of their keypoints.
        width: of the result in px; its height follows.
        boxes: draw each person's box.
        ids: write each person's track id above the box.
        dim: brightness the frame is multiplied by before drawing, so that skeletons stand out.
        least_confidence: joints below it, and their bones, are not drawn.

    Returns:
        `(height, width, 3)` RGB.
    """
    cv2 = cv2_module()
    scale = width / image.shape[1]
    size = (width, max(1, round(image.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = cv2.convertScaleAbs(cv2.resize(image, size, interpolation=method), alpha=dim)
    for person in sorted(people, key=lambda person: -1.0 if person.heat is None else person.heat):
        _draw_skeleton(cv2, canvas, person, layout, scale, least_confidence)
        if boxes:
            _draw_box(cv2, canvas, person, scale)
        if ids:
            _write_id(canvas, person, scale)
    return np.asarray(canvas, dtype=np.uint8)


def data_uri(image: Image) -> str:
    """A frame as a WebP picture inside a `data:` URI, so that a page needs no other file."""
    cv2 = cv2_module()
    _, data = cv2.imencode(".webp", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, 75])
    return f"data:image/webp;base64,{base64.b64encode(data.tobytes()).decode()}"


def _draw_skeleton(cv2: Any, canvas: Image, person: Person, layout: Layout, scale: float, least: float) -> None:
    """Bones with a dark rim, thicker on tall and on unusual people, so that colour is not the only sign."""
    points = np.rint(person.keypoints[:, :2] * scale * _FINE).astype(int)
    sure = person.keypoints[:, 2] >= least
    bones = [(points[a], points[b]) for a, b in layout.bones if sure[a] and sure[b]]
    tall = min(3, 1 + int(person.box[3] * scale) // 30)
    thick = tall + round(1.5 * (person.heat or 0))
    for colour, extra in ((_RIM, 2), (heat(person.heat), 0)):
        for start, end in bones:
            cv2.line(canvas, start.tolist(), end.tolist(), colour, thick + extra, cv2.LINE_AA, _SHIFT)


def _draw_box(cv2: Any, canvas: Image, person: Person, scale: float) -> None:
    x, y, w, h = (value * scale * _FINE for value in person.box)
    corners = (round(x), round(y)), (round(x + w), round(y + h))
    cv2.rectangle(canvas, *corners, heat(person.heat), 1, cv2.LINE_AA, _SHIFT)


def _write_id(canvas: Image, person: Person, scale: float) -> None:
    place = round(person.box[0] * scale), max(10, round(person.box[1] * scale) - 4)
    write_text(canvas, str(person.track), place, heat(person.heat), size=0.4)


def write_text(canvas: Image, text: str, place: tuple[int, int], colour: tuple[int, int, int], *, size: float) -> None:
    """Write a line on a dark ground of its own: a rim of thicker letters would not lie under thinner ones.

    Args:
        canvas: `(H, W, 3)` RGB, written on.
        text: ASCII.
        place: left and bottom of the letters in px.
        colour: RGB.
        size: of the letters; 1 is about 22 px high.
    """
    cv2 = cv2_module()
    font = cv2.FONT_HERSHEY_SIMPLEX
    (wide, tall), below = cv2.getTextSize(text, font, size, 1)
    left, bottom = place
    cv2.rectangle(canvas, (left - 3, bottom - tall - 3), (left + wide + 3, bottom + below), _RIM, cv2.FILLED)
    cv2.putText(canvas, text, place, font, size, colour, 1, cv2.LINE_AA)


_SHIFT = 3
_FINE = 1 << _SHIFT
"""Coordinates are given in eighths of a pixel, or slow limbs would jump from frame to frame."""
_RIM = (15, 15, 15)


def cv2_module() -> Any:
    """OpenCV, imported when a picture is drawn and not before."""
    try:
        import cv2
    except ImportError as error:
        raise BackendError("OpenCV is not installed", fix="pip install 'normotion[pose]'") from error
    return cv2


def narrowed(image: Image, widest: int) -> Image:
    """A picture `(H, W, 3)` of that width at most, in its own proportions; the same one if it is narrow enough."""
    height, width = image.shape[:2]
    if width <= widest:
        return image
    cv2 = cv2_module()
    size = widest, max(1, round(height * widest / width))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
