"""AlphaPose's results: one JSON list of people in images, as `--format coco` (its default) writes it.

Published at https://github.com/MVIG-SJTU/AlphaPose/blob/master/docs/output.md: image_id, category_id, keypoints (x, y,
confidence of each joint, px), score (of the person after pose NMS, above 1 as a rule); newer versions add box (x, y, w,
h) and idx. Of idx https://github.com/MVIG-SJTU/AlphaPose/issues/761 and /1007 show that it is a list (`[0.0]`) where
people were not tracked, and /795 that it may be 0 for everybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import DatasetError
from stages.core.foreign import frame_number, load_json, numbers, whole

PERSON = 1
"""The category of people; AlphaPose writes no other."""
NOBODY = -1
"""Stands for no id."""


@dataclass(frozen=True)
class Results:
    """People in the order of the file.

    Args:
        folder: `(n,)` folder part of each one's image, empty for most files.
        frame: `(n,)` number in the image's name: AlphaPose calls the frames of a video 0.jpg, 1.jpg, …
        track: `(n,)` id, or NOBODY where the file tells nobody apart.
        score: `(n,)` ≥ 0.
        box: `(n, 4)` x, y, w, h in px; None where not every person has one.
        keypoints: `(n, V, 3)` px, px, confidence.
        others: entries left out because they are no people.
    """

    folder: tuple[str, ...]
    frame: NDArray[np.int64]
    track: NDArray[np.int64]
    score: NDArray[np.float64]
    box: NDArray[np.float64] | None
    keypoints: NDArray[np.float64]
    others: int

    def __len__(self) -> int:
        return len(self.frame)


def parse(data: bytes, where: str, joints: int = 17) -> Results:
    """Read a results file.

    Args:
        data: its bytes.
        where: its name, for messages.
        joints: V, of the layout the file is said to hold.

    Raises:
        DatasetError: it is no AlphaPose results list, is cut short, or holds values that are null, NaN or of other
            joints than declared.
    """
    found = load_json(data, where)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise DatasetError(
            "AlphaPose results must be one list of people", where=where, fix="run AlphaPose with `--format coco`"
        )
    people = [entry for entry in found if entry.get("category_id", PERSON) == PERSON]

    def name(row: int) -> str:
        return f"person {row} (image {people[row].get('image_id')!r})"

    images = [_image(entry, row, where) for row, entry in enumerate(people)]
    keypoints = numbers(
        [entry.get("keypoints") for entry in people], 3 * joints, where=where, what="keypoints", name=name
    )
    return Results(
        folder=tuple(folder for folder, _ in images),
        frame=np.array([frame for _, frame in images], dtype=np.int64),
        track=_tracks(people, where),
        score=numbers([[entry.get("score")] for entry in people], 1, where=where, what="score", name=name)[:, 0],
        box=_boxes(people, where, name),
        keypoints=keypoints.reshape(-1, joints, 3),
        others=len(found) - len(people),
    )


def _image(entry: dict[str, Any], row: int, where: str) -> tuple[str, int]:
    """Folder and number of the image of one person."""
    image = entry.get("image_id")
    if isinstance(image, int) and not isinstance(image, bool):
        return "", image
    if not isinstance(image, str):
        raise DatasetError("image_id must be an image's name or number", where=f"{where}: person {row}")
    folder = image.replace("\\", "/").rpartition("/")[0]
    return folder, frame_number(image, f"{where}: person {row}")


def _tracks(people: list[dict[str, Any]], where: str) -> NDArray[np.int64]:
    """Ids; none where idx is a list, which AlphaPose writes when it does not track, or the same 0 for everybody."""
    given = [entry.get("idx") for entry in people]
    named = [isinstance(value, int | float) for value in given]
    ids = np.full(len(people), NOBODY, dtype=np.int64)
    ids[named] = whole([value for value, tells in zip(given, named, strict=True) if tells], where=where, what="idx")
    return ids if (ids > 0).any() else np.full(len(people), NOBODY, dtype=np.int64)


def _boxes(people: list[dict[str, Any]], where: str, name: Callable[[int], str]) -> NDArray[np.float64] | None:
    kinds = Counter("box" in entry for entry in people)
    if kinds[False]:
        return None
    return numbers([entry["box"] for entry in people], 4, where=where, what="box", name=name)
