"""Alarms as they happen: those that `stages/evaluation/events.py` finds in a whole recording."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stages.evaluation.alarms import SLACK
from stages.evaluation.conformal import Tail
from stages.live.judged import Event, Judged


@dataclass(frozen=True)
class _Ringing:
    """Frames over the threshold that are not further apart than what counts as one alarm."""

    first: Judged
    last: Judged
    peak: Judged


class Alarms:
    """Rings at frames whose smoothed score is over a threshold.

    Args:
        threshold: in the unit of the scores.
        merge_seconds: alarms less than this apart are one.
        least_seconds: an alarm shorter than this, gaps filled, is none.
        fps: frames per second of the source.
        tail: highest scores of normal clips, for the p-values of events; None where nobody calibrated.
    """

    def __init__(
        self, threshold: float, *, merge_seconds: float, least_seconds: float, fps: float, tail: Tail | None = None
    ) -> None:
        self.threshold = threshold
        self._gap = max(0, int(np.ceil(merge_seconds * fps - SLACK)) - 1)
        self._least = max(1, int(np.ceil(least_seconds * fps - SLACK)))
        self._fps, self._tail = fps, tail
        self._now: _Ringing | None = None

    @property
    def ringing(self) -> bool:
        """Whether an alarm is on that is long enough to be one."""
        return self._now is not None and self._length(self._now) >= self._least

    @property
    def peak(self) -> Judged | None:
        """The highest frame of what rings, or may come to."""
        return self._now.peak if self._now else None

    def see(self, judged: Judged) -> list[Event]:
        """Take the next frame; gives the alarm that is over with it, if one is."""
        over = judged.smoothed > self.threshold
        ended = []
        if self._now and judged.number - self._now.last.number > self._gap + (1 if over else 0):
            ended = self.finish()
        if over and self._now:
            higher = judged.smoothed > self._now.peak.smoothed
            self._now = replace(self._now, last=judged, peak=judged if higher else self._now.peak)
        elif over:
            self._now = _Ringing(judged, judged, judged)
        return ended

    def finish(self) -> list[Event]:
        """End what rings; gives the alarm, unless it is too short to be one."""
        now, self._now = self._now, None
        return [self._event(now)] if now and self._length(now) >= self._least else []

    @staticmethod
    def _length(now: _Ringing) -> int:
        return now.last.number - now.first.number + 1

    def _event(self, now: _Ringing) -> Event:
        return Event(
            start_frame=now.first.number,
            end_frame=now.last.number,
            start_seconds=now.first.seconds,
            end_seconds=now.last.seconds + 1 / self._fps,
            peak_frame=now.peak.number,
            peak_score=now.peak.smoothed,
            threshold=self.threshold,
            track=now.peak.track,
            p=float(self._tail.p(now.peak.smoothed)) if self._tail else None,
        )
