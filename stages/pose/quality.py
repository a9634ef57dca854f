"""How good poses and tracks are, in figures, before anyone blames a detector.

A clip is measured row group by row group; what was counted of several clips adds up to that of a camera or a dataset.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.schemas import Rows
from stages.core.skeleton import layout

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SHORT = 1.0
"""Seconds; a shorter track holds no usual window. Also the longest time in which a fragment goes on."""
SMALL = 60
"""Box height in px below which wrists, elbows and faces are guesses of the pose estimator."""
UNSURE = 0.3
"""Confidence below which a joint is better not believed."""
NEAR = 1.0
"""Body heights between the end of a track and the start of the next one that still may be the same person."""
ALIKE = 1.5
"""Ratio of body heights up to which they may be the same person's."""
TALLEST = 1080
CROWD = 100
"""Ends of the histograms; what lies beyond is counted in the last place."""
FEW = 10
"""Frames with people from which a common distance between them is believed to be meant."""


@dataclass(frozen=True)
class Tally:
    """What was counted in one or more clips.

    Args:
        clips: how many.
        frames: looked at; every n-th, where poses were estimated in those alone.
        seconds: length.
        found: frames with somebody among the poses.
        tracked: frames with somebody in a track.
        abnormal: frames labelled abnormal.
        caught: of those, frames with somebody in a track.
        empty: seconds of the longest stretch without a track.
        poses: people in frames.
        held: people in frames who are in a track.
        lost: frames missing inside tracks.
        gaps: stretches of such frames.
        fragments: tracks that begin near where another one ended, within a second.
        outside: people whose box has its centre outside the frame.
        lengths: `(tracks,)` seconds from first to last frame.
        crowd: `(CROWD + 1,)` looked-at frames by number of poses.
        heights: `(TALLEST + 1,)` people by box height, px; without those who have no box.
        joints: joint names, `(V,)`; empty where clips differ in layout.
        confidence: `(V,)` sum over people.
        unsure: `(V,)` people in whom the joint is below `UNSURE`.
    """

    clips: int
    frames: int
    seconds: float
    found: int
    tracked: int
    abnormal: int
    caught: int
    empty: float
    poses: int
    held: int
    lost: int
    gaps: int
    fragments: int
    outside: int
    lengths: Floats
    crowd: Ints
    heights: Ints
    joints: tuple[str, ...]
    confidence: Floats
    unsure: Ints


@dataclass(frozen=True)
class Measured:
    """One clip.

    Args:
        tally: what was counted.
        people: `(frames,)` tracked people in each frame looked at.
        every: frames from one looked at to the next.
    """

    tally: Tally
    people: Ints
    every: int


def measure(clip: Any, truth: NDArray[np.float32], poses: Iterable[Rows], tracks: Iterable[Rows]) -> Measured:
    """Count what is in one clip.

    Args:
        clip: its row of clips.csv: fps, width, height, frames.
        truth: `(frames,)` 1 abnormal, 0 normal, NaN unknown.
        poses: its POSES, row group by row group.
        tracks: its TRACKS, likewise.
    """
    frames, fps = int(clip["frames"]), float(clip["fps"])
    seen = _Seen(frames, (float(clip["width"]), float(clip["height"])))
    for rows in poses:
        seen.add(rows)
    followed = _Followed(tracks)
    every = seen.every or _stride(np.flatnonzero(seen.people))
    looked = np.arange(0, frames, every)
    people = np.bincount(followed.frame, minlength=frames)[looked]
    abnormal = truth[looked] == 1
    gap = np.diff(followed.frame)[followed.same] // every - 1
    tally = Tally(
        clips=1,
        frames=len(looked),
        seconds=frames / fps,
        found=int((seen.people[looked] > 0).sum()),
        tracked=int((people > 0).sum()),
        abnormal=int(abnormal.sum()),
        caught=int((people[abnormal] > 0).sum()),
        empty=_longest(people == 0) * every / fps,
        poses=int(seen.people.sum()),
        held=len(followed.frame),
        lost=int(gap[gap > 0].sum()),
        gaps=int((gap > 0).sum()),
        fragments=_fragments(followed, fps),
        outside=seen.outside,
        lengths=(followed.frame[followed.last] - followed.frame[followed.first] + every) / fps,
        crowd=np.bincount(np.minimum(seen.people[looked], CROWD), minlength=CROWD + 1),
        heights=seen.heights,
        joints=seen.joints,
        confidence=seen.confidence,
        unsure=seen.unsure,
    )
    return Measured(tally, people, every)


