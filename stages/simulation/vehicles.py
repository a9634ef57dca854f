"""Riding a bicycle, and gliding on skates, a board or a scooter.

Sources: a knee bend of 25 … 35° at the lowest pedal is what fits a bicycle to its rider (Burke, "High-Tech Cycling",
2003); development 4 … 5.5 m and 50 … 90 turns a minute are those of everyday cycling.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from stages.simulation.body import (
    ANGLE,
    ANKLE,
    FOREARM,
    HAND,
    SHANK,
    THIGH,
    TOE,
    TRUNK,
    UPPER_ARM,
    Array,
    posture,
    two_links,
)  # fmt: skip
from stages.simulation.gait import STATURE
from stages.simulation.people import standing
from stages.simulation.performance import Performance
from stages.simulation.routes import along
from stages.simulation.world import Prop, Shape

Glider = Literal["skates", "board", "scooter"]

CRANK, BRACKET = 0.17, 0.28
"""m: the crank's length for an adult of 1.75 m, the height of its axle."""


def ride(who: Performance, line: Array, pace: float, *, upright: float, coasts: bool) -> None:
    """Cycle along a route.

    Args:
        who: rides.
        line: `(N, 2)` m, where the bicycle goes.
        pace: m/s.
        upright: 0 bent low over the bars … 1 sitting straight.
        coasts: whether to stop pedalling halfway.
    """
    ground, heading, time = _rolled(who, line, pace)
    turns = time * pace / who.draw.uniform(4.0, 5.5) + who.draw.random()
    if coasts:
        turns = np.minimum(turns, turns[len(turns) // 2])
    angles, height, behind = _pedalling(who, turns, upright)
    ahead = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    who.play(angles, "cycle", ground=ground - behind * ahead, heading=heading, height=np.full(len(time), height))
    who.pace = pace
    _bring(who, "bicycle", ground, heading)


def _pedalling(who: Performance, turns: Array, upright: float) -> tuple[Array, float, float]:
    """Postures on a bicycle that fits, the pelvis' height, and how far it is behind the crank's axle, m."""
    size = who.person.build.height
    crank, behind = CRANK * size / STATURE, 0.11 * size
    height = BRACKET - crank + 1.025 * (ANKLE + 0.95 * (THIGH + SHANK)) * size
    tilt, bow = 26.0 - 14.0 * upright, 22.0 - 20.0 * upright
    angles = np.repeat(
        posture(pelvis_tilt=tilt, trunk_flexion=bow, head_flexion=-0.8 * (tilt + bow))[None], len(turns), 0
    )
    for side, shift in (("left", 0.0), ("right", 0.5)):
        angle = 2.0 * np.pi * (turns + shift)
        # The ball of the foot is on the pedal, the heel highest when the knee is.
        toe_down = np.deg2rad(20.0 + 14.0 * np.cos(angle + 0.4))
        ball = 0.75 * TOE * size
        ahead = behind + crank * np.sin(angle) - ball * np.cos(toe_down)
        up = BRACKET + crank * np.cos(angle) + ball * np.sin(toe_down) + ANKLE * size - height
        hip, knee = two_links(ahead, up, THIGH * size, SHANK * size)
        angles[:, ANGLE[f"{side}_hip_flexion"]] = hip + tilt
        angles[:, ANGLE[f"{side}_knee_flexion"]] = knee
        angles[:, ANGLE[f"{side}_ankle_flexion"]] = knee - hip - np.rad2deg(toe_down)
    _hold_bars(angles, tilt + bow, upright)
    return angles, height, behind


def _hold_bars(angles: Array, lean: float, upright: float) -> None:
    """Reach for the handlebars: they are before the trunk at the height that suits its lean."""
    slope = np.deg2rad(lean)
    ahead, up = 0.40 - 0.08 * upright - TRUNK * np.sin(slope), 0.09 + 0.02 * upright - TRUNK * np.cos(slope)
    raised, bend = two_links(np.array([-ahead]), np.array([up]), UPPER_ARM, FOREARM + HAND)
    for side in ("left", "right"):
        angles[:, ANGLE[f"{side}_shoulder_flexion"]] = -raised + lean
        angles[:, ANGLE[f"{side}_elbow_flexion"]] = bend
        angles[:, ANGLE[f"{side}_shoulder_abduction"]] = 6.0


def glide(who: Performance, line: Array, pace: float, *, on: Glider) -> None:
    """Glide along a route.

    Args:
        who: glides.
        line: `(N, 2)` m.
        pace: m/s, that of walkers and runners.
        on: what.
    """
    ground, heading, time = _rolled(who, line, pace)
    make = {"skates": _skating, "board": _boarding, "scooter": _scooting}[on]
    angles, height = make(who, time), None
    if on == "skates":
        weave = 0.07 * np.sin(2.0 * np.pi * time / 1.7)
        ground = ground + weave[:, None] * np.stack([-np.sin(heading), np.cos(heading)], axis=1)
    lift = np.zeros(len(time)) if on == "skates" else np.full(len(time), 0.11)
    who.play(angles, "glide", ground=ground, heading=heading, height=height, lift=lift)
    who.pace = pace
    if on != "skates":
        _bring(who, "board", ground, heading)


def _skating(who: Performance, time: Array) -> Array:
    """On skates: leaning, knees bent, slow pushes to either side with long coasting."""
    base = posture(
        pelvis_tilt=8, trunk_flexion=14, hip_flexion=28, knee_flexion=32, ankle_flexion=12, hip_rotation=14,
        shoulder_abduction=16, shoulder_rotation=20, elbow_flexion=26, head_flexion=-16,
    )  # fmt: skip
    angles = np.repeat(base[None], len(time), axis=0)
    period, strength = who.draw.uniform(1.5, 2.4), who.draw.uniform(0.25, 1.0)
    for side, shift in (("left", 0.0), ("right", 0.5)):
        push = strength * np.clip(np.sin(2.0 * np.pi * (time / period + shift)), 0.0, None) ** 2
        angles[:, ANGLE[f"{side}_hip_abduction"]] += 24.0 * push
        angles[:, ANGLE[f"{side}_hip_flexion"]] -= 16.0 * push
        angles[:, ANGLE[f"{side}_knee_flexion"]] -= 8.0 * push
        angles[:, ANGLE[f"{side}_shoulder_flexion"]] += 18.0 * (push - 0.25 * strength)
    return angles


def _boarding(who: Performance, time: Array) -> Array:
    """On a skateboard: sideways to the way, knees bent, arms a little out, looking ahead."""
    side = 1.0 if who.draw.random() < 0.5 else -1.0
    bent = who.draw.uniform(12.0, 38.0)
    base = posture(
        pelvis_turn=62 * side, head_turn=-55 * side, trunk_twist=-12 * side, trunk_flexion=0.5 * bent, pelvis_tilt=5,
        hip_flexion=0.75 * bent + 5, knee_flexion=bent, ankle_flexion=0.4 * bent, hip_abduction=13,
        shoulder_abduction=who.draw.uniform(8.0, 38.0), elbow_flexion=28, shoulder_rotation=15,
    )  # fmt: skip
    angles = np.repeat(base[None], len(time), axis=0)
    weave = np.sin(2.0 * np.pi * time / who.draw.uniform(1.8, 3.5))
    angles[:, ANGLE["trunk_bend"]] += 5.0 * weave
    angles[:, ANGLE["trunk_twist"]] += 6.0 * weave
    return angles


def _scooting(who: Performance, time: Array) -> Array:
    """On a motor scooter: upright, one foot before the other, both hands on the bar, hardly moving at all."""
    angles = np.repeat(standing(who.person)[None], len(time), axis=0)
    for side, hip in (("left", 12.0), ("right", -9.0)):
        angles[:, ANGLE[f"{side}_hip_flexion"]] += hip
        angles[:, ANGLE[f"{side}_knee_flexion"]] += 9.0
        angles[:, ANGLE[f"{side}_ankle_flexion"]] += 9.0 - hip
        angles[:, ANGLE[f"{side}_shoulder_flexion"]] = 34.0
        angles[:, ANGLE[f"{side}_shoulder_rotation"]] = 10.0
        angles[:, ANGLE[f"{side}_elbow_flexion"]] = 48.0
    return angles


def _rolled(who: Performance, line: Array, pace: float) -> tuple[Array, Array, Array]:
    """Ground, heading and seconds of rolling along a route at a steady pace, until its or the clip's end."""
    length = float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
    time = np.arange(min(who.left, max(2, round(length / pace * who.fps)))) / who.fps
    ground, heading = along(line, pace * time)
    return ground, heading, time


def _bring(who: Performance, shape: Shape, ground: Array, heading: Array) -> None:
    """The vehicle under the rows just played; elsewhere it is not there."""
    place, turned = np.full((len(who), 3), np.nan), np.zeros(len(who))
    place[-len(ground) :, :2], place[-len(ground) :, 2] = ground, 0.0
    turned[-len(ground) :] = heading
    who.props.append(Prop(shape, place.astype(np.float32), turned.astype(np.float32)))
