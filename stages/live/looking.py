"""People found in a camera's frames by several threads, given in the frames' order as soon as they are known.

And whether any good comes of it: people who are there and can never be scored raise no alarm.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from stages.core.progress import log
from stages.core.windows import WindowSpec
from stages.live.camera import Camera, Shot
from stages.live.engine import LONGEST_GAP
from stages.pose.base import Estimator, People

PATIENT = 0.2
"""Seconds after which a thread that waits looks up whether it shall end."""
AHEAD = 4
"""Frames per thread that may be found before the first of them is taken."""
BLIND = 20.0
"""Seconds for which people are there and cannot be scored until that is told."""
PAUSE, EMPTY = 1.0, 3
"""A visit is over after more seconds than that without people, and at least as many frames that were looked at."""


@dataclass(frozen=True, eq=False)
class Looked:
    """A frame in which people were looked for.

    Args:
        shot: the frame.
        people: found in it.
        seconds: that it took.
    """

    shot: Shot
    people: People
    seconds: float


class Lookers:
    """Threads that take a frame from a camera whenever they are free: none waits for another's, and none ages in work.

    Args:
        camera: where frames come from.
        find: finds people; called by several threads at once.
        threads: how many, ≥ 1.
        every: look in every n-th frame alone.
    """

    def __init__(self, camera: Camera, find: Estimator, *, threads: int, every: int = 1) -> None:
        self._camera, self._find, self._every = camera, find, every
        self._taking = threading.Lock()
        self._turn = threading.Condition()
        self._found: dict[int, Looked | BaseException] = {}
        self._taken = self._given = 0
        self._before: Shot | None = None
        self._stopped = False
        self._room = AHEAD * threads
        self._threads = [threading.Thread(target=self._work, name="pose", daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    @property
    def over(self) -> bool:
        """Whether the camera ended and all of its frames were given."""
        with self._turn:
            working = any(thread.is_alive() for thread in self._threads)
            return self._camera.over and self._given == self._taken and not working

    def next(self, timeout: float) -> Looked | None:
        """The next frame; None if it is not known within `timeout` seconds.

        Raises:
            Exception: whatever `find` or the camera raised.
        """
        with self._turn:
            self._turn.wait_for(lambda: self._given in self._found, timeout)
            found = self._found.pop(self._given, None)
            if found is None:
                return None
            self._given += 1
            self._turn.notify_all()
        if isinstance(found, BaseException):
            raise found
        return found

    def stop(self) -> None:
        """End the threads; frames in work are left."""
        with self._turn:
            self._stopped = True
            self._turn.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while not self._stopped:
            place, shot = -1, None
            try:
                with self._taking:  # so that places follow the order of frames
                    shot = self._take()
                    if shot is None:
                        if self._camera.over:
                            return
                        continue
                    with self._turn:
                        place, self._taken = self._taken, self._taken + 1
                begun = time.perf_counter()
                people = self._find(shot.frame().image)
                self._give(place, Looked(shot, people, time.perf_counter() - begun))
            except BaseException as error:  # noqa: BLE001 raised again by `next`
                with self._turn:
                    if place < 0:
                        place, self._taken = self._taken, self._taken + 1
                self._give(place, error)
                return

    def _take(self) -> Shot | None:
        """The next frame to look in; None where none came, or those found already fill their room."""
        with self._turn:
            free = lambda: self._stopped or self._taken - self._given < self._room  # noqa: E731
            if not self._turn.wait_for(free, PATIENT) or self._stopped:
                return None
        shot = self._camera.take(PATIENT)
        before = self._before
        if shot is None or (
            before is not None and before.stretch is shot.stretch and shot.number - before.number < self._every
        ):
            return None
        self._before = shot
        return shot

    def _give(self, place: int, found: Looked | BaseException) -> None:
        with self._turn:
            self._found[place] = found
            self._turn.notify_all()


@dataclass
class _Visit:
    """Time in which people are there.

    Args:
        begin: its first moment with people.
        last: its latest one.
        looked: frames that were looked at until then.
        found: those of them with people.
        empty: frames without people since.
    """

    begin: float
    last: float
    looked: int = 0
    found: int = 0
    empty: int = 0

    @property
    def seconds(self) -> float:
        return self.last - self.begin


class Blind:
    """Notices that people are there and no window of theirs ever gets complete: an alarm could never ring.

    Frames in which nobody is found interrupt no visit when they are few: whoever is seen now and then alone is the one
    who cannot be scored. A visit that is shorter than twice a window counts nothing: people who only pass by leave too
    soon for windows on the best machine. Those who pass one upon the other are one visit; they cannot be scored either.

    Args:
        camera: its name.
        window: what the model reads.
        fps: frames per second of the camera.

    Attributes:
        now: whether nobody could be scored for too long.
    """

    def __init__(self, camera: str, window: WindowSpec, fps: float) -> None:
        self._camera = camera
        rate = window.rate
        self._needs = f"the model needs about {rate:g} a second" if rate else "the model needs them without gaps"
        self._least = 2 * window.samples * window.step(fps) / fps
        self._windows = 0
        self._before = 0.0
        self._visit: _Visit | None = None
        self._past: list[_Visit] = []
        self._told = self.now = False

    def look(self, seconds: float, people: int, windows: int) -> None:
        """Take a frame's time, how many people it holds, and how many windows were scored by then."""
        if windows != self._windows:
            self._windows, self._visit, self._past, self.now = windows, None, [], False
        self._follow(seconds, people)
        visits = [visit for visit in (*self._past, self._visit) if visit and visit.seconds >= self._least]
        blind = sum(visit.seconds for visit in visits)
        self.now = self.now or blind > BLIND
        if self.now and not self._told:
            self._told = True
            looked, found = sum(visit.looked for visit in visits), sum(visit.found for visit in visits)
            log.warning(
                f"{self._camera}: people are there, and none could be scored for {blind:.0f} s: no alarm can ring. "
                f"{looked / blind:.1f} frames a second were looked at, {found / looked:.0%} of them had people, and "
                f"{self._needs}: a smaller stream of the camera, a smaller --every or a faster machine helps"
            )

    def _follow(self, seconds: float, people: int) -> None:
        """Go on with the visit, end it, or begin one."""
        visit, away = self._visit, seconds - self._before
        self._before = seconds
        if visit and not people:
            visit.empty += 1
        if visit and (away > LONGEST_GAP or (not people and visit.empty >= EMPTY and seconds - visit.last > PAUSE)):
            self._past += [visit] if visit.seconds >= self._least and not self.now else []  # or they would never end
            visit = None
        if people:
            visit = visit or _Visit(seconds, seconds)
            visit.looked, visit.found, visit.empty = visit.looked + visit.empty + 1, visit.found + 1, 0
            visit.last = seconds
        self._visit = visit
