"""Bodies in their own measure, on a drawn person of every layout whose size is known."""

from __future__ import annotations

import numpy as np
import pytest

from stages.core.errors import DatasetError
from stages.core.skeleton import LAYOUTS, OPENPOSE18, Layout
from stages.detectors.posture import coordinates, extent, in_body_heights, speed, stature, tilt, torso
from tests.detectors.gait import Floats, walkers
from tests.detectors.standing import every_layout, standing, turned


@every_layout
def test_the_stature_is_that_of_torso_and_limbs(layout: Layout) -> None:
    assert stature(standing(layout)[None], layout)[0] == pytest.approx(1, rel=1e-5)
    assert stature(7 * standing(layout)[None], layout)[0] == pytest.approx(7, rel=1e-5)


@every_layout
@pytest.mark.parametrize("joint", ["left_shoulder", "right_hip", "left_knee", "right_elbow"])
def test_one_joint_out_of_place_does_not_change_the_stature(layout: Layout, joint: str) -> None:
    places = standing(layout)
    places[:, layout.joints.index(joint)] += 3
    assert stature(places[None], layout)[0] == pytest.approx(1, rel=0.2)


def test_who_lies_or_bends_is_as_tall_as_who_stands() -> None:
    lying = turned(standing(OPENPOSE18), 90)
    assert stature(lying[None], OPENPOSE18)[0] == pytest.approx(1, rel=1e-5)
    assert extent(lying[None])[0] < 0.6


def test_foreshortened_segments_do_not_make_people_smaller() -> None:
    places = standing(OPENPOSE18)
    for name in ("left_knee", "left_ankle"):  # a leg towards the camera
        places[:, OPENPOSE18.joints.index(name)] = places[:, OPENPOSE18.joints.index("left_hip")]
    assert stature(places[None], OPENPOSE18)[0] == pytest.approx(1, rel=0.2)


def test_place_and_size_go() -> None:
    keypoints = walkers(5)[..., :2]
    poses = keypoints.transpose(0, 3, 1, 2)
    own = in_body_heights(poses, ("x", "y"), OPENPOSE18)
    moved = in_body_heights(3 * poses + 40, ("x", "y"), OPENPOSE18)
    np.testing.assert_allclose(own, moved, atol=1e-4)
    np.testing.assert_allclose(np.median(own, axis=(1, 2)), 0, atol=1e-6)
    assert own.shape == (5, 8, 18, 2)


def test_channels_that_are_no_coordinates_are_left_out() -> None:
    poses = walkers(2).transpose(0, 3, 1, 2)
    with_confidence = in_body_heights(poses, ("x", "y", "confidence"), OPENPOSE18)
    np.testing.assert_array_equal(with_confidence, in_body_heights(poses[:, :2], ("x", "y"), OPENPOSE18))
    assert coordinates(("confidence", "y", "x", "z")) == [2, 1, 3]
    with pytest.raises(DatasetError, match="f0, f1"):
        coordinates(("f0", "f1"))


def test_a_window_whose_joints_are_all_in_one_place_stays_finite() -> None:
    np.testing.assert_array_equal(in_body_heights(np.ones((1, 2, 4, 18), np.float32), ("x", "y"), OPENPOSE18), 0)


@pytest.mark.parametrize("degrees", [0, 30, 90, -90, 150, 180])
def test_the_tilt_is_the_angle_from_upright(degrees: float) -> None:
    found = tilt(turned(standing(OPENPOSE18), degrees), OPENPOSE18)
    np.testing.assert_allclose(np.cos(np.radians(found - degrees)), 1, atol=1e-6)


def test_a_turn_is_followed_past_upside_down() -> None:
    angles = np.linspace(0, 330, 8)
    places = np.stack([turned(one[None], angle)[0] for one, angle in zip(standing(OPENPOSE18), angles, strict=True)])
    np.testing.assert_allclose(tilt(places, OPENPOSE18), angles, atol=1e-3)


def test_a_torso_that_points_at_the_camera_has_no_angle() -> None:
    places = standing(OPENPOSE18)
    hips = [OPENPOSE18.joints.index(f"{side}_hip") for side in ("left", "right")]
    shoulders = [OPENPOSE18.joints.index(f"{side}_shoulder") for side in ("left", "right")]
    places[2:5, hips] = places[2:5, shoulders]
    assert tilt(places, OPENPOSE18).shape == (5,)


def test_extent_and_speed_are_those_of_the_joints() -> None:
    places: Floats = np.zeros((1, 3, 2, 2), dtype=np.float32)
    places[0, :, 1, 1] = [1, 2, 3]  # a joint 1, 2, 3 below the other: 2 on average; one of two joints goes 1 a sample
    assert extent(places)[0] == pytest.approx(2)
    assert speed(places)[0] == pytest.approx(0.5)
    assert speed(places[:, :1])[0] == 0


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_has_a_torso(name: str) -> None:
    found = torso(standing(LAYOUTS[name])[None], LAYOUTS[name])[0]
    assert (found[:, 1] < 0).all()  # shoulders above hips: y points down
