"""The gait: curves as published, left against right, feet that stand, speeds that are reached."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from stages.simulation.body import ANGLE, as_joints, clearance, pose
from stages.simulation.gait import DUTY, Kind, Locomotion, cycle, flight, locomotion, step_rate, stride, support
from stages.simulation.world import POINT, Build, Floats
from tests.simulation.movers import assert_within_limits, slide

PHASE = np.arange(200) / 200
ONE = np.ones(200)
HEIGHT = 1.75


def moved(kind: Kind, speed: float, *, fps: float = 60.0, height: float = HEIGHT) -> tuple[Locomotion, Floats]:
    """Six seconds straight along x."""
    gait = locomotion(kind, np.full(round(6 * fps), speed), fps, height)
    points = pose(gait.angles, Build(height, 1.0))
    return gait, as_joints(points, np.stack([gait.advance, 0 * gait.advance], axis=1), gait.height)


def test_a_stride_repeats_without_a_seam() -> None:
    for kind in ("walk", "run"):
        first, again = (cycle(kind, np.array([phase]), np.ones(1)) for phase in (0.0, 1.0 - 1e-9))
        np.testing.assert_allclose(first, again, atol=1e-4)


def test_walking_angles_are_winters() -> None:
    angles = cycle("walk", PHASE, ONE)
    knee, ankle = angles[:, ANGLE["left_knee_flexion"]], angles[:, ANGLE["left_ankle_flexion"]]
    # The knee: 4° at contact, some 21° loaded, 64° at 70 % in swing; the ankle pushes off with some 20°.
    assert knee[0] == pytest.approx(4.0)
    assert knee[20:40].max() == pytest.approx(21.5, abs=1.0)
    assert knee.max() == pytest.approx(64.5, abs=1.5)
    assert PHASE[knee.argmax()] == pytest.approx(0.71, abs=0.03)
    assert ankle.min() == pytest.approx(-19.5, abs=1.5)


def test_running_bends_the_knee_at_contact_and_more_in_swing() -> None:
    walk, run = (cycle(kind, PHASE, ONE)[:, ANGLE["left_knee_flexion"]] for kind in ("walk", "run"))
    assert run[0] > walk[0]
    assert run.max() > 88
    assert run[:70].max() > 40


@pytest.mark.parametrize("kind", ["walk", "run"])
def test_right_does_what_left_did_half_a_cycle_before(kind: Kind) -> None:
    angles = cycle(kind, PHASE, ONE)
    for name in ("hip_flexion", "knee_flexion", "ankle_flexion", "shoulder_flexion", "elbow_flexion"):
        left, right = angles[:, ANGLE[f"left_{name}"]], angles[:, ANGLE[f"right_{name}"]]
        np.testing.assert_allclose(right, np.roll(left, -100), atol=1e-9)


@pytest.mark.parametrize("kind", ["walk", "run"])
def test_arms_swing_against_the_legs_of_their_side(kind: Kind) -> None:
    angles = cycle(kind, PHASE, ONE)
    for side in ("left", "right"):
        hip, shoulder = angles[:, ANGLE[f"{side}_hip_flexion"]], angles[:, ANGLE[f"{side}_shoulder_flexion"]]
        assert np.corrcoef(hip, shoulder)[0, 1] < -0.6


@pytest.mark.parametrize("kind", ["walk", "run"])
@pytest.mark.parametrize("amplitude", [0.3, 1.0, 1.4])
def test_no_joint_goes_beyond_its_limits(kind: Kind, amplitude: float) -> None:
    assert_within_limits(cycle(kind, PHASE, np.full(200, amplitude)))


def test_no_amplitude_is_standing_upright() -> None:
    np.testing.assert_array_equal(cycle("walk", PHASE, np.zeros(200)), np.zeros((200, len(ANGLE))))


def test_walkers_always_stand_on_something_and_runners_fly() -> None:
    np.testing.assert_allclose(support("walk", PHASE).sum(axis=1), 1.0)
    # Each foot is down for 37 % of the cycle, so that nothing is for 26 %.
    assert (support("run", PHASE).sum(axis=1) == 0).mean() == pytest.approx(1 - 2 * DUTY["run"], abs=0.011)


@pytest.mark.parametrize("kind", ["walk", "run"])
def test_longer_strides_need_more_amplitude(kind: Kind) -> None:
    table = stride(kind)
    assert (np.diff(table.lengths) > 0).all()
    wanted = np.array([0.2, 0.5, 0.9])
    reached = np.interp(table.amplitude_of(wanted), table.AMPLITUDES, table.lengths)
    np.testing.assert_allclose(reached, wanted, atol=1e-9)


def test_step_rates_are_those_people_choose() -> None:
    # Walk ratio 0.0064 m/(steps/min): at 1.4 m/s sqrt(1.4/60/0.0064) ... = 1.909 steps/s, 115 a minute.
    assert step_rate("walk", np.array([1.4]), 1.75)[0] == pytest.approx(np.sqrt(1.4 / (60 * 0.0064)))
    assert 60 * step_rate("walk", np.array([1.4]), 1.75)[0] == pytest.approx(114.6, abs=0.1)
    assert step_rate("run", np.array([3.0]), 1.75)[0] == pytest.approx(2.66)
    for kind in ("walk", "run"):
        assert step_rate(kind, np.array([1.4]), 1.2)[0] > step_rate(kind, np.array([1.4]), 1.75)[0]


@pytest.mark.parametrize(
    ("kind", "speed"), [("walk", 0.6), ("walk", 1.0), ("walk", 1.4), ("walk", 1.9), ("run", 2.0), ("run", 3.9)]
)
@pytest.mark.parametrize("height", [1.2, 1.75, 1.95])
def test_the_wanted_speed_is_reached(kind: Kind, speed: float, height: float) -> None:
    gait, _ = moved(kind, speed, height=height)
    assert gait.advance[-1] / (359 / 60) == pytest.approx(speed, rel=0.04)


@pytest.mark.parametrize(("kind", "speed"), [("walk", 0.7), ("walk", 1.3), ("walk", 1.8), ("run", 2.2), ("run", 3.2)])
def test_feet_stand_on_the_ground_while_they_carry(kind: Kind, speed: float) -> None:
    gait, joints = moved(kind, speed)
    low = clearance(np.asarray(joints, dtype=np.float64), Build(HEIGHT, 1.0)).min(axis=1)
    # The table alone; a performance lifts whatever is left under ground.
    assert low.min() > -0.03
    if kind == "walk":
        assert low.max() < 0.02
    carried = support(kind, gait.phase)
    for side, weight in zip(("left", "right"), carried.T, strict=True):
        foot = joints[:, [POINT[f"{side}_heel"], POINT[f"{side}_toe"]]]
        for begin, end in pairwise(np.flatnonzero(np.diff((weight > 0.9).astype(int)))):
            if weight[begin + 1] <= 0.9:
                continue
            grounded = foot[begin + 1 : end + 1]
            lower = int(grounded[:, :, 2].mean(axis=0).argmin())
            assert np.ptp(grounded[:, lower, 0]) < 0.05


@pytest.mark.parametrize("speed", [1.3, 1.9])
def test_the_foot_that_carries_hardly_slides(speed: float) -> None:
    _, joints = moved("walk", speed)
    assert slide(joints) < 0.05


def test_speed_zero_stands_and_moves_nothing() -> None:
    gait = locomotion("walk", np.zeros(30), 20.0, HEIGHT)
    np.testing.assert_array_equal(gait.advance, np.zeros(30))
    assert np.ptp(gait.angles) == 0.0


def test_a_runner_in_the_air_falls_freely() -> None:
    # At 1 cycle per second the flight of 0.13 cycles lasts 0.13 s: in its middle g/2 · 0.065² = 2.07 cm high.
    phase = np.array([0.2, 0.37, 0.435, 0.5])
    np.testing.assert_allclose(flight(phase, np.ones(4)), [0, 0, 0.5 * 9.81 * 0.065**2, 0], atol=1e-12)


def test_habits_of_cadence_keep_the_speed_and_change_the_steps() -> None:
    quick, slow = (locomotion("walk", np.full(120, 1.2), 20.0, HEIGHT, cadence=cadence) for cadence in (1.08, 0.92))
    assert quick.phase[-1] > 1.1 * slow.phase[-1]
    assert quick.advance[-1] == pytest.approx(slow.advance[-1], rel=0.03)


def test_the_walking_knee_bends_as_measured() -> None:
    # Mean knee flexion, degrees, at every tenth of the cycle: Schwartz, Rozumalski & Trost, 2008.
    measured = (5.5, 18.9, 16.9, 10.8, 6.8, 11.6, 34.1, 59.4, 50.8, 19.0)
    phase = np.arange(10) / 10.0
    knee = cycle("walk", phase, np.ones(10))[:, ANGLE["left_knee_flexion"]]
    np.testing.assert_allclose(knee, measured, atol=8.0)
