"""One source judged from its first frame to its last, with all that `normotion run` writes about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

from stages.core.errors import NormotionError
from stages.core.progress import bar
from stages.live.alarms import Alarms
from stages.live.engine import Engine, Scored
from stages.live.judged import Event, Frame, Judged
from stages.live.judging import Held, judging
from stages.live.model import Model
from stages.pose.base import Estimator


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
            seen; None where there is none.
        judged: that frame's judgement.
        windows: those of the most abnormal person that cover the frame, highest first; empty where nobody was scored.
    """

    event: Event
    frame: Frame | None
    judged: Judged
    windows: tuple[Scored, ...]


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
    def events(self) -> list[Event]:
        """Its alarms."""
        return [peak.event for peak in self.peaks]


Draw = Callable[[Frame, Judged, bool], None]
"""Draws a frame: the picture, what was judged of it, and whether an alarm rings."""


def record(
    source: Source, model: Model, find: Estimator, alarms: Alarms, draw: Draw | None = None, *,
    every: int = 1, threads: int | None = None, what: str = "judging",
) -> Recording:  # fmt: skip
    """Judge a source to its end, or to where it breaks off, which `trouble` then tells.

    Args:
        source: where frames come from.
        model: judges.
        find: finds people.
        alarms: ring.
        draw: is shown every frame that came, in order.
        every: look for people in every n-th frame.
        threads: frames in work at once.
        what: label of the progress bar.
    """
    engine = Engine(model, fps=source.fps, size=source.size, every=every)
    found = Recording(source.fps, source.size)
    held, highest = Held(bar(source, what=what, total=source.frames, unit=" frames")), _Highest(engine)
    with closing(judging(held, engine, find, every=every, threads=threads)) as frames:
        for judged in frames:
            picture = held.take(judged.number)
            found.peaks += [highest.of(event) for event in alarms.see(judged)]
            highest.look(alarms, judged, picture)
            _count(found, judged)
            if draw is not None and picture is not None:
                draw(picture, judged, alarms.ringing)
    found.peaks += [highest.of(event) for event in alarms.finish()]
    found.late, found.windows, found.trouble = engine.late, engine.windows, source.trouble
    return found


class _Highest:
    """Keeps what is seen at the highest frame of the alarm that rings: when it is over, that is long gone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: dict[int, tuple[Frame | None, Judged, tuple[Scored, ...]]] = {}
        self._shown: tuple[Frame | None, Judged] | None = None

    def look(self, alarms: Alarms, judged: Judged, picture: Frame | None) -> None:
        """Keep a frame if it is the highest one now."""
        if any(seen.track == judged.track for seen in judged.people):
            self._shown = picture, judged
        if alarms.peak is judged:
            shown = self._shown if self._shown and self._shown[1].track == judged.track else (picture, judged)
            windows = () if judged.track is None else tuple(self._engine.windows_of(judged.track, judged.number))
            self._kept = {judged.number: (*shown, windows)}

    def of(self, event: Event) -> Peak:
        """What was kept of an alarm that is over."""
        picture, judged, windows = self._kept[event.peak_frame]
        return Peak(event, picture, judged, windows)


def _count(found: Recording, judged: Judged) -> None:
    """Note who was there, and let go of them."""
    scores: Mapping[int, float | None] = {seen.track: seen.score for seen in judged.people}
    for track, score in scores.items():
        first, _, highest = found.tracks.get(track, (judged.number, judged.number, None))
        known = [each for each in (highest, score) if each is not None]
        found.tracks[track] = first, judged.number, max(known, default=None)
    found.people += len(judged.people)
    found.judged.append(Judged(judged.number, judged.seconds, (), judged.raw, judged.smoothed, judged.track))
