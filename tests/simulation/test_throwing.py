"""Throwing: the thing is in the hand, then on a parabola, then at rest."""

from __future__ import annotations

import numpy as np
import pytest

from stages.simulation.actions import stand
from stages.simulation.throwing import carried, flown, throw
from stages.simulation.world import POINT, Floats, Prop, Shape
from tests.simulation.movers import FPS, of, performer, plain


def thrown(shape: Shape, *, again: bool = False) -> tuple[Floats, Prop, int, np.ndarray]:
    """Joints, the thing, the row of its release, and the kinds of somebody who throws and stands on."""
    who = performer(4, person=plain(), frames=160)
    stand(who, 0.5)
    throw(who, shape, slowness=1.2, speed=8.0, again=again)
    stand(who, 4.0)
    joints, heading = who.so_far()
    assert who.flying is not None
    _, side, released, _ = who.flying
    prop = flown(joints, heading, FPS, *who.flying)
    hand = joints[:released, POINT[f"{side}_hand"], :2]
    np.testing.assert_allclose(prop.place[:released, :2], hand, atol=1e-5)
    return joints, prop, released, who.kinds


@pytest.mark.parametrize("shape", ["ball", "bag"])
def test_a_thing_flies_ahead_freely_and_comes_to_rest(shape: Shape) -> None:
    _, prop, released, kinds = thrown(shape)
    assert kinds[released] == "throw"
    assert prop.shape == shape
    place = prop.place.astype(np.float64)
    assert np.isfinite(place).all()
    # Free fall: the second difference of the height is -g / fps².
    up = place[released : released + 6, 2]
    np.testing.assert_allclose(np.diff(up, n=2), -9.81 / FPS**2, atol=2e-3)
    assert place[-1, 0] - place[released, 0] > 3.0
    assert place[-1, 2] < 0.35
    assert place[:, 2].min() > 0.05


def test_a_ball_bounces_and_a_bag_does_not() -> None:
    rises = {}
    for shape in ("ball", "bag"):
        _, prop, released, _ = thrown("ball" if shape == "ball" else "bag")
        flight = prop.place[released:, 2]
        rises[shape] = int((np.diff(np.sign(np.diff(flight))) > 0).sum())
    assert rises["ball"] >= 2 > rises["bag"]


def test_the_arm_is_fast_when_it_lets_go_of_a_ball() -> None:
    joints, _, released, _ = thrown("ball")
    speed = np.maximum(*(
        np.linalg.norm(np.diff(of(joints, f"{side}_hand"), axis=0), axis=1) * FPS for side in ("left", "right")
    ))  # fmt: skip
    assert speed[released - 4 : released + 3].max() > 4.0
    assert speed[:8].max() < 1.0


def test_a_feint_takes_longer() -> None:
    once, twice = ((thrown("ball", again=again)[3] == "throw").sum() for again in (False, True))
    assert twice > once + 0.8 * FPS


def test_what_is_never_released_stays_in_the_hand() -> None:
    who = performer(1, person=plain(), frames=40)
    stand(who, 2.0)
    joints, heading = who.so_far()
    prop = flown(joints, heading, FPS, "ball", "left", 99, 8.0)
    np.testing.assert_allclose(prop.place[:, :2], of(joints, "left_hand")[:, :2], atol=1e-5)


def test_a_carried_bag_hangs_from_the_hand_and_above_ground() -> None:
    who = performer(1, person=plain(), frames=40)
    stand(who, 2.0)
    joints, heading = who.so_far()
    bag = carried(joints, heading, "right")
    np.testing.assert_allclose(bag.place[:, :2], of(joints, "right_hand")[:, :2], atol=1e-5)
    assert (bag.place[:, 2] < of(joints, "right_hand")[:, 2]).all()
    assert bag.place[:, 2].min() > 0.1
