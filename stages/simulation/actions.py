"""What people do everywhere: walk and run along routes, stand, talk, bend down, sit, tie a shoe."""

from __future__ import annotations

import numpy as np

from stages.simulation.body import ANGLE, Array, posture
from stages.simulation.gait import Kind, locomotion
from stages.simulation.people import Person, standing, with_habits
from stages.simulation.performance import Performance, keyed
from stages.simulation.routes import along

GATHER = 1.6
"""m/s²: how quickly people set off and stop."""
_QUICKEST: dict[Kind, float] = {"walk": 2.1, "run": 4.5}
"""m/s at which a gait begins at most, whatever the pace was before."""


def travel(
    who: Performance,
    line: Array,
    pace: float,
    *,
    kind: Kind = "walk",
    label: str | None = None,
    stops: bool = False,
    seconds: float | None = None,
) -> None:
    """Walk or run along a route.

    Args:
        who: goes.
        line: `(N, 2)` m, where.
        pace: m/s.
        kind: which gait.
        label: what it counts as, if not as the gait: to and fro is loitering.
        stops: whether to come to a stand at its end.
        seconds: how long at most.
    """
    length = float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
    speed = _speeds(who, kind, length, pace, stops=stops)
    if seconds is not None:
        speed = speed[: who.rows(seconds)]
    if not len(speed):
        return
    person = who.person
    gait = locomotion(kind, speed, who.fps, person.build.height, who.phase, person.cadence)
    ground, heading = along(line, gait.advance)
    angles = with_habits(gait.angles, person) if kind == "walk" else _running(gait.angles, person)
    who.play(angles, label or kind, ground=ground, heading=heading, height=gait.height)
    who.phase, who.pace = float(gait.phase[-1]), 0.0 if stops else float(speed[-1])


def _speeds(who: Performance, kind: Kind, length: float, pace: float, *, stops: bool) -> Array:
    """m/s at each frame until the route's end: from the present pace to the wanted one, and to 0 if one stops."""
    first, last = min(who.pace, _QUICKEST[kind]), 0.0 if stops else pace
    gathering, slowing = abs(pace - first) / GATHER, abs(pace - last) / GATHER
    lost = (pace - first) / 2.0 * gathering + (pace - last) / 2.0 * slowing
    seconds = (length + lost) / pace
    time = np.arange(min(who.left, max(2, round(seconds * who.fps)))) / who.fps
    up = np.clip(time / max(gathering, 1e-6), 0.0, 1.0)
    down = np.clip((seconds - time) / max(slowing, 1e-6), 0.0, 1.0)
    wave = 1.0 + 0.04 * np.sin(2 * np.pi * (time / who.draw.uniform(3.0, 6.0) + who.draw.random()))
    return np.asarray((first + (pace - first) * up) * (down if stops else 1.0) * wave)


def _running(angles: Array, person: Person) -> Array:
    """A run as this person runs it."""
    own = angles.copy()
    for side, swing in zip(("left", "right"), person.swing, strict=True):
        own[:, ANGLE[f"{side}_shoulder_flexion"]] *= 0.6 + 0.4 * swing
        own[:, ANGLE[f"{side}_elbow_flexion"]] *= 0.95
        own[:, ANGLE[f"{side}_elbow_flexion"]] += person.bend
        own[:, ANGLE[f"{side}_shoulder_abduction"]] += 12.0
        own[:, ANGLE[f"{side}_shoulder_rotation"]] += 28.0
    own[:, ANGLE["trunk_flexion"]] += person.lean
    own[:, ANGLE["head_flexion"]] += 0.5 * person.nod - 3.0
    return own


def stand(who: Performance, seconds: float, *, towards: float | None = None, label: str = "stand") -> None:
    """Stand, shifting weight now and then and looking about.

    Args:
        who: stands.
        seconds: how long.
        towards: rad, whom to face; else as before.
        label: what it counts as.
    """
    rows = who.rows(seconds)
    angles = np.repeat(standing(who.person)[None], rows, axis=0)
    weight = _wander(who, rows, 2.5)
    angles[:, ANGLE["pelvis_list"]] += 3.0 * weight
    for side, sign in (("left", -1.0), ("right", 1.0)):
        angles[:, ANGLE[f"{side}_hip_abduction"]] += sign * 3.0 * weight
        bent = np.clip(sign * weight, 0.0, None)
        angles[:, ANGLE[f"{side}_knee_flexion"]] += 9.0 * bent
        angles[:, ANGLE[f"{side}_hip_flexion"]] += 4.5 * bent
        angles[:, ANGLE[f"{side}_ankle_flexion"]] += 4.5 * bent
    angles[:, ANGLE["trunk_bend"]] -= 3.0 * weight
    angles[:, ANGLE["head_turn"]] += np.clip(18.0 * _wander(who, rows, 1.2), -55.0, 55.0)
    heading = None if towards is None else np.full(rows, towards)
    who.play(angles, label, heading=heading, blend=0.7)
    who.pace = 0.0


