"""The body: lengths from tables, angles turned the right way round, and what it rests on."""

from __future__ import annotations

import numpy as np
import pytest

from stages.simulation.body import (
    ANGLE,
    ANGLES,
    LIMITS,
    as_joints,
    clearance,
    contact_drift,
    facing,
    pose,
    posture,
    resting_height,
    two_links,
)
from stages.simulation.world import BODY, POINT, Build
from tests.simulation.movers import bone_lengths, of

TALL = Build(height=2.0, girth=1.0)


def posed(**angles: float) -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    """One posture of somebody 2 m tall about its pelvis, `(1, len(BODY), 3)`."""
    return np.asarray(pose(posture(**angles)[None], TALL), dtype=np.float32)


def test_every_point_has_a_place_and_the_crown_is_as_high_as_the_person() -> None:
    points = posed()
    assert points.shape == (1, len(BODY), 3)
    # Standing, the pelvis is at 0.530 heights (Drillis & Contini), the crown at 1.
    assert resting_height(np.asarray(points, dtype=np.float64), TALL)[0] == pytest.approx(2 * 0.53, abs=1e-5)
    assert points[0, POINT["crown"], 2] + 2 * 0.53 == pytest.approx(2.0, abs=1e-5)
    assert points[0, POINT["left_shoulder"], 2] + 2 * 0.53 == pytest.approx(2 * 0.818, abs=1e-5)


def test_left_is_to_the_left_of_somebody_who_looks_along_x() -> None:
    points = posed()
    assert of(points, "left_hip")[0, 1] > 0 > of(points, "right_hip")[0, 1]
    assert of(points, "nose")[0, 0] > 0.05
    assert of(points, "left_toe")[0, 0] > of(points, "left_heel")[0, 0]


def test_bones_keep_their_lengths_in_any_posture() -> None:
    draw = np.random.default_rng(0)
    bounds = np.array([LIMITS[name.removeprefix("left_").removeprefix("right_")] for name in ANGLES])
    angles = draw.uniform(bounds[:, 0], bounds[:, 1], (50, len(ANGLES)))
    lengths = bone_lengths(pose(angles, TALL).astype(np.float32))
    np.testing.assert_allclose(lengths, np.repeat(lengths[:1], 50, axis=0), atol=1e-5)


@pytest.mark.parametrize(
    ("angle", "point", "axis", "sign"),
    [
        ("hip_flexion", "left_knee", 0, 1),  # the knee comes forward
        ("knee_flexion", "left_ankle", 0, -1),  # the heel goes back: knees never bend the other way
        ("ankle_flexion", "left_toe", 2, 1),  # the toes come up
        ("hip_abduction", "left_knee", 1, 1),  # the left leg goes to the left
        ("hip_abduction", "right_knee", 1, -1),
        ("hip_rotation", "left_toe", 1, 1),  # toes outward
        ("shoulder_flexion", "right_elbow", 0, 1),
        ("shoulder_abduction", "right_elbow", 1, -1),
        ("elbow_flexion", "left_wrist", 0, 1),  # the hand comes forward
        ("trunk_flexion", "neck", 0, 1),
        ("pelvis_tilt", "neck", 0, 1),
        ("pelvis_list", "neck", 1, -1),  # to the right
        ("trunk_bend", "neck", 1, -1),
        ("pelvis_turn", "nose", 1, 1),  # to the left
        ("trunk_twist", "nose", 1, 1),
        ("head_turn", "nose", 1, 1),
        ("head_flexion", "nose", 2, -1),
    ],
)
def test_positive_angles_move_points_the_anatomical_way(angle: str, point: str, axis: int, sign: int) -> None:
    moved = of(posed(**{angle: 20.0}), point)[0] - of(posed(), point)[0]
    assert sign * moved[axis] > 0.01


def test_shoulder_rotation_turns_a_bent_forearm_inward() -> None:
    moved = posed(shoulder_rotation=40.0, elbow_flexion=90.0)
    assert of(moved, "left_wrist")[0, 1] < of(moved, "left_elbow")[0, 1]
    assert of(moved, "right_wrist")[0, 1] > of(moved, "right_elbow")[0, 1]