def total(tallies: Sequence[Tally]) -> Tally:
    """The tally of several clips together."""
    parts = {field.name: [getattr(tally, field.name) for tally in tallies] for field in fields(Tally)}
    whole: dict[str, Any] = {name: sum(values) for name, values in parts.items() if name not in _OTHERWISE}
    agree = len(set(parts["joints"])) == 1
    return Tally(
        **whole,
        empty=max(parts["empty"]),
        lengths=np.concatenate(parts["lengths"]),
        joints=parts["joints"][0] if agree else (),
        confidence=np.sum(parts["confidence"], axis=0) if agree else np.zeros(0),
        unsure=np.sum(parts["unsure"], axis=0) if agree else np.zeros(0, dtype=np.int64),
    )


_OTHERWISE = {"empty", "lengths", "joints", "confidence", "unsure"}


def figures(tally: Tally) -> dict[str, Any]:
    """What a tally says, ready for JSON: shares in [0, 1], null where there is nothing to divide by."""
    tracks = len(tally.lengths)
    return {
        "clips": tally.clips,
        "frames": tally.frames,
        "seconds": round(tally.seconds, 3),
        "frames_with_people": share(tally.found, tally.frames),
        "frames_with_tracks": share(tally.tracked, tally.frames),
        "abnormal_frames": tally.abnormal,
        "abnormal_frames_with_tracks": share(tally.caught, tally.abnormal),
        "longest_without_tracks_seconds": round(tally.empty, 3),
        "poses": tally.poses,
        "poses_per_frame": share(tally.poses, tally.frames),
        "poses_in_tracks": share(tally.held, tally.poses),
        "tracks": tracks,
        "track_median_seconds": round(float(np.median(tally.lengths)), 3) if tracks else None,
        "tracks_short": share(int((tally.lengths < SHORT).sum()), tracks),
        "fragments": tally.fragments,
        "tracks_fragments": share(tally.fragments, tracks),
        "gaps": tally.gaps,
        "lost_frames": tally.lost,
        "lost_frames_of_tracks": share(tally.lost, tally.lost + tally.held),
        "height_p10_px": quantile(tally.heights, 0.1),
        "height_median_px": quantile(tally.heights, 0.5),
        "height_p90_px": quantile(tally.heights, 0.9),
        "people_small": share(int(tally.heights[:SMALL].sum()), int(tally.heights.sum())),
        "people_outside": share(tally.outside, tally.poses),
    }


def joint_figures(tally: Tally) -> dict[str, dict[str, float | None]]:
    """Per joint the mean confidence, in the backend's unit, and the share of people in whom it is unsure."""
    return {
        name: {"confidence": share(float(tally.confidence[place]), tally.poses, 4),
               "unsure": share(int(tally.unsure[place]), tally.poses)}
        for place, name in enumerate(tally.joints)
    }  # fmt: skip


def share(part: float, whole: float, digits: int = 4) -> float | None:
    """`part ÷ whole`, or None where there is nothing."""
    return round(part / whole, digits) if whole else None


def quantile(counts: Ints, at: float) -> int | None:
    """The value below or at which a share `at` of what a histogram counts lies; None when it is empty."""
    sums = np.cumsum(counts)
    return int(np.searchsorted(sums, at * sums[-1], side="left")) if sums[-1] else None


