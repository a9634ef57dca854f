"""Fighting: blows that reach, one who takes them, both facing each other."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from stages.simulation.fights import REACH, Beat, beats, fight
from stages.simulation.performance import Performance
from tests.simulation.movers import FPS, of, performer, plain

JAB = [Beat(begin=0.5, seconds=0.6, by=0, attack="jab", answer="hit", mirrored=False)]


def fighter(own: int, course: list[Beat], seconds: float = 2.0) -> Performance:
    """One of two who fight, at the origin and facing along x."""
    who = performer(own, person=plain())
    fight(who, own, course, seconds, towards=0.0)
    return who


def test_a_jab_reaches_the_other_and_comes_back() -> None:
    joints, _ = fighter(0, JAB).so_far()
    reach = of(joints, "left_hand")[:, 0] - of(joints, "pelvis")[:, 0]
    struck = round((0.5 + 0.45 * 0.6) * FPS)
    assert reach.argmax() == pytest.approx(struck, abs=2)
    assert reach.max() > 0.75 * REACH
    assert reach[-8] < 0.6 * reach.max()


def test_who_is_hit_throws_the_head_back_after_the_blow() -> None:
    joints, _ = fighter(1, JAB).so_far()
    head = of(joints, "nose")[:, 0] - of(joints, "pelvis")[:, 0]
    begin = int(0.5 * FPS)
    assert head[begin:].argmin() + begin > (0.5 + 0.45 * 0.6) * FPS
    assert head[begin:].min() < head[begin] - 0.1


def test_a_shove_drives_one_forward_and_the_other_back() -> None:
    shove = [Beat(begin=0.5, seconds=1.0, by=0, attack="shove", answer="hit", mirrored=False)]
    gone = []
    for own in (0, 1):
        joints, _ = fighter(own, shove, seconds=2.5).so_far()
        gone.append(of(joints, "pelvis")[-1, 0] - of(joints, "pelvis")[8, 0])
    assert gone[0] > 0.25
    assert gone[1] < -0.25


def test_a_course_goes_on_without_overlap_within_its_time() -> None:
    course = beats(6.0, np.random.default_rng(0))
    assert len(course) >= 5
    assert {beat.by for beat in course} == {0, 1}
    for one, then in pairwise(course):
        assert then.begin >= one.begin + one.seconds - 1e-9
    assert course[-1].begin < 6.0 - 0.9


def test_a_fight_is_a_fight_all_along_and_above_ground() -> None:
    who = fighter(0, beats(5.0, np.random.default_rng(1)), seconds=5.0)
    joints, _ = who.so_far()
    assert set(who.kinds) == {"fight"}
    assert len(who) == 100
    assert joints[..., 2].min() > -0.02
    assert of(joints, "crown")[:, 2].min() > 1.2
