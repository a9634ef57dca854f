"""What a reader finds in one clip's file, made fit for POSES; each repair is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.errors import DatasetError
from stages.core.schemas import ROWS_PER_GROUP, Rows, pose_meta
from stages.core.skeleton import Layout
from stages.core.skeleton import layout as joint_layout

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

NOBODY = -1
"""Stands for a track that is not given."""


@dataclass(frozen=True)
class People:
    """People of one clip, sorted by frame, in a frame in the order of the source.

    Args:
        frame: `(n,)`.
        track: `(n,)` id given by the source, NOBODY where it gives none; unique within a frame.
        score: `(n,)` ≥ 0.
        box: `(n, 4)` x, y, w, h in px.
        keypoints: `(n, V, C)` coordinates and confidence.
        repairs: how many were repaired or left out, by what was wrong with them.
    """

    frame: Ints
    track: Ints
    score: Floats
    box: Floats
    keypoints: Floats
    repairs: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)


def people(
    frame: Ints,
    keypoints: NDArray[np.floating],
    *,
    where: str,
    track: Ints | None = None,
    score: NDArray[np.floating] | None = None,
    box: NDArray[np.floating] | None = None,
    pixels: NDArray[np.floating] | None = None,
) -> People:
    """Check, repair and sort what was read.

    Nobody is left of a person none of whose joints was seen; of a person twice in a frame the better score is kept, or
    the first. Both are counted in `repairs`.

    Args:
        frame: `(n,)`.
        keypoints: `(n, V, C)`, confidence last.
        where: the file, for messages.
        track: `(n,)`; without it nobody has an id.
        score: `(n,)`; without it the mean confidence of the joints seen.
        box: `(n, 4)` x, y, w, h in px; without it the extent of the joints seen.
        pixels: `(n, V, 2)` where the joints lie in the image, for keypoints that are no pixels; NaN outside it.

    Raises:
        DatasetError: a frame is negative, a value not finite as float32, or a confidence, a score, or the width or
            height of a box negative.
    """
    if len(frame) and frame.min() < 0:
        raise DatasetError(f"frame {frame.min()} is negative", where=where, fix="frames count from 0")
    values = _single(keypoints, "keypoints", where)
    _not_negative(values[..., -1], "a confidence", where, frame)
    seen = _seen(values)
    scores = _mean(values[..., -1], seen) if score is None else _single(score, "scores", where)
    _not_negative(scores, "a score", where, frame)
    places = values[..., :2] if pixels is None else pixels.astype(np.float32)
    inside: NDArray[np.bool_] = seen & np.isfinite(places).all(axis=-1)
    boxes = extent(places, inside) if box is None else _single(box, "boxes", where)
    _not_negative(boxes[:, 2:], "a box's width or height", where, frame)
    given = np.full(len(frame), NOBODY, dtype=np.int64) if track is None else track
    visible: NDArray[np.bool_] = np.asarray(seen.any(axis=1))
    order, repeated = _order(frame, given, scores, visible)
    repairs = Counter({"without a joint seen, left out": int((~visible).sum()), "twice in a frame, left out": repeated})
    return People(frame[order], given[order], scores[order], boxes[order], values[order], +repairs)


def counted(found: People, what: str, count: int) -> People:
    """The same people with one more kind of repair, where there were any."""
    return replace(found, repairs={**found.repairs, what: count}) if count else found


def extent(places: Floats, seen: NDArray[np.bool_]) -> Floats:
    """The smallest box round the joints seen.

    Args:
        places: `(n, V, 2)` px.
        seen: `(n, V)`; a person without any gets an empty box at 0, 0.

    Returns:
        `(n, 4)` x, y, w, h.
    """
    if not len(places):
        return np.empty((0, 4), dtype=np.float32)
    low = np.where(seen[..., None], places, np.inf).min(axis=1)
    high = np.where(seen[..., None], places, -np.inf).max(axis=1)
    found = np.concatenate([low, high - low], axis=1)
    return np.where(seen.any(axis=1, keepdims=True), found, 0).astype(np.float32)


def tables(clip: str, found: People, meta: Mapping[str, str]) -> Iterator[Rows]:
    """POSES of a clip, a row group at a time; one empty table where there is nobody."""
    for start in range(0, max(len(found), 1), ROWS_PER_GROUP):
        rows = slice(start, start + ROWS_PER_GROUP)
        frame = pd.DataFrame(found.box[rows], columns=["x", "y", "w", "h"])
        frame.insert(0, "clip", clip)
        frame.insert(1, "frame", found.frame[rows])
        frame["score"] = found.score[rows]
        frame["track"] = pd.arrays.IntegerArray(found.track[rows].astype(np.int32), found.track[rows] == NOBODY)
        yield Rows(frame, found.keypoints[rows], meta)


def metadata(layout: str, source: str, sha256: str, *, coordinates: str = "xy", units: str = "px") -> dict[str, str]:
    """Metadata of an imported POSES table.

    Args:
        layout: of the joints.
        source: the format or recipe that was read; stands as the backend's version.
        sha256: of the bytes read.
        coordinates: `xy` or `xyz`.
        units: of the coordinates.
    """
    facts = {"backend": "import", "backend_version": source, "source_sha256": sha256}
    return {**pose_meta(layout, coordinates, units), **facts}


def declared(given: str | None, published: str | None, name: str) -> Layout:
    """The layout a file is said to hold: the one given, else the one the format publishes.

    Raises:
        DatasetError: neither is there, or no such layout exists.
    """
    if given or published:
        return joint_layout(given or str(published))
    raise DatasetError(f"{name} does not say which joints it holds", fix="give --layout, e.g. --layout coco17")


def _seen(values: Floats) -> NDArray[np.bool_]:
    """Joints with a confidence; of a person without any, those that lie somewhere else than at the origin."""
    seen: NDArray[np.bool_] = values[..., -1] > 0
    doubtful = ~seen.any(axis=1)
    seen[doubtful] = (values[doubtful, :, :-1] != 0).any(axis=-1)
    return seen


def _mean(confidence: Floats, seen: NDArray[np.bool_]) -> Floats:
    mean: Floats = ((confidence * seen).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)).astype(np.float32)
    return mean


def _order(frame: Ints, track: Ints, score: Floats, visible: NDArray[np.bool_]) -> tuple[Ints, int]:
    """Rows to keep, sorted by frame, and how many were a person's second in a frame."""
    rows = np.flatnonzero(visible)
    best = rows[np.lexsort((rows, -score[rows], track[rows], frame[rows]))]
    same = (np.diff(frame[best]) == 0) & (np.diff(track[best]) == 0) & (track[best][1:] != NOBODY)
    kept = np.sort(best[np.concatenate([[True], ~same])[: len(best)]])
    return kept[np.argsort(frame[kept], kind="stable")], int(same.sum())


def _single(values: NDArray[np.floating], what: str, where: str) -> Floats:
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    if not np.isfinite(single).all():
        raise DatasetError(f"{what} hold {int((~np.isfinite(single)).sum())} values that are not finite", where=where)
    return single


def _not_negative(values: Floats, what: str, where: str, frame: Ints) -> None:
    if (values < 0).any():
        first = int(frame[np.argwhere(values < 0)[0][0]])
        raise DatasetError(f"{what} is negative, first in frame {first}", where=where, fix="mend the source")
