"""A pool of processes on this machine. One that dies costs the item it was at, and no other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from stages.core.progress import log
from stages.pose.engines.base import Answer, Death, attempt

T = TypeVar("T")

CONTEXT = multiprocessing.get_context("spawn")
"""Fresh interpreters: a fork would copy the locks of networks and of OpenCV without the threads that hold them."""


class Processes(Generic[T]):
    """Workers that are processes, started as they are needed and kept.

    `concurrent.futures` will not do: there, one dead process ends all of its pool.

    Args:
        work: does one item; a function of a module, or a `functools.partial` of one.
        size: how many processes.
    """

    def __init__(self, work: Callable[[T], None], size: int) -> None:
        self.size = size
        self._work = work
        self._idle: list[_Worker] = []
        self._busy: dict[Connection, tuple[_Worker, T]] = {}

    def give(self, item: T) -> None:
        """Start an item."""
        worker = self._idle.pop() if self._idle else _Worker(self._work)
        try:
            worker.pipe.send(item)
        except OSError:  # it died while it had nothing to do
            worker = _Worker(self._work)
            worker.pipe.send(item)
        self._busy[worker.pipe] = worker, item

    def take(self) -> tuple[T, Answer | Death]:
        """Wait until any item is done."""
        pipe = next(pipe for pipe in wait(list(self._busy)) if isinstance(pipe, Connection))
        worker, item = self._busy.pop(pipe)
        try:
            answer: Answer = pipe.recv()
        except (EOFError, OSError):
            return item, Death(worker.last_words())
        self._idle.append(worker)
        return item, answer

    def close(self) -> None:
        """End all processes at once; an item they are at leaves nothing but a half-written file to sweep."""
        workers = [*self._idle, *(worker for worker, _ in self._busy.values())]
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.process.join()
        self._idle, self._busy = [], {}


class _Worker:
    """One process and the pipe to it, whose end tells that it died."""

    def __init__(self, work: Callable[[Any], None]) -> None:
        self.pipe, theirs = CONTEXT.Pipe()
        self.process = CONTEXT.Process(target=_serve, args=(theirs, work, log.level), daemon=True)
        self.process.start()
        theirs.close()

    def last_words(self) -> str:
        self.process.join()
        status = self.process.exitcode or 0
        return signal.Signals(-status).name if status < 0 else f"exit status {status}"


def _serve(pipe: Connection, work: Callable[[Any], None], level: int) -> None:
    """A worker's life: items in, answers out, until the pipe or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent decides
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    while True:
        try:
            item = pipe.recv()
        except EOFError:
            return
        pipe.send(attempt(work, item, level))


def _leave_with_parent() -> None:
    """End at once when the parent was killed: nobody waits for the result, and the next run writes the same files."""
    if parent := multiprocessing.parent_process():
        parent.join()
    os.kill(os.getpid(), signal.SIGKILL)
