"""A source judged to its end, or to where it breaks off: what is kept of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from stages.core.errors import NormotionError, VideoError
from stages.live.alarms import Alarms
from stages.live.judged import Event, Frame, Judged
from stages.live.judging import Held
from stages.live.recording import Peak, record
from stages.live.sights import Sight
from stages.pose.base import Image, People
from tests.live.people import SIZE, crowd, model


@dataclass
class Film:
    """Frames whose first pixel says which they are; breaks off after `whole` of them."""

    count: int
    fps: float = 10.0
    whole: int | None = None
    size: tuple[int, int] = SIZE
    trouble: NormotionError | None = None

    @property
    def frames(self) -> int | None:
        return self.count

    def __iter__(self) -> Iterator[Frame]:
        for number in range(self.count):
            if number == self.whole:
                self.trouble = VideoError("it breaks off", where="film")
                return
            image = np.zeros((SIZE[1], SIZE[0], 3), dtype=np.uint8)
            image[0, 0] = number // 256, number % 256, 0
            yield Frame(number, number / self.fps, image)


class Finder:
    """Finds people who walk, and shake from frame 60 to 79."""

    version = "made up"

    def __call__(self, image: Image) -> People:
        number = int(image[0, 0, 0]) * 256 + int(image[0, 0, 1])
        people = crowd(number, 10.0, np.random.default_rng(number))
        if 60 <= number < 80:
            people.keypoints[..., :2] += np.random.default_rng(number).normal(0, 12, people.keypoints[..., :2].shape)
        return people


def alarms(threshold: float) -> Alarms:
    return Alarms(threshold, merge_seconds=2.0, least_seconds=0.5, fps=10.0)


def test_an_alarm_comes_with_what_was_seen_at_its_peak() -> None:
    drawn: list[tuple[int, bool]] = []

    def draw(frame: Frame, judged: Judged, sight: Sight, ringing: bool) -> None:
        assert frame.number == judged.number
        assert sight.people == judged.people
        drawn.append((frame.number, ringing))

    quiet = record(Film(50), model(), Finder(), alarms(10.0))
    usual = max(judged.smoothed for judged in quiet.judged)
    shown: list[Peak] = []

    def portray(peak: Peak) -> str:
        shown.append(peak)
        return f"portrait {len(shown)}"

    found = record(Film(140), model(), Finder(), alarms(usual * 2), draw, portray=portray)
    (peak,) = found.peaks
    assert 55 <= peak.event.start_frame <= peak.event.peak_frame <= peak.event.end_frame <= 90
    (lively,) = shown
    assert lively.frame is not None
    assert int(lively.frame.image[0, 0, 1]) == peak.event.peak_frame
    assert peak.sight.people
    assert (peak.portrait, peak.frame) == ("portrait 1", None)  # pictures of a day would not fit into memory
    best = peak.windows[0]
    assert best.windows.index["track"].tolist() == [peak.event.track]
    assert best.score >= peak.windows[-1].score
    assert [number for number, _ in drawn] == list(range(140))
    assert {number for number, ringing in drawn if ringing} <= set(range(55, 115))


def test_who_was_there_is_kept_and_the_frames_are_let_go() -> None:
    found = record(Film(60), model(), Finder(), alarms(10.0))
    assert len(found.judged) == 60
    assert all(not judged.people for judged in found.judged)
    assert found.people == 120
    assert {(first, last) for first, last, _ in found.tracks.values()} == {(0, 59)}
    assert all(score is not None for *_, score in found.tracks.values())
    assert found.windows > 80


def test_only_so_many_alarms_are_portrayed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.live.recording.PORTRAYED", 1)
    ringing = Alarms(-1.0, merge_seconds=0.0, least_seconds=0.1, fps=10.0)
    monkeypatch.setattr(ringing, "see", lambda judged: _rings(ringing, judged))
    found = record(Film(60), model(), Finder(), ringing, portray=lambda _: "drawn")
    assert len(found.peaks) > 2
    assert [peak.portrait for peak in found.peaks] == ["drawn"] + [""] * (len(found.peaks) - 1)
    assert {peak.frame for peak in found.peaks} == {None}


def _rings(alarms: Alarms, judged: Judged) -> list[Event]:
    """Every tenth frame ends an alarm."""
    ended = alarms.finish() if judged.number % 10 == 0 else []
    return ended + Alarms.see(alarms, judged)


def test_large_pictures_wait_small() -> None:
    waiting = Held([Frame(3, 0.1, np.zeros((2160, 3840, 3), dtype=np.uint8))], 1280)
    (passed,) = waiting
    kept = waiting.take(3)
    assert kept is not None
    assert (passed.image.shape, kept.image.shape) == ((2160, 3840, 3), (720, 1280, 3))


def test_it_ends_when_told_to() -> None:
    stop = threading.Event()
    film = Film(100)

    def draw(frame: Frame, *_: object) -> None:
        if frame.number == 20:
            stop.set()

    found = record(film, model(), Finder(), alarms(10.0), draw, stop=stop)
    assert 20 < len(found.judged) < 99
    assert found.trouble is None


def test_lost_frames_are_holes_in_time() -> None:
    found = record(Film(60), model(), Finder(), alarms(10.0))
    found.judged = [*found.judged[:10], *found.judged[50:]]
    assert found.seconds == 6.0
    traced = found.trace([float(one.number) for one in found.judged])
    assert np.flatnonzero(np.isnan(traced)).tolist() == list(range(10, 50))
    assert traced[55] == 55


def test_what_came_before_a_source_broke_off_is_judged() -> None:
    found = record(Film(100, whole=40), model(), Finder(), alarms(10.0))
    assert [judged.number for judged in found.judged] == list(range(40))
    assert found.trouble is not None
    assert found.trouble.what == "it breaks off"


def test_a_film_too_short_for_a_window_is_judged_as_holding_nobody() -> None:
    found = record(Film(5), model(), Finder(), alarms(10.0))
    assert [judged.scored for judged in found.judged] == [False] * 5
    assert found.windows == 0


def test_every_third_frame_is_looked_at_and_all_are_judged() -> None:
    found = record(Film(120, fps=30.0), model(), Finder(), alarms(10.0), every=3)
    assert len(found.judged) == 118  # up to the last frame that was looked at
    assert found.people == 80
    assert sum(judged.scored for judged in found.judged) > 80
