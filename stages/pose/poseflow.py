"""Track ids for the people of one clip, frame by frame and online.

Source: Xiu et al., "Pose Flow: Efficient Online Pose Tracking", BMVC 2018, as released with AlphaPose: the latest
appearance of every person is compared with the people of a frame by overlaps of boxes and joints and, where a matcher
of images is given, by the image points both share; the Hungarian method picks the best one-to-one pairs.

Two things stand on top, both off in `published`. Weak boxes continue tracks and never start them, as the second
association of Zhang et al., "ByteTrack", ECCV 2022. And a person is looked for where their recent motion leads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import linear_sum_assignment

from stages.core.params import Section
from stages.pose.overlap import (
    Floats,
    best_mean,
    extent_boxes,
    joint_squares,
    longer_sides,
    matched_overlap,
    region_overlap,
)

Ints = NDArray[np.int64]
Matcher = Callable[[int, int], Floats]
"""Gives the image points `(K, 4)` matched between an earlier and a later frame of the clip."""


class TrackParams(Section):
    link: int = Field(default=100, ge=1)
    match: float = Field(default=0.2, ge=0)
    num: int = Field(default=7, ge=1)
    mag: float | None = Field(default=None, gt=0)
    mag_scale: float = Field(default=0.15, gt=0)
    margin: float = Field(default=0.1, ge=0)
    strong: float = Field(default=0.35, ge=0)
    weak: float = Field(default=0.2, ge=0)
    bridge: float = Field(default=1.0, ge=0)
    memory: float = Field(default=0.3, gt=0)
    copy_empty: bool = False


@dataclass
class Seen:
    """Latest appearance of every person still remembered."""

    ids: Ints
    frames: Ints
    keypoints: Floats
    velocity: Floats

    def take(self, rows) -> "Seen":
        return Seen(self.ids[rows], self.frames[rows], self.keypoints[rows], self.velocity[rows])

    def then(self, other: "Seen") -> "Seen":
        return Seen(
            *(np.concatenate([getattr(self, k), getattr(other, k)]) for k in ("ids", "frames", "keypoints", "velocity"))
        )


class Tracker:
    predict_fresh = True
    revive = True
    grow = 0.0

    def __init__(
        self, params: TrackParams, *, fps: float, size: tuple[int, int], matcher: Matcher | None = None
    ) -> None:
        self.params, self.size, self.matcher = params, size, matcher
        self.bridge = params.bridge * fps
        self.memory = params.memory * fps
        self.seen: Seen | None = None
        self.last_id = 0

    def step(self, frame: int, keypoints: Floats, scores: Floats) -> Ints:
        ids = np.full(len(scores), -1, dtype=np.int64)
        if self.seen is None:
            self.seen = Seen(
                np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, *keypoints.shape[1:])), np.empty((0, 2))
            )
        seen = self.seen = self.seen.take(frame - self.seen.frames <= self.params.link)
        source = np.full(len(scores), -1, dtype=np.int64)
        strong = scores >= self.params.strong
        weak = ~strong & (scores >= self.params.weak)
        if len(seen.ids):
            sim = self.similarity(frame, keypoints)
            self.pair(sim, np.arange(len(seen.ids)), np.flatnonzero(strong), source)
            free = np.setdiff1d(np.arange(len(seen.ids)), source)
            free = free[(frame - seen.frames[free]) <= max(1, self.bridge)]
            self.pair(sim, free, np.flatnonzero(weak), source)
        ids[source >= 0] = seen.ids[source[source >= 0]]
        new = strong & (source < 0)
        ids[new] = self.last_id + 1 + np.arange(new.sum())
        self.last_id += int(new.sum())
        self.remember(frame, keypoints, ids, source)
        return ids

    def pair(self, sim, candidates, people, source):
        if not len(candidates) or not len(people):
            return
        sub = sim[np.ix_(candidates, people)]
        a, b = linear_sum_assignment(-sub)
        ok = sub[a, b] > self.params.match
        source[people[b[ok]]] = candidates[a[ok]]

    def similarity(self, frame, keypoints):
        p, seen = self.params, self.seen
        gap = frame - seen.frames
        moved = np.where((gap <= self.bridge) & (self.predict_fresh | (gap > 1)), gap, 0)[:, None] * seen.velocity
        places = seen.keypoints + moved[:, None]
        ours, theirs = extent_boxes(places, p.margin, self.size), extent_boxes(keypoints, p.margin, self.size)
        half = [
            np.full(len(b), p.mag) if p.mag else p.mag_scale * longer_sides(b)
            for b in (extent_boxes(seen.keypoints, p.margin, self.size), theirs)
        ]
        half[0] = half[0] * (1 + self.grow * np.where(gap <= self.bridge, gap - 1, 0))
        squares = [joint_squares(k, h) for k, h in zip((places, keypoints), half)]
        fresh = (gap == 1)[:, None]
        weight = np.where(fresh, 2.0, 1.0)
        sim = weight * (region_overlap(ours, theirs) + best_mean(region_overlap(*squares), p.num))
        if self.matcher is not None and fresh.any():
            m = self.matcher(frame - 1, frame)
            sim = sim + fresh * (matched_overlap(ours, theirs, m) + best_mean(matched_overlap(*squares, m), p.num))
        return sim

    def remember(self, frame, keypoints, ids, source):
        seen = self.seen
        kept = ids >= 0
        velocity = np.zeros((len(ids), 2))
        old = source >= 0
        s = source[old]
        gap = (frame - seen.frames[s])[:, None]
        now = (keypoints[old] - seen.keypoints[s]).mean(axis=1) / gap
        trust = 1 - np.exp(-gap / self.memory)
        velocity[old] = (1 - trust) * seen.velocity[s] + trust * now
        present = Seen(ids[kept], np.full(kept.sum(), frame), keypoints[kept], velocity[kept])
        rest = np.setdiff1d(np.arange(len(seen.ids)), source)
        self.seen = present.then(seen.take(rest))
