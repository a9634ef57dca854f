"""Smoothing in time: the same seconds at any frame rate, mirrored at a clip's ends, and the published cascade."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from stages.evaluation.smoothing import SmoothingParams, smooth

KINDS = ("none", "gaussian", "cascade", "moving_average", "median")


def params(kind: str, **width: float) -> SmoothingParams:
    return SmoothingParams.model_validate({"kind": kind, **width})


def impulse(length: int) -> NDArray[np.float64]:
    """1 in the middle frame of an odd number, else 0."""
    found: NDArray[np.float64] = np.zeros(length)
    found[length // 2] = 1
    return found


def test_a_gaussian_means_the_same_time_at_any_frame_rate() -> None:
    # An impulse of one second, seen at 10 and at 30 frames/s: the blurred curve is the same at the same time.
    slow, fast = np.zeros(50), np.zeros(150)
    slow[20:30], fast[60:90] = 1, 1
    for kind in ("gaussian", "moving_average"):
        chosen = params(kind, seconds=0.5)
        thirds = smooth(fast, 30, chosen).reshape(50, 3).mean(axis=1)
        np.testing.assert_allclose(smooth(slow, 10, chosen), thirds, atol=0.04)


def test_a_gaussian_in_frames_is_the_same_at_any_frame_rate() -> None:
    response = smooth(impulse(401), 24, params("gaussian", frames=10))
    np.testing.assert_array_equal(response, smooth(impulse(401), 10, params("gaussian", frames=10)))
    np.testing.assert_array_equal(response, smooth(impulse(401), 10, params("gaussian", seconds=1)))
    # exp(-d² / 2 · 10²), cut off at 40 frames, brought to sum 1.
    weights = np.exp(-(np.arange(-40, 41) ** 2) / 200)
    np.testing.assert_allclose(response[160:241], weights / weights.sum(), atol=1e-15)
    assert response[:160].max() == response[241:].max() == 0


def test_the_cascade_is_about_one_gaussian_of_9_5_frames() -> None:
    response = smooth(impulse(401), 24, params("cascade"))
    offsets = np.arange(401) - 200
    # Variances add up: 1 + 4 + 9 + 16 + 25 + 36 = 91; cut-off tails take a little.
    assert (response * offsets**2).sum() == pytest.approx(91, rel=0.01)
    assert np.sqrt((response * offsets**2).sum()) == pytest.approx(9.54, abs=0.05)
    assert response.sum() == pytest.approx(1)
    # Each Gaussian reaches 4 deviations: 4 + 8 + … + 24 = 84.
    assert np.flatnonzero(response > 1e-30).tolist() == list(range(116, 285))


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (3.0, [1, 2, 5, 4, 3]),  # (0 + 0 + 3) / 3, (0 + 3 + 3) / 3, (3 + 3 + 9) / 3, (3 + 9 + 0) / 3, (9 + 0 + 0) / 3
        (2.0, [1, 2, 5, 4, 3]),  # 2 has no middle and becomes 3
        (5.0, [1.8, 3, 3, 3, 4.2]),  # (3 + 0 + 0 + 3 + 3) / 5, all five, …; mirrored: 0 0 3 3 9 | 9 3
        (1.0, [0, 3, 3, 9, 0]),
        (0.0, [0, 3, 3, 9, 0]),
    ],
)
def test_a_moving_average_by_hand(width: float, expected: list[float]) -> None:
    found = smooth(np.array([0.0, 3, 3, 9, 0]), 24, params("moving_average", frames=width))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_median_by_hand() -> None:
    # Each with its two neighbours, ends twice: (0 0 3) (0 3 3) (3 3 9) (3 9 0) (9 0 0).
    found = smooth(np.array([0.0, 3, 3, 9, 0]), 24, params("median", frames=3))
    assert found.tolist() == [0, 3, 3, 3, 0]
    # Half a second at 6 frames/s is 3 frames.
    assert smooth(np.array([0.0, 3, 3, 9, 0]), 6, params("median", seconds=0.5)).tolist() == found.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_is_mirrored_at_its_ends(kind: str) -> None:
    scores = np.array([0.0, 0, 0, 9] * 25)
    mirrored = np.concatenate([scores[::-1], scores, scores[::-1]])
    chosen = params(kind)
    np.testing.assert_allclose(smooth(scores, 24, chosen), smooth(mirrored, 24, chosen)[100:200], atol=1e-6)


@pytest.mark.parametrize("kind", ["gaussian", "moving_average", "median"])
@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_a_filter_wider_than_its_clip_goes_on_in_mirrors(kind: str, length: int) -> None:
    scores = np.arange(length, dtype=np.float64) ** 2
    many = np.concatenate([scores[:: (-1) ** turn] for turn in range(201)])  # the clip itself is turn 100
    middle = slice(100 * length, 101 * length)
    found = smooth(scores, 24, params(kind, frames=20))
    np.testing.assert_allclose(found, smooth(many, 24, params(kind, frames=20))[middle], atol=1e-9)
    assert scores.min() <= found.min() <= found.max() <= scores.max()


def test_no_smoothing_changes_nothing() -> None:
    scores = np.array([3.0, 1.0, 2.0])
    assert smooth(scores, 10, params("none")).tolist() == [3, 1, 2]
    assert smooth(scores, 10, params("gaussian", seconds=0)).tolist() == [3, 1, 2]
    for nothing in (0, 1e-300, 0.1):  # four deviations reach less than half a frame
        assert smooth(scores, 10, params("gaussian", frames=nothing)).tolist() == [3, 1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_without_frames_has_no_scores(kind: str) -> None:
    assert len(smooth(np.empty(0), 24, params(kind))) == 0


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.integers(1, 60), st.floats(-1e4, 1e4), st.floats(0, 3), st.floats(0.5, 60))
def test_a_constant_stays_what_it_is(kind: str, frames: int, value: float, seconds: float, fps: float) -> None:
    scores = np.full(frames, value)
    np.testing.assert_allclose(smooth(scores, fps, params(kind, seconds=seconds)), scores, rtol=1e-12, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.lists(st.floats(-100, 100), min_size=1, max_size=40))
def test_no_smoothing_favours_a_direction_of_time(kind: str, values: list[float]) -> None:
    scores = np.array(values)
    forward, backward = (smooth(one, 24, params(kind)) for one in (scores, scores[::-1]))
    np.testing.assert_allclose(forward, backward[::-1], atol=1e-9)


@pytest.mark.parametrize("width", [-0.1, float("inf"), float("nan")])
@pytest.mark.parametrize("unit", ["seconds", "frames"])
def test_a_smoothing_that_makes_no_sense_is_refused(unit: str, width: float) -> None:
    with pytest.raises(ValidationError):
        SmoothingParams.model_validate({unit: width})


def test_one_width_is_enough() -> None:
    with pytest.raises(ValidationError, match="either seconds or frames"):
        SmoothingParams(seconds=1, frames=10)
    assert SmoothingParams().width(10) == 4
    assert SmoothingParams(frames=3).width(10) == 3


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (params("none"), "the raw ones"),
        (params("gaussian"), "one Gaussian of 0.4 s"),
        (params("gaussian", frames=40), "one Gaussian of 40 frames"),
        (params("cascade"), "1, 2, 3, 4, 5 and 6 frames"),
        (params("moving_average", seconds=1), "mean over 1 s"),
        (params("median", frames=5), "median over 5 frames"),
    ],
)
def test_smoothing_is_said_in_words(chosen: SmoothingParams, words: str) -> None:
    assert words in chosen.sentence()


@pytest.mark.oracle
def test_the_cascade_is_the_published_one(shared: Path) -> None:
    with np.load(shared / "oracles" / "stgnf_scoring_oracle.npz") as oracle:
        found = smooth(oracle["smooth_in"], 24, params("cascade"))
        np.testing.assert_allclose(found, oracle["smooth_out"], atol=1e-12)
        np.testing.assert_allclose(smooth(impulse(201), 24, params("cascade")), oracle["impulse_response"], atol=1e-12)
