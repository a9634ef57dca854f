"""Frames in, people out: in order, with as many workers as asked for, a stretch at a time where a backend wants it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.pose.base import People
from stages.pose.parallel import cores, people

Image = NDArray[np.uint8]


def numbered(count: int) -> list[tuple[int, Image]]:
    """Frames that hold their own number."""
    return [(index, np.full((1, 1, 3), index, dtype=np.uint8)) for index in range(count)]


@dataclass
class Slow:
    """An estimator that takes longest for the first frames, and can fail at one."""

    fails_at: int = -1
    version: str = "slow"

    def __call__(self, image: Image) -> People:
        number = int(image[0, 0, 0])
        if number == self.fails_at:
            raise RuntimeError(f"frame {number}")
        time.sleep(0.002 * max(10 - number, 0))
        boxes, keypoints = np.zeros((1, 4), np.float32), np.zeros((1, 17, 3), np.float32)
        return People(boxes, np.array([number], np.float32), keypoints)


def pose_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("pose")]


@pytest.mark.parametrize("threads", [1, 2, 5, None])
def test_results_come_in_the_frames_order_whoever_is_done_first(threads: int | None) -> None:
    found = list(people(Slow(), numbered(20), threads))
    assert [index for index, _ in found] == list(range(20))
    assert [crowd.scores[0] for _, crowd in found] == list(range(20))


def test_as_many_frames_are_in_work_as_there_are_threads() -> None:
    together = threading.Barrier(3, timeout=10)  # passes only when three frames are worked on at once

    class Meeting(Slow):
        def __call__(self, image: Image) -> People:
            together.wait()
            return super().__call__(image)

    assert len(list(people(Meeting(), numbered(6), 3))) == 6


def test_frames_are_taken_only_as_they_are_needed() -> None:
    taken = []

    def counting() -> Any:
        for index, image in numbered(50):
            taken.append(index)
            yield index, image

    with closing(people(Slow(), counting(), 2)) as found:
        next(found)
        assert len(taken) == 3  # one given, two in work
    assert pose_threads() == []


def test_a_failure_comes_through_and_leaves_no_thread_behind() -> None:
    done: list[int] = []
    with pytest.raises(RuntimeError, match="frame 4"):
        done.extend(index for index, _ in people(Slow(fails_at=4), numbered(20), 2))
    assert done == [0, 1, 2, 3]
    assert pose_threads() == []


@dataclass
class Stretched(Slow):
    """One that is given several frames at a time, and remembers which."""

    stretch: int = 4
    seen: list[list[int]] = field(default_factory=list)

    def several(self, images: Sequence[Image]) -> list[People]:
        self.seen.append([int(image[0, 0, 0]) for image in images])
        return [self(image) for image in images]


@pytest.mark.parametrize("threads", [1, 3])
def test_stretches_begin_at_the_first_frame_whatever_the_threads(threads: int) -> None:
    find = Stretched()
    found = list(people(find, numbered(10), threads))
    assert [index for index, _ in found] == list(range(10))
    assert [crowd.scores[0] for _, crowd in found] == list(range(10))
    assert sorted(find.seen) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_different_stretches_are_in_work_together() -> None:
    together = threading.Barrier(2, timeout=10)  # passes only when two stretches are worked on at once

    class Meeting(Stretched):
        def several(self, images: Sequence[Image]) -> list[People]:
            together.wait()
            return super().several(images)

    assert len(list(people(Meeting(), numbered(8), 2))) == 8


def test_a_failure_within_a_stretch_comes_through() -> None:
    done: list[int] = []
    with pytest.raises(RuntimeError, match="frame 6"):
        done.extend(index for index, _ in people(Stretched(fails_at=6), numbered(12), 2))
    assert done == [0, 1, 2, 3]  # the stretch before it
    assert pose_threads() == []


def test_there_is_at_least_one_core() -> None:
    assert cores() >= 1
