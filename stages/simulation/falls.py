"""Falling: tripping forward, slipping backward, tipping over sideways, sinking down; lying; getting up.

The ways and their durations are those seen in filmed falls of older people (Robinovitch et al., "Video capture of the
circumstances of falls", Lancet 2013): 0.7 s for a trip to 2 s for somebody who sinks down. One faller in three gets up.
"""

from __future__ import annotations

import numpy as np

from stages.simulation.body import ANGLE, Array, posture
from stages.simulation.crawling import ON_ALL_FOURS
from stages.simulation.people import standing
from stages.simulation.performance import Performance, keyed

Moments = list[tuple[float, Array]]

_FORWARD: Moments = [
    (0.25, posture(pelvis_tilt=14, trunk_flexion=18, left_hip_flexion=42, left_knee_flexion=50, right_hip_flexion=4,
                   right_knee_flexion=24, ankle_flexion=12, shoulder_flexion=45, elbow_flexion=30)),
    (0.55, posture(pelvis_tilt=46, trunk_flexion=18, left_hip_flexion=68, left_knee_flexion=85, right_hip_flexion=32,
                   right_knee_flexion=62, ankle_flexion=4, shoulder_flexion=95, elbow_flexion=32, head_flexion=-20)),
    (0.85, posture(pelvis_tilt=78, trunk_flexion=4, left_hip_flexion=38, left_knee_flexion=62, right_hip_flexion=18,
                   right_knee_flexion=40, ankle_flexion=-30, shoulder_flexion=105, elbow_flexion=48, head_flexion=-35)),
    (1.15, posture(pelvis_tilt=90, left_hip_flexion=12, left_knee_flexion=22, right_hip_flexion=2, right_knee_flexion=8,
                   ankle_flexion=-45, left_shoulder_flexion=150, right_shoulder_flexion=120, shoulder_abduction=30,
                   elbow_flexion=70, head_flexion=-15, head_turn=40)),
]  # fmt: skip
_BACKWARD: Moments = [
    (0.25, posture(pelvis_tilt=-8, trunk_flexion=22, left_hip_flexion=48, left_knee_flexion=30, right_hip_flexion=30,
                   right_knee_flexion=48, ankle_flexion=8, shoulder_flexion=62, shoulder_abduction=35,
                   elbow_flexion=30)),
    (0.6, posture(pelvis_tilt=-28, trunk_flexion=26, left_hip_flexion=92, left_knee_flexion=70, right_hip_flexion=82,
                  right_knee_flexion=88, shoulder_flexion=-38, shoulder_abduction=20, elbow_flexion=28,
                  head_flexion=25)),
    (0.95, posture(pelvis_tilt=-70, trunk_flexion=10, left_hip_flexion=78, left_knee_flexion=56, right_hip_flexion=62,
                   right_knee_flexion=70, shoulder_flexion=-20, shoulder_abduction=42, elbow_flexion=40,
                   head_flexion=25)),
    (1.3, posture(pelvis_tilt=-90, left_hip_flexion=18, left_knee_flexion=28, right_hip_flexion=38,
                  right_knee_flexion=66, ankle_flexion=-20, left_shoulder_abduction=55, right_shoulder_abduction=35,
                  left_elbow_flexion=25, right_elbow_flexion=60, head_turn=25)),
]  # fmt: skip
_SIDEWAYS: Moments = [
    (0.3, posture(pelvis_list=20, trunk_bend=-14, left_hip_abduction=14, hip_flexion=20, knee_flexion=34,
                  ankle_flexion=14, shoulder_abduction=45, elbow_flexion=30)),
    (0.65, posture(pelvis_list=58, trunk_bend=-8, hip_flexion=48, knee_flexion=66, ankle_flexion=10,
                   left_shoulder_abduction=70, right_shoulder_abduction=62, elbow_flexion=25, head_flexion=10)),
    (1.0, posture(pelvis_list=88, pelvis_tilt=12, left_hip_flexion=58, left_knee_flexion=72, right_hip_flexion=30,
                  right_knee_flexion=48, ankle_flexion=-25, left_shoulder_flexion=50, right_shoulder_flexion=95,
                  elbow_flexion=50, head_flexion=18)),
]  # fmt: skip
_SINKING: Moments = [
    (0.55, posture(trunk_flexion=16, pelvis_tilt=4, hip_flexion=38, knee_flexion=72, ankle_flexion=30,
                   head_flexion=28, shoulder_flexion=10, elbow_flexion=15)),
    (1.05, posture(trunk_flexion=14, pelvis_tilt=-4, hip_flexion=4, knee_flexion=100, ankle_flexion=-35,
                   head_flexion=36, shoulder_flexion=12, elbow_flexion=15)),
    (1.55, posture(pelvis_tilt=20, pelvis_list=48, trunk_flexion=14, hip_flexion=30, knee_flexion=108,
                   ankle_flexion=-40, shoulder_flexion=30, elbow_flexion=35, head_flexion=30)),
    (2.0, posture(pelvis_tilt=20, pelvis_list=86, left_hip_flexion=62, left_knee_flexion=100, right_hip_flexion=44,
                  right_knee_flexion=82, ankle_flexion=-40, left_shoulder_flexion=48, right_shoulder_flexion=80,
                  elbow_flexion=60, head_flexion=25)),
]  # fmt: skip
WAYS = {"forward": _FORWARD, "backward": _BACKWARD, "sideways": _SIDEWAYS, "sinking": _SINKING}
"""How people fall: seconds and postures on the way down, the last one lying; sideways and sinking to the right."""

