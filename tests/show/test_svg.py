"""SVG paths: where points come to stand, where lines break, and that no peak is lost."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from stages.show.palette import style
from stages.show.svg import POINTS, band_path, path, pr_path, raw_path, roc_path, score_path, smoothed_path
from stages.show.timeline import Curve

NAN = float("nan")


def points(drawn: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.e-]+),([\d.e-]+)", drawn)]


def test_a_roc_curve_starts_at_the_bottom_left() -> None:
    curve = pd.DataFrame({"fpr": [0, 0.5, 1], "tpr": [0, 1, 1]})
    assert roc_path(curve) == "M0,100L50,0L100,0"


def test_no_curve_is_no_path() -> None:
    assert roc_path(pd.DataFrame(columns=["fpr", "tpr"])) == ""


def test_frames_stand_in_their_middle_and_scores_go_up() -> None:
    # Four frames in a box 1000 wide: centres at 125, 375, 625, 875; score 0 at the bottom (100), 2 at the top (0).
    assert score_path(np.array([0.0, 1, 2, 0]), (0, 2)) == "M125,100L375,50L625,0L875,100"


def test_a_line_breaks_where_nobody_was_scored() -> None:
    assert path(np.array([0.0, 1, 2, 3, 4]), np.array([1, 1, NAN, 2, 2])) == "M0,1L1,1M3,2L4,2"


def test_a_point_alone_is_a_short_dash() -> None:
    assert path(np.array([0.0, 1, 2]), np.array([NAN, 5, NAN])) == "M1,5h1"


def test_nothing_scored_is_an_empty_path() -> None:
    assert score_path(np.full(7, NAN), (0, 1)) == ""


def test_long_clips_are_thinned_without_losing_a_peak() -> None:
    scores = np.ones(100_000)
    scores[54_321] = 9
    drawn = points(score_path(scores, (0, 10)))
    assert len(drawn) == POINTS
    # Elsewhere each point is the highest of its 250 frames, 1 of 10 up.
    assert {y for _, y in drawn} == {10, 90}
    # The peak stays within a point's width of its place.
    assert next(x for x, y in drawn if y == 10) == pytest.approx(543.21, abs=1000 / POINTS)


def test_curves_are_means_over_seeds() -> None:
    raw = np.array([[0.0, 2], [2, 2]])
    curve = Curve("knn", raw, raw + 1, np.array([True, False]), style(0), (0, 4))
    # Frame 0: mean 1 of 4, a quarter up; frame 1 was not scored.
    assert raw_path(curve) == "M250,75h1"
    # Means 2 and 3 of 4.
    assert smoothed_path(curve) == "M250,50L750,25"


def test_precision_is_drawn_over_recall() -> None:
    assert pr_path(pd.DataFrame({"recall": [0.0, 0.5], "precision": [1.0, 0.25]})) == "M0,0L50,75"


def test_a_band_goes_along_its_top_and_back_along_its_bottom() -> None:
    along, low, high = np.array([0.0, 1.0]), np.array([0.1, 0.2]), np.array([0.5, 1.0])
    assert band_path(along, low, high) == "M0,50L100,0L100,80L0,90Z"
