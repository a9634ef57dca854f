"""Ways through a place: round its boxes, from border to border."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.sparse.csgraph import dijkstra

from stages.simulation.body import Array
from stages.simulation.world import Box, Place

MARGIN = 0.45
"""m kept between a walker's middle and a box."""
CLOSE = 0.15
"""m kept from a box that one begins or ends nearer to than MARGIN: a bench one rises from."""
_STEP = 0.05
"""m between the points of a route."""


def inside(points: Array, box: Box, margin: float = 0.0) -> NDArray[np.bool_]:
    """Which points are in a box widened by a margin.

    Args:
        points: `(..., 2)` m.
        box: seen from above.
        margin: m.

    Returns:
        `(...)` bool.
    """
    away = np.abs(points - np.array(box.centre)) - np.array(box.size[:2]) / 2.0
    return np.asarray((away < margin).all(axis=-1))


def is_free(points: Array, place: Place, margin: float = MARGIN) -> bool:
    """Whether all points `(..., 2)` are within the place's extent and outside its boxes."""
    x0, y0, x1, y1 = place.extent
    within = (points >= (x0 - 1e-9, y0 - 1e-9)) & (points <= (x1 + 1e-9, y1 + 1e-9))
    return bool(within.all()) and not any(bool(inside(points, box, margin).any()) for box in place.boxes)


def free_spot(place: Place, draw: np.random.Generator, border: float = 0.6, room: float = 0.2) -> Array:
    """A random place to stand.

    Args:
        place: where.
        draw: of the spot.
        border: m to keep from the extent's border.
        room: m to have around beyond a walker's margin, if it can be had.

    Returns:
        `(2,)` m: of 64 tries the first that has room; where none has, the first that is free.
    """
    x0, y0, x1, y1 = place.extent
    tries = draw.uniform((x0 + border, y0 + border), (x1 - border, y1 - border), (64, 2))
    crowded = np.zeros(len(tries))
    for box in place.boxes:
        crowded += inside(tries, box, MARGIN + room) + 64.0 * inside(tries, box, MARGIN)
    return np.asarray(tries[int(np.argmin(crowded))])


def border_spot(place: Place, draw: np.random.Generator) -> Array:
    """A random free point on the border, `(2,)` m; longer sides are likelier."""
    x0, y0, x1, y1 = place.extent
    for _ in range(64):
        along = draw.uniform(0.0, (x1 - x0) + (y1 - y0))
        far = draw.random() < 0.5
        if along < x1 - x0:
            spot = np.array([x0 + along, y1 if far else y0])
        else:
            spot = np.array([x1 if far else x0, y0 + along - (x1 - x0)])
        if is_free(spot, place):
            break
    return spot


def route(start: Array, goal: Array, place: Place, margin: float = MARGIN) -> Array:
    """The shortest way round the boxes, its corners rounded.

    Args:
        start: `(2,)` m.
        goal: `(2,)` m.
        place: whose boxes to avoid and whose extent to stay in.
        margin: m to keep from boxes.

    Returns:
        `(N, 2)` m, points some 5 cm apart, at least 2.
    """
    if _sees(start, goal, place, margin):
        return rounded(np.array([start, goal]))
    nodes = np.array([start, goal, *_corners(place, margin)])
    size = len(nodes)
    costs = np.full((size, size), np.inf)
    for first in range(size):
        for second in range(first + 1, size):
            if _sees(nodes[first], nodes[second], place, margin):
                costs[first, second] = costs[second, first] = np.linalg.norm(nodes[first] - nodes[second])
    _, before = dijkstra(np.where(np.isinf(costs), 0.0, costs), indices=0, return_predecessors=True)
    chain = [1]
    while chain[-1] != 0 and before[chain[-1]] >= 0:
        chain.append(int(before[chain[-1]]))
    chain = chain if chain[-1] == 0 else [1, 0]
    return rounded(nodes[chain[::-1]])


def _corners(place: Place, margin: float) -> list[Array]:
    """Where one may turn round a box."""
    corners = []
    for box in place.boxes:
        half = np.array(box.size[:2]) / 2.0 + margin + 0.15
        for x, y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            corner = np.array(box.centre) + half * (x, y)
            if is_free(corner, place, margin):
                corners.append(corner)
    return corners


def _sees(first: Array, second: Array, place: Place, margin: float) -> bool:
    """Whether no box is between two points; one that an end is near is passed closely, one it is in ignored."""
    line = np.linspace(first, second, 2 + int(np.linalg.norm(second - first) / _STEP))
    ends = line[[0, -1]]
    for box in place.boxes:
        room = CLOSE if inside(ends, box, margin).any() else margin
        if inside(line, box, room).any() and not inside(ends, box, room).any():
            return False
    return True


def rounded(corners: Array, sigma: float = 0.3) -> Array:
    """A line through corners `(K, 2)` m as points 5 cm apart, the corners smoothed over `sigma` m, the ends kept."""
    lengths = np.linalg.norm(np.diff(corners, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    count = max(2, 1 + round(along[-1] / _STEP))
    line = np.stack([np.interp(np.linspace(0.0, along[-1], count), along, axis) for axis in corners.T], axis=1)
    smooth = gaussian_filter1d(line, sigma / _STEP, axis=0, mode="nearest")
    # Near the ends the smoothing lets go, so that routes begin and end where they should.
    edge = np.minimum(np.arange(count), np.arange(count)[::-1]) * _STEP / (3.0 * sigma)
    keep = np.clip(1.0 - edge, 0.0, 1.0)[:, None]
    return np.asarray(keep * line + (1.0 - keep) * smooth)


def along(line: Array, gone: Array) -> tuple[Array, Array]:
    """Where one is on a route.

    Args:
        line: `(N, 2)` m.
        gone: `(T,)` m since its start; beyond its end the last direction goes on.

    Returns:
        places `(T, 2)` m and headings `(T,)` rad, continuous.
    """
    steps = np.diff(line, axis=0)
    lengths = np.maximum(np.linalg.norm(steps, axis=1), 1e-9)
    at = np.concatenate([[0.0], np.cumsum(lengths)])
    places = np.stack([np.interp(gone, at, axis) for axis in line.T], axis=1)
    over = np.maximum(gone - at[-1], 0.0)[:, None]
    places = places + over * steps[-1] / lengths[-1]
    headings = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
    headings = gaussian_filter1d(headings, 5.0, mode="nearest")
    return places, np.interp(gone, (at[1:] + at[:-1]) / 2.0, headings)
