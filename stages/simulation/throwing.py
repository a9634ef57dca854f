"""Throwing a ball or a bag, and things carried in a hand.

Source: wind-up, cocking, acceleration and follow-through of an overhand throw (Fleisig et al., "Kinetics of baseball
pitching with implications about injury mechanisms", Am. J. Sports Medicine 23, 1995), at a passer-by's 6 … 12 m/s.
"""

from __future__ import annotations

import numpy as np

from stages.simulation.body import Array, posture
from stages.simulation.falls import mirrored
from stages.simulation.gait import GRAVITY
from stages.simulation.people import Side, standing
from stages.simulation.performance import Performance, keyed
from stages.simulation.world import POINT, Floats, Prop, Shape

_HOLD = posture(
    right_shoulder_flexion=24, right_shoulder_rotation=20, right_elbow_flexion=82, left_shoulder_flexion=16,
    left_shoulder_rotation=30, left_elbow_flexion=68, head_flexion=8,
)  # fmt: skip
_WIND = posture(
    pelvis_turn=-34, trunk_twist=-26, trunk_flexion=-8, left_hip_flexion=46, left_knee_flexion=58, right_hip_flexion=6,
    right_knee_flexion=16, right_ankle_flexion=8, right_shoulder_abduction=78, right_shoulder_flexion=-10,
    right_elbow_flexion=70, left_shoulder_flexion=52, left_elbow_flexion=30, head_turn=50,
)  # fmt: skip
_COCK = posture(
    pelvis_turn=-4, trunk_twist=-24, trunk_flexion=-10, left_hip_flexion=40, left_knee_flexion=24,
    left_ankle_flexion=-4, right_hip_flexion=-20, right_knee_flexion=24, right_ankle_flexion=10,
    right_shoulder_abduction=92, right_shoulder_rotation=-80, right_elbow_flexion=92, left_shoulder_flexion=60,
    left_shoulder_abduction=20, left_elbow_flexion=40, head_turn=22,
)  # fmt: skip
_RELEASE = posture(
    pelvis_turn=14, trunk_twist=20, trunk_flexion=24, left_hip_flexion=48, left_knee_flexion=32,
    right_hip_flexion=-22, right_knee_flexion=38, right_ankle_flexion=-18, right_shoulder_flexion=118,
    right_shoulder_abduction=24, right_elbow_flexion=22, left_shoulder_flexion=-18, left_elbow_flexion=55,
    head_turn=-18,
)  # fmt: skip
_FOLLOW = posture(
    pelvis_turn=20, trunk_twist=26, trunk_flexion=40, left_hip_flexion=58, left_knee_flexion=36,
    right_hip_flexion=-8, right_knee_flexion=52, right_ankle_flexion=-22, right_shoulder_flexion=42,
    right_shoulder_rotation=40, right_elbow_flexion=30, left_shoulder_flexion=-24, left_elbow_flexion=60,
    head_flexion=-26,
)  # fmt: skip
_SLUNG = posture(
    trunk_twist=-34, trunk_flexion=22, pelvis_turn=-16, knee_flexion=26, hip_flexion=24, ankle_flexion=8,
    right_shoulder_flexion=-46, right_shoulder_abduction=18, right_elbow_flexion=12, left_shoulder_flexion=26,
)  # fmt: skip
_SWUNG = posture(
    trunk_twist=22, trunk_flexion=10, pelvis_turn=10, left_hip_flexion=26, left_knee_flexion=18, right_hip_flexion=-12,
    right_knee_flexion=22, right_ankle_flexion=-10, right_shoulder_flexion=86, right_elbow_flexion=10,
    left_shoulder_flexion=-20, left_elbow_flexion=25,
)  # fmt: skip

