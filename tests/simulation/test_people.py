"""Who is about: the stated rates, and habits that leave the legs alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from stages.simulation.body import ANGLE
from stages.simulation.gait import cycle
from stages.simulation.people import HANDS, Hands, somebody, standing, with_habits
from tests.simulation.movers import assert_within_limits, plain

CROWD = [somebody(np.random.default_rng(seed)) for seed in range(2000)]
WALK = cycle("walk", np.arange(100) / 100, np.ones(100))


def test_people_are_as_tall_quick_and_stout_as_stated() -> None:
    heights = np.array([person.build.height for person in CROWD])
    assert 1.15 <= heights.min() < 1.2
    assert 1.93 < heights.max() <= 1.98
    assert (heights < 1.46).mean() == pytest.approx(0.07, abs=0.02)
    assert not ((heights > 1.45) & (heights < 1.48)).any()
    paces = np.array([person.pace for person in CROWD])
    assert 0.6 <= paces.min() < 0.7
    assert 1.8 < paces.max() <= 1.9
    assert {person.bag for person in CROWD} == {"left", "right", None}


def test_hands_are_used_at_their_rates_and_none_carries_two_things_in_one() -> None:
    assert sum(HANDS.values()) == pytest.approx(1.0)
    seen = Counter(person.hands for person in CROWD)
    for hands, rate in HANDS.items():
        assert seen[hands] / len(CROWD) == pytest.approx(rate, abs=0.025)
    assert not any(person.bag for person in CROWD if person.hands in {"crossed", "behind", "load"})


def test_the_same_draw_gives_the_same_person() -> None:
    assert somebody(np.random.default_rng(5)) == somebody(np.random.default_rng(5))
    assert somebody(np.random.default_rng(5)) != somebody(np.random.default_rng(6))


@pytest.mark.parametrize("hands", list(HANDS))
def test_habits_bend_no_joint_too_far_and_leave_the_legs_alone(hands: Hands) -> None:
    for person in CROWD[:60]:
        angles = with_habits(WALK, replace(person, hands=hands))
        assert_within_limits(angles, slack=4.0)
        for name in ("left_knee_flexion", "right_hip_flexion", "left_ankle_flexion"):
            np.testing.assert_array_equal(angles[:, ANGLE[name]], WALK[:, ANGLE[name]])


def test_an_arm_with_a_bag_swings_less() -> None:
    person = plain()
    free, laden = (with_habits(WALK, replace(person, bag=bag)) for bag in (None, "left"))
    for side, share in (("left", 0.5), ("right", 1.01)):
        column = ANGLE[f"{side}_shoulder_flexion"]
        assert np.ptp(laden[:, column]) <= share * np.ptp(free[:, column])


def test_a_phone_is_held_in_the_hand_that_carries_no_bag() -> None:
    angles = standing(replace(plain(), hands="phone", bag="right"))
    assert angles[ANGLE["left_elbow_flexion"]] == 105.0
    assert angles[ANGLE["right_elbow_flexion"]] < 30.0
    assert angles[ANGLE["head_flexion"]] > 20.0


def test_who_stands_has_nearly_straight_legs() -> None:
    assert 0.0 < standing(plain())[ANGLE["left_knee_flexion"]] < 6.0
