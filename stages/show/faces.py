"""Heads made unrecognisable before a frame is shown to anybody."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stages.core.skeleton import Layout
from stages.show.overlay import Image, Person, cv2_module

HEAD = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
SURE = 0.2
"""Confidence from which a joint says where a head is."""
AROUND = 0.15
"""How far beyond a person's box is hidden where no joint says where the head is, in sides of the box."""
GRAIN = 6
"""Cells across a head that are left of it."""


def blur_faces(image: Image, people: Sequence[Person], layout: Layout) -> Image:
    """Hide everybody's head; who has no clear head, as in a somersault, is hidden whole: doubt hides more.

    Args:
        image: `(H, W, 3)`, left as it is.
        people: in px of `image`.
        layout: of their keypoints.

    Returns:
        The same picture with heads in coarse cells.
    """
    hidden = image.copy()
    for person in people:
        for left, top, right, bottom in _heads(person, layout):
            box = np.clip([left, top, right, bottom], 0, [image.shape[1], image.shape[0]] * 2)
            x1, y1, x2, y2 = (int(value) for value in (*np.floor(box[:2]), *np.ceil(box[2:])))
            if x2 > x1 and y2 > y1:
                hidden[y1:y2, x1:x2] = _coarse(hidden[y1:y2, x1:x2])
    return hidden


def _heads(person: Person, layout: Layout) -> list[tuple[float, float, float, float]]:
    """Where a person's head may be: around its joints; anywhere about the person where these are unsure."""
    joints = [layout.joints.index(name) for name in HEAD if name in layout.joints]
    points = person.keypoints[joints]
    x, y, width, height = (float(value) for value in person.box)
    sure = points[points[:, 2] >= SURE, :2].astype(np.float64)
    if len(sure) >= 2:
        return [_around(sure, height)]
    aside, above = AROUND * width, AROUND * height
    low = np.minimum([x - aside, y - above], person.keypoints[:, :2].min(axis=0))
    high = np.maximum([x + width + aside, y + height + above], person.keypoints[:, :2].max(axis=0))
    return [(float(low[0]), float(low[1]), float(high[0]), float(high[1]))]


def _around(points: NDArray[np.float64], height: float) -> tuple[float, float, float, float]:
    """A square around head joints: at least as wide as a head is on a body of that height."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = max(0.8 * float((high - low).max()), 0.09 * height, 4.0)
    middle = (low + high) / 2
    return middle[0] - half, middle[1] - 1.2 * half, middle[0] + half, middle[1] + 1.2 * half


def _coarse(part: Image) -> Image:
    """A few cells, each of the mean colour of what was there."""
    cv2 = cv2_module()
    height, width = part.shape[:2]
    small = cv2.resize(part, (min(GRAIN, width), min(GRAIN, height)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
