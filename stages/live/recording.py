"""One source judged from its first frame to its last, with all that `normotion run` writes about it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import NormotionError
from stages.core.progress import bar
from stages.live.alarms import Alarms
from stages.live.engine import Engine, Scored
from stages.live.judged import Event, Frame, Judged
from stages.live.judging import Held, judging
from stages.live.model import Model
from stages.live.sights import Sight, Sights
from stages.pose.base import Estimator
from stages.show.overlay_video import WIDEST

PORTRAYED = 100
"""Alarms whose highest frame is drawn."""


class Source(Protocol):
    """What of `stages/live/source.py` a recording needs."""

    @property
    def fps(self) -> float:
        """Frames per second."""
        ...

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        ...

    @property
    def frames(self) -> int | None:
        """How many there are; None where nobody knows."""
        ...

    @property
    def trouble(self) -> NormotionError | None:
        """After the last frame, why it ended early."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Frames in order."""
        ...


@dataclass(frozen=True, eq=False)
class Peak:
    """An alarm with what was seen at its highest frame.

    Args:
        event: the alarm.
        frame: the picture of the highest frame, or of the last one before it in which its most abnormal person was
            seen; None where there is none, or once it was portrayed.
        sight: who is in that frame.
        windows: those of the most abnormal person that cover the frame, highest first; empty where nobody was scored.
        portrait: the frame drawn, as `data:` URI; empty where it was not.
    """

    event: Event
    frame: Frame | None
    sight: Sight
    windows: tuple[Scored, ...]
    portrait: str = ""


@dataclass(eq=False)
class Recording:
    """What was found in a source.

    Args:
        fps: frames per second.
        size: width and height in px.
        judged: every frame, without its people: those of a day would not fit into memory.
        peaks: alarms.
        tracks: by id: first and last frame, and highest score, None where it was never scored.
        people: how many people were followed in all frames together.
        late: landings of windows that came too late for their frames.
        windows: how many were scored.
        trouble: why the source ended early, or None.
    """

    fps: float
    size: tuple[int, int]
    judged: list[Judged] = field(default_factory=list)
    peaks: list[Peak] = field(default_factory=list)
    tracks: dict[int, tuple[int, int, float | None]] = field(default_factory=dict)
    people: int = 0
    late: int = 0
    windows: int = 0
    trouble: NormotionError | None = None

    @property
    def seconds(self) -> float:
        """From the first frame to the last, whatever was lost between."""
        return (self.judged[-1].number + 1) / self.fps if self.judged else 0.0

    def trace(self, values: Sequence[float]) -> NDArray[np.float64]:
        """One value of each judged frame as `(frames,)` of the source; NaN where frames were lost."""
        traced = np.full(self.judged[-1].number + 1 if self.judged else 0, np.nan)
        traced[[one.number for one in self.judged]] = values
        return traced

    @property
    def events(self) -> list[Event]:
        """Its alarms."""
        return [peak.event for peak in self.peaks]


Draw = Callable[[Frame, Judged, Sight, bool], None]
"""Draws a frame: the picture, what was judged of it, who is in it, and whether an alarm rings."""


def record(
    source: Source, model: Model, find: Estimator, alarms: Alarms, draw: Draw | None = None, *,
    portray: Callable[[Peak], str] | None = None, every: int = 1, threads: int | None = None, what: str = "judging",
    stop: threading.Event | None = None,
) -> Recording:  # fmt: skip
    """Judge a source to its end, or to where it breaks off, which `trouble` then tells, or until it is stopped.

    Args:
        source: where frames come from.
        model: judges.
        find: finds people.
        alarms: ring.
        draw: is shown every frame that came, in order.
        portray: draws an alarm's highest frame as soon as the alarm is over, and of `PORTRAYED` alarms at most:
            pictures of all would fill the memory where a threshold is too low.
        every: look for people in every n-th frame.
        threads: frames in work at once.
        what: label of the progress bar.
        stop: ends it; what came before is judged.
    """
    engine = Engine(model, fps=source.fps, size=source.size, every=every)
    found = Recording(source.fps, source.size)
    sights, highest = Sights(source.fps, every), _Highest(engine)
    held = Held(_until(stop, bar(source, what=what, total=source.frames, unit=" frames")), WIDEST)

    def end(events: list[Event]) -> None:
        for event in events:
            found.peaks.append(_portrayed(highest.of(event), portray if len(found.peaks) < PORTRAYED else None))

    with closing(judging(held, engine, find, every=every, threads=threads)) as frames:
        for judged in frames:
            picture, sight = held.take(judged.number), sights.see(judged)
            end(alarms.see(judged))
            highest.look(alarms, judged, picture, sight)
            _count(found, judged)
            if draw is not None and picture is not None:
                draw(picture, judged, sight, alarms.ringing)
    end(alarms.finish())
    found.late, found.windows, found.trouble = engine.late, engine.windows, source.trouble
    return found


def _until(stop: threading.Event | None, frames: Iterable[Frame]) -> Iterator[Frame]:
    for frame in frames:
        yield frame
        if stop is not None and stop.is_set():
            return


def _portrayed(peak: Peak, portray: Callable[[Peak], str] | None) -> Peak:
    """With its portrait, and without the picture itself."""
    return replace(peak, frame=None, portrait=portray(peak) if portray else "")


class _Highest:
    """Keeps what is seen at the highest frame of the alarm that rings: when it is over, that is long gone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: dict[int, tuple[Frame | None, Sight, tuple[Scored, ...]]] = {}
        self._shown: tuple[int | None, Frame | None, Sight] | None = None

    def look(self, alarms: Alarms, judged: Judged, picture: Frame | None, sight: Sight) -> None:
        """Keep a frame if it is the highest one now."""
        if any(seen.track == judged.track for seen in judged.people):
            self._shown = judged.track, picture, sight
        if alarms.peak is judged:
            shown = self._shown[1:] if self._shown and self._shown[0] == judged.track else (picture, sight)
            windows = () if judged.track is None else tuple(self._engine.windows_of(judged.track, judged.number))
            self._kept = {judged.number: (*shown, windows)}

    def of(self, event: Event) -> Peak:
        """What was kept of an alarm that is over."""
        picture, sight, windows = self._kept[event.peak_frame]
        return Peak(event, picture, sight, windows)


def _count(found: Recording, judged: Judged) -> None:
    """Note who was there, and let go of them."""
    scores: Mapping[int, float | None] = {seen.track: seen.score for seen in judged.people}
    for track, score in scores.items():
        first, _, highest = found.tracks.get(track, (judged.number, judged.number, None))
        known = [each for each in (highest, score) if each is not None]
        found.tracks[track] = first, judged.number, max(known, default=None)
    found.people += len(judged.people)
    found.judged.append(Judged(judged.number, judged.seconds, (), judged.raw, judged.smoothed, judged.track))
