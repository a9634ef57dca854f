"""Crawling on hands and knees.

Source: diagonal limbs move together and a hand or knee is lifted for about a third of the cycle (Patrick, Noah & Yang,
"Interlimb coordination in human crawling reveals similarities in development and neural control with quadrupeds",
J. Neurophysiology 101, 2009).
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from stages.simulation.body import ANGLE, Array, posture
from stages.simulation.people import standing
from stages.simulation.performance import Performance, keyed

_KNEELING = posture(
    trunk_flexion=22, pelvis_tilt=6, hip_flexion=22, knee_flexion=104, ankle_flexion=-32, shoulder_flexion=30,
    elbow_flexion=25,
)  # fmt: skip
ON_ALL_FOURS = posture(
    pelvis_tilt=70, trunk_flexion=2, hip_flexion=72, knee_flexion=90, ankle_flexion=-38, shoulder_flexion=72,
    elbow_flexion=14, head_flexion=-32,
)  # fmt: skip

_PHASES = np.array([0.0, 0.15, 0.3, 0.45, 0.6, 0.65, 0.75, 0.85, 0.95, 1.0])
_REACH = CubicSpline(_PHASES, (1.0, 0.5, 0.0, -0.5, -1.0, -1.0, -0.35, 0.5, 0.95, 1.0), bc_type="periodic")
"""How far a limb is forward over the cycle: it goes back steadily while it carries, and forward while lifted."""
_LIFT = CubicSpline(_PHASES, (0.0, 0.0, 0.0, 0.0, 0.0, 0.3, 1.0, 0.7, 0.1, 0.0), bc_type="periodic")


def crawl(who: Performance, seconds: float, *, rate: float, reach: float) -> None:
    """Go down, crawl, and get up again.

    Args:
        who: crawls.
        seconds: of crawling proper; 1.8 s go down before and 2 s up after.
        rate: cycles per second.
        reach: degrees each limb swings to either side.
    """
    rest = standing(who.person)
    who.play(keyed([(0.0, rest), (0.9, _KNEELING), (1.8, ON_ALL_FOURS)], who.rows(1.8), who.fps), "crawl")
    who.pace = 0.0
    rows = who.rows(seconds)
    if rows > 0:
        who.play(_cycle(np.asarray(rate * np.arange(rows) / who.fps), reach), "crawl")
    rows = who.rows(2.0)
    if rows > 0:
        up = [(0.0, ON_ALL_FOURS), (0.9, _KNEELING), (2.0, rest)]
        who.play(keyed(up, rows, who.fps), "crawl")


def _cycle(phase: Array, reach: float) -> Array:
    """Crawling postures `(T, len(ANGLES))` at phases `(T,)`."""
    angles = np.repeat(ON_ALL_FOURS[None], len(phase), axis=0)
    for side, shift in (("left", 0.0), ("right", 0.5)):
        knee, hand = (phase + shift) % 1.0, (phase + shift + 0.5) % 1.0
        angles[:, ANGLE[f"{side}_hip_flexion"]] += reach * _REACH(knee)
        angles[:, ANGLE[f"{side}_knee_flexion"]] += reach * _REACH(knee) + 9.0 * np.clip(_LIFT(knee), 0.0, None)
        angles[:, ANGLE[f"{side}_shoulder_flexion"]] += reach * _REACH(hand)
        angles[:, ANGLE[f"{side}_elbow_flexion"]] += 26.0 * np.clip(_LIFT(hand), 0.0, None)
    angles[:, ANGLE["pelvis_turn"]] += 4.0 * _REACH((phase + 0.5) % 1.0)
    angles[:, ANGLE["trunk_bend"]] += 5.0 * _REACH(phase % 1.0)
    return angles
