"""What people do everywhere: they get where they go at their pace, and stand, talk, stoop and sit like people."""

from __future__ import annotations

import numpy as np
import pytest

from stages.simulation.actions import sit, stand, stoop, talk, travel
from tests.simulation.movers import FPS, of, performer, plain, slide, straight


@pytest.mark.parametrize("pace", [0.7, 1.3, 1.9])
def test_a_walk_reaches_its_pace_and_its_end(pace: float) -> None:
    who = performer(person=plain(), pace=pace, frames=400)
    travel(who, straight(6.0), pace)
    joints, heading = who.so_far()
    assert of(joints, "pelvis")[-1, 0] == pytest.approx(6.0, abs=0.25)
    assert of(joints, "pelvis")[-1, 0] / (len(who) / FPS) == pytest.approx(pace, rel=0.08)
    assert slide(joints) < 0.1
    np.testing.assert_allclose(heading, 0.0, atol=1e-9)
    assert set(who.kinds) == {"walk"}


def test_who_stops_sets_off_from_standing_and_comes_to_a_stand() -> None:
    who = performer(person=plain(), frames=400)
    travel(who, straight(4.0), 1.3, stops=True)
    joints, _ = who.so_far()
    speed = np.diff(of(joints, "pelvis")[:, 0]) * FPS
    assert speed[:3].max() < 0.5
    assert speed[-3:].max() < 0.5
    assert speed[20:40].mean() == pytest.approx(1.3, rel=0.1)
    assert of(joints, "pelvis")[-1, 0] == pytest.approx(4.0, abs=0.2)
    assert who.pace == 0.0


def test_a_run_flies_and_a_walk_does_not() -> None:
    lowest = {}
    for kind, pace in (("walk", 1.5), ("run", 3.2)):
        who = performer(person=plain(), pace=pace)
        travel(who, straight(9.0), pace, kind="run" if kind == "run" else "walk")
        joints, _ = who.so_far()
        lowest[kind] = joints[..., 2].min(axis=1)
        assert set(who.kinds) == {kind}
    assert lowest["walk"].max() < 0.01
    assert lowest["run"].max() > 0.02


def test_a_run_that_becomes_a_walk_does_not_walk_as_fast_as_it_ran() -> None:
    who = performer(person=plain(), pace=3.5, frames=300)
    travel(who, straight(6.0), 3.5, kind="run")
    ran = len(who)
    travel(who, straight(20.0)[120:], 1.2)
    joints, _ = who.so_far()
    speed = np.diff(of(joints, "pelvis")[:, 0]) * FPS
    assert speed[: ran - 1].mean() > 3.0
    assert np.convolve(speed[ran:], np.ones(10) / 10, mode="valid").max() < 2.4


def test_going_on_takes_up_the_step() -> None:
    who = performer(person=plain(), pace=1.3)
    travel(who, straight(3.0), 1.3)
    phase = who.phase
    travel(who, straight(6.0)[60:], 1.3, label="loiter")
    assert who.phase > phase > 1.0
    assert set(who.kinds) == {"walk", "loiter"}


def test_a_walk_lasts_no_longer_than_it_may() -> None:
    who = performer(person=plain(), pace=1.3)
    travel(who, straight(9.0), 1.3, seconds=1.0)
    assert len(who) == 20


def test_who_stands_stays_and_turns_to_whom_it_faces() -> None:
    who = performer(person=plain())
    stand(who, 4.0, towards=np.pi / 2)
    stand(who, 2.0)
    joints, heading = who.so_far()
    assert heading[-1] == pytest.approx(np.pi / 2, abs=0.01)
    assert np.ptp(of(joints, "pelvis")[:, :2], axis=0).max() < 0.2
    assert of(joints, "pelvis")[:, 2].min() > 0.85
    assert np.ptp(of(joints, "nose")[:, :2], axis=0).max() > 0.01


def test_who_talks_moves_the_hands_more_than_who_stands() -> None:
    spans = {}
    for name in ("talk", "stand"):
        who = performer(3, person=plain())
        if name == "talk":
            talk(who, 8.0, towards=0.0)
        else:
            stand(who, 8.0)
        joints, _ = who.so_far()
        spans[name] = np.ptp(of(joints, "left_wrist") - of(joints, "left_shoulder"), axis=0).max()
        assert set(who.kinds) == {"stand"}
    assert spans["talk"] > 2 * spans["stand"]
    assert spans["talk"] > 0.15


@pytest.mark.parametrize("crouched", [False, True])
def test_who_stoops_goes_low_and_comes_up_again(crouched: bool) -> None:
    who = performer(person=plain())
    stand(who, 0.5)
    stoop(who, 3.0, crouched=crouched)
    joints, _ = who.so_far()
    head = of(joints, "crown")[:, 2]
    assert head[20:50].min() < 1.25
    assert head[-1] > 1.65
    assert min(of(joints, f"{side}_hand")[:, 2].min() for side in ("left", "right")) < 0.5
    # The body stays over the feet.
    middle = 0.5 * (of(joints, "neck") + of(joints, "pelvis"))[:, 0]
    assert (middle < of(joints, "left_toe")[:, 0].max() + 0.3).all()


def test_who_sits_has_the_seat_behind_and_knee_high() -> None:
    who = performer(person=plain())
    sit(who, 3.0, heading=0.0)
    joints, _ = who.so_far()
    seated = joints[int(3.0 * FPS)]
    assert of(seated[None], "pelvis")[0, 2] == pytest.approx(0.5, abs=0.08)
    assert of(seated[None], "pelvis")[0, 0] < -0.25
    assert of(joints, "crown")[-1, 2] > 1.65
