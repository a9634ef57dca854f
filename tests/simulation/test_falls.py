"""Falling: every way down ends low and flat, on the side it should, and getting up ends standing."""

from __future__ import annotations

import numpy as np
import pytest

from stages.simulation.body import ANGLE, posture
from stages.simulation.falls import WAYS, fall, mirrored
from tests.simulation.movers import FPS, bone_lengths, of, performer, plain


@pytest.mark.parametrize("way", list(WAYS))
def test_who_falls_lies_flat(way: str) -> None:
    who = performer(2, person=plain())
    fall(who, way, slowness=1.0, lying=2.0, rises=False)
    joints, _ = who.so_far()
    assert set(who.kinds) == {"fall"}
    assert of(joints, "crown")[0, 2] > 1.7
    assert of(joints, "crown")[-1, 2] < 0.6
    assert of(joints, "pelvis")[-1, 2] < 0.35
    assert joints[..., 2].min() > -0.02
    lengths = bone_lengths(joints)
    np.testing.assert_allclose(lengths, np.repeat(lengths[:1], len(lengths), axis=0), atol=1e-4)


def test_the_ways_end_on_the_belly_the_back_and_the_side() -> None:
    ends = {}
    for way in WAYS:
        who = performer(2, person=plain())
        fall(who, way, slowness=1.0, lying=1.0, rises=False)
        joints, _ = who.so_far()
        ends[way] = of(joints, "neck")[-1] - of(joints, "pelvis")[-1]
    assert ends["forward"][0] > 0.4
    assert ends["backward"][0] < -0.4
    assert abs(ends["sideways"][1]) > 0.4


@pytest.mark.parametrize("way", list(WAYS))
def test_who_gets_up_stands_again(way: str) -> None:
    who = performer(2, person=plain(), frames=300)
    fall(who, way, slowness=1.0, lying=1.0, rises=True)
    joints, _ = who.so_far()
    assert of(joints, "crown")[:, 2].min() < 0.6
    assert of(joints, "crown")[-1, 2] > 1.65


def test_a_slow_fall_takes_longer() -> None:
    down = []
    for slowness in (0.8, 1.7):
        who = performer(2, person=plain())
        fall(who, "forward", slowness=slowness, lying=3.0, rises=False)
        joints, _ = who.so_far()
        down.append(int(np.flatnonzero(of(joints, "neck")[:, 2] < 0.5)[0]))
    assert down[1] > 1.6 * down[0]
    assert down[0] > 0.4 * FPS


def test_who_trips_walking_is_carried_on() -> None:
    far = []
    for pace in (0.0, 1.8):
        who = performer(2, person=plain(), pace=pace)
        fall(who, "forward", slowness=1.0, lying=1.0, rises=False)
        joints, _ = who.so_far()
        far.append(of(joints, "pelvis")[-1, 0])
    # A quarter of a second of 1.8 m/s.
    assert far[1] - far[0] == pytest.approx(0.45, abs=0.05)


def test_no_two_fall_alike() -> None:
    ends = []
    for seed in (1, 2):
        who = performer(seed, person=plain())
        fall(who, "forward", slowness=1.0, lying=1.0, rises=False)
        ends.append(who.so_far()[0][25])
    assert np.abs(ends[0] - ends[1]).max() > 0.03


def test_mirroring_exchanges_sides_and_turns_and_is_its_own_inverse() -> None:
    shape = posture(left_knee_flexion=50.0, right_knee_flexion=10.0, pelvis_list=30.0, pelvis_tilt=20.0, head_turn=-5.0)
    other = mirrored(shape)
    assert (other[ANGLE["left_knee_flexion"]], other[ANGLE["right_knee_flexion"]]) == (10.0, 50.0)
    assert (other[ANGLE["pelvis_list"]], other[ANGLE["pelvis_tilt"]], other[ANGLE["head_turn"]]) == (-30.0, 20.0, 5.0)
    np.testing.assert_array_equal(mirrored(other), shape)
