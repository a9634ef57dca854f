"""Normalization: what it removes, what it keeps, and the published values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from stages.core.errors import DatasetError, SchemaError
from stages.core.normalization import NormalizationParams, NormalizeParams, spread
from stages.core.normalization import normalize as normalize_joints
from stages.core.seeding import stream
from stages.core.skeleton import COCO17, OPENPOSE18

Floats = NDArray[np.float32]


def normalize(keypoints: Floats, params: NormalizationParams) -> Floats:
    return normalize_joints(keypoints, params, OPENPOSE18)


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


GEPC = NormalizationParams(frame_size=(856, 480), scale="half_frame", neck=False, confidence=True)


@pytest.mark.oracle
def test_values_of_the_released_gepc(shared: Path) -> None:
    oracle = np.load(shared / "oracles" / "gepc_oracle.npz")
    values = normalize_joints(oracle["norm/in"].astype(np.float32), GEPC, COCO17).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(values, oracle["norm/out_default"], atol=1e-6)


def test_a_neck_that_does_not_count_changes_nothing_for_the_other_joints() -> None:
    others = [joint for joint in range(18) if joint != 1]
    moved = POSES.copy()
    moved[:, :, 1, :2] += 500
    for scale in ("deviation", "half_frame"):
        params = NormalizationParams(frame_size=(856, 480), scale=scale, neck=False)
        np.testing.assert_array_equal(normalize(moved, params)[..., others], normalize(POSES, params)[..., others])


def test_half_frames_keep_the_size_and_pixels_keep_everything() -> None:
    twice = POSES.copy()
    twice[..., :2] = twice[..., :2] * 2 + 30
    half = NormalizationParams(frame_size=(856, 480), scale="half_frame")
    np.testing.assert_allclose(normalize(twice, half), 2 * normalize(POSES, half), atol=1e-5)
    as_they_come = NormalizationParams(centre=False, scale="none", confidence=True)
    np.testing.assert_array_equal(normalize(POSES, as_they_come), POSES.transpose(0, 3, 1, 2))
    units = [params.unit("px") for params in (NormalizationParams(), half, as_they_come)]
    assert units == ["standard deviations of y", "half frames", "px"]


def test_half_frames_need_a_frame() -> None:
    with pytest.raises(ValidationError, match="scale half_frame needs a frame_size"):
        NormalizationParams(scale="half_frame")
