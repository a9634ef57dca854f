"""Tracking a clip: POSES in, an id for everybody out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.core.schemas import Rows
from stages.core.storage import sha256_text
from stages.pose.overlap import Floats
from stages.pose.poseflow import NOBODY, Ints, Tracker, TrackParams

SOURCES = ("overlap", "poseflow", "tracks")
"""Modules of this folder that decide on ids; editing one of them makes tracks anew."""


@dataclass(frozen=True)
class Tracked:
    """A clip's tracked people, in the order of its frames.

    Args:
        rows: `(N,)` row of POSES each comes from.
        frames: `(N,)` frame each is in, that of the row except for copies.
        ids: `(N,)` from 1.
        continued: weak people who continue a track.
        dropped: weak people who do not, and are left out.
        copied: people copied into empty frames.
    """

    rows: Ints
    frames: Ints
    ids: Ints
    continued: int
    dropped: int
    copied: int


def track(tracker: Tracker, poses: Rows, frames: int) -> Tracked:
    """Track the people of one clip.

    Args:
        tracker: a new one, made for this clip.
        poses: the clip's POSES, in any order.
        frames: length of the clip; every pose's frame is below it.
    """
    numbers, scores = poses.frame["frame"].to_numpy(), poses.frame["score"].to_numpy()
    boxes = _corners(poses.frame[["x", "y", "w", "h"]].to_numpy(dtype=np.float64))
    keypoints = poses.arrays[..., :2].astype(np.float64)
    order = np.argsort(numbers, kind="stable")
    bounds = np.searchsorted(numbers[order], np.arange(frames + 1))
    ids, rows = np.full(len(poses), NOBODY, dtype=np.int64), order[:0]
    entries = [(rows, rows)]
    for frame, (start, end) in enumerate(pairwise(bounds)):
        if end > start:
            rows = order[start:end]
            ids[rows] = tracker.step(frame, boxes[rows], keypoints[rows], scores[rows])
        elif tracker.copies:
            tracker.hold(frame)  # and its rows are once more those of the last people
        else:
            continue
        entries.append((rows, np.full(len(rows), frame)))
    return _tracked(entries, ids, weak=scores < tracker.strong)


def fingerprint(params: TrackParams) -> str:
    """A hash of all that decides on the ids of given poses: parameters and code."""
    here = Path(__file__).parent
    code = [(here / f"{name}.py").read_text(encoding="utf-8") for name in SOURCES]
    return sha256_text(params.model_dump_json(), *code)


def _corners(boxes: Floats) -> Floats:
    """Boxes `(P, 4)` x, y, w, h as left, right, top, bottom."""
    x, y, w, h = boxes.T
    return np.stack([x, x + w, y, y + h], axis=1)


def _tracked(entries: list[tuple[Ints, Ints]], ids: Ints, weak: NDArray[np.bool_]) -> Tracked:
    rows, frames = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    named = ids[rows] != NOBODY
    return Tracked(
        rows=rows[named],
        frames=frames[named],
        ids=ids[rows[named]],
        continued=int((weak & (ids != NOBODY)).sum()),
        dropped=int((ids == NOBODY).sum()),
        copied=len(rows) - len(ids),
    )
