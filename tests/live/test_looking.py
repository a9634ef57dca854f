"""Threads that find people: in order, whoever is ready first."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from stages.live.camera import Camera
from stages.live.looking import AHEAD, Looked, Lookers
from stages.pose.base import NOBODY, Image, People
from tests.live.films import Film, as_camera


class Finder:
    """Takes longer for some frames; `hold` keeps everybody."""

    version = "made up"

    def __init__(self, hold: threading.Event | None = None, fails_at: int = -1) -> None:
        self.hold, self.fails_at = hold, fails_at
        self.calls: list[int] = []

    def __call__(self, image: Image) -> People:
        number = int(image[0, 0, 1])
        self.calls.append(number)
        if self.hold is not None:
            self.hold.wait(10)
        if number == self.fails_at:
            raise ValueError(f"frame {number} is cursed")
        time.sleep(0.02 if number % 3 == 0 else 0.0)
        return NOBODY


def all_of(lookers: Lookers) -> list[Looked]:
    found = []
    while not lookers.over:
        looked = lookers.next(0.05)
        found += [looked] if looked else []
    return found


@pytest.mark.parametrize("threads", [1, 4])
def test_frames_come_in_order(threads: int) -> None:
    lookers = Lookers(as_camera(Film(40)), Finder(), threads=threads)
    found = all_of(lookers)
    assert [looked.shot.number for looked in found] == list(range(40))
    assert found[0].seconds >= 0.02
    lookers.stop()


def test_every_third_frame_is_looked_at() -> None:
    find = Finder()
    lookers = Lookers(as_camera(Film(20)), find, threads=2, every=3)
    assert [looked.shot.number for looked in all_of(lookers)] == [0, 3, 6, 9, 12, 15, 18]
    assert sorted(find.calls) == [0, 3, 6, 9, 12, 15, 18]
    lookers.stop()


def test_every_third_frame_counts_from_the_last_one_where_frames_are_lost() -> None:
    film = Film(20, lost=(3, 4, 9))
    lookers = Lookers(as_camera(film), Finder(), threads=1, every=3)
    assert [looked.shot.number for looked in all_of(lookers)] == [0, 5, 8, 11, 14, 17]
    lookers.stop()


def test_nobody_works_far_ahead() -> None:
    lookers = Lookers(as_camera(Film(100)), find := Finder(), threads=2)
    time.sleep(0.3)
    assert len(find.calls) <= 2 * AHEAD
    assert len(all_of(lookers)) == 100
    lookers.stop()


def test_a_fault_comes_where_its_frame_would() -> None:
    lookers = Lookers(as_camera(Film(10)), Finder(fails_at=4), threads=3)
    found = []
    with pytest.raises(ValueError, match="frame 4 is cursed"):
        while True:
            looked = lookers.next(1.0)
            found += [looked.shot.number] if looked else []
    assert found == [0, 1, 2, 3]
    lookers.stop()


def test_a_camera_s_fault_comes_too() -> None:
    class Broken(Film):
        def image(self, number: int) -> Image:
            if number == 2:
                raise OSError("no such picture")
            return super().image(number)

    lookers = Lookers(as_camera(Broken(5)), Finder(), threads=2)
    with pytest.raises(OSError, match="no such picture"):
        while not lookers.over:
            lookers.next(0.2)
    lookers.stop()


def test_frames_are_dropped_while_everybody_is_busy() -> None:
    hold = threading.Event()
    camera: Camera = as_camera(Film(60, live=True, pause=0.005), queue=3)
    lookers = Lookers(camera, Finder(hold), threads=2)
    while camera.seen < 40:
        time.sleep(0.01)
    hold.set()
    numbers = [looked.shot.number for looked in iter(lambda: lookers.next(0.5), None)]
    assert numbers[:2] == [0, 1]
    assert numbers == sorted(numbers)
    assert max(np.diff(numbers)) > 20
    assert camera.dropped + len(numbers) == 60
    lookers.stop()
    camera.stop()
