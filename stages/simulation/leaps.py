"""Jumping, on the spot or forward, once or again and again.

Source: heights of 0.10 … 0.45 m and the duration of dip and push are those of countermovement jumps (Bosco & Komi,
"Potentiation of the mechanical behavior of the human skeletal muscle through prestretching", 1979).
"""

from __future__ import annotations

import numpy as np

from stages.simulation.body import ANGLE, Array, posture
from stages.simulation.gait import GRAVITY
from stages.simulation.people import standing
from stages.simulation.performance import Performance, keyed

_DIP = posture(
    trunk_flexion=26, pelvis_tilt=16, hip_flexion=66, knee_flexion=78, ankle_flexion=24, shoulder_flexion=-48,
    elbow_flexion=18, head_flexion=-18,
)  # fmt: skip
_PUSH = posture(
    pelvis_tilt=2, hip_flexion=-2, knee_flexion=4, ankle_flexion=-38, shoulder_flexion=120, shoulder_abduction=12,
    elbow_flexion=35, head_flexion=-8,
)  # fmt: skip
_TOP = posture(
    trunk_flexion=8, hip_flexion=24, knee_flexion=46, ankle_flexion=-22, shoulder_flexion=105, shoulder_abduction=22,
    elbow_flexion=40,
)  # fmt: skip
_TOUCH = posture(
    trunk_flexion=12, pelvis_tilt=4, hip_flexion=16, knee_flexion=14, ankle_flexion=-22, shoulder_flexion=62,
    shoulder_abduction=20, elbow_flexion=35,
)  # fmt: skip
_SOFT = posture(
    trunk_flexion=22, pelvis_tilt=12, hip_flexion=52, knee_flexion=64, ankle_flexion=22, shoulder_flexion=20,
    shoulder_abduction=14, elbow_flexion=35,
)  # fmt: skip


def jump(who: Performance, heights: list[float], *, ahead: float, swing: float) -> None:
    """Jump once or several times.

    Args:
        who: jumps.
        heights: m, of each jump.
        ahead: m/s forward while in the air.
        swing: how much the arms join in, 0 … 1.
    """
    rest = standing(who.person)
    shapes = [_with_arms(shape, rest, swing) for shape in (_DIP, _PUSH, _TOP, _TOUCH, _SOFT)]
    moments, flights, now = [(0.0, rest)], [], 0.0
    for height in heights:
        air = 2.0 * np.sqrt(2.0 * height / GRAVITY)
        depth = 0.55 + height
        begin = now + 0.32 + 0.24
        flights.append((begin, begin + air))
        times = (now + 0.32, begin, begin + air / 2.0, begin + air, begin + air + 0.18)
        dip, push, top, touch, soft = shapes
        bent = (rest + depth * (dip - rest), push, top, touch, rest + depth * (soft - rest))
        moments += list(zip(times, bent, strict=True))
        now = times[-1] + who.draw.uniform(0.05, 0.35)
        moments.append((now, 0.6 * rest + 0.4 * soft))
    moments.append((now + 0.35, rest))
    rows = who.rows(now + 0.35)
    time = np.arange(rows) / who.fps
    lift, gone = np.zeros(rows), np.zeros(rows)
    for begin, end in flights:
        lift += 0.5 * GRAVITY * np.clip(time - begin, 0.0, None) * np.clip(end - time, 0.0, None)
        gone += ahead * np.clip(time - begin, 0.0, end - begin)
    who.play(keyed(moments, rows, who.fps), "jump", lift=lift, ahead=gone, blend=0.3)
    who.pace = 0.0


def _with_arms(shape: Array, rest: Array, swing: float) -> Array:
    """A posture whose arms are between resting and joining in fully."""
    own = shape.copy()
    for name, index in ANGLE.items():
        if "shoulder" in name or "elbow" in name:
            own[index] = rest[index] + swing * (shape[index] - rest[index])
    return own
