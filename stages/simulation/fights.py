"""Two people fighting: punches, kicks and shoves, the other one guarding, hit and driven back.

Source: a straight punch takes 0.25 … 0.4 s from guard to contact and as long back (Whiting, Gregor & Finerman,
"Kinematic analysis of human upper extremity movements in boxing", 1988).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.simulation.body import ANGLE, Array, posture
from stages.simulation.falls import mirrored
from stages.simulation.gait import cycle, stride
from stages.simulation.people import standing
from stages.simulation.performance import Performance, keyed

REACH = 0.78
"""m between two who fight."""

_STANCE = {
    "left_hip_flexion": 20.0, "left_knee_flexion": 26.0, "left_ankle_flexion": 7.0, "right_hip_flexion": -4.0,
    "right_knee_flexion": 24.0, "right_ankle_flexion": 14.0, "hip_abduction": 5.0,
}  # fmt: skip
GUARD = posture(
    **_STANCE, pelvis_turn=-22, trunk_flexion=12, shoulder_flexion=42, shoulder_abduction=10, shoulder_rotation=28,
    elbow_flexion=118, head_flexion=10, head_turn=18,
)  # fmt: skip
_JAB = posture(
    **_STANCE, pelvis_turn=-26, trunk_twist=-14, trunk_flexion=14, left_shoulder_flexion=92, left_elbow_flexion=8,
    right_shoulder_flexion=42, right_shoulder_rotation=28, right_elbow_flexion=122, head_flexion=8, head_turn=26,
)  # fmt: skip
_CROSS = posture(
    **_STANCE, pelvis_turn=10, trunk_twist=26, trunk_flexion=18, right_shoulder_flexion=94, right_elbow_flexion=10,
    left_shoulder_flexion=40, left_shoulder_rotation=25, left_elbow_flexion=122, head_turn=-18,
)  # fmt: skip
_HOOK = posture(
    **_STANCE, pelvis_turn=8, trunk_twist=20, trunk_flexion=14, right_shoulder_flexion=70, right_shoulder_abduction=62,
    right_shoulder_rotation=60, right_elbow_flexion=82, left_shoulder_flexion=40, left_elbow_flexion=120, head_turn=-14,
)  # fmt: skip
_KICK = posture(
    pelvis_turn=4, pelvis_tilt=-16, trunk_flexion=10, right_hip_flexion=88, right_knee_flexion=22,
    right_ankle_flexion=-10, left_hip_flexion=-6, left_knee_flexion=14, left_ankle_flexion=4, shoulder_flexion=34,
    shoulder_abduction=25, elbow_flexion=85,
)  # fmt: skip
_SHOVE = posture(
    **_STANCE, pelvis_tilt=8, trunk_flexion=24, shoulder_flexion=96, shoulder_rotation=12, elbow_flexion=14,
    head_flexion=-14,
)  # fmt: skip
_GRAB = posture(
    **_STANCE, trunk_flexion=20, left_shoulder_flexion=80, right_shoulder_flexion=66, shoulder_rotation=18,
    elbow_flexion=42, head_flexion=-6,
)  # fmt: skip
_HIT = posture(
    **_STANCE, pelvis_tilt=-8, trunk_flexion=-14, trunk_twist=18, shoulder_flexion=28, shoulder_abduction=34,
    elbow_flexion=60, head_flexion=-32, head_turn=30,
)  # fmt: skip
_COVER = posture(
    **_STANCE, trunk_flexion=30, shoulder_flexion=78, shoulder_rotation=38, elbow_flexion=132, head_flexion=30,
)  # fmt: skip

_ATTACKS = {"jab": _JAB, "cross": _CROSS, "hook": _HOOK, "kick": _KICK, "shove": _SHOVE, "grab": _GRAB}
_DRIVES = {"kick": 0.35, "shove": 0.7, "hook": 0.35}
"""m that an attack drives both along."""
_STEP = 0.62
"""Amplitude of the steps they take with it."""


@dataclass(frozen=True)
class Beat:
    """One attack.

    Args:
        begin: s.
        seconds: how long.
        by: 0 or 1: who attacks.
        attack: what.
        answer: how the other takes it.
        mirrored: done by the other side of the body.
    """

    begin: float
    seconds: float
    by: int
    attack: str
    answer: str
    mirrored: bool


def beats(seconds: float, draw: np.random.Generator) -> list[Beat]:
    """A random course of a fight, attack after attack with short rests, `seconds` long at most."""
    course, now, by = [], 0.35, int(draw.integers(2))
    while now < seconds - 0.9:
        attack = str(draw.choice(list(_ATTACKS), p=(0.26, 0.24, 0.16, 0.08, 0.18, 0.08)))
        long = float(draw.uniform(0.45, 0.75)) * (1.5 if attack in {"shove", "kick", "grab"} else 1.0)
        answer = "hit" if draw.random() < 0.6 else "cover"
        course.append(Beat(now, long, by, attack, answer, bool(draw.random() < 0.35)))
        now += long + float(draw.choice([0.0, 0.1, 0.45]))
        by = by if draw.random() < 0.55 else 1 - by
    return course


def fight(who: Performance, own: int, course: list[Beat], seconds: float, *, towards: float) -> None:
    """Take part in a fight.

    Args:
        who: fights.
        own: which of the two, as in `Beat.by`.
        course: what happens, the same for both.
        seconds: how long.
        towards: rad, where the other is.
    """
    rows = who.rows(seconds)
    moments = [(0.0, standing(who.person)), (0.35, GUARD)]
    for beat in course:
        shape = _ATTACKS[beat.attack] if beat.by == own else {"hit": _HIT, "cover": _COVER}[beat.answer]
        shape = mirrored(shape) if beat.mirrored else shape
        # Who is hit reacts a moment later.
        strike = beat.begin + (0.45 if beat.by == own else 0.65) * beat.seconds
        moments += [(beat.begin + 0.02, GUARD), (strike, shape), (beat.begin + beat.seconds, GUARD)]
    moments.append((max(seconds, moments[-1][0] + 0.1), standing(who.person)))
    driven = _driven(own, course, rows, who.fps)
    angles = _with_steps(keyed(moments, rows, who.fps), driven, who)
    ahead = np.array([np.cos(towards), np.sin(towards)])
    ground = who.ground + driven[:, None] * ahead
    who.play(angles, "fight", ground=ground, heading=np.full(rows, towards), blend=0.3)
    who.pace = 0.0


def _driven(own: int, course: list[Beat], rows: int, fps: float) -> Array:
    """How far ahead one has come, `(T,)` m: forward when driving, back when driven; both move as one."""
    time = np.arange(rows) / fps
    gone = np.zeros(rows)
    for beat in course:
        drive = _DRIVES.get(beat.attack, 0.0) * (1.0 if beat.by == own else -1.0)
        along = np.clip((time - beat.begin - 0.15 * beat.seconds) / beat.seconds, 0.0, 1.0)
        gone += drive * along**2 * (3.0 - 2.0 * along)
    return gone


def _with_steps(angles: Array, driven: Array, who: Performance) -> Array:
    """Let the legs step where one is driven; elsewhere they keep the stance."""
    table = stride("walk")
    length = float(np.interp(_STEP, table.AMPLITUDES, table.lengths)) * who.person.build.height
    share = np.clip(np.abs(np.gradient(driven)) * who.fps / 0.5, 0.0, 1.0)[:, None]
    stepping = cycle("walk", driven / length, np.full(len(driven), _STEP))
    legs = [index for name, index in ANGLE.items() if any(part in name for part in ("hip", "knee", "ankle"))]
    mixed = angles.copy()
    mixed[:, legs] = (1.0 - share) * angles[:, legs] + share * stepping[:, legs]
    return mixed
