"""Streams as sources: numbered by the clock, and clear words when one ends, falls silent or refuses."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from stages.core.errors import VideoError
from stages.live.source import Source, open_source
from tests.live.streams import Rtsp, bars, motion_jpeg


@dataclass
class _Clock:
    """Times of pictures, and of their arrival."""

    now: float = 0.0

    def monotonic(self) -> float:
        return self.now


def test_a_camera_whose_clock_is_set_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _Clock()
    monkeypatch.setattr("stages.live.source.time", clock)
    source = Source("camera", 10.0, (160, 120), None, live=True, container=SimpleNamespace(close=lambda: None))
    found = []
    for moment, seconds in enumerate([5.0, 5.1, 5.2, 0.0, 0.1, 9000.0, 9000.1]):  # set back, then far ahead
        clock.now = moment / 10
        found.append(source._number(SimpleNamespace(time=seconds), moment))
    assert found == [0, 1, 2, 3, 4, 5, 6]


def _camera(monkeypatch: pytest.MonkeyPatch, fps: float, times: list[float]) -> list[int]:
    """Numbers of a stream's pictures with these times."""
    source = Source("camera", fps, (160, 120), None, live=True, container=SimpleNamespace(close=lambda: None))
    pictures = [SimpleNamespace(time=seconds, width=160, height=120) for seconds in times]
    monkeypatch.setattr(source, "_coded", (160, 120), raising=False)
    monkeypatch.setattr(source, "_decoded", lambda: iter(pictures))
    return [number for number, _ in source.pictures()]


def test_shuffled_times_lose_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    # As a server gives them that names the times of decoding: each group of four is shown in another order.
    times = [0.1, 0.2, 0.0, 0.3, 0.6, 0.5, 0.7, 0.4, 1.0, 0.9, 1.1, 0.8, 1.4, 1.3, 1.5, 1.2]
    found = _camera(monkeypatch, 10.0, times)
    assert found == sorted(set(found))
    assert len(found) == len(times)
    assert found[-1] <= 15 + 5  # half a second ahead at most


def test_more_pictures_than_the_rate_says_keep_to_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _camera(monkeypatch, 10.0, [number / 25 for number in range(250)])  # ten seconds of 25 frames/s
    assert found == sorted(set(found))
    assert 100 <= found[-1] <= 105


def test_an_outage_within_a_stream_is_no_leap(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _Clock()
    monkeypatch.setattr("stages.live.source.time", clock)
    source = Source("camera", 10.0, (160, 120), None, live=True, container=SimpleNamespace(close=lambda: None))
    found = []
    for now, seconds in [(0.0, 5.0), (0.1, 5.1), (60.1, 65.1)]:
        clock.now = now
        found.append(source._number(SimpleNamespace(time=seconds), 0))
    assert found == [0, 1, 601]


@pytest.mark.slow
def test_a_stream_is_read_until_it_is_cut() -> None:
    camera = Rtsp().start()
    source = open_source(camera.address)
    assert (source.fps, source.size, source.frames, source.live) == (10.0, (160, 120), None, True)
    found = []
    for frame in source:
        found.append(frame.number)
        if len(found) == 20:
            threading.Thread(target=camera.cut).start()
    assert found[:20] == list(range(20))
    assert len(found) < 60
    with pytest.raises(VideoError, match="refused"):
        open_source(camera.address)


@pytest.mark.slow
def test_a_stream_that_changes_size_says_so() -> None:
    camera = Rtsp().start()
    try:
        source = open_source(camera.address)
        camera.draw = bars((320, 240))
        list(source)
        assert source.resized
        assert open_source(camera.address).size == (320, 240)
    finally:
        camera.cut()


@pytest.mark.slow
def test_a_silent_stream_counts_as_dead() -> None:
    camera = Rtsp().start()
    try:
        source = open_source(camera.address, patience=1.0)
        stream = iter(source)
        next(stream)
        camera.silent.set()
        begun = time.monotonic()
        list(stream)
        assert time.monotonic() - begun < 8
        assert source.trouble is not None
        assert "nothing came" in source.trouble.what
    finally:
        camera.cut()


@pytest.mark.slow
def test_a_wrong_password_is_told_and_never_shown() -> None:
    camera = Rtsp(login="me:secret").start()
    try:
        with pytest.raises(VideoError, match="401") as caught:
            open_source(camera.address.replace("//", "//me:guess@"))
        assert "guess" not in str(caught.value)
        assert "password" in caught.value.fix
        right = open_source(camera.address.replace("//", "//me:secret@"))
        assert "secret" not in right.name
        right.close()
    finally:
        camera.cut()


@pytest.mark.slow
def test_pictures_without_times_are_numbered_by_when_they_come() -> None:
    with motion_jpeg(4.0) as address:
        source = open_source(address)
        assert source.live
        assert source.timeless
        assert 3.0 < source.fps <= 4.5  # the format itself claims 25
        begun, last = time.monotonic(), 0
        for frame in source:
            last = frame.number
            if time.monotonic() - begun > 3:
                break
        assert last == pytest.approx(3 * source.fps, abs=3)
