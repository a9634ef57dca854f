"""People of one source, frame by frame, to judged frames: tracking, windows, scores, landing and smoothing.

What comes out are the frame scores that the stages `track` to `evaluate` give the same frames, `delay` seconds later: a
window has to be complete, and smoothing looks ahead. Two things differ, since a camera has no end: a frame with nobody
gets the lowest score of the model's normal footage in place of that of the test split, and a window that becomes known
later than `delay` allows, because a person was away for long, is left out (`late` counts them).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.core.scoring import score_windows
from stages.core.windows import Windows
from stages.evaluation.smoothing import reach, smooth
from stages.live.cutting import Cutter, demand_rate
from stages.live.judged import Judged, Seen
from stages.live.landing import Board
from stages.live.model import Model
from stages.pose.base import People
from stages.pose.poseflow import NOBODY, Tracker

LONGEST_GAP = 10.0
"""Seconds without a frame after which a source begins anew: nothing before is smoothed into what follows."""


@dataclass(frozen=True, eq=False)
class Scored:
    """A window with its score.

    Args:
        windows: it alone.
        score: higher = more abnormal; the highest of its samples where each has one.
    """

    windows: Windows
    score: float


class Engine:
    """Judges the frames of one source.

    Args:
        model: detector, windows, rules and how people are tracked.
        fps: frames per second of the source.
        size: width and height of its frames in px.
        every: people are looked for in every n-th frame alone.

    Raises:
        ModelError: that is too seldom for the model's windows.

    Attributes:
        delay: seconds from a frame to its judgement.
        windows: how many were scored.
    """

    def __init__(self, model: Model, *, fps: float, size: tuple[int, int], every: int = 1) -> None:
        demand_rate(model.card.window, fps, every)
        self._model, self._fps = model, fps
        self._tracker = Tracker(model.card.track, fps=fps, size=size, strong=model.card.people.strong)
        self._cutter = Cutter(model.card.window, model.card.normalize, fps=fps, joints=model.card.layout)
        self._rules = model.card.rules
        self._reach = reach(fps, self._rules.smoothing)
        self._horizon = self._cutter.horizon + self._rules.shift
        self.delay = (self._horizon + self._reach) / fps
        self.windows = 0
        self._late = 0
        self._recent: deque[tuple[Windows, NDArray[np.float32]]] = deque()
        self._begin(0)

    @property
    def late(self) -> int:
        """Landings of windows that became known after their frames were final."""
        return self._late + self._board.late

    def _begin(self, number: int) -> None:
        self._board = Board(self._rules, first=number)
        self._people: dict[int, tuple[Seen, ...]] = {}
        self._others: dict[int, tuple[Seen, ...]] = {}
        self._raw: deque[float] = deque()  # of the frames from `_oldest` on
        self._worst: dict[int, tuple[tuple[Seen, ...], int | None]] = {}
        self._oldest = self._next = number
        self._last: int | None = None

    def see(self, number: int, people: People) -> list[Judged]:
        """Take one frame's people.

        Args:
            number: of the frame, larger than at the last call; numbers may be left out.
            people: found in it.

        Returns:
            The frames that became final, one for each number.
        """
        over: list[Judged] = []
        if self._last is None and number != self._next:
            self._begin(number)
        elif self._last is not None and number - self._last > LONGEST_GAP * self._fps:
            over = self.finish()
            self._begin(number)
        self._follow(number, people)
        self._last = number
        return over + self._settle(number - self._horizon)

    def finish(self) -> list[Judged]:
        """Judge the frames that are left: the source is over."""
        if self._last is None:
            return []
        found = self._settle(self._last, ended=True)
        self._late += self._board.late
        self._begin(self._last + 1)
        return found

    def windows_of(self, track: int, frame: int) -> list[Scored]:
        """Windows of a person that cover a frame, for as long as it takes to judge the frame; highest first."""
        found = []
        for windows, scores in self._recent:
            index = windows.index
            start = index["start_frame"].to_numpy(dtype=np.float64)
            end = start + index["step"].to_numpy(dtype=np.float64) * index["length"].to_numpy(dtype=np.float64)
            covers = (index["track"].to_numpy() == track) & (start <= frame) & (frame < end)
            for row in np.flatnonzero(covers):
                found.append(Scored(windows.take(np.array([row])), float(scores[row].max())))
        return sorted(found, key=lambda one: -one.score)

    def _follow(self, number: int, people: People) -> None:
        """Track everybody, and land the scores of the windows that are complete with this frame."""
        x, y, w, h = people.boxes.astype(np.float64).T
        places = people.keypoints[..., :2].astype(np.float64)
        places[people.keypoints[..., 2] == 0] = np.nan
        corners = np.stack([x, x + w, y, y + h], axis=1)
        ids = self._tracker.step(number, corners, places, people.scores.astype(np.float64))
        kept = np.flatnonzero(ids != NOBODY)
        everybody = [
            Seen(int(track), box.astype(np.float64), joints, None)
            for track, box, joints in zip(ids, people.boxes, people.keypoints, strict=True)
        ]
        self._people[number] = tuple(seen for seen in everybody if seen.track != NOBODY)
        self._others[number] = tuple(seen for seen in everybody if seen.track == NOBODY)
        windows = self._cutter.see(number, ids[kept], people.keypoints[kept])
        if len(windows):
            scores = score_windows(self._model.detector, windows, len(windows))[self._model.part]
            self._board.land(windows, scores)
            self._recent.append((windows, scores))
            self.windows += len(windows)
        oldest = number - 2 * (self._horizon + self._reach)
        while self._recent and self._recent[0][0].index["start_frame"].max() < oldest:
            self._recent.popleft()

    def _settle(self, until: int, *, ended: bool = False) -> list[Judged]:
        """Make the frames up to `until` final, and judge those whose smoothing reaches no further."""
        while self._board.first <= until:
            self._raw.append(self._close(self._board.first))
        stop = self._board.first if ended else self._board.first - self._reach
        found = []
        if self._next < stop:
            values = np.array(self._raw, dtype=np.float64)
            smoothed = smooth(values, self._fps, self._rules.smoothing)
            found = [self._judge(number, values, smoothed) for number in range(self._next, stop)]
            self._next = stop
        while self._oldest < self._next - self._reach:
            self._raw.popleft()
            self._oldest += 1
        return found

    def _close(self, number: int) -> float:
        """A frame's raw score, float32 as files have it, and who was in it."""
        scores = self._board.take()
        people = tuple(
            Seen(seen.track, seen.box, seen.keypoints, scores.get(seen.track)) for seen in self._people.pop(number, ())
        )
        if not scores:
            self._worst[number] = people, None
            return self._model.reference.floor if self._rules.nobody != "zero" else 0.0
        track = min(scores, key=lambda track: (-scores[track], track))
        self._worst[number] = people, track
        return scores[track]

    def _judge(self, number: int, raw: NDArray[np.float64], smoothed: NDArray[np.float64]) -> Judged:
        (people, track), others = self._worst.pop(number), self._others.pop(number, ())
        place = number - self._oldest
        return Judged(number, number / self._fps, people, float(raw[place]), float(smoothed[place]), track, others)