_STYLES: dict[Shape, list[tuple[float, Array]]] = {
    "ball": [(0.5, _WIND), (0.78, _COCK), (0.94, _RELEASE), (1.15, _FOLLOW)],
    "bag": [(0.55, _SLUNG), (0.7, _SLUNG), (0.98, _SWUNG), (1.2, 0.7 * _SWUNG)],
}
_RELEASED = {"ball": 2, "bag": 2}
_BOUNCE = {"ball": 0.55, "bag": 0.0}
_THICK = {"ball": 0.11, "bag": 0.18}
"""m, the radius of the thing."""


def throw(who: Performance, shape: Shape, *, slowness: float, speed: float, again: bool) -> None:
    """Throw something held in the hand.

    Args:
        who: throws; has held it from the first frame on.
        shape: ball (overhand) or bag (underhand).
        slowness: times the usual duration.
        speed: m/s, of the thing.
        again: whether to make the motion twice, the first time as a feint.
    """
    rest, left = standing(who.person), bool(who.draw.random() < 0.3)
    course = [(slowness * at, mirrored(way) if left else way) for at, way in _STYLES[shape]]
    held = mirrored(_HOLD) if left else _HOLD
    moments, begin = [(0.0, rest), (0.3, held if shape == "ball" else rest)], 0.3
    for last in (False, True) if again else (True,):
        chosen = course if last else course[:2]
        moments += [(begin + at, way) for at, way in chosen]
        begin = moments[-1][0] + 0.35
        if not last:
            moments.append((begin, held if shape == "ball" else rest))
    released = moments[-len(course) + _RELEASED[shape]][0]
    moments.append((moments[-1][0] + 0.6, rest))
    first = len(who)
    who.play(keyed(moments, who.rows(moments[-1][0]), who.fps), "throw", blend=0.25)
    who.pace = 0.0
    who.flying = (shape, "left" if left else "right", first + round(released * who.fps), speed)


def flown(joints: Floats, heading: Array, fps: float, shape: Shape, side: Side, released: int, speed: float) -> Prop:
    """A thing that is in the hand, flies off on a parabola, and comes to rest.

    Args:
        joints: `(T, len(BODY), 3)` m of the thrower.
        heading: `(T,)` rad.
        fps: rows per second.
        shape: what.
        side: of the hand.
        released: the row at which it leaves the hand; beyond the last row it never does.
        speed: m/s.
    """
    place = joints[:, POINT[f"{side}_hand"]].astype(np.float64)
    place[:, 2] -= 0.6 * _THICK[shape]
    if released < len(place):
        rise = np.deg2rad(18.0)
        direction = np.array([np.cos(heading[released]), np.sin(heading[released])])
        time = np.arange(len(place) - released) / fps
        up = _bounced(place[released, 2], speed * np.sin(rise), time, shape)
        far = speed * np.cos(rise) * (1.0 - np.exp(-0.45 * time)) / 0.45
        place[released:, :2] = place[released, :2] + far[:, None] * direction
        place[released:, 2] = up
    return Prop(shape, place.astype(np.float32), heading.astype(np.float32))


def _bounced(height: float, speed: float, time: Array, shape: Shape) -> Array:
    """Heights `(T,)` m of a thing thrown up at some speed, which bounces on the ground as it can."""
    up, floor = np.full(len(time), _THICK[shape]), _THICK[shape]
    begin, height, rising = 0.0, max(height, floor), speed
    for _ in range(6):
        lands = (rising + np.sqrt(rising**2 + 2.0 * GRAVITY * (height - floor))) / GRAVITY
        during = (time >= begin) & (time < begin + lands)
        own = time[during] - begin
        up[during] = height + rising * own - 0.5 * GRAVITY * own**2
        begin, rising, height = begin + lands, _BOUNCE[shape] * (GRAVITY * lands - rising), floor
        if rising < 0.3:
            break
    return up


def carried(joints: Floats, heading: Array, side: Side) -> Prop:
    """A bag that hangs from a hand all the time."""
    place = joints[:, POINT[f"{side}_hand"]].astype(np.float64)
    place[:, 2] = np.maximum(place[:, 2] - 0.22, _THICK["bag"])
    return Prop("bag", place.astype(np.float32), heading.astype(np.float32))
