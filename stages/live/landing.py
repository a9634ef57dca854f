"""Scores of windows brought down to frames, frame after frame: what `stages/evaluation/aggregate.py` does to a clip."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stages.core.windows import Windows
from stages.evaluation.landing import landed_frames
from stages.evaluation.protocol import Rules

Floats = NDArray[np.float64]


@dataclass
class _Landed:
    """Scores that landed on one person in one frame."""

    total: float = 0.0
    highest: float = -np.inf
    count: int = 0

    def add(self, score: float) -> None:
        self.total += score
        self.highest = max(self.highest, score)
        self.count += 1


@dataclass
class Board:
    """Persons' scores in the frames that are not final yet.

    Args:
        rules: how they land and are joined.

    Attributes:
        first: the frame that is final next; what comes for earlier ones is too late.
        late: how many landings were.
    """

    rules: Rules
    first: int = 0
    late: int = 0
    _frames: dict[int, dict[int, _Landed]] = field(default_factory=dict)

    def land(self, windows: Windows, scores: NDArray[np.float32]) -> None:
        """Take windows' scores, `(N,)`, or `(N, T)` where a detector scores every sample."""
        index = windows.index
        start, step = (index[name].to_numpy(dtype=np.float64) for name in ("start_frame", "step"))
        length, track = index["length"].to_numpy(dtype=np.int64), index["track"].to_numpy(dtype=np.int64)
        frame = np.full(len(start), np.nan)
        if scores.ndim == 2:
            samples = scores.shape[1]
            frame = np.rint(start[:, None] + np.arange(samples) * step[:, None]).reshape(-1)
            start, step, length, track = (np.repeat(each, samples) for each in (start, step, length, track))
        first, stop = landed_frames(start, step, length, frame, self.rules.landing)
        moved = zip(track, first + self.rules.shift, stop + self.rules.shift, scores.reshape(-1), strict=True)
        for person, begin, end, score in moved:
            self._add(int(person), int(begin), int(end), float(score))

    def _add(self, track: int, begin: int, end: int, score: float) -> None:
        self.late += max(0, min(end, self.first) - begin)
        for frame in range(max(begin, self.first), end):
            self._frames.setdefault(frame, {}).setdefault(track, _Landed()).add(score)

    def take(self) -> dict[int, float]:
        """The next frame's persons with their scores; the frame is final with that."""
        found = self._frames.pop(self.first, {})
        self.first += 1
        highest = self.rules.landing == "all_max"
        return {track: one.highest if highest else one.total / one.count for track, one in found.items()}
