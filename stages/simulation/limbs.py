"""A person's body and clothes as solids: trunk, head, arms and legs around the points of `BODY`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from stages.simulation.looks import look
from stages.simulation.solids import BALLS, Solids
from stages.simulation.world import BODY, POINT, Actor, Floats

STATURE = 1.75
"""m, of the person that the radii below are of, with girth 1."""

_DERIVED: dict[str, dict[str, float]] = {
    "skull": {"left_ear": 0.36, "right_ear": 0.36, "crown": 0.28},
    "chin": {"left_ear": 0.025, "right_ear": 0.025, "nose": 0.6, "neck": 0.35},
    "nape": {"left_ear": 0.45, "right_ear": 0.45, "neck": 0.3, "nose": -0.2},
    "fringe": {"left_ear": 0.15, "right_ear": 0.15, "crown": 0.5, "nose": 0.2},
    "occiput": {"left_ear": 0.525, "right_ear": 0.525, "crown": 0.3, "nose": -0.35},
    "mane": {"left_ear": 0.43, "right_ear": 0.43, "neck": 0.6, "nose": -0.46},
    "upper_front": {"neck": 0.86, "pelvis": 0.14, "nose": 0.9, "left_ear": -0.45, "right_ear": -0.45},
    "lower_front": {"neck": 0.34, "pelvis": 0.66, "nose": 0.9, "left_ear": -0.45, "right_ear": -0.45},
    **{f"{side}_sole": {f"{side}_heel": 0.55, f"{side}_ankle": 0.45} for side in ("left", "right")},
    **{f"{side}_tip": {f"{side}_toe": 0.78, f"{side}_ankle": 0.22} for side in ("left", "right")},
    **{f"{side}_hem": {f"{side}_hip": 0.4, f"{side}_knee": 0.6} for side in ("left", "right")},
}
"""Points that lie between, or beyond, those of BODY: weights that add up to 1."""
_WAIST = 0.62
"""How far down from the shoulders to the hips the waist is."""
_BANDS = 5
"""Stripes of a shirt."""


@dataclass(frozen=True)
class _Part:
    """A solid of the body: what it is coloured as, its balls (point and radius in m), and its lift."""

    colour: str
    balls: tuple[tuple[str, float], ...]
    lift: float = 0.0
    stout: bool = True


def body(actor: Actor, rows: slice) -> Solids:
    """A person's solids over some rows of the performance."""
    appearance = look(actor.look)
    parts = _parts(appearance.wears)
    weights, sizes, stout = _shape(appearance.wears)
    size = actor.build.height / STATURE * np.where(stout, actor.build.girth, 1)[:, None]
    count = len(parts)
    return Solids(
        np.einsum("pbj,tjx->tpbx", weights, actor.joints[rows], optimize=True),
        np.asarray(sizes * size, np.float32),
        np.array([appearance.colours[part.colour] for part in parts], np.float32),
        np.zeros(count, bool),
        np.zeros(count, bool),
        np.array([part.lift for part in parts], np.float32),
    )


@cache
def _parts(wears: frozenset[str]) -> tuple[_Part, ...]:
    return (*_limbs("left"), *_limbs("right"), *_trunk(wears), *_head(wears))


@cache
def _shape(wears: frozenset[str]) -> tuple[Floats, Floats, Floats]:
    """Weights `(P, BALLS, len(BODY))` that make the balls' centres, their radii `(P, BALLS)`, and who has girth."""
    parts = _parts(wears)
    weights = np.zeros((len(parts), BALLS, len(BODY)), np.float32)
    radii = np.zeros((len(parts), BALLS), np.float32)
    for number, part in enumerate(parts):
        for ball in range(BALLS):
            point, radii[number, ball] = part.balls[min(ball, len(part.balls) - 1)]
            for name, weight in _mixture(point).items():
                weights[number, ball, POINT[name]] += weight
    return weights, radii, np.array([part.stout for part in parts], np.float32)


def _mixture(point: str) -> dict[str, float]:
    """Weights of a point of BODY, of a derived one, or of a trunk's side at a share of the way down: `left@0.5`."""
    if point in POINT:
        return {point: 1.0}
    if point in _DERIVED:
        return _DERIVED[point]
    side, _, share = point.partition("@")
    other, down = "right" if side == "left" else "left", float(share)
    own = 1 - 0.3 * min(down / _WAIST, 1)  # the waist is narrower than the shoulders
    return {
        f"{who}_{end}": weight * length
        for who, weight in ((side, own), (other, 1 - own))
        for end, length in (("shoulder", 1 - down), ("hip", down))
    }


def _limbs(side: str) -> Iterator[_Part]:
    shoulder, elbow, wrist, hand = (f"{side}_{name}" for name in ("shoulder", "elbow", "wrist", "hand"))
    hip, knee, ankle = (f"{side}_{name}" for name in ("hip", "knee", "ankle"))
    yield _Part("shoe", ((f"{side}_sole", 0.040), (f"{side}_tip", 0.032), (ankle, 0.045)), stout=False)
    yield _Part("shank", ((knee, 0.056), (ankle, 0.040)))
    yield _Part("thigh", ((hip, 0.084), (knee, 0.060)))
    yield _Part("hand", ((wrist, 0.030), (hand, 0.036)), stout=False)
    yield _Part("forearm", ((elbow, 0.042), (wrist, 0.032)))
    yield _Part("upper_arm", ((shoulder, 0.056), (elbow, 0.044)))


def _trunk(wears: frozenset[str]) -> Iterator[_Part]:
    waist = ((f"left@{_WAIST}", 0.098), (f"right@{_WAIST}", 0.098))
    yield _Part("pelvis", (("left_hip", 0.088), ("right_hip", 0.088), *waist), 0.02)
    if "skirt" in wears:
        hips = (("left_hip", 0.094), ("right_hip", 0.094))
        yield _Part("skirt", (*hips, ("left_hem", 0.118), ("right_hem", 0.118)), 0.12)
    if "stripes" in wears:
        yield from _bands()
    else:
        yield _Part("shirt", (("left_shoulder", 0.056), ("right_shoulder", 0.056), *waist), 0.05)
    if "front" in wears:
        yield _Part("front", (("upper_front", 0.030), ("lower_front", 0.042)), 0.02)


def _bands() -> Iterator[_Part]:
    """A shirt's stripes from the waist up to the shoulders."""
    for band in range(_BANDS):
        lower, upper = (_WAIST * (1 - edge / _BANDS) for edge in (band, band + 1))
        balls = [
            (f"{side}@{down:.3f}", 0.056 + 0.042 * down / _WAIST)
            for down in (lower, upper)
            for side in ("left", "right")
        ]
        yield _Part("stripe" if band % 2 else "shirt", tuple(balls), 0.05 + 0.001 * band)


def _head(wears: frozenset[str]) -> Iterator[_Part]:
    yield _Part("skin", (("neck", 0.052), ("nape", 0.050)), stout=False)
    yield _Part("skin", (("skull", 0.094), ("chin", 0.046), ("nose", 0.022)), 0.03, stout=False)
    yield _Part("hair", (("occiput", 0.094), ("fringe", 0.078)), 0.10, stout=False)
    if "long_hair" in wears:
        yield _Part("hair", (("occiput", 0.096), ("mane", 0.066)), stout=False)
