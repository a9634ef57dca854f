"""Keeping all cores busy with frames, their results in the frames' order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from stages.pose.base import Estimator, Image, People, StretchEstimator

Frames = list[tuple[int, Image]]


def people(
    find: Estimator, images: Iterable[tuple[int, Image]], threads: int | None = None
) -> Generator[tuple[int, People]]:
    """Find people in each frame, several frames at a time, in the frames' order.

    A worker takes a frame from detection to poses, so that one's crops run while another's detector does and no core
    waits for the slower half. A backend that works on stretches of frames gets a stretch per worker.

    Args:
        find: the backend.
        images: frame numbers and frames, taken as they are needed.
        threads: frames (or stretches) in work at once; None: as many as there are cores. Results do not depend on it.

    Yields:
        Frame number and people.
    """
    count = threads or cores()
    workers = ThreadPoolExecutor(count, thread_name_prefix="pose")
    waiting: deque[tuple[Frames, Future[list[People]]]] = deque()
    try:
        for part in _stretches(images, find.stretch if isinstance(find, StretchEstimator) else 1):
            waiting.append((part, workers.submit(_look, find, [image for _, image in part])))
            if len(waiting) > count:  # one more than in work, so that no worker waits for the caller
                yield from _next(waiting)
        while waiting:
            yield from _next(waiting)
    finally:
        workers.shutdown(cancel_futures=True)


def cores() -> int:
    """Cores this process may use: a container is often given fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _look(find: Estimator, images: Sequence[Image]) -> list[People]:
    return find.several(images) if isinstance(find, StretchEstimator) else [find(image) for image in images]


def _stretches(images: Iterable[tuple[int, Image]], length: int) -> Iterator[Frames]:
    waiting = iter(images)
    while part := list(islice(waiting, length)):
        yield part


def _next(waiting: deque[tuple[Frames, Future[list[People]]]]) -> Iterator[tuple[int, People]]:
    part, found = waiting.popleft()
    numbers = [number for number, _ in part]
    part.clear()  # the frames are done with
    return iter(list(zip(numbers, found.result(), strict=True)))
