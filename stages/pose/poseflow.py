"""Who is who from frame to frame: track ids for the people of one clip, online.

Source: Xiu et al., "Pose Flow: Efficient Online Pose Tracking", BMVC 2018, as released with AlphaPose: every person's
latest appearance is compared with the people of a frame, by overlaps of boxes and joints and, where a matcher of
images is given, by the image points both share; the Hungarian method takes the best one-to-one pairs.

Three things differ by default, each a parameter that `TrackParams.published` turns off: people are looked for where
their recent motion leads; joints may stray in proportion to a person's size; weak people continue tracks and never
start them (the second association of Zhang et al., "ByteTrack", ECCV 2022).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from stages.core.params import Section
from stages.pose.correspondences import MatchParams
from stages.pose.overlap import (
    NOWHERE,
    Floats,
    best_mean,
    extent_boxes,
    joint_squares,
    longer_sides,
    matched_overlap,
    region_overlap,
)

Ints = NDArray[np.int64]
People = NDArray[np.void]
"""People at their latest appearance, one row each: id, frame, frame of the latest strong appearance and how many were
strong, velocity (px per frame), joints (px), regions (see `regions`)."""
Matcher = Callable[[int, int], Floats]
"""Gives image points `(K, 4)` matched between an earlier and a later frame: x, y there and x, y here, px."""

NOBODY = -1
"""The id of people who are not tracked."""


class TrackParams(Section):
    """The `track` section.

    Args:
        strong: score from which a person may start a track, in the backend's unit; weaker ones only continue one that
            no strong person does, at most for as many frames as it had strong people before, and for `link`: so
            things that look like people now and then do not live on as weak ones. Null: what the backend says, and
            where it says nothing everybody is strong.
        match: least overlap at which two appearances are one person: box + joint overlap, twice that for people seen
            in the previous frame, so 0 to 2 or 4. Higher breaks tracks where people hurry, lower swaps neighbours.
        bridge: seconds for which a lost person is looked for where their recent motion leads; 0 looks where they were.
        memory: seconds over which that motion is averaged. Longer is steadier and turns later.
        link: frames for which a lost person is remembered, of those looked at; null: as long as `bridge` looks for
            them.
        boxes: whose overlap counts: the detector's boxes, or those around the joints (published), which the limbs of
            a neighbour can pull away.
        margin: share of its width and height by which a box around joints is widened on each side.
        num: joints that count in joint overlap: those that overlap best.
        mag_scale: half the side of the square around a joint, in longer sides of the person's box. Larger forgives
            more motion and tells neighbours apart less.
        mag: the same in px whatever a person's size (published: 30), in place of `mag_scale`.
        copy_empty: copy everybody into frames without people (published); invents people, so off by default.
        given: `keep` the ids that came with the poses where every pose of a clip has one; `renew` them all.
        matches: `orb` also compares the image points that two frames share, which tells apart people who overlap and
            takes the video and most of the time; `none` goes by boxes and joints alone.
        orb: how image points are found and matched.
    """

    strong: float | None = Field(default=None, ge=0)
    match: float = Field(default=0.4, ge=0)
    bridge: float = Field(default=2.0, ge=0)
    memory: float = Field(default=0.3, gt=0)
    link: int | None = Field(default=None, ge=1)
    boxes: Literal["detector", "joints"] = "detector"
    margin: float = Field(default=0.1, ge=0)
    num: int = Field(default=7, ge=1)
    mag_scale: float = Field(default=0.2, gt=0)
    mag: float | None = Field(default=None, gt=0)
    copy_empty: bool = False
    given: Literal["keep", "renew"] = "keep"
    matches: Literal["none", "orb"] = "none"
    orb: MatchParams = MatchParams()

    @classmethod
    def published(cls) -> TrackParams:
        """PoseFlow as its authors released it."""
        rule = cls(strong=0, match=0.2, bridge=0, link=100, boxes="joints", margin=0.1, num=7, mag=30, copy_empty=True)
        return rule.model_copy(update={"matches": "orb", "orb": MatchParams.published()})


class Tracker:
    """Gives the people of one clip their ids, frame by frame.

    Args:
        params: see `TrackParams`.
        fps: frames per second of the clip.
        size: width and height of its frames in px.
        strong: score from which a person may start a track, where `params` leaves it open.
        matcher: gives matched image points, a further cue; None goes by boxes and joints alone.

    Attributes:
        strong: score from which a person may start a track.
        copies: whether people are copied into empty frames.
    """

    def __init__(
        self,
        params: TrackParams,
        *,
        fps: float,
        size: tuple[int, int],
        strong: float = 0.0,
        matcher: Matcher | None = None,
    ) -> None:
        self._params = params
        self._size = size
        self.strong = strong if params.strong is None else params.strong
        self.copies = params.copy_empty
        self._matcher = matcher
        self._bridge = params.bridge * fps
        self._memory = params.memory * fps
        self._link = max(1.0, self._bridge) if params.link is None else params.link
        self._seen: People | None = None
        self._last = 0

    def step(self, frame: int, boxes: Floats, keypoints: Floats, scores: Floats) -> Ints:
        """Ids of the people of one frame.

        Args:
            frame: its number among those looked at, larger than at the last call.
            boxes: `(P, 4)` left, right, top, bottom in px; not looked at where `params.boxes` is `joints`.
            keypoints: `(P, V, 2)` px, NaN where a joint was not seen.
            scores: `(P,)`, the detector's.

        Returns:
            `(P,)` ids from 1 on; `NOBODY` for weak people who continue no track.
        """
        people = self._appear(frame, boxes, keypoints)
        seen = people[:0] if self._seen is None else self._seen
        seen = seen[frame - seen["frame"] <= self._link]
        strong = scores >= self.strong
        source = self._associate(frame, seen, people, strong)
        known = np.flatnonzero(source >= 0)
        people[known] = self._continued(seen[source[known]], people[known], strong[known])
        self._start(people, strong & (source < 0))
        lost = np.ones(len(seen), dtype=bool)
        lost[source[known]] = False
        self._seen = _joined(people[people["id"] != NOBODY], seen[lost])
        return people["id"].copy()

    def hold(self, frame: int) -> None:
        """Take everybody of the previous frame for seen in this one too, which is empty (published)."""
        if self._seen is not None:
            self._seen["frame"][self._seen["frame"] == frame - 1] = frame

    def _appear(self, frame: int, boxes: Floats, keypoints: Floats) -> People:
        where = regions(self._params, self._size, boxes, keypoints)
        people = np.zeros(len(keypoints), _fields(keypoints.shape[1]))
        people["id"], people["strong"] = NOBODY, 1
        people["frame"] = people["sure"] = frame
        people["joints"], people["regions"] = keypoints, where
        return people

    def _associate(self, frame: int, seen: People, people: People, strong: NDArray[np.bool_]) -> Ints:
        """Row of `seen` that each person continues, or -1; strong people choose first."""
        source = np.full(len(people), -1, dtype=np.int64)
        score = self._score(frame, seen, people)
        free = np.ones(len(seen), dtype=bool)
        for turn in (strong, ~strong):
            rows, columns = np.flatnonzero(free), np.flatnonzero(turn)
            if len(rows) and len(columns):
                first, second = pairs(score[rows[:, None], columns], self._params.match)
                source[columns[second]] = rows[first]
                free[rows[first]] = False
            free &= frame - seen["sure"] <= np.minimum(self._link, seen["strong"])  # for the weak, see `strong`
        return source

    def _score(self, frame: int, seen: People, people: People) -> Floats:
        """PoseFlow's score of every pair, `(C, P)`: weighted overlaps, more for people of the previous frame."""
        gap = frame - seen["frame"]
        shift = np.where(gap <= self._bridge, gap, 0)[:, None] * seen["velocity"]
        ahead = seen["regions"] + shift[:, None, _XXYY]
        fresh = gap == 1
        score: Floats = np.where(fresh, 2.0, 1.0)[:, None] * self._sum(region_overlap(ahead, people["regions"]))
        if self._matcher is not None and len(people) and fresh.any():
            shared = matched_overlap(seen["regions"][fresh], people["regions"], self._matcher(frame - 1, frame))
            score[fresh] += self._sum(shared)
        return score

    def _sum(self, overlaps: Floats) -> Floats:
        """Of the box and of the joints that overlap best, `(C, P)`."""
        return np.asarray(overlaps[..., 0] + best_mean(overlaps[..., 1:], self._params.num))

    def _continued(self, before: People, now: People, strong: NDArray[np.bool_]) -> People:
        """People of this frame with what is known of them from before."""
        gap = (now["frame"] - before["frame"])[:, None]
        velocity = _motion(before["joints"], now["joints"]) / gap
        trust = -np.expm1(-gap / self._memory)  # of an exponential mean
        now["velocity"] = before["velocity"] + trust * (velocity - before["velocity"])
        now["id"] = before["id"]
        now["sure"] = np.where(strong, now["frame"], before["sure"])
        now["strong"] = before["strong"] + strong
        return now

    def _start(self, people: People, new: NDArray[np.bool_]) -> None:
        count = int(new.sum())
        people["id"][new] = self._last + 1 + np.arange(count)
        self._last += count