_SITTING = posture(
    pelvis_tilt=-12, trunk_flexion=34, left_hip_flexion=88, left_knee_flexion=68, right_hip_flexion=80,
    right_knee_flexion=84, shoulder_flexion=-30, shoulder_abduction=18, elbow_flexion=14, head_flexion=8,
)  # fmt: skip
_SQUATTING = posture(
    pelvis_tilt=22, trunk_flexion=36, left_hip_flexion=112, left_knee_flexion=118, left_ankle_flexion=26,
    right_hip_flexion=74, right_knee_flexion=128, right_ankle_flexion=8, shoulder_flexion=48, elbow_flexion=20,
)  # fmt: skip


def mirrored(shape: Array) -> Array:
    """A posture `(len(ANGLES),)` or many with left and right exchanged."""
    other = shape.copy()
    for name, index in ANGLE.items():
        side, _, rest = name.partition("_")
        if side == "left":
            other[..., [index, ANGLE[f"right_{rest}"]]] = shape[..., [ANGLE[f"right_{rest}"], index]]
    for name in ("pelvis_turn", "pelvis_list", "trunk_twist", "trunk_bend", "head_turn"):
        other[..., ANGLE[name]] = -shape[..., ANGLE[name]]
    return other


def fall(who: Performance, way: str, *, slowness: float, lying: float, rises: bool) -> None:
    """Fall, lie, and perhaps get up.

    Args:
        who: falls.
        way: one of WAYS.
        slowness: times the usual duration.
        lying: s on the ground.
        rises: whether to get up afterwards, which takes about 3 s.
    """
    left_first = who.draw.random() < 0.5
    moments: Moments = [(0.0, standing(who.person))]
    for moment, shape in WAYS[way]:
        varied = shape + _variety(who)
        moments.append((moment * slowness, mirrored(varied) if left_first else varied))
    down, flat = moments[-1]
    moments += [(down + 0.5 * lying, _stirred(who, flat)), (down + lying, _stirred(who, flat))]
    seconds = down + lying
    if rises:
        moments += _rising(who, way, seconds)
        seconds = moments[-1][0]
    # A faller's body goes on for a moment with the pace it had.
    rows = who.rows(seconds)
    onward = 0.25 * who.pace * (1.0 - np.exp(-np.arange(rows) / who.fps / 0.25))
    who.play(keyed(moments, rows, who.fps), "fall", ahead=onward, blend=0.25)
    who.pace = 0.0


def _rising(who: Performance, way: str, begin: float) -> Moments:
    """Over all fours or over sitting, then squatting, to standing."""
    first = ON_ALL_FOURS if way == "forward" else _SITTING
    pace = who.draw.uniform(0.8, 1.25)
    shapes = (first, _SQUATTING, standing(who.person))
    return [(begin + pace * at, shape) for at, shape in zip((1.2, 2.1, 3.0), shapes, strict=True)]


def _variety(who: Performance) -> Array:
    """Some degrees to arms, hips and head, so that no two fall alike."""
    change = np.zeros(len(ANGLE))
    for name, index in ANGLE.items():
        if name.endswith(("shoulder_flexion", "shoulder_abduction", "head_turn", "trunk_twist")):
            change[index] = who.draw.normal(0.0, 9.0)
        elif name.endswith(("elbow_flexion", "hip_flexion")):
            change[index] = who.draw.uniform(-2.0, 12.0)
    return change


def _stirred(who: Performance, flat: Array) -> Array:
    """Lying, moved a little: arms, head and knees."""
    change = np.zeros(len(ANGLE))
    for name, index in ANGLE.items():
        if name.endswith(("shoulder_flexion", "elbow_flexion", "head_turn", "knee_flexion")):
            change[index] = who.draw.uniform(0.0, 9.0)
    return flat + change