def test_a_right_angle_at_knee_and_hip_sits() -> None:
    points = posed(hip_flexion=90.0, knee_flexion=90.0)
    np.testing.assert_allclose(of(points, "left_knee")[0] - of(points, "left_hip")[0], [0.49, 0, 0], atol=1e-6)
    np.testing.assert_allclose(of(points, "left_ankle")[0] - of(points, "left_knee")[0], [0, 0, -0.492], atol=1e-6)


def test_a_paired_name_sets_both_sides_and_a_side_overrides_it() -> None:
    shape = posture(left_knee_flexion=50.0, knee_flexion=10.0)
    assert shape[ANGLE["left_knee_flexion"]] == 50.0
    assert shape[ANGLE["right_knee_flexion"]] == 10.0
    with pytest.raises(KeyError):
        posture(knee_twist=3.0)


def test_girth_widens_but_does_not_lengthen() -> None:
    thin, stout = (pose(posture()[None], Build(1.8, girth))[0] for girth in (0.8, 1.3))
    assert stout[POINT["left_hip"], 1] > thin[POINT["left_hip"], 1]
    assert stout[POINT["crown"], 2] == thin[POINT["crown"], 2]


def test_who_lies_rests_on_the_back_not_on_the_feet() -> None:
    points = pose(posture(pelvis_tilt=-90.0)[None], TALL)
    height = resting_height(points, TALL)
    assert 0.05 < height[0] < 0.2
    assert clearance(as_joints(points, np.zeros((1, 2)), height).astype(np.float64), TALL).min() == pytest.approx(
        0.0, abs=1e-6
    )


def test_the_drift_of_a_swinging_leg_is_that_of_the_foot_on_the_ground() -> None:
    # The straight left leg stands and goes back by 10°; the right one is lifted and swings forward.
    first = posture(left_hip_flexion=5.0, right_hip_flexion=10.0, right_knee_flexion=60.0)
    then = posture(left_hip_flexion=-5.0, right_hip_flexion=30.0, right_knee_flexion=60.0)
    points = pose(np.stack([first, then]), TALL)
    moved = contact_drift(points, TALL)[0]
    assert -0.25 < moved[0] < -0.1  # the leg is about a metre long: 2 sin 5° = 0.17 m
    assert moved[1] == pytest.approx(0.0, abs=1e-9)


def test_facing_turns_ahead_to_the_heading() -> None:
    points = np.array([[[1.0, 0.0, 0.5]]])
    np.testing.assert_allclose(facing(points, np.array([np.pi / 2]))[0, 0], [0.0, 1.0, 0.5], atol=1e-12)


def test_joints_are_points_moved_to_where_the_pelvis_is() -> None:
    joints = as_joints(np.zeros((1, 1, 3)), np.array([[3.0, 4.0]]), np.array([0.9]))
    np.testing.assert_allclose(joints[0, 0], [3.0, 4.0, 0.9], rtol=1e-6)
    assert joints.dtype == np.float32


@pytest.mark.parametrize(("ahead", "up"), [(0.3, -0.5), (0.0, -0.7), (-0.2, -0.4), (0.55, 0.1)])
def test_two_links_end_where_they_should(ahead: float, up: float) -> None:
    raised, bend = (np.deg2rad(value[0]) for value in two_links(np.array([ahead]), np.array([up]), 0.45, 0.4))
    # Thigh at `raised` from hanging, shank `bend` further back.
    x = 0.45 * np.sin(raised) + 0.4 * np.sin(raised - bend)
    z = -0.45 * np.cos(raised) - 0.4 * np.cos(raised - bend)
    np.testing.assert_allclose((x, z), (ahead, up), atol=1e-9)
    assert bend >= 0


def test_two_links_stretch_towards_what_is_out_of_reach() -> None:
    raised, bend = two_links(np.array([2.0]), np.array([0.0]), 0.45, 0.4)
    np.testing.assert_allclose((raised[0], bend[0]), (90.0, 0.0), atol=1e-5)
