"""A source read in a thread of its own: a live one drops what nobody takes, and is opened again when it breaks off."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np

from stages.core.errors import NormotionError
from stages.core.progress import log
from stages.live.judged import Frame
from stages.live.source import PATIENCE, Source, open_source, upright

QUEUE = 8
"""Frames that wait for whoever finds people: a third of a second of a camera of 25 frames/s."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds before the first and before later attempts to open a camera again; each waits twice as long."""
STEADY = 10.0
"""Seconds for which a camera must have given pictures before waiting starts from the shortest again."""
OTHER_RATE = 1.5
"""A camera whose rate differs by more than this factor after it came back is another one, so to speak."""
FAREWELL = 1.5
"""Seconds that a reader gets to end; one that waits for a silent camera is left to end by itself."""


@dataclass(frozen=True)
class Stretch:
    """Frames of one size and rate, whose numbers and times belong together, reconnections included.

    Args:
        fps: frames per second.
        size: width and height in px.
        began: when its frame 0 was there, UTC; None for a file.
        clock: the same by the monotonic clock, seconds.
    """

    fps: float
    size: tuple[int, int]
    began: datetime | None
    clock: float


@dataclass(frozen=True, eq=False)
class Shot:
    """A frame as it came.

    Args:
        stretch: what it belongs to.
        number: in the stretch; `number / fps` is the time since its frame 0.
        picture: as decoded.
        came: when, by the monotonic clock.
    """

    stretch: Stretch
    number: int
    picture: Any
    came: float

    def frame(self) -> Frame:
        """The frame with its picture, which is converted only now."""
        return Frame(self.number, self.number / self.stretch.fps, upright(self.picture))


class Camera:
    """Frames of a source, read ahead.

    A file waits when its queue is full, and ends. A live source loses the oldest frame instead, and when it breaks off
    or is silent for `patience` seconds it is opened again, until it is there or `stop` is called. A stream that comes
    back goes on with the numbers that its clock has reached; one of another size begins a new stretch.

    Args:
        text: as `open_source` takes it.
        queue: frames that may wait, ≥ 1. More bridges longer pauses, and makes what is judged older.
        patience: seconds after which silence counts as the end.
        first_wait: seconds before the first attempt to open it again.
        opens: what opens it.

    Attributes:
        seen: frames that came.
        dropped: frames that nobody took in time.
        reconnects: how often it was opened again.
        attempts: how often that was tried.
        trouble: why a file ended early, or None.

    Raises:
        NormotionError: it cannot be opened the first time.
    """

    def __init__(
        self, text: str, *, queue: int = QUEUE, patience: float = PATIENCE, first_wait: float = FIRST_WAIT,
        opens: Callable[..., Source] = open_source,
    ) -> None:  # fmt: skip
        self._open = partial(opens, text, patience=patience)
        self._source = self._open()
        self.name, self.live = self._source.name, self._source.live
        self.seen = self.dropped = self.reconnects = self.attempts = 0
        self.trouble: NormotionError | None = None
        self._room, self._first_wait = max(1, queue), first_wait
        self._shots: deque[Shot] = deque()
        self._turn = threading.Condition()
        self._stopped = threading.Event()
        self._ended = False
        self._failure: BaseException | None = None
        self._stretch: Stretch | None = None
        self._last = -1
        self._latest = time.monotonic()
        self._jitter = np.random.default_rng()
        self._reader = threading.Thread(target=self._read, name="camera", daemon=True)
        self._reader.start()

    @property
    def over(self) -> bool:
        """Whether no further frame will come."""
        with self._turn:
            return self._ended and not self._shots

    @property
    def silence(self) -> float:
        """Seconds since the last frame came."""
        return time.monotonic() - self._latest

    def take(self, timeout: float) -> Shot | None:
        """The oldest frame that waits; None if none comes within `timeout` seconds, or ever.

        Raises:
            Exception: whatever no camera should do; a bug.
        """
        with self._turn:
            self._turn.wait_for(lambda: self._shots or self._ended, timeout)
            if self._failure is not None and not self._shots:
                raise self._failure
            shot = self._shots.popleft() if self._shots else None
            self._turn.notify_all()
            return shot

    def stop(self) -> None:
        """End the reader, within seconds."""
        self._stopped.set()
        with self._turn:
            self._turn.notify_all()
        self._reader.join(FAREWELL)

    def _read(self) -> None:
        source: Source | None = self._source
        wait = self._first_wait
        try:
            while source is not None and not self._stopped.is_set():
                begun = time.monotonic()
                self._follow(source)
                if not source.live or self._stopped.is_set():
                    self.trouble = source.trouble
                    return
                if source.resized or time.monotonic() - begun > STEADY:
                    wait = self._first_wait
                source, wait = self._again(source, wait)
        except BaseException as error:  # noqa: BLE001 it belongs to whoever takes the frames
            self._failure = error
        finally:
            with self._turn:
                self._ended = True
                self._turn.notify_all()

    def _follow(self, source: Source) -> None:
        """Queue a source's frames until it ends."""
        stretch, offset = self._stretch, None
        goes_on = stretch is not None and _alike(stretch, source)
        if stretch is not None and goes_on:
            source.fps = stretch.fps
        with closing(source.pictures()) as pictures:
            for number, picture in pictures:
                now = time.monotonic()
                if offset is None and stretch is not None and goes_on:
                    offset = max(self._last + 1, round((now - stretch.clock) * stretch.fps)) - number
                elif offset is None or stretch is None:
                    offset, stretch = -number, _begun(source, now)
                self._stretch, self._last = stretch, number + offset
                self._put(Shot(stretch, self._last, picture, now))
                if self._stopped.is_set():
                    return

    def _put(self, shot: Shot) -> None:
        with self._turn:
            self.seen += 1
            self._latest = shot.came
            if self.live and len(self._shots) >= self._room:
                self._shots.popleft()
                self.dropped += 1
            self._turn.wait_for(lambda: len(self._shots) < self._room or self._stopped.is_set())
            self._shots.append(shot)
            self._turn.notify_all()

    def _again(self, gone: Source, wait: float) -> tuple[Source | None, float]:
        """Open a live source again, however long it takes; gives the next waiting time too."""
        why = gone.trouble.what if gone.trouble else "the stream ended"
        pause, wait = (0.0, wait) if gone.resized else (wait, min(2 * wait, LONGEST_WAIT))
        while True:
            pause *= float(self._jitter.uniform(0.75, 1.25))  # cameras of one switch do not all come back at once
            log.warning(f"{self.name}: {why}; opened again" + (f" in {pause:.1f} s" if pause else ""))
            if self._stopped.wait(pause):
                return None, wait
            self.attempts += 1
            try:
                source = self._open()
            except NormotionError as error:
                why, pause, wait = error.what, wait, min(2 * wait, LONGEST_WAIT)
                continue
            self.reconnects += 1
            return source, wait


def _begun(source: Source, now: float) -> Stretch:
    return Stretch(source.fps, source.size, datetime.now(UTC) if source.live else None, now)


def _alike(stretch: Stretch, source: Source) -> bool:
    """Whether a source goes on with the stretch that was interrupted."""
    ratio = source.fps / stretch.fps
    return source.size == stretch.size and 1 / OTHER_RATE < ratio < OTHER_RATE