class _Seen:
    """Sums over the POSES of a clip."""

    def __init__(self, frames: int, size: tuple[float, float]) -> None:
        self._size = size
        self.people = np.zeros(frames, dtype=np.int64)
        self.heights = np.zeros(TALLEST + 1, dtype=np.int64)
        self.outside = self.every = 0
        self.joints: tuple[str, ...] = ()
        self.confidence: Floats = np.zeros(0)
        self.unsure: Ints = np.zeros(0, dtype=np.int64)

    def add(self, rows: Rows) -> None:
        """Count one row group."""
        self.every = int(rows.meta.get("every", 0))
        confidence = rows.arrays[..., -1].astype(np.float64)
        if not self.joints:
            self.joints = layout(rows.meta["layout"]).joints
            self.confidence, self.unsure = np.zeros(len(self.joints)), np.zeros(len(self.joints), dtype=np.int64)
        self.confidence += confidence.sum(axis=0)
        self.unsure += (confidence < UNSURE).sum(axis=0)
        self.people += np.bincount(rows.frame["frame"], minlength=len(self.people))
        x, y, w, h = rows.frame[["x", "y", "w", "h"]].to_numpy(dtype=np.float64).T
        tall = np.clip(np.rint(h[h > 0]), 0, TALLEST).astype(np.int64)
        self.heights += np.bincount(tall, minlength=TALLEST + 1)
        across, down = (x + w / 2) / self._size[0], (y + h / 2) / self._size[1]
        self.outside += int((((across < 0) | (across > 1) | (down < 0) | (down > 1)) & (h > 0)).sum())


class _Followed:
    """The boxes of a clip's TRACKS, sorted by track, then frame; rows `first` and `last` of each track."""

    def __init__(self, tracks: Iterable[Rows]) -> None:
        names = ["track", "frame", "x", "y", "w", "h"]
        table = pd.concat([rows.frame[names] for rows in tracks]).sort_values(["track", "frame"], kind="stable")
        self.frame = table["frame"].to_numpy(dtype=np.int64)
        self.same = np.diff(table["track"].to_numpy(dtype=np.int64)) == 0
        change = np.flatnonzero(~self.same)
        some = int(len(table) > 0)
        self.first: Ints = np.concatenate([np.zeros(some, np.int64), change + 1])
        self.last: Ints = np.concatenate([change, np.full(some, len(table) - 1)])
        x, y, w, self.height = table[["x", "y", "w", "h"]].to_numpy(dtype=np.float64).T
        self.centre: Floats = np.stack([x + w / 2, y + self.height / 2], axis=1)


def _stride(frames: Ints) -> int:
    """The distance that all frames with people have in common; 1 where there are too few to tell."""
    return max(1, int(np.gcd.reduce(frames))) if len(frames) >= FEW else 1


def _longest(mask: NDArray[np.bool_]) -> int:
    """Length of the longest run of True."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _fragments(tracks: _Followed, fps: float) -> int:
    """Tracks that begin at most `SHORT` after, and `NEAR` body heights from, the end of another of like height.

    Each end is gone on with once and each start goes on with one end, the nearest pairs first.
    """
    first, last = tracks.first, tracks.last[np.argsort(tracks.frame[tracks.last], kind="stable")]
    starts, ends = tracks.frame[first], tracks.frame[last]
    low = np.searchsorted(ends, starts - SHORT * fps, side="left")
    high = np.searchsorted(ends, starts, side="left")
    counts = np.maximum(high - low, 0)
    start = np.repeat(np.arange(len(first)), counts)
    end = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + low[start]
    tall = np.stack([tracks.height[first[start]], tracks.height[last[end]]])
    apart = np.linalg.norm(tracks.centre[first[start]] - tracks.centre[last[end]], axis=1)
    fits = (apart <= NEAR * tall.mean(axis=0)) & (tall.max(axis=0) <= ALIKE * tall.min(axis=0)) & (tall.min(axis=0) > 0)
    pairs = np.flatnonzero(fits)[np.argsort(apart[fits], kind="stable")]
    used: tuple[set[int], set[int]] = (set(), set())
    for begins, ended in zip(start[pairs].tolist(), end[pairs].tolist(), strict=True):
        if begins not in used[0] and ended not in used[1]:
            used[0].add(begins)
            used[1].add(ended)
    return len(used[0])
