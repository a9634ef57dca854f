"""Who is to be painted in each frame: people with what they ride, and things on their own, ready for the brush."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.simulation.backdrop import FINE, Backdrop
from stages.simulation.limbs import body
from stages.simulation.solids import SHIFT, TONES, Outlines, Solids, join, outlines, shadows
from stages.simulation.things import RIDDEN, thing
from stages.simulation.world import POINT, Actor, Box, Floats, Take

Region = tuple[int, int, int, int]
"""First row, row after the last, first column, column after the last."""
THING = 128
"""Added to 1 + track to mark pixels of a person's things; tracks stay below THING - 1."""


@dataclass(frozen=True)
class Figure:
    """Someone or something over some frames in a row.

    Args:
        first: the frame that row 0 of everything is of.
        corners: of its solids' outlines, as in `Outlines`, in fine pixels.
        paint: by row, solid and layer, RGB and the number that marks whose pixel it is.
        order: by row, the solids that are seen from the farthest to the nearest.
        layers: by solid, how many layers are painted.
        shadow: by row, corners of its solids' shadows `(≤ P, CORNERS, 2)` in pixels.
        distance: `(T,)` m over ground from the camera.
        regions: `(T, 4)` fine pixels that it may cover, a Region within the picture; empty where it is not seen.
        hidden_by: `(T, 256)` bool: which owners of a backdrop's pixels hide it.
    """

    first: int
    corners: NDArray[np.int32]
    paint: list[list[list[list[int]]]]
    order: list[list[int]]
    layers: list[int]
    shadow: list[NDArray[np.int32]]
    distance: NDArray[np.float64]
    regions: NDArray[np.int64]
    hidden_by: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.distance)


def figures(take: Take, place: Backdrop, start: int, stop: int) -> list[Figure]:
    """Everybody and everything that is about in frames `start` … `stop - 1`."""
    found = []
    for actor in take.actors:
        rows = slice(max(start - actor.start, 0), max(min(stop - actor.start, len(actor)), 0))
        if rows.start < rows.stop:
            first = actor.start + rows.start
            found += [_figure(take, place, actor, first, *one) for one in _composed(actor, rows)]
    return found


def _composed(actor: Actor, rows: slice) -> Iterator[tuple[Solids, Floats]]:
    """A person's figures, and where on the ground `(T, 2)` m each is."""
    ridden = [thing(prop, actor.look, rows) for prop in actor.props if prop.shape in RIDDEN]
    yield join([body(actor, rows), *ridden]), actor.joints[rows, POINT["pelvis"], :2]
    for prop in actor.props:
        if prop.shape not in RIDDEN:
            yield thing(prop, actor.look, rows), prop.place[rows, :2]


def _figure(take: Take, place: Backdrop, actor: Actor, first: int, solids: Solids, spot: Floats) -> Figure:
    camera = take.plan.camera
    seen = outlines(camera, solids, place.light, FINE)
    fallen, there = shadows(camera, solids, place.light)
    return Figure(
        first=first,
        corners=seen.corners,
        paint=_paint(seen, actor, solids),
        order=[order[seen.seen[row][order]].tolist() for row, order in enumerate(seen.order)],
        layers=np.where(solids.flat, 1, len(TONES)).tolist(),
        shadow=[corners[which] for corners, which in zip(fallen, there, strict=True)],
        distance=np.linalg.norm(spot - np.asarray(camera.position[:2]), axis=1),
        regions=_regions(seen, *place.owner.shape),
        hidden_by=_hidden_by(take, spot),
    )


def _paint(seen: Outlines, actor: Actor, solids: Solids) -> list[list[list[list[int]]]]:
    marks = (actor.track + 1 + THING * solids.thing).astype(np.uint8)
    marked = np.broadcast_to(marks[:, None, None], (*seen.colours.shape[:-1], 1))
    paint: list[list[list[list[int]]]] = np.concatenate([seen.colours, marked], axis=-1).tolist()
    return paint


def _regions(seen: Outlines, height: int, width: int) -> NDArray[np.int64]:
    there = seen.seen[..., None, None]
    edge = seen.corners[:, :, 0] / 2**SHIFT  # (T, P, CORNERS, 2)
    low = np.where(there, edge, np.inf).min(axis=(1, 2))
    high = np.where(there, edge, -np.inf).max(axis=(1, 2))
    limits = np.array([width, height])
    first = np.clip(np.where(np.isfinite(low), np.floor(low), 0), 0, limits)
    last = np.clip(np.where(np.isfinite(high), np.ceil(high) + 1, 0), first, limits)
    return np.stack([first[:, 1], last[:, 1], first[:, 0], last[:, 0]], axis=1).astype(np.int64)


def _hidden_by(take: Take, spot: Floats) -> NDArray[np.bool_]:
    hiding = np.zeros((len(spot), 256), bool)
    for number, box in enumerate(take.plan.place.boxes, start=1):
        hiding[:, number] = ~before(take.plan.camera.position, box, spot)
    return hiding


def before(eye: tuple[float, float, float], box: Box, spot: Floats) -> NDArray[np.bool_]:
    """Whether someone is in front of a thing: on the outer side of one of its faces, as the camera is.

    Args:
        eye: where the camera is, m.
        box: the thing.
        spot: `(T, 2)` m, where on the ground someone is; NaN is not in front.

    Returns:
        `(T,)`.
    """
    front = np.zeros(len(spot), bool)
    for axis in (0, 1):
        low, high = box.centre[axis] - box.size[axis] / 2, box.centre[axis] + box.size[axis] / 2
        if eye[axis] < low:
            front |= spot[:, axis] < low
        elif eye[axis] > high:
            front |= spot[:, axis] > high
    return front
