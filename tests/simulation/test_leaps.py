"""Jumping: as high as wanted, freely falling, from and to the same feet."""

from __future__ import annotations

import numpy as np
import pytest

from stages.simulation.body import ANGLE, posture
from stages.simulation.leaps import jump
from tests.simulation.movers import FPS, of, performer, plain


def feet(height: float, *, ahead: float = 0.0, times: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The lowest point's height and the pelvis' course of jumps."""
    who = performer(1, person=plain(), frames=300)
    jump(who, [height] * times, ahead=ahead, swing=1.0)
    joints, _ = who.so_far()
    assert set(who.kinds) == {"jump"}
    return joints[..., 2].min(axis=1), of(joints, "pelvis")


@pytest.mark.parametrize("height", [0.15, 0.4])
def test_a_jump_is_as_high_and_as_long_as_gravity_has_it(height: float) -> None:
    low, _ = feet(height)
    assert low.max() == pytest.approx(height, rel=0.08)
    # Up and down: 2 sqrt(2 h / g).
    assert (low > 0.001).sum() / FPS == pytest.approx(2 * np.sqrt(2 * height / 9.81), abs=0.11)


def test_jumping_again_and_again_flies_as_often() -> None:
    low, _ = feet(0.25, times=3)
    assert int((np.diff((low > 0.01).astype(int)) == 1).sum()) == 3


def test_a_jump_forward_gets_on_while_in_the_air() -> None:
    _, here = feet(0.3)
    _, there = feet(0.3, ahead=1.5)
    # 1.5 m/s for 2 sqrt(0.6 / 9.81) = 0.49 s.
    assert there[-1, 0] - here[-1, 0] == pytest.approx(0.74, abs=0.08)


def test_arms_join_in_as_much_as_they_should() -> None:
    raised = []
    for swing in (0.1, 1.0):
        who = performer(1, person=plain())
        jump(who, [0.2], ahead=0.0, swing=swing)
        joints, _ = who.so_far()
        raised.append((of(joints, "left_wrist")[:, 2] - of(joints, "left_shoulder")[:, 2]).max())
    assert raised[1] > 0.1 > raised[0]


def test_standing_has_the_arms_down() -> None:
    assert posture()[ANGLE["left_shoulder_flexion"]] == 0.0
