"""Who is about: height, build, pace and habits of gait.

Rates: 7 % are children of 1.15 … 1.45 m, the others 1.48 … 1.98 m. Preferred pace is 0.6 … 1.9 m/s, most often 1.3
(Bohannon, "Comfortable and maximum walking speed of adults", 1997); 8 % are bent with age. A third of all carry a bag;
what the hands do instead of swinging is HANDS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from stages.simulation.body import ANGLE, Array, posture
from stages.simulation.world import Build

Side = Literal["left", "right"]
Hands = Literal["free", "phone", "call", "pockets", "crossed", "behind", "load"]

HANDS: dict[Hands, float] = {
    "free": 0.56, "phone": 0.10, "call": 0.07, "pockets": 0.11, "crossed": 0.04, "behind": 0.05, "load": 0.07,
}  # fmt: skip
"""How often people walk and stand with free hands, look at a phone, hold one to the ear, keep their hands in their
pockets, their arms crossed or behind them, or carry something before them in both."""
_BAG, _CHILD, _BENT = 1 / 3, 0.07, 0.08


@dataclass(frozen=True)
class Person:
    """One person's measures and habits.

    Args:
        build: height and girth.
        look: seed of the clothes.
        pace: m/s, preferred when walking.
        cadence: times the usual step rate at a speed, 0.92 … 1.08.
        swing: of the left and right arm against the published ones, 0.2 … 1.4.
        bend: degrees added to both elbows.
        lean: degrees the trunk leans further forward.
        nod: degrees the head is bowed.
        spread: degrees the feet turn outward.
        hands: what they do while walking and standing.
        bag: the side a bag hangs on, if any.
    """

    build: Build
    look: int
    pace: float
    cadence: float
    swing: tuple[float, float]
    bend: float
    lean: float
    nod: float
    spread: float
    hands: Hands
    bag: Side | None


def somebody(draw: np.random.Generator) -> Person:
    """A random person at the rates above."""
    child = draw.random() < _CHILD
    height = draw.uniform(1.15, 1.45) if child else draw.triangular(1.48, 1.70, 1.98)
    hands = tuple(HANDS)[int(draw.choice(len(HANDS), p=list(HANDS.values())))]
    bent = draw.uniform(10.0, 24.0) if draw.random() < _BENT else 0.0
    side: Side = "left" if draw.random() < 0.5 else "right"
    return Person(
        build=Build(height=float(height), girth=float(draw.triangular(0.82, 1.0, 1.3))),
        look=int(draw.integers(2**31)),
        pace=float(draw.uniform(0.6, 0.95) if bent else draw.triangular(0.6, 1.3, 1.9)),
        cadence=float(draw.uniform(0.92, 1.08)),
        swing=(float(draw.uniform(0.4, 1.4)), float(draw.uniform(0.4, 1.4))),
        bend=float(draw.uniform(-8.0, 18.0)),
        lean=float(draw.normal(1.0, 3.0) + bent),
        nod=float(draw.normal(4.0, 6.0)),
        spread=float(draw.uniform(2.0, 12.0)),
        hands=hands,
        bag=side if draw.random() < _BAG and hands not in {"crossed", "behind", "load"} else None,
    )


_HELD: dict[Hands, dict[str, float]] = {
    "phone": {"flexion": 28.0, "abduction": 8.0, "rotation": 35.0, "elbow": 105.0},
    "call": {"flexion": 52.0, "abduction": 36.0, "rotation": 4.0, "elbow": 142.0},
    "pockets": {"flexion": -12.0, "abduction": 14.0, "rotation": 30.0, "elbow": 42.0},
    "crossed": {"flexion": 26.0, "abduction": 6.0, "rotation": 72.0, "elbow": 104.0},
    "behind": {"flexion": -34.0, "abduction": 12.0, "rotation": 62.0, "elbow": 44.0},
    "load": {"flexion": 18.0, "abduction": 10.0, "rotation": 14.0, "elbow": 82.0},
}
"""How an arm is held, degrees."""
_ONE_HANDED = ("phone", "call")


def with_habits(angles: Array, person: Person) -> Array:
    """A gait as this person walks it.

    Args:
        angles: `(T, len(ANGLES))` degrees as published.
        person: whose arms, trunk, head and feet.

    Returns:
        `(T, len(ANGLES))` degrees; the legs' flexion is untouched, so feet stand where they stood.
    """
    own = angles.copy()
    sides: tuple[Side, Side] = ("left", "right")
    for side, swing in zip(sides, person.swing, strict=True):
        share = 0.25 * swing if person.bag == side else swing
        own[:, ANGLE[f"{side}_shoulder_flexion"]] *= share
        own[:, ANGLE[f"{side}_elbow_flexion"]] *= 0.4 + 0.6 * share
        own[:, ANGLE[f"{side}_elbow_flexion"]] += 9.0 + person.bend
        own[:, ANGLE[f"{side}_shoulder_abduction"]] += 5.0 + 6.0 * (person.build.girth - 0.8)
        own[:, ANGLE[f"{side}_shoulder_rotation"]] += 20.0
        own[:, ANGLE[f"{side}_hip_rotation"]] += person.spread
        if person.hands != "free" and person.hands not in _ONE_HANDED and person.bag != side:
            _hold(own, side, person.hands)
    own[:, ANGLE["trunk_flexion"]] += person.lean
    own[:, ANGLE["head_flexion"]] += person.nod - person.lean / 2.0
    if person.hands in _ONE_HANDED:
        _hold(own, "left" if person.bag == "right" else "right", person.hands)
    if person.hands == "phone":
        own[:, ANGLE["head_flexion"]] += 24.0
    return own


def _hold(angles: Array, side: Side, hands: Hands) -> None:
    """Let an arm keep a posture, moved a little by the gait."""
    for name, value in _HELD[hands].items():
        column = ANGLE[f"{side}_elbow_flexion" if name == "elbow" else f"{side}_shoulder_{name}"]
        angles[:, column] = value + 0.1 * (angles[:, column] - angles[:, column].mean())


def standing(person: Person) -> Array:
    """How a person stands at rest, `(len(ANGLES),)` degrees."""
    upright = posture(knee_flexion=3.0, hip_flexion=1.5, ankle_flexion=1.5)
    return np.asarray(with_habits(upright[None], person)[0])
