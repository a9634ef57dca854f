"""Boxes in frames of clips: known to be sound, in reading order, and how far they overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.errors import ScoreError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CORNERS = ("x1", "y1", "x2", "y2")

FARTHEST = 1e9
"""Frames, and coordinates in px, beyond are taken for damage."""


class Boxes(NamedTuple):
    """Boxes in reading order: by clip, frame and row.

    Args:
        clip: `(N,)`, number of the clip.
        frame: `(N,)`.
        corners: `(N, 4)`, x1, y1, x2, y2, px.
        value: `(N,)`, score of a detection, number of a region's track.
    """

    clip: Ints
    frame: Ints
    corners: Floats
    value: Floats

    @classmethod
    def of(cls, table: pd.DataFrame, value: Floats, clips: Sequence[str]) -> Boxes:
        """Boxes of a table that `sound` gave.

        Args:
            table: `N` rows.
            value: `(N,)`, see above.
            clips: names by number, all that the table has.
        """
        number = {name: place for place, name in enumerate(clips)}
        clip = np.asarray(table["clip"].map(number), dtype=np.int64)
        frame = np.asarray(table["frame"], dtype=np.int64)
        boxes = cls(clip, frame, table[list(CORNERS)].to_numpy(dtype=np.float64), value)
        return boxes.take(np.lexsort((frame, clip)))

    def take(self, order: Ints) -> Boxes:
        """The same in another order."""
        return Boxes(self.clip[order], self.frame[order], self.corners[order], self.value[order])


def sound(table: pd.DataFrame, what: str, extra: str) -> pd.DataFrame:
    """The columns that are used, checked, clips as text, frames as int64, other numbers as float64.

    Args:
        table: `clip`, `frame`, `x1`, `y1`, `x2`, `y2` and `extra`.
        what: the rows are called so in errors.
        extra: `score`, a finite number, or `track`, of any type.

    Raises:
        ScoreError: a column is missing; a value is missing, NaN, infinite or no number; a frame is not a whole number
            ≥ 0; a box ends before it begins.
    """
    names = ["clip", "frame", *CORNERS, extra]
    missing = [name for name in names if list(table).count(name) != 1]
    if missing:
        raise ScoreError(
            f"{what} lack the columns {missing}, or have them twice", fix=f"give the columns {', '.join(names)}"
        )
    rows = table[names].reset_index(drop=True)
    refuse(rows, rows.isna().any(axis=1), f"{what} have a missing or NaN value", "give a value in every column")
    measured = ["frame", *CORNERS, *(["score"] if extra == "score" else [])]
    try:
        numbers = rows[measured].astype(np.float64)
    except (ValueError, TypeError) as error:
        raise ScoreError(f"{what} hold something else than numbers: {error}", fix="give numbers") from error
    places = numbers[["frame", *CORNERS]]
    damaged = pd.Series(np.isinf(numbers.to_numpy()).any(axis=1)) | (places.abs() > FARTHEST).any(axis=1)
    refuse(rows, damaged, f"{what} have an infinite or absurdly large value", "leave out damaged boxes")
    frame = numbers["frame"]
    refuse(rows, (frame < 0) | (frame % 1 != 0), f"{what} have a frame that is no whole number ≥ 0", "count from 0")
    reversed_ = (numbers["x2"] < numbers["x1"]) | (numbers["y2"] < numbers["y1"])
    refuse(rows, reversed_, f"{what} end before they begin", "give x1 ≤ x2 and y1 ≤ y2")
    return rows.assign(clip=rows["clip"].astype(str), **numbers).astype({"frame": np.int64})


def refuse(table: pd.DataFrame, bad: pd.Series[bool], what: str, fix: str) -> None:
    """Raise if any row is bad, naming the first.

    Raises:
        ScoreError: how many of them `what`.
    """
    if bad.any():
        row = table[bad].iloc[0]
        where = ", ".join(f"{name} {row[name]}" for name in ("clip", "track", "frame") if name in table)
        raise ScoreError(f"{int(bad.sum())} {what}", where=where, fix=fix)


def overlap(one: Floats, other: Floats) -> Floats:
    """Intersection over union of pairs of boxes `(N, 4)`, `(N,)`; both edges belong to a box, as in RBDC's script."""
    least, most = np.maximum(one[:, :2], other[:, :2]), np.minimum(one[:, 2:], other[:, 2:])
    inside = np.prod(np.maximum(most - least + 1, 0), axis=1)
    areas = sum(np.prod(boxes[:, 2:] - boxes[:, :2] + 1, axis=1) for boxes in (one, other))
    return np.asarray(inside / (areas - inside))
