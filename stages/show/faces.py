"""Heads made unrecognisable before a frame is shown to anybody."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stages.core.skeleton import Layout
from stages.show.overlay import Image, Person, cv2_module

HEAD = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
SURE = 0.4
"""Confidence from which a joint says where a head is; two such joints are asked for."""
CELL = 0.045
"""Side of the cells that a hidden place is left in, in body heights: a face is two or three of them across, and a body
still shows its posture."""
FOLLOWED, OTHERS = 0.9, 0.15
"""How far around the box of somebody without a clear head is hidden, in its longer sides. In a somersault a detector's
box may hold the legs alone; but weak boxes of people who are not followed are mostly of things."""

Corners = tuple[float, float, float, float]


def blur_faces(image: Image, people: Sequence[Person], layout: Layout, *, around: float = FOLLOWED) -> Image:
    """Hide everybody's head; who has no clear head is hidden whole, and what is near: doubt hides more.

    Args:
        image: `(H, W, 3)`, left as it is.
        people: in px of `image`.
        layout: of their keypoints.
        around: see `FOLLOWED`.

    Returns:
        The same picture with heads in coarse cells.
    """
    hidden = image.copy()
    for person in people:
        longer = float(max(person.box[2:]))
        box = np.clip(_place(person, layout, around * longer), 0, [image.shape[1], image.shape[0]] * 2)
        x1, y1, x2, y2 = (int(value) for value in (*np.floor(box[:2]), *np.ceil(box[2:])))
        if x2 > x1 and y2 > y1:
            hidden[y1:y2, x1:x2] = _coarse(hidden[y1:y2, x1:x2], max(CELL * longer, 4.0))
    return hidden


def _place(person: Person, layout: Layout, around: float) -> Corners:
    """Where a person's head may be, left, top, right, bottom: around its joints, or anywhere about the person."""
    points = person.keypoints[[layout.joints.index(name) for name in HEAD if name in layout.joints]]
    sure = points[points[:, 2] >= SURE, :2].astype(np.float64)
    x, y, width, height = (float(value) for value in person.box)
    if len(sure) >= 2:
        return _around(sure, max(width, height))
    low = np.minimum([x, y], person.keypoints[:, :2].min(axis=0)) - around
    high = np.maximum([x + width, y + height], person.keypoints[:, :2].max(axis=0)) + around
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _around(points: NDArray[np.float64], longer: float) -> Corners:
    """A place around head joints: at least as wide as a head is on a body of that size."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = max(0.8 * float((high - low).max()), 0.09 * longer, 4.0)
    middle = (low + high) / 2
    return middle[0] - half, middle[1] - 1.2 * half, middle[0] + half, middle[1] + 1.2 * half


def _coarse(part: Image, cell: float) -> Image:
    """Cells of about that side in px, each of the mean colour of what was there."""
    cv2 = cv2_module()
    height, width = part.shape[:2]
    size = max(1, int(width / cell)), max(1, int(height / cell))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
