"""A watch: what rings is told while it rings, and ended whatever happens."""

from __future__ import annotations

import errno
import re
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.core.errors import StorageError, VideoError
from stages.live.recording import record
from stages.live.sinks import OVER, RINGS, Alert
from stages.live.watch import Status, Watch
from stages.live.webhook import Webhook
from stages.pose.base import Image, People
from tests.live.films import Film, Finder, as_camera
from tests.live.people import model
from tests.live.test_webhook import kept, server
from tests.live.watching import SHAKES, SHAKING, Kept, alarms, run_until, wait, watch


def test_a_watch_rings_where_a_recording_does() -> None:
    watched, sink = watch(Film(140))
    status = watched.run(threading.Event())
    (wanted,) = record(Film(140), model(), Finder(SHAKING), alarms(10.0)).events
    assert sink.states == [RINGS, OVER]
    first, second = sink.alerts
    assert second.event == wanted
    assert first.id == second.id
    assert first.judged is not None
    assert wanted.start_frame + 4 == first.judged.number  # half a second is an alarm
    assert (second.source, second.began, sink.closed) == ("film", None, 1)
    assert (status.frames, status.looked, status.dropped, status.alarms, status.ringing) == (140, 140, 0, 1, False)
    assert status.windows > 200
    assert 0 < status.pose.median <= status.pose.most
    assert 0 < status.scoring.median <= status.total.median


def test_no_two_watches_give_one_id() -> None:
    ids = []
    for _ in range(2):  # within a second, as where a machine starts
        watched, sink = watch(Film(140))
        watched.run(threading.Event())
        ids.append(sink.alerts[0].id)
    assert ids[0] != ids[1]
    assert all(re.fullmatch(r"20\d{6}T\d{6}Z-[0-9a-f]{8}-000001", one) for one in ids)  # sorted by time, then number


def test_a_sink_whose_reader_is_gone_takes_nothing_from_the_others() -> None:
    def gone(_: Alert) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    first, second = Kept(on_send=gone), Kept()
    find: Any = Finder(SHAKING)
    watched = Watch(as_camera(Film(140), queue=1000), model(), find, alarms, (first, second), threads=2)
    with pytest.raises(StorageError, match="did not get every alarm"):  # in the end
        watched.run(threading.Event())
    assert (first.states, second.states) == ([RINGS], [RINGS, OVER])
    assert (first.closed, second.closed) == (1, 1)
    watched, sink = watch(Film(140, live=True), sink=Kept(on_send=gone))
    with pytest.raises(StorageError, match="nobody is left"):  # at once: the film would never end
        watched.run(threading.Event())
    assert (sink.states, sink.closed) == ([RINGS], 1)


def test_it_rings_before_it_is_over() -> None:
    seen: list[int] = []
    watched, sink = watch(Film(300), find=Finder(range(60, 200)))
    sink.on_send = lambda _: seen.append(watched.status().looked)
    watched.run(threading.Event())
    assert seen[0] < 110  # its frames, half a second, and what windows and smoothing take
    assert seen[1] > 200


def test_nobody_and_five_frames_are_no_alarm() -> None:
    for film in (Film(60), Film(5)):
        watched, sink = watch(film, find=Finder(empty=range(1000)))
        status = watched.run(threading.Event())
        assert (status.frames, status.windows, sink.alerts) == (film.count, 0, [])


def test_an_alarm_goes_on_over_a_short_cut() -> None:
    first, second = Film(70, live=True), Film(100, live=True, begin=70)
    first.leave.set()
    watched, sink = watch(first, second)
    stop = threading.Event()
    status = run_until(watched, stop, lambda now: now.looked == 170)
    second.leave.set()
    assert status.reconnects == 1
    assert sink.states == [RINGS, OVER]
    event = sink.alerts[1].event
    assert event is not None
    assert event.start_frame < 70 < event.end_frame  # the cut
    assert sink.alerts[1].began is not None  # a camera has a time of the day


def test_another_size_ends_the_alarm_and_begins_anew() -> None:
    first = Film(70, live=True, resized=True, trouble=VideoError("another size"))
    second = Film(60, live=True, size=(960, 720), begin=70)
    first.leave.set()
    watched, sink = watch(first, second, find=Finder(range(50, 90)))
    run_until(watched, threading.Event(), lambda now: now.looked == 130)
    second.leave.set()
    assert sink.states == [RINGS, OVER, RINGS, OVER]
    ends = [alert.event.end_frame for alert in sink.alerts if alert.event]
    assert ends[0] == 69
    assert ends[1] < 30
    assert len({alert.id for alert in sink.alerts}) == 2