def talk(who: Performance, seconds: float, *, towards: float) -> None:
    """Stand and talk with the hands.

    Args:
        who: talks.
        seconds: how long.
        towards: rad, whom to face.
    """
    rows = who.rows(seconds)
    angles = np.repeat(standing(who.person)[None], rows, axis=0)
    for side in ("left", "right"):
        if who.person.bag == side:
            continue
        raised = np.clip(0.5 + 0.7 * _wander(who, rows, 0.8), 0.0, 1.3)
        moved = _wander(who, rows, 0.35)
        # Now and then an arm points somewhere or waves, as high as the head.
        pointing = np.clip(_wander(who, rows, 1.4) - 0.8, 0.0, 1.0)
        angles[:, ANGLE[f"{side}_shoulder_flexion"]] += raised * (22.0 + 9.0 * moved) + 65.0 * pointing
        angles[:, ANGLE[f"{side}_shoulder_rotation"]] += raised * 14.0 * _wander(who, rows, 0.4)
        angles[:, ANGLE[f"{side}_elbow_flexion"]] += raised * (55.0 + 18.0 * moved)
    angles[:, ANGLE["head_flexion"]] += np.clip(5.0 * _wander(who, rows, 0.35), -10.0, 15.0)
    angles[:, ANGLE["trunk_twist"]] += 3.0 * _wander(who, rows, 0.9)
    who.play(angles, "stand", heading=np.full(rows, towards), blend=0.7)
    who.pace = 0.0


STOOPING = posture(
    trunk_flexion=52.0, pelvis_tilt=28.0, hip_flexion=60.0, knee_flexion=48.0, ankle_flexion=16.0,
    left_shoulder_flexion=30.0, right_shoulder_flexion=88.0, elbow_flexion=12.0, head_flexion=-18.0,
)  # fmt: skip
"""Bent down to pick something up."""
CROUCHING = posture(
    trunk_flexion=42.0, pelvis_tilt=22.0, left_hip_flexion=112.0, left_knee_flexion=112.0, left_ankle_flexion=22.0,
    right_hip_flexion=62.0, right_knee_flexion=128.0, right_ankle_flexion=-12.0, shoulder_flexion=58.0,
    shoulder_rotation=25.0, elbow_flexion=28.0, head_flexion=10.0,
)  # fmt: skip
"""Down on one knee at a shoe."""


def stoop(who: Performance, seconds: float, *, crouched: bool) -> None:
    """Bend down and come up again: normal, though as low as many a fall.

    Args:
        who: does so.
        seconds: how long, down and up together.
        crouched: on one knee as for a shoe, else bent as for something on the ground.
    """
    rest, low = standing(who.person), CROUCHING if crouched else STOOPING
    down = min(0.35 * seconds, 1.1)
    moments = [(0.0, rest), (down, low), (seconds - down, low), (seconds, rest)]
    angles = keyed(moments, who.rows(seconds), who.fps)
    who.play(angles, "stand")
    who.pace = 0.0


_SEATED = posture(
    pelvis_tilt=-6, trunk_flexion=10, hip_flexion=82, knee_flexion=86, ankle_flexion=-2, hip_abduction=7,
    shoulder_flexion=26, shoulder_rotation=30, elbow_flexion=52, head_flexion=8,
)  # fmt: skip
_HALFWAY = posture(
    pelvis_tilt=18, trunk_flexion=30, hip_flexion=82, knee_flexion=80, ankle_flexion=18, hip_abduction=6,
    shoulder_flexion=30, elbow_flexion=40,
)  # fmt: skip


def sit(who: Performance, seconds: float, *, heading: float) -> None:
    """Sit down on what is behind, stay, and get up again.

    Args:
        who: sits.
        seconds: seated.
        heading: rad, to face.
    """
    rest, turning = standing(who.person), 0.8
    shapes = (rest, rest, _HALFWAY, _SEATED, _SEATED, _HALFWAY, rest)
    times = np.cumsum([0.0, turning, 0.6, 0.7, seconds, 0.6, 0.6])
    rows = who.rows(float(times[-1]))
    angles = keyed(list(zip(times.tolist(), shapes, strict=True)), rows, who.fps)
    angles[:, ANGLE["head_turn"]] += np.clip(14.0 * _wander(who, rows, 1.5), -45.0, 45.0)
    who.play(angles, "stand", heading=np.full(rows, heading), blend=turning)
    who.pace = 0.0


def _wander(who: Performance, rows: int, seconds: float) -> Array:
    """A smooth random course `(rows,)` about 0, of spread about 1, that changes within so many seconds."""
    knots = who.draw.normal(size=3 + int(rows / (who.fps * seconds)))
    angles = np.linspace(0.0, len(knots) - 1.0, rows) if rows > 1 else np.zeros(1)
    low = np.minimum(angles.astype(int), len(knots) - 2)
    part = angles - low
    ease = part**2 * (3.0 - 2.0 * part)
    return np.asarray(knots[low] * (1.0 - ease) + knots[low + 1] * ease)
