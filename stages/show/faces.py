"""Heads made unrecognisable before a frame is shown to anybody."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
SPEED = 3.0
"""How far a head may have moved since it was seen, in a box's longer sides per second: about a run."""

Corners = tuple[float, float, float, float]


def blur_faces(
    image: Image, people: Sequence[Person], layout: Layout, *,
    around: float = FOLLOWED, ago: float = 0.0, whole: bool = False,
) -> Image:  # fmt: skip
    """Hide everybody's head; who has no clear head is hidden whole, and what is near: doubt hides more.

    Args:
        image: `(H, W, 3)`, left as it is.
        people: in px of `image`.
        layout: of their keypoints.
        around: see `FOLLOWED`.
        ago: seconds since they were seen there; heads may have moved since.
        whole: hide people whole even where their heads are clear; for those who were seen before and are missed now,
            as what was found last before a miss is doubtful.

    Returns:
        The same picture with heads in coarse cells.
    """
    hidden = image.copy()
    for person in people:
        longer = float(max(person.box[2:]))
        moved = SPEED * ago * longer
        place = None if whole else _head(person, layout, moved)
        box = np.clip(place or _anywhere(person, around * longer + moved), 0, [image.shape[1], image.shape[0]] * 2)
        x1, y1, x2, y2 = (int(value) for value in (*np.floor(box[:2]), *np.ceil(box[2:])))
        if x2 > x1 and y2 > y1:
            hidden[y1:y2, x1:x2] = _coarse(hidden[y1:y2, x1:x2], max(CELL * longer, 4.0))
    return hidden


def hide_faces(
    image: Image, people: Sequence[Person], others: Sequence[Person], missed: Sequence[tuple[Person, float]],
    layout: Layout, *, ago: float = 0.0,
) -> Image:  # fmt: skip
    """Hide everybody of a frame.

    Args:
        image: `(H, W, 3)`, left as it is.
        people: who is followed, in px of `image`.
        others: who may be a person and is not followed.
        missed: who was seen before and is not now, and how many seconds ago.
        layout: of their keypoints.
        ago: seconds since `people` and `others` were seen there.
    """
    image = blur_faces(image, people, layout, ago=ago)
    image = blur_faces(image, others, layout, around=OTHERS, ago=ago)
    for person, seconds in missed:
        image = blur_faces(image, [person], layout, around=OTHERS, ago=seconds, whole=True)
    return image


def _head(person: Person, layout: Layout, moved: float) -> Corners | None:
    """Left, top, right, bottom around the joints of a head, at least as wide as one is; None where they are unsure."""
    points = person.keypoints[[layout.joints.index(name) for name in HEAD if name in layout.joints]]
    sure = points[points[:, 2] >= SURE, :2].astype(np.float64)
    if len(sure) < 2:
        return None
    low, high = sure.min(axis=0), sure.max(axis=0)
    half = max(0.8 * float((high - low).max()), 0.09 * float(max(person.box[2:])), 4.0)
    x, y = (float(value) for value in (low + high) / 2)
    wide, tall = half + moved, 1.2 * half + moved
    return x - wide, y - tall, x + wide, y + tall


def _anywhere(person: Person, around: float) -> Corners:
    """Likewise, of all places that a head may be at."""
    x, y, width, height = (float(value) for value in person.box)
    low = np.minimum([x, y], person.keypoints[:, :2].min(axis=0)) - around
    high = np.maximum([x + width, y + height], person.keypoints[:, :2].max(axis=0)) + around
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _coarse(part: Image, cell: float) -> Image:
    """Cells of about that side in px, each of the mean colour of what was there."""
    cv2 = cv2_module()
    height, width = part.shape[:2]
    size = max(1, int(width / cell)), max(1, int(height / cell))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
