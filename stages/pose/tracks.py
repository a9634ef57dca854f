"""Tracking a clip: POSES in, an id for everybody out, found anew or as their source gave them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.errors import DatasetError
from stages.core.schemas import Rows
from stages.core.storage import sha256_text
from stages.pose.overlap import Floats
from stages.pose.poseflow import NOBODY, Ints, Tracker, TrackParams

SOURCES = ("correspondences", "overlap", "poseflow", "tracks")
"""Modules of this folder that decide on ids; editing one of them makes tracks anew."""
ANEW = "make the poses anew: `dvc repro`; if they came with the data set, mend them there and import them again"


@dataclass(frozen=True)
class Tracked:
    """A clip's tracked people, in the order of its frames.

    Args:
        rows: `(N,)` row of POSES each comes from.
        frames: `(N,)` frame each is in, that of the row except for copies.
        ids: `(N,)` from 1; those of the source, where they are kept, from 0.
        continued: weak people who continue a track.
        dropped: weak people who do not, and are left out.
        copied: people copied into empty frames.
    """

    rows: Ints
    frames: Ints
    ids: Ints
    continued: int = 0
    dropped: int = 0
    copied: int = 0


@dataclass(frozen=True)
class Crowds:
    """The people of a clip, sorted into the frames that were looked at: look k is at frame k × `every`.

    Args:
        order: `(N,)` rows of POSES in the order of their frames.
        bounds: `(looks + 1,)` where each look's people begin in `order`, and end.
        every: frames from one look to the next.
        boxes: `(N, 4)` of each row: left, right, top, bottom in px.
        keypoints: `(N, V, 2)` of each row, px; NaN where a joint was not seen, that is, has confidence 0.
        scores: `(N,)` of each row.
    """

    order: Ints
    bounds: Ints
    every: int
    boxes: Floats
    keypoints: Floats
    scores: Floats

    @classmethod
    def of(cls, poses: Rows, frames: int, every: int = 1) -> Crowds:
        """Sort a clip's POSES, which come in any order.

        Args:
            poses: what `demand` lets pass.
            frames: length of the clip.
            every: frames from one look to the next; `fps` of the tracker is then that of the looks.
        """
        looks = poses.frame["frame"].to_numpy() // every
        order = np.argsort(looks, kind="stable")
        bounds = np.searchsorted(looks[order], np.arange(len(range(0, frames, every)) + 1))
        x, y, w, h = poses.frame[["x", "y", "w", "h"]].to_numpy(dtype=np.float64).T
        keypoints = poses.arrays[..., :2].astype(np.float64)
        keypoints[poses.arrays[..., -1] == 0] = np.nan
        scores = poses.frame["score"].to_numpy(dtype=np.float64)
        return cls(order, bounds, every, np.stack([x, x + w, y, y + h], axis=1), keypoints, scores)

    def rows(self, look: int) -> Ints:
        """Rows of POSES of the people in one look."""
        return self.order[self.bounds[look] : self.bounds[look + 1]]


def track(tracker: Tracker, crowds: Crowds) -> Tracked:
    """Track the people of one clip.

    Args:
        tracker: a new one, made for this clip.
        crowds: its people.
    """
    ids, rows = np.full(len(crowds.order), NOBODY, dtype=np.int64), crowds.order[:0]
    entries = [(rows, rows)]
    for look, (start, end) in enumerate(pairwise(crowds.bounds.tolist())):
        if end > start:
            rows = crowds.order[start:end]
            ids[rows] = tracker.step(look, crowds.boxes[rows], crowds.keypoints[rows], crowds.scores[rows])
        elif tracker.copies:
            tracker.hold(look)  # and its rows are once more those of the last people
        else:
            continue
        entries.append((rows, np.full(len(rows), look * crowds.every)))
    return _tracked(entries, ids, weak=crowds.scores < tracker.strong)


def given(poses: Rows, where: str) -> Tracked | None:
    """Take the ids that came with a clip's POSES; None where they came with none.

    Args:
        poses: what `demand` lets pass.
        where: the file, for messages.

    Raises:
        DatasetError: some people have an id and some have none, or an id stands in a frame twice; names the first.
    """
    table = poses.frame
    known = table["track"].notna().to_numpy()
    if not known.any():
        return None
    if not known.all():
        raise DatasetError(
            f"{int((~known).sum())} of {len(known)} poses have no id, the others do",
            where=_place(where, table, ~known),
            fix="give each person an id, or let normotion do it with `track.given: renew`",
        )
    if (twice := table.duplicated(["frame", "track"]).to_numpy()).any():
        raise DatasetError(
            f"person {table['track'].iloc[int(twice.argmax())]} stands twice in a frame",
            where=_place(where, table, twice),
            fix="give each person of a frame an id of their own, or set `track.given: renew`",
        )
    rows = np.argsort(table["frame"].to_numpy(), kind="stable")
    return Tracked(rows, table["frame"].to_numpy(np.int64)[rows], table["track"].to_numpy(np.int64)[rows])


def demand(poses: Rows, *, clip: str, frames: int, every: int, where: str) -> None:
    """Refuse a clip's POSES that cannot be.

    Args:
        poses: the table.
        clip: its name.
        frames: its length.
        every: frames from one look to the next.
        where: the file, for messages.

    Raises:
        DatasetError: a pose is before the clip's first frame, past its last, or in one that was not looked at; or it
            holds NaN or infinity; names the first.
    """
    table = poses.frame
    numbers = table["frame"].to_numpy()
    numeric = table[["x", "y", "w", "h", "score"]].to_numpy(dtype=np.float64)
    wrong = {
        f"is in frame {{}}, the last frame of {clip!r} is {frames - 1}": numbers >= frames,
        "is in frame {}, and the first frame is 0": numbers < 0,
        f"is in frame {{}}, and the metadata say every {every} frames": numbers % every != 0,
        "in frame {} has NaN or infinite values": ~np.isfinite(numeric).all(axis=1)
        | ~np.isfinite(poses.arrays).all(axis=(1, 2)),
    }
    for what, bad in wrong.items():
        if bad.any():
            first = numbers[int(bad.argmax())]
            raise DatasetError("a pose " + what.format(first), where=_place(where, table, bad), fix=ANEW)


def fingerprint(params: TrackParams) -> str:
    """A hash of all that decides on the ids of given poses: parameters and code."""
    here = Path(__file__).parent
    code = [(here / f"{name}.py").read_text(encoding="utf-8") for name in SOURCES]
    return sha256_text(params.model_dump_json(), *code)


def _place(where: str, table: pd.DataFrame, bad: NDArray[np.bool_]) -> str:
    row = int(bad.argmax())
    return f"{where}, clip {table['clip'].iloc[row]!r}, frame {table['frame'].iloc[row]}, row {row}"


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