def test_a_long_silence_ends_the_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.live.watch.LONGEST_GAP", 0.3)
    film = Film(70, live=True)
    watched, sink = watch(film)
    stop = threading.Event()
    runner = threading.Thread(target=watched.run, args=(stop,))
    runner.start()
    wait(lambda: sink.states == [RINGS, OVER])
    assert runner.is_alive()
    assert sink.alerts[1].event is not None
    assert sink.alerts[1].event.end_frame == 69
    stop.set()
    film.leave.set()
    runner.join(10)
    assert sink.states == [RINGS, OVER]  # and it is not ended twice


def test_stopping_ends_what_rings() -> None:
    stop = threading.Event()
    film = Film(1000, live=True, pause=0.002)
    watched, sink = watch(film, find=Finder(range(60, 1000)))
    sink.on_send = lambda _: stop.set()
    status = watched.run(stop)
    film.leave.set()
    assert sink.states == [RINGS, OVER]
    assert (status.alarms, sink.closed) == (1, 1)
    assert not status.ringing


def test_what_a_file_gave_before_it_broke_off_is_told() -> None:
    trouble = VideoError("it breaks off")
    watched, sink = watch(Film(75, trouble=trouble))
    with pytest.raises(VideoError, match="it breaks off"):
        watched.run(threading.Event())
    assert sink.states == [RINGS, OVER]
    assert sink.closed == 1


def test_a_sink_that_could_not_write_is_an_error_in_the_end() -> None:
    full = StorageError("the disk is full")
    watched, sink = watch(Film(140), sink=Kept(trouble=full))
    with pytest.raises(StorageError, match="the disk is full"):
        watched.run(threading.Event())
    assert sink.states == [RINGS, OVER]


def test_sinks_are_closed_when_finding_people_fails() -> None:
    def find(image: Image) -> People:
        if int(image[0, 0, 1]) == 75:
            raise MemoryError("no room")
        return Finder(SHAKING)(image)

    watched, sink = watch(Film(140), find=find)
    with pytest.raises(MemoryError):
        watched.run(threading.Event())
    assert (sink.states, sink.closed) == ([RINGS, OVER], 1)  # the alarm that rang is ended


def test_a_hanging_webhook_does_not_slow_the_camera(tmp_path: Path) -> None:
    with server(*[None] * 5) as hangs:
        hook = Webhook(hangs.address, undelivered=tmp_path / "u.jsonl", timeout=60, grace=0.2)
        film = Film(140, live=True, pause=0.01)
        watched = Watch(as_camera(film, queue=20), model(), Finder(SHAKING), alarms, (hook,), threads=2)
        run_until(watched, threading.Event(), lambda now: now.looked + now.dropped == 140)  # or it takes a minute
        film.leave.set()
    assert len(kept(tmp_path / "u.jsonl")) == 2
    assert len(set(kept(tmp_path / "u.jsonl"))) == 1  # it rings, and is over


def test_frames_that_were_dropped_leave_holes_and_no_alarm() -> None:
    def slow(image: Image) -> People:
        time.sleep(0.03)  # two threads of it take a third of the frames
        return Finder()(image)

    film = Film(300, live=True, pause=0.004)
    sink = Kept()
    # Joints that are joined over holes move more than others; a hole taken for a step would move them further still.
    above = partial(alarms, threshold=SHAKES)
    watched = Watch(as_camera(film), model(), slow, above, (sink,), threads=2)  # type: ignore[arg-type]
    status = run_until(watched, threading.Event(), lambda now: now.looked + now.dropped == 300)
    film.leave.set()
    assert status.dropped > 20
    assert sink.alerts == []


def test_progress_is_told_now_and_then() -> None:
    told: list[Status] = []
    film = Film(100, pause=0.01)
    watched = Watch(as_camera(film), model(), Finder(), alarms, (), threads=1, tell=told.append, tell_every=0.2)
    watched.run(threading.Event())
    assert 2 <= len(told) <= 8
    assert [status.frames for status in told] == sorted(status.frames for status in told)
    assert told[-1].people == 2
    assert told[-1].delay > 1


def test_latencies_are_unknown_before_the_first_frame() -> None:
    watched, _ = watch(Film(0))
    assert np.isnan(watched.status().pose.median)
    watched.run(threading.Event())
