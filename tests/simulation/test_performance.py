"""Act after act: no jumps between them, nothing under ground, nothing beyond the clip."""

from __future__ import annotations

import numpy as np
import pytest

from stages.simulation.body import ANGLE, posture
from stages.simulation.performance import keyed
from tests.simulation.movers import FPS, of, performer, plain

UPRIGHT = np.repeat(posture()[None], 20, axis=0)
BOWED = np.repeat(posture(trunk_flexion=60.0)[None], 20, axis=0)


def test_keyed_postures_are_met_and_never_overshot() -> None:
    moments = [(0.0, posture()), (0.5, posture(knee_flexion=80.0)), (1.0, posture(knee_flexion=20.0))]
    knees = keyed(moments, 31, FPS)[:, ANGLE["left_knee_flexion"]]
    assert knees[[0, 10, 20]] == pytest.approx([0.0, 80.0, 20.0])
    assert knees.max() == pytest.approx(80.0)
    assert knees.min() == 0.0
    # After the last moment its posture stays.
    assert (knees[20:] == knees[20]).all()


def test_an_act_begins_with_the_posture_the_last_one_ended_with() -> None:
    who = performer(person=plain())
    who.play(UPRIGHT, "stand")
    who.play(BOWED, "stand", blend=0.5)
    joints, _ = who.so_far()
    steps = np.linalg.norm(np.diff(of(joints, "neck"), axis=0), axis=1)
    # 60° of a trunk half a metre long within 0.5 s: some 0.1 m per frame at most, not 0.5 at once.
    assert 0.02 < steps.max() < 0.12
    assert of(joints, "neck")[-1, 0] > 0.35


def test_headings_blend_the_short_way_round() -> None:
    who = performer(person=plain())
    who.play(UPRIGHT, "stand", heading=np.full(20, 3.0))
    who.play(UPRIGHT, "stand", heading=np.full(20, -3.0))
    _, heading = who.so_far()
    assert np.abs(np.diff(np.unwrap(heading))).max() < 0.06
    assert np.cos(heading[-1]) == pytest.approx(np.cos(-3.0))


def test_what_touches_the_ground_stays_unless_something_carries_the_body() -> None:
    squat = keyed([(0.0, posture()), (1.0, posture(hip_flexion=60, knee_flexion=80, ankle_flexion=20))], 20, FPS)
    for ahead, expected in ((None, 0.0), (np.linspace(0.0, 1.0, 20), 1.0)):
        who = performer(person=plain())
        who.play(squat, "stand", ahead=ahead)
        joints, _ = who.so_far()
        toe = of(joints, "left_toe")
        assert toe[-1, 0] - toe[0, 0] == pytest.approx(expected, abs=0.02)


def test_acts_are_cut_where_the_clip_ends() -> None:
    who = performer(person=plain(), frames=30)
    who.play(UPRIGHT, "stand")
    assert who.left == 10
    assert who.seconds_left == 0.5
    assert who.rows(9.0) == 10
    who.play(BOWED, "walk")
    who.play(BOWED, "walk")
    assert len(who) == 30
    assert who.kinds.tolist() == ["stand"] * 20 + ["walk"] * 10


def test_a_height_given_too_low_is_raised_to_the_ground() -> None:
    who = performer(person=plain())
    who.play(UPRIGHT, "stand", height=np.full(20, 0.3))
    joints, _ = who.so_far()
    assert joints[..., 2].min() >= -1e-6


def test_a_leap_lifts_the_whole_body() -> None:
    who = performer(person=plain())
    who.play(UPRIGHT, "jump", lift=np.full(20, 0.4))
    joints, _ = who.so_far()
    assert joints[..., 2].min() == pytest.approx(0.4, abs=1e-5)


def test_resting_holds_the_last_posture_and_kind() -> None:
    who = performer(person=plain(), frames=60)
    who.play(BOWED, "fall")
    who.rest()
    joints, _ = who.so_far()
    assert len(who) == 60
    assert set(who.kinds) == {"fall"}
    np.testing.assert_allclose(of(joints, "pelvis")[-1], of(joints, "pelvis")[20], atol=1e-6)


def test_the_upper_body_is_restless_and_the_feet_are_not() -> None:
    who = performer(person=plain(), frames=100)
    who.play(np.repeat(posture()[None], 100, axis=0), "stand")
    joints, _ = who.so_far()
    assert np.ptp(of(joints, "nose"), axis=0).max() > 0.005
    assert np.ptp(of(joints, "left_toe"), axis=0).max() < 1e-5
    again, _ = who.so_far()
    np.testing.assert_array_equal(joints, again)
