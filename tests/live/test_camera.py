"""Cameras: the oldest frame goes when nobody takes it, and what breaks off is opened again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from stages.core.errors import NormotionError, VideoError
from stages.live.camera import Camera, Shot
from tests.live.streams import Rtsp, bars

FPS = 100.0


@dataclass
class Fake:
    """A source that gives what it is told to.

    Args:
        steps: numbers of frames, seconds to wait, or an event to wait for.
    """

    steps: list[Any]
    live: bool = True
    fps: float = FPS
    size: tuple[int, int] = (160, 120)
    name: str = "fake"
    trouble: NormotionError | None = None
    resized: bool = False

    def pictures(self) -> Generator[tuple[int, Any]]:
        for step in self.steps:
            if isinstance(step, threading.Event):
                step.wait(10)
            elif isinstance(step, float):
                time.sleep(step)
            else:
                yield step, f"picture {step}"

    def close(self) -> None: ...


@dataclass
class Opener:
    """Gives one source after the other; an error in their place is raised."""

    given: list[Fake | NormotionError]
    times: list[float] = field(default_factory=list)

    def __call__(self, _: str, **__: float) -> Any:
        self.times.append(time.monotonic())
        found = self.given.pop(0) if self.given else VideoError("gone for good")
        if isinstance(found, NormotionError):
            raise found
        return found


def open_camera(*given: Fake | NormotionError, queue: int = 1000, first_wait: float = 0.02) -> tuple[Camera, Opener]:
    opener = Opener(list(given))
    return Camera("fake", queue=queue, first_wait=first_wait, opens=opener), opener


def take(camera: Camera, count: int) -> list[Shot]:
    found = []
    for _ in range(count):
        shot = camera.take(5)
        assert shot is not None
        found.append(shot)
    return found


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


def test_the_oldest_frame_is_dropped_and_counted() -> None:
    camera, _ = open_camera(Fake([*range(20), threading.Event()]), queue=4)
    wait_until(lambda: camera.seen == 20)
    assert [shot.number for shot in take(camera, 4)] == [16, 17, 18, 19]
    assert camera.dropped == 16
    assert camera.take(0.01) is None
    camera.stop()


def test_a_file_waits_and_loses_nothing() -> None:
    camera, _ = open_camera(Fake(list(range(50)), live=False), queue=2)
    time.sleep(0.05)
    assert camera.seen <= 3
    assert [shot.number for shot in take(camera, 50)] == list(range(50))
    assert camera.take(1) is None
    assert camera.over
    assert (camera.dropped, camera.trouble) == (0, None)


def test_a_file_that_breaks_off_says_why() -> None:
    trouble = VideoError("it breaks off")
    camera, opener = open_camera(Fake([0, 1], live=False, trouble=trouble))
    assert [shot.number for shot in take(camera, 2)] == [0, 1]
    wait_until(lambda: camera.over)
    assert camera.trouble is trouble
    assert len(opener.times) == 1  # a file is not opened again


def test_numbers_follow_the_clock_over_a_reconnection() -> None:
    camera, _ = open_camera(Fake([0, 1, 2]), Fake([0, 1, threading.Event()], fps=FPS * 1.02), first_wait=0.5)
    shots = take(camera, 5)
    assert [shot.number for shot in shots[:3]] == [0, 1, 2]
    away = (shots[3].came - shots[0].came) * FPS
    assert shots[3].number == pytest.approx(away, abs=1.01)
    assert shots[3].number > 30
    assert shots[4].number == shots[3].number + 1
    assert shots[4].stretch is shots[0].stretch
    assert camera.reconnects == 1
    camera.stop()


def test_numbers_never_go_back() -> None:
    # An HLS server gives its last minute at once: frame 500 after no time, and again when it comes back.
    camera, _ = open_camera(Fake([0, 500]), Fake([0, 1, threading.Event()]))
    numbers = [shot.number for shot in take(camera, 4)]
    assert numbers == [0, 500, 501, 502]
    camera.stop()


def test_another_size_begins_a_new_stretch_at_once() -> None:
    camera, opener = open_camera(
        Fake([0, 1], resized=True, trouble=VideoError("320 × 240 now")),
        Fake([0, 1, threading.Event()], size=(320, 240)),
        first_wait=30.0,
    )
    shots = take(camera, 4)
    assert [shot.number for shot in shots] == [0, 1, 0, 1]
    assert [shot.stretch.size for shot in shots] == [(160, 120)] * 2 + [(320, 240)] * 2
    assert opener.times[1] - opener.times[0] < 5
    camera.stop()


def test_another_rate_begins_a_new_stretch() -> None:
    camera, _ = open_camera(Fake([0, 1]), Fake([0, threading.Event()], fps=FPS / 4))
    shots = take(camera, 3)
    assert shots[2].number == 0
    assert shots[2].stretch.fps == FPS / 4
    camera.stop()


def test_waiting_doubles_until_the_camera_is_back() -> None:
    gone = [VideoError("refused") for _ in range(4)]
    camera, opener = open_camera(Fake([0]), *gone, Fake([0, threading.Event()]), first_wait=0.04)
    take(camera, 2)
    pauses = np.diff(opener.times)[1:]  # 0.08, 0.16, 0.32, 0.64, each up to a quarter off
    assert (pauses > np.array([0.06, 0.12, 0.24, 0.48]) - 0.005).all()
    assert (np.diff(pauses) > 0).all()
    assert (camera.attempts, camera.reconnects) == (5, 1)
    camera.stop()


def test_waiting_grows_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.live.camera.LONGEST_WAIT", 0.08)
    gone = [VideoError("refused") for _ in range(5)]
    camera, opener = open_camera(Fake([0]), *gone, Fake([0, threading.Event()]), first_wait=0.04)
    take(camera, 2)
    assert np.diff(opener.times)[1:].max() < 0.2  # doubled five times it would be 1.3 s
    camera.stop()


def test_stopping_does_not_wait_for_the_next_attempt() -> None:
    camera, _ = open_camera(Fake([0]), first_wait=50.0)
    take(camera, 1)
    begun = time.monotonic()
    camera.stop()
    assert time.monotonic() - begun < 1
    assert camera.over


def test_a_camera_that_is_not_there_at_first_is_an_error() -> None:
    with pytest.raises(VideoError, match="refused"):
        open_camera(VideoError("refused"))


def test_a_bug_in_the_reader_reaches_whoever_takes() -> None:
    camera, _ = open_camera(Fake(["zero"]))
    with pytest.raises(TypeError):
        camera.take(5)


@pytest.mark.slow
def test_a_reader_of_a_silent_camera_stops_quickly() -> None:
    server = Rtsp().start()
    camera = Camera(server.address, patience=30)
    try:
        assert camera.take(5) is not None
        server.silent.set()
        time.sleep(0.5)
        begun = time.monotonic()
        camera.stop()
        assert time.monotonic() - begun < 3
    finally:
        server.cut()


@pytest.mark.slow
@pytest.mark.faults
def test_a_real_stream_is_cut_and_comes_back() -> None:
    server = Rtsp().start()
    camera = Camera(server.address, first_wait=0.3, patience=3)
    shots = take(camera, 15)
    server.cut()
    time.sleep(1.5)
    server.start()
    while shots[-1].number < 60 or camera.reconnects < 1:
        shots += take(camera, 1)
    numbers = [shot.number for shot in shots]
    assert numbers == sorted(set(numbers))
    assert camera.reconnects == 1
    assert camera.attempts >= 2
    hole = int(np.argmax(np.diff(numbers)))
    assert numbers[hole + 1] - numbers[hole] > 10  # a second and a half, and however long it took
    # Numbers and the clock agree again, though frames of the first stretch came late while it was being opened.
    late = np.array([shot.came - shots[0].came - shot.number / 10 for shot in shots])
    assert abs(late[hole + 2 :]).max() < 1.5
    assert {id(shot.stretch) for shot in shots} == {id(shots[0].stretch)}
    camera.stop()
    server.cut()


@pytest.mark.slow
@pytest.mark.faults
def test_a_real_stream_takes_another_size() -> None:
    server = Rtsp().start()
    camera = Camera(server.address, first_wait=0.3)
    shots = take(camera, 5)
    server.draw = bars((320, 240))
    while shots[-1].stretch.size != (320, 240):
        shots += take(camera, 1)
    assert shots[-1].number == 0
    assert shots[-1].frame().image.shape == (240, 320, 3)
    camera.stop()
    server.cut()
