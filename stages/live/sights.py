"""Who is in a frame, also where nobody was looked for and where somebody was missed: all of them are to be hidden."""

from __future__ import annotations

from dataclasses import dataclass

from stages.live.judged import Judged, Seen

KEPT = 0.5
"""Seconds for which a head stays hidden where it was last seen: a missed person is still in the picture."""


@dataclass(frozen=True, eq=False)
class Sight:
    """Everybody in a frame, in px of the source.

    Args:
        people: who is followed; between looks, where they were at the last one.
        others: who may be a person and is not followed, likewise.
        ago: seconds since that look.
        missed: who was seen before and is not now, and how many seconds ago.
    """

    people: tuple[Seen, ...]
    others: tuple[Seen, ...]
    ago: float
    missed: tuple[tuple[Seen, float], ...]


class Sights:
    """Remembers who was seen lately.

    Args:
        fps: frames per second of the source.
        every: people were looked for in every n-th frame.
    """

    def __init__(self, fps: float, every: int) -> None:
        self._fps, self._every = fps, every
        self._keep = max(round(KEPT * fps), every)
        self._last: dict[int, tuple[int, Seen]] = {}
        self._before: tuple[int, tuple[Seen, ...], tuple[Seen, ...]] = 0, (), ()

    def see(self, judged: Judged) -> Sight:
        """Take the next frame."""
        number = judged.number
        if self._every == 1 or number % self._every == 0:
            self._before = number, judged.people, judged.others
        looked, people, others = self._before
        self._last.update({seen.track: (looked, seen) for seen in people})
        self._last = {track: kept for track, kept in self._last.items() if number - kept[0] <= self._keep}
        here = {seen.track for seen in people}
        missed = ((seen, (number - at) / self._fps) for track, (at, seen) in self._last.items() if track not in here)
        return Sight(people, others, (number - looked) / self._fps, tuple(missed))
