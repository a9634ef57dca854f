"""Threads that find people: in order, whoever is ready first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from stages.core.windows import WindowSpec
from stages.live.camera import Camera
from stages.live.looking import AHEAD, Blind, Looked, Lookers
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


def watched(people: Callable[[float], int], *, seconds: float, rate: float, windows: Callable[[float], int]) -> Blind:
    """A notice that was shown as many seconds of frames; a visit counts from 1.6 s on, twice a window."""
    blind = Blind("gate", WindowSpec(rate=10.0, seconds=0.8), fps=10.0)
    for number in range(int(seconds * rate)):
        blind.look(number / rate, people(number / rate), windows(number / rate))
    return blind


def never(_: float) -> int:
    return 0


def test_frames_without_people_between_do_not_hide_that_nobody_can_be_scored(said: pytest.LogCaptureFixture) -> None:
    # Two frames a second, and in every fifth of them nobody is found.
    blind = watched(lambda now: int(now % 2.5 > 0), seconds=60, rate=2, windows=never)
    assert blind.now
    (message,) = said.messages
    # The visit begins at 0.5 s. Frame 20.5 s makes it 20 s, and frame 21 s more than that: 42 frames, 34 with people.
    assert "gate: people are there, and none could be scored for 20 s" in message
    assert "2.0 frames a second were looked at, 81% of them had people, and the model needs about 10 a" in message


@pytest.mark.parametrize("rate", [10, 2])
def test_people_who_merely_pass_are_none_who_cannot_be_scored(rate: float, said: pytest.LogCaptureFixture) -> None:
    blind = watched(lambda now: int(now % 4 < 1.5), seconds=600, rate=rate, windows=never)
    assert not blind.now
    assert said.messages == []


def test_long_visits_add_up_until_somebody_is_scored(said: pytest.LogCaptureFixture) -> None:
    visits = lambda now: int(now % 15 < 5)  # noqa: E731 of 4.9 s: the fifth makes it too much
    assert not watched(visits, seconds=60, rate=10, windows=never).now
    assert watched(visits, seconds=70, rate=10, windows=never).now
    assert len(said.messages) == 1
    for at in (31, 62):
        assert not watched(visits, seconds=70, rate=10, windows=lambda now, at=at: int(now > at)).now  # type: ignore[misc]


def test_it_is_over_once_somebody_is_scored_and_told_of_once(said: pytest.LogCaptureFixture) -> None:
    blind = Blind("gate", WindowSpec(rate=None, length=8), fps=10.0)
    windows, now = 0, []
    for number in range(900):
        windows += number == 400
        blind.look(number / 10, 1, windows)
        now.append(blind.now)
    assert [number for number in range(1, 900) if now[number] != now[number - 1]] == [201, 400, 601]
    assert len(said.messages) == 1
    assert "the model needs them without gaps" in said.text


def test_time_without_frames_is_no_visit(said: pytest.LogCaptureFixture) -> None:
    blind = Blind("gate", WindowSpec(rate=10.0, seconds=0.8), fps=10.0)
    for visit in range(3):  # 5 s each, and the camera is away for 55 s after it
        for number in range(51):
            blind.look(60 * visit + number / 10, 1, 0)
    assert not blind.now
    assert said.messages == []


def test_a_machine_that_is_far_too_slow_is_told_of(said: pytest.LogCaptureFixture) -> None:
    blind = watched(lambda now: int(now % 10 > 3), seconds=120, rate=0.4, windows=never)  # a frame every 2.5 s
    assert blind.now
    assert "0.4 frames a second" in said.text
