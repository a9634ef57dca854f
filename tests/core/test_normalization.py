"""Normalization: what it removes, what it keeps, and the published values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import DatasetError, SchemaError
from stages.core.normalization import NormalizationParams, NormalizeParams, normalize, spread
from stages.core.seeding import stream

POSES = stream(0, "poses").uniform(0, 400, size=(5, 8, 18, 3)).astype(np.float32)


def test_by_hand() -> None:
    # Two joints at (0, 0) and (4, 2): mean (2, 1), deviation of y 1, so ±2 and ±1.
    window = np.array([[[[0, 0, 0.5], [4, 2, 0.7]]]], dtype=np.float32)
    values = normalize(window, NormalizationParams())
    assert values.shape == (1, 2, 1, 2)
    assert values[0, 0, 0].tolist() == [-2, 2]
    assert values[0, 1, 0].tolist() == [-1, 1]
    assert spread(window).tolist() == [1]


def test_confidence_stays_as_it_is() -> None:
    values = normalize(POSES, NormalizationParams(confidence=True))
    assert values.shape == (5, 3, 8, 18)
    np.testing.assert_array_equal(values[:, 2], POSES[..., 2])


@pytest.mark.parametrize("frame_size", [None, (856.0, 480.0)])
def test_place_and_size_do_not_matter(frame_size: tuple[float, float] | None) -> None:
    params = NormalizationParams(frame_size=frame_size)
    moved = POSES.copy()
    moved[..., :2] = moved[..., :2] * 2.5 + [300, -70]
    np.testing.assert_allclose(normalize(moved, params), normalize(POSES, params), atol=2e-5)


def test_motion_within_the_window_does_matter() -> None:
    walking = POSES.copy()
    walking[..., 0] += np.arange(8)[None, :, None] * 20
    assert np.abs(normalize(walking, NormalizationParams()) - normalize(POSES, NormalizationParams())).max() > 0.1


def test_a_window_does_not_depend_on_its_neighbours() -> None:
    np.testing.assert_array_equal(
        normalize(POSES, NormalizationParams())[2:3], normalize(POSES[2:3], NormalizationParams())
    )


@pytest.mark.oracle
def test_published_values(shared: Path) -> None:
    oracle = np.load(shared / "oracles" / "preproc_oracle.npz")
    params = NormalizationParams(frame_size=(856.0, 480.0), confidence=True)
    values = normalize(oracle["k18"].astype(np.float32), params).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(values, oracle["k18_normalised"], atol=2e-6)


def test_three_coordinates_are_all_divided_by_the_deviation_of_y() -> None:
    # Two joints at (0, 0, 0) and (4, 2, 6) metres: mean (2, 1, 3), deviation of y 1.
    window = np.array([[[[0, 0, 0, 0.5], [4, 2, 6, 0.7]]]], dtype=np.float32)
    values = normalize(window, NormalizationParams(confidence=True))
    assert values[0, :, 0].tolist() == [[-2, 2], [-1, 1], [-3, 3], [0.5, np.float32(0.7)]]
    assert NormalizationParams(confidence=True).channels("xyz") == ("x", "y", "z", "confidence")
    with pytest.raises(DatasetError, match="divides by a frame size, and these poses have x, y and z"):
        normalize(window, NormalizationParams(frame_size=(856, 480)))


def test_the_least_spread_has_a_unit() -> None:
    assert (NormalizeParams().least("px"), NormalizeParams().least("m")) == (1.0, 0.01)
    with pytest.raises(SchemaError, match="poses in 'inch'"):
        NormalizeParams().least("inch")
