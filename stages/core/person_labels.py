"""Whether the person whom a window follows is the one that is abnormal, for detectors that learn from labels.

Source: Hirschorn and Avidan, STG-NF, ICCV 2023, section 3.3 and as released: a window is abnormal when more than half
of its person's joints lie in what is labelled abnormal. The released code looks at the window's first frame alone; here
all of the window counts, and one that is abnormal for a while only is nobody's lesson.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.cutting import Entries
from stages.core.dataset import Dataset

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

CORNERS = ["x1", "y1", "x2", "y2"]


@dataclass(frozen=True)
class Whereabouts:
    """What is known of who is abnormal in a clip.

    Args:
        truth: `(frames,)` 1 abnormal, 0 normal, NaN unknown.
        regions: rows of REGIONS of the clip, none where nobody drew any.
        named: abnormal intervals by the tracks they are about, rows of labels.csv; none where they name nobody, or
            where the clip's tracks are not those they speak of.
    """

    truth: Floats
    regions: pd.DataFrame
    named: pd.DataFrame


class Accounts:
    """What a dataset says of who is abnormal; looked up by clip, it costs the same however many there are.

    Args:
        data: the dataset.
        regions: rows of REGIONS of all its clips; None where there are none, or poses are not in the picture's pixels.
    """

    def __init__(self, data: Dataset, regions: pd.DataFrame | None) -> None:
        self._data = data
        self._regions = {} if regions is None else _by_clip(regions)
        self._intervals = _by_clip(data.labels)

    def of(self, clip: str, *, given: bool) -> Whereabouts:
        """What is known of one clip.

        Args:
            clip: one of the dataset's.
            given: whether its tracks have the ids that labels speak of.
        """
        intervals = self._intervals.get(clip, self._data.labels[:0])
        named = given and bool(intervals["track"].notna().all())
        drawn = self._regions.get(clip, pd.DataFrame(columns=["frame", *CORNERS]))
        return Whereabouts(self._data.frame_labels(clip), drawn, intervals if named else intervals[:0])


def entry_states(entries: Entries, step: float, known: Whereabouts) -> Floats:
    """Whether each entry's person is abnormal, `(E,)`: 1 abnormal, 0 normal, NaN unknown.

    Where the clip has regions, the abnormal are those who have more than half of their seen joints in one of them;
    else, where its intervals name tracks, those who are named; else everybody in an abnormal frame. In an abnormal
    frame that does not say who it is, because no region lies in it or nobody named is there, all others are unknown.

    Args:
        entries: of the clip.
        step: frames from one sample to the next; an entry is asked in the frame nearest to it.
        known: about the clip.
    """
    frame = np.clip(np.rint(entries.sample * step).astype(np.int64), 0, len(known.truth) - 1)
    truth = known.truth[frame]
    if len(known.regions):
        abnormal, told = _in_regions(entries.keypoints, frame, known.regions)
    elif len(known.named):
        abnormal, told = _named(entries.track, frame, known)
    else:
        abnormal, told = truth == 1, np.ones(len(frame), dtype=bool)
    normal = ~abnormal & ((truth == 0) | ((truth == 1) & told))
    return np.where(abnormal, 1, np.where(normal, 0, np.nan)).astype(np.float32)


def person_labels(states: Floats, filled: Bools, start: Ints, samples: int) -> pd.arrays.IntegerArray:
    """Label of each window's person, `(N,)`.

    1 if abnormal at half of the seen samples or more, 0 if normal at all of them; else null, a window that teaches
    neither.

    Args:
        states: `(E,)` of `entry_states`.
        filled: `(E,)` whether an entry was interpolated within a gap, and thus not seen.
        start: `(N,)` first of each window's consecutive entries.
        samples: entries in a window.
    """
    rows = start[:, None] + np.arange(samples)
    seen, found = ~filled[rows], states[rows]
    count = seen.sum(axis=1)
    odd = (seen & (found == 1)).sum(axis=1)
    calm = (seen & (found == 0)).sum(axis=1)
    abnormal, normal = (odd > 0) & (2 * odd >= count), (count > 0) & (calm == count)
    return pd.arrays.IntegerArray(abnormal.astype(np.int8), ~(abnormal | normal))


def _in_regions(keypoints: Floats, frame: Ints, regions: pd.DataFrame) -> tuple[Bools, Bools]:
    """Who has more than half of the seen joints in one region, and in whose frame there is a region, `(E,)` each."""
    ordered = regions.sort_values("frame", kind="stable")
    frames, boxes = ordered["frame"].to_numpy(dtype=np.int64), ordered[CORNERS].to_numpy(dtype=np.float32)
    low, high = (np.searchsorted(frames, frame, side=side) for side in ("left", "right"))
    abnormal = np.zeros(len(frame), dtype=bool)
    for turn in range(int((high - low).max(initial=0))):  # one pass for each region that a frame has at most
        rows = np.flatnonzero(low + turn < high)
        x1, y1, x2, y2 = boxes[low[rows] + turn].T[..., None]  # (n, 1) each
        x, y, seen = keypoints[rows, :, 0], keypoints[rows, :, 1], keypoints[rows, :, -1] > 0
        within = seen & (x >= x1) & (x <= x2) & (y >= y1) & (y <= y2)
        abnormal[rows] |= 2 * within.sum(axis=1) > seen.sum(axis=1)
    return abnormal, high > low


def _named(track: Ints, frame: Ints, known: Whereabouts) -> tuple[Bools, Bools]:
    """Who is named in the frame, and in whose frame somebody named is there, `(E,)` each."""
    abnormal = np.zeros(len(frame), dtype=bool)
    for who, first, last in known.named[["track", "start_frame", "end_frame"]].astype(np.int64).to_numpy():
        abnormal |= (track == who) & (frame >= first) & (frame <= last)
    told = np.zeros(len(known.truth), dtype=bool)
    told[frame[abnormal]] = True
    return abnormal, told[frame]


def _by_clip(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {str(clip): rows for clip, rows in table.groupby("clip")}
