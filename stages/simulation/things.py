"""What people ride, throw and carry, as solids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stages.core.seeding import stream
from stages.simulation.looks import SHIRT, Colour
from stages.simulation.solids import Solids, join, make_solids
from stages.simulation.world import Floats, Prop

RIDDEN = ("bicycle", "board")
"""Things painted together with who is on them, limb by limb; others are figures of their own."""

Point = tuple[float, float, float]

_WHEEL, _SPOKES = 0.33, 12
_REAR, _FRONT, _CRANK = (-0.50, 0.0, _WHEEL), (0.52, 0.0, _WHEEL), (-0.06, 0.0, 0.30)
_SEAT, _HEAD, _STEM = (-0.20, 0.0, 0.88), (0.36, 0.0, 0.84), (0.34, 0.0, 1.0)
_BARS = ((0.40, 0.24, 1.02), (0.40, -0.24, 1.02))
_FRAME: Sequence[tuple[Point, Point]] = (
    (_CRANK, _SEAT), (_SEAT, _HEAD), (_CRANK, _HEAD), (_REAR, _CRANK), (_REAR, _SEAT), (_STEM, _FRONT),
)  # fmt: skip
"""m before, left of and above the prop's place."""
_RUBBER, _STEEL, _LEATHER = (34.0, 34.0, 36.0), (150.0, 152.0, 156.0), (48.0, 40.0, 36.0)


def thing(prop: Prop, look: int, rows: slice) -> Solids:
    """A thing's solids over some rows of the performance.

    Args:
        prop: what and where.
        look: seed of its colour.
        rows: which rows.
    """
    random = stream(look, "thing", prop.shape)
    paint: Colour = SHIRT[int(random.integers(len(SHIRT)))]
    makers = {"bicycle": _bicycle, "board": _board, "ball": _ball, "bag": _bag}
    return makers[prop.shape](prop.place[rows], prop.heading[rows], paint)


def _set(place: Floats, heading: Floats, points: Sequence[Point]) -> Floats:
    """A thing's points `(T, N, 3)` in the world."""
    local = np.array(points, np.float32)
    cos, sin = np.cos(heading)[:, None], np.sin(heading)[:, None]
    turned = np.stack([cos * local[:, 0] - sin * local[:, 1], sin * local[:, 0] + cos * local[:, 1]], axis=-1)
    up = np.broadcast_to(local[:, 2:], (*turned.shape[:2], 1))
    return np.asarray(place[:, None] + np.concatenate([turned, up], axis=-1), np.float32)


def _bicycle(place: Floats, heading: Floats, paint: Colour) -> Solids:
    angles = np.arange(_SPOKES + 1) * (2 * np.pi / _SPOKES)
    tyres = []
    for x, _, z in (_REAR, _FRONT):
        rim = [(x + _WHEEL * float(np.cos(angle)), 0.0, z + _WHEEL * float(np.sin(angle))) for angle in angles]
        corners = _set(place, heading, rim)
        tyres += [(corners[:, spoke : spoke + 2], (0.020, 0.020)) for spoke in range(_SPOKES)]
    tubes = [(_set(place, heading, tube), (0.020, 0.020)) for tube in _FRAME]
    fittings = [
        (_set(place, heading, _BARS), (0.016, 0.016)),
        (_set(place, heading, ((-0.30, 0.0, 0.93), (-0.08, 0.0, 0.93))), (0.055, 0.030)),
    ]
    thin = make_solids([*tyres, *tubes], [_RUBBER] * len(tyres) + [paint] * len(tubes), flat=True, thing=True)
    return join([thin, make_solids(fittings, [_STEEL, _LEATHER], flat=True, thing=True)])


def _board(place: Floats, heading: Floats, paint: Colour) -> Solids:
    deck = ((0.36, 0.07, 0.10), (0.36, -0.07, 0.10), (-0.36, 0.07, 0.10), (-0.36, -0.07, 0.10))
    axles = [((x, 0.08, 0.04), (x, -0.08, 0.04)) for x in (0.24, -0.24)]
    balls = [*((_set(place, heading, axle), (0.04, 0.04)) for axle in axles), (_set(place, heading, deck), (0.03,) * 4)]
    return make_solids(balls, [_RUBBER, _RUBBER, paint], flat=True, thing=True)


def _ball(place: Floats, heading: Floats, paint: Colour) -> Solids:
    return make_solids([(_set(place, heading, ((0.0, 0.0, 0.0),)), (0.12,))], [paint], thing=True)


def _bag(place: Floats, heading: Floats, paint: Colour) -> Solids:
    corners = ((0.14, 0.0, -0.10), (-0.14, 0.0, -0.10), (0.12, 0.0, 0.07), (-0.12, 0.0, 0.07))
    handle = ((0.06, 0.0, 0.14), (0.0, 0.0, 0.22), (-0.06, 0.0, 0.14))
    balls = [(_set(place, heading, handle), (0.018,) * 3), (_set(place, heading, corners), (0.08,) * 4)]
    return make_solids(balls, [_LEATHER, paint], thing=True)