def regions(params: TrackParams, size: tuple[int, int], boxes: Floats, keypoints: Floats) -> Floats:
    """Where people are, as overlaps look at them: the box of each, then a square around each joint.

    Args:
        params: whose boxes count and how large the squares are.
        size: width and height of the image in px.
        boxes: `(P, 4)` left, right, top, bottom in px; not looked at where `params.boxes` is `joints`.
        keypoints: `(P, V, 2)` px, NaN where a joint was not seen.

    Returns:
        `(P, 1 + V, 4)` left, right, top, bottom in px; `NOWHERE` for joints that were not seen.
    """
    chosen = extent_boxes(keypoints, params.margin, size) if params.boxes == "joints" else boxes
    half = params.mag_scale * longer_sides(chosen) if params.mag is None else np.full(len(chosen), params.mag)
    where = np.concatenate([chosen[:, None], joint_squares(keypoints, half)], axis=1)
    where[np.isnan(where)] = NOWHERE
    return where


def pairs(score: Floats, least: float) -> tuple[Ints, Ints]:
    """The one-to-one pairs with the largest total score, less those that do not exceed `least`.

    Args:
        score: `(C, P)`.
        least: what a pair has to exceed.

    Returns:
        Rows and columns of the pairs.
    """
    from scipy.optimize import linear_sum_assignment  # slow to import, and `check` wants the params alone

    rows, columns = linear_sum_assignment(score, maximize=True)
    accepted = score[rows, columns] > least
    return rows[accepted], columns[accepted]


_XXYY = np.array([0, 0, 1, 1])
"""Brings x and y to left, right, top, bottom."""


@cache
def _fields(joints: int) -> np.dtype[np.void]:
    """Columns of `People`."""
    counts = [(name, "i8") for name in ("id", "frame", "sure", "strong")]
    return np.dtype(
        [*counts, ("velocity", "f8", (2,)), ("joints", "f8", (joints, 2)), ("regions", "f8", (1 + joints, 4))]
    )


def _joined(first: People, second: People) -> People:
    """Both, one after the other; NumPy's own concatenation compares the columns by name each time."""
    both = np.empty(len(first) + len(second), first.dtype)
    both[: len(first)], both[len(first) :] = first, second
    return both


def _motion(before: Floats, after: Floats) -> Floats:
    """Mean motion of the joints that were seen both times, `(P, 2)` px; none where there are none."""
    moved = after - before
    known = ~np.isnan(moved)
    total = np.add.reduce(moved, axis=1, where=known)
    return np.asarray(total / np.maximum(np.add.reduce(known, axis=1), 1))
