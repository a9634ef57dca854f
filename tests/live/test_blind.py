"""Cameras on which nobody could be scored: refused at the start, told of later, and no one else is told so."""

from __future__ import annotations

import threading

import pytest

from stages.core.errors import ModelError
from stages.live.sinks import OVER, RINGS
from tests.live.films import Film, Finder
from tests.live.watching import wait, watch


def test_frames_that_are_looked_at_too_seldom_are_refused_at_the_start() -> None:
    watched, sink = watch(Film(140), every=5)  # two a second of ten that the windows need
    with pytest.raises(ModelError, match="people are looked for 2 times a second"):
        watched.run(threading.Event())
    assert (sink.alerts, sink.closed) == ([], 1)


def test_a_camera_that_comes_back_too_slow_is_told_of_and_waited_for(said: pytest.LogCaptureFixture) -> None:
    # Every second frame of 20 is as often as the windows need, every second of 10 is not.
    first, slow, last = (Film(count, live=True, fps=fps) for count, fps in ((140, 20.0), (30, 10.0), (200, 20.0)))
    first.leave.set()
    watched, sink = watch(first, slow, last, find=Finder(range(1000)), every=2)
    stop = threading.Event()
    runner = threading.Thread(target=watched.run, args=(stop,), daemon=True)
    runner.start()
    wait(lambda: watched.status().looked == 85)
    assert watched.status().blind
    assert sink.states == [RINGS, OVER]
    slow.leave.set()
    wait(lambda: watched.status().looked == 185)
    assert not watched.status().blind
    stop.set()
    last.leave.set()
    runner.join(20)
    assert sink.states == [RINGS, OVER] * 2
    (message,) = [each for each in said.messages if "nobody can be scored" in each]
    assert "looked for 5 times a second" in message


def test_people_who_can_never_be_scored_are_told_of_once(said: pytest.LogCaptureFixture) -> None:
    # Every seventh of ten frames a second: no window of 0.8 s gets enough of them.
    lost = tuple(number for number in range(600) if number % 7)
    watched, _ = watch(Film(600, lost=lost))
    assert watched.run(threading.Event()).windows == 0
    (message,) = [each for each in said.messages if "none could be scored" in each]
    assert watched.status().blind
    assert "1.5 frames a second were looked at" in message
    assert "the model needs about 10 a second" in message


def test_people_who_are_missed_now_and_then_are_there_all_the_same(said: pytest.LogCaptureFixture) -> None:
    lost = tuple(number for number in range(600) if number % 7)
    watched, _ = watch(Film(600, lost=lost), find=Finder(empty=range(0, 600, 49)))  # in a seventh of what is looked at
    watched.run(threading.Event())
    assert len([each for each in said.messages if "none could be scored" in each]) == 1


def test_an_empty_place_and_one_in_which_people_are_scored_is_none_of_it(said: pytest.LogCaptureFixture) -> None:
    lost = tuple(number for number in range(600) if number % 7)
    for film, find in ((Film(600, lost=lost), Finder(empty=range(600))), (Film(300), Finder())):
        watched, _ = watch(film, find=find)
        watched.run(threading.Event())
    assert "none could be scored" not in said.text
