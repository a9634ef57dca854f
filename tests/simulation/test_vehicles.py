"""Riding and gliding: feet on pedals, hands on bars, boards under feet, speed as wanted."""

from __future__ import annotations

import numpy as np
import pytest

from stages.simulation.body import ANGLE
from stages.simulation.performance import Performance
from stages.simulation.vehicles import BRACKET, CRANK, Glider, glide, ride
from tests.simulation.movers import FPS, assert_within_limits, of, performer, plain, straight


def rider(*, height: float = 1.75, upright: float = 0.5, coasts: bool = False) -> Performance:
    """Somebody who cycles along x."""
    who = performer(1, person=plain(height))
    ride(who, straight(30.0), 4.0, upright=upright, coasts=coasts)
    return who


@pytest.mark.parametrize("height", [1.25, 1.75, 1.95])
@pytest.mark.parametrize("upright", [0.0, 1.0])
def test_a_bicycle_fits_its_rider(height: float, upright: float) -> None:
    who = rider(height=height, upright=upright)
    joints, _ = who.so_far()
    angles = np.concatenate(who._angles)
    assert_within_limits(angles, slack=1.0)
    # The lowest pedal is 11 cm above ground; the leg is bent some 20 … 45° there and never straight.
    knee = angles[:, ANGLE["left_knee_flexion"]]
    assert 15 < knee.min() < 45
    assert knee.max() < 140
    pedal = of(joints, "left_toe")[:, 2]
    assert pedal.min() > 0.03
    assert np.ptp(pedal) == pytest.approx(2 * CRANK * height / 1.75, abs=0.09)


def test_the_pedals_are_opposite_and_the_pelvis_is_still() -> None:
    joints, _ = rider().so_far()
    left, right = (of(joints, f"{side}_ankle")[:, 2] for side in ("left", "right"))
    assert np.corrcoef(left, right)[0, 1] < -0.9
    assert np.ptp(of(joints, "pelvis")[:, 2]) < 1e-3
    assert of(joints, "pelvis")[0, 2] > BRACKET + 0.5


def test_hands_reach_ahead_and_stay_on_the_bars() -> None:
    joints, _ = rider().so_far()
    for side in ("left", "right"):
        hand = of(joints, f"{side}_hand") - of(joints, "pelvis")
        assert hand[:, 0].min() > 0.4
        assert np.ptp(hand, axis=0).max() < 0.12


def test_a_bicycle_is_under_its_rider_and_goes_at_its_pace() -> None:
    who = rider()
    joints, _ = who.so_far()
    (bicycle,) = who.props
    assert bicycle.shape == "bicycle"
    assert bicycle.place.shape == (len(who), 3)
    assert np.linalg.norm(np.diff(bicycle.place, axis=0), axis=1) * FPS == pytest.approx(4.0, rel=0.01)
    behind = bicycle.place[:, 0] - of(joints, "pelvis")[:, 0]
    assert behind == pytest.approx(0.11 * 1.75, abs=0.02)


def test_who_coasts_stops_pedalling_halfway() -> None:
    joints, _ = rider(coasts=True).so_far()
    ankle = of(joints, "left_ankle") - of(joints, "pelvis")
    assert np.ptp(ankle[: len(ankle) // 3, 2]) > 0.2
    assert np.ptp(ankle[-len(ankle) // 3 :, 2]) < 0.01


@pytest.mark.parametrize("on", ["skates", "board", "scooter"])
def test_gliders_move_with_hardly_moving_legs(on: Glider) -> None:
    who = performer(1, person=plain(), frames=300)
    glide(who, straight(12.0), 1.6, on=on)
    joints, _ = who.so_far()
    pelvis = of(joints, "pelvis")
    assert (pelvis[-1, 0] - pelvis[0, 0]) / ((len(who) - 1) / FPS) == pytest.approx(1.6, rel=0.03)
    for side in ("left", "right"):
        # A walker's ankle swings some 0.7 m to and fro under the body.
        assert np.ptp((of(joints, f"{side}_ankle") - pelvis)[:, 0]) < 0.3
    assert set(who.kinds) == {"glide"}
    assert [prop.shape for prop in who.props] == ([] if on == "skates" else ["board"])
    assert joints[..., 2].min() == pytest.approx(0.0 if on == "skates" else 0.11, abs=0.02)


def test_a_boarder_stands_sideways_and_looks_ahead() -> None:
    who = performer(1, person=plain())
    glide(who, straight(12.0), 2.0, on="board")
    joints, _ = who.so_far()
    across = of(joints, "left_hip") - of(joints, "right_hip")
    assert abs(across[5, 0]) > abs(across[5, 1])
    ahead = of(joints, "nose") - of(joints, "neck")
    assert ahead[5, 0] > 0.02
