"""Smoothing in time: the same seconds at any frame rate, mirrored at a clip's ends, and the published cascade."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from stages.evaluation.aggregate import SmoothingParams, smooth


def test_a_gaussian_means_the_same_time_at_any_frame_rate() -> None:
    # An impulse of one second, seen at 10 and at 30 frames/s: the blurred curve is the same at the same time.
    slow, fast = np.zeros(50), np.zeros(150)
    slow[20:30], fast[60:90] = 1, 1
    params = SmoothingParams(kind="gaussian", seconds=0.4)
    thirds = smooth(fast, 30, params).reshape(50, 3).mean(axis=1)
    np.testing.assert_allclose(smooth(slow, 10, params), thirds, atol=5e-3)


def test_the_cascade_is_about_one_gaussian_of_9_5_frames() -> None:
    impulse = np.zeros(401)
    impulse[200] = 1
    response = smooth(impulse, 24, SmoothingParams(kind="cascade"))
    offsets = np.arange(401) - 200
    # Variances add up: 1 + 4 + 9 + 16 + 25 + 36 = 91; cut-off tails take a little.
    assert (response * offsets**2).sum() == pytest.approx(91, rel=0.01)
    assert response.sum() == pytest.approx(1)
    # Each Gaussian reaches 4 deviations: 4 + 8 + … + 24 = 84.
    assert np.flatnonzero(response > 1e-30).tolist() == list(range(116, 285))


@pytest.mark.parametrize("kind", ["gaussian", "cascade"])
def test_a_clip_is_mirrored_at_its_ends(kind: str) -> None:
    scores = np.array([0.0, 0, 0, 9] * 25)
    mirrored = np.concatenate([scores[::-1], scores, scores[::-1]])
    params = SmoothingParams.model_validate({"kind": kind})
    np.testing.assert_allclose(smooth(scores, 24, params), smooth(mirrored, 24, params)[100:200], atol=1e-6)


def test_no_smoothing_changes_nothing() -> None:
    scores = np.array([3.0, 1.0, 2.0])
    assert smooth(scores, 10, SmoothingParams(kind="none")).tolist() == [3, 1, 2]
    assert smooth(scores, 10, SmoothingParams(seconds=0)).tolist() == [3, 1, 2]


@pytest.mark.parametrize("seconds", [-0.1, float("inf"), float("nan")])
def test_a_smoothing_that_makes_no_sense_is_refused(seconds: float) -> None:
    with pytest.raises(ValidationError):
        SmoothingParams(seconds=seconds)


@pytest.mark.oracle
def test_the_cascade_is_the_published_one(shared: Path) -> None:
    with np.load(shared / "oracles" / "stgnf_scoring_oracle.npz") as oracle:
        found = smooth(oracle["smooth_in"], 24, SmoothingParams(kind="cascade"))
        np.testing.assert_allclose(found, oracle["smooth_out"], atol=1e-12)
