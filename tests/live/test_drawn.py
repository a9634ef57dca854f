"""What of a frame is hidden in the film: also who is missed for a moment, and between looks."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stages.live.drawn import Drawer, portrait
from stages.live.judged import Event, Frame, Judged, Seen
from stages.live.recording import Peak
from stages.live.sights import Sight, Sights
from tests.live.people import SIZE, crowd, model
from tests.live.test_recording import Film
from tests.show.test_overlay_video import frames

pytest.importorskip("av")

EVENT = Event(
    start_frame=0, end_frame=0, start_seconds=0.0, end_seconds=0.1, peak_frame=0, peak_score=1.0, threshold=0.1,
    track=None, p=None,
)  # fmt: skip


def seen(number: int) -> tuple[Seen, ...]:
    people = crowd(number, 10.0, np.random.default_rng(0), people=1)
    return (Seen(1, people.boxes[0].astype(np.float64), people.keypoints[0], 0.0),)


def changed(path: Path, number: int) -> NDArray[np.bool_]:
    """Where frame `number` of a film is not the chequered ground any more, in px of the source."""
    image = frames(path)[number][1][: SIZE[1]].astype(int)
    cells = image[: SIZE[1] // 8 * 8, : SIZE[0] // 8 * 8].reshape(SIZE[1] // 8, 8, SIZE[0] // 8, 8, 3)
    return np.asarray(cells.std(axis=(1, 3, 4)) < 25)


def chequered() -> NDArray[np.uint8]:
    ground = (np.indices((SIZE[1], SIZE[0])).sum(axis=0) // 2 % 2 * 255).astype(np.uint8)
    return np.repeat(ground[..., None], 3, axis=2)


def drawn(path: Path, shown: dict[int, tuple[Seen, ...]], *, every: int = 1, count: int = 12) -> None:
    image = chequered()
    film = Film(count)
    sights = Sights(film.fps, every)
    with Drawer(path, film, model(), 0.1, blur=True, skeleton_only=False) as draw:  # type: ignore[arg-type]
        for number in range(count):
            judged = Judged(number, number / 10, shown.get(number, ()), 0.0, 0.0, 1)
            draw(Frame(number, number / 10, image), judged, sights.see(judged), ringing=False)


def test_who_is_missed_for_a_moment_stays_hidden_whole(tmp_path: Path) -> None:
    always = {number: seen(0) for number in range(12)}
    drawn(tmp_path / "always.mp4", always)
    drawn(tmp_path / "missed.mp4", {number: each for number, each in always.items() if number < 5})
    head, missed, gone = (
        changed(tmp_path / "always.mp4", 6),
        changed(tmp_path / "missed.mp4", 6),
        changed(tmp_path / "missed.mp4", 11),
    )
    assert 0 < head.sum() < missed.sum()
    assert missed.sum() > 5 * head.sum()
    assert gone.sum() < head.sum()  # after half a second nobody is taken to be there


def test_between_looks_heads_are_hidden_wider(tmp_path: Path) -> None:
    looks = {number: seen(0) for number in (0, 4, 8)}
    drawn(tmp_path / "looks.mp4", looks, every=4)
    at, after = changed(tmp_path / "looks.mp4", 4), changed(tmp_path / "looks.mp4", 7)
    assert 0 < at.sum() < after.sum()


def test_an_alarms_picture_hides_who_was_missed_in_it() -> None:
    def cells(missed: tuple[tuple[Seen, float], ...], *, blur: bool = True) -> int:
        sight = Sight((), (), 0.0, missed)
        peak = Peak(EVENT, Frame(0, 0.0, chequered()), sight, ())
        uri = portrait(peak, model(), 0.1, SIZE, blur=blur, skeleton_only=False)
        data = np.frombuffer(base64.b64decode(uri.partition(",")[2]), dtype=np.uint8)
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)).astype(int)
        blocks = image[: SIZE[1] // 8 * 8, : SIZE[0] // 8 * 8].reshape(SIZE[1] // 8, 8, SIZE[0] // 8, 8)
        return int((blocks.std(axis=(1, 3)) < 25).sum())

    (person,) = seen(0)
    assert cells(()) == 0
    assert cells(((person, 0.1),)) > 20
    assert cells(((person, 0.1),), blur=False) == 0
