"""Which frames a film strip shows, and the picture it makes of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.show.film import Film, choose_frames, columns, draw_film, frame_width
from stages.show.overlay import blank
from stages.show.palette import style
from stages.show.timeline import DPI, Curve, Interval, Truth

NOBODY = np.zeros(100, dtype=np.int64)


def clip(*intervals: Interval, frames: int = 100) -> Truth:
    return Truth("fall", 10, frames, intervals, known=True)


def film(count: int, curves: int) -> Film:
    shown = clip(Interval(40, 60, "fall"))
    scores = np.linspace(0, 1, 100)[None]
    lines = [
        Curve(f"d{row}", scores, scores, np.ones(100, bool), style(row), (0, 1), "AUC 0.9") for row in range(curves)
    ]
    frames = choose_frames(shown, count, NOBODY)
    return Film(shown, frames, tuple(blank(160, 120) for _ in frames), tuple(lines), "score of d0")


def test_frames_are_spread_over_a_clip_without_labels() -> None:
    assert choose_frames(clip(), 4, NOBODY) == (0, 33, 66, 99)


def test_frames_lie_around_what_is_labelled() -> None:
    # Labelled 40 to 60, a quarter of 20 before and after: 35 to 65.
    assert choose_frames(clip(Interval(40, 60, "")), 4, NOBODY) == (35, 45, 55, 65)


def test_the_labelled_stretch_goes_from_the_first_to_the_last_interval() -> None:
    # 20 to 60 and ten frames around.
    assert choose_frames(clip(Interval(20, 60, ""), Interval(25, 30, "")), 3, NOBODY) == (10, 40, 70)


def test_frames_never_leave_the_clip() -> None:
    assert choose_frames(clip(Interval(0, 99, "")), 3, NOBODY) == (0, 50, 99)


def test_frames_give_way_to_where_more_people_are() -> None:
    # Frames 0, 33, 66, 99 may move by 33 // 4 = 8.
    people = np.ones(100, dtype=np.int64)
    people[[41, 36, 75]] = 2, 2, 9  # of 36 and 41 the nearer to 33; 75 is too far from 66
    assert choose_frames(clip(), 4, people) == (0, 36, 66, 99)


def test_frames_do_not_leave_the_labelled_stretch_for_people() -> None:
    people = np.zeros(100, dtype=np.int64)
    people[[33, 67]] = 9  # shown are 35 to 65
    assert choose_frames(clip(Interval(40, 60, "")), 3, people) == (35, 50, 65)


def test_a_short_clip_shows_every_frame_once() -> None:
    assert choose_frames(clip(frames=2), 6, NOBODY) == (0, 1)
    assert choose_frames(clip(frames=1), 6, NOBODY) == (0,)


@pytest.mark.parametrize(("count", "across"), [(1, 1), (4, 4), (5, 3), (6, 3), (8, 4)])
def test_many_frames_stand_in_two_rows(count: int, across: int) -> None:
    assert columns(count) == across


def test_frames_fill_the_width_of_the_picture() -> None:
    # 11 inches, three frames, four gaps of 0.08 inches.
    assert frame_width(6) == round((11 - 4 * 0.08) / 3 * DPI)


@pytest.mark.parametrize("count", [1, 6])
def test_a_picture_grows_by_a_row_per_detector(tmp_path: Path, count: int) -> None:
    heights = []
    for curves in (1, 3):
        draw_film(tmp_path / "film.png", film(count, curves))
        image = cv2.imread(str(tmp_path / "film.png"))
        assert image is not None
        assert image.shape[1] == 11 * DPI
        heights.append(image.shape[0])
    assert heights[1] - heights[0] == pytest.approx(2 * 0.72 * DPI, abs=1)


def test_equal_films_are_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        draw_film(tmp_path / f"{name}.png", film(4, 2))
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
