"""People found in a camera's frames by several threads, given in the frames' order as soon as they are known."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from stages.live.camera import Camera, Shot
from stages.pose.base import Estimator, People

PATIENT = 0.2
"""Seconds after which a thread that waits looks up whether it shall end."""
AHEAD = 4
"""Frames per thread that may be found before the first of them is taken."""


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
