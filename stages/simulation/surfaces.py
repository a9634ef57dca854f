"""What grounds, walls and things look like: colours as functions of where on the surface one looks, in metres.

Colours are RGB 0 … 255 in float, of the surface in full light. All variety is value noise (Ebert et al., "Texturing &
Modeling", 3rd edition, chapter 2) from a seed.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stages.core.seeding import derive, stream
from stages.simulation.world import Box, Place

Floats = NDArray[np.floating[Any]]

LATTICE = 256
"""Cells after which noise repeats itself."""
LANE = 1.22
"""m, width of a lane of a running track."""


def noise(seed: int, x: ArrayLike, y: ArrayLike, octaves: int = 3) -> Floats:
    """Smooth noise over a plane, `(...,)` in -1 … 1: cells of 1 in the first octave, half as wide in each further one.

    Args:
        seed: which noise.
        x: `(...,)` cells.
        y: `(...,)` cells.
        octaves: how many are summed, each half as strong as the one before; more is finer.
    """
    total = np.zeros(np.broadcast(x, y).shape, np.float32)
    for octave in range(octaves):
        scale = 2.0**octave
        total += _cells(seed, np.multiply(x, scale) + 17.3 * octave, np.multiply(y, scale) + 5.1 * octave) / scale
    return total / np.float32(2 - 2.0 ** (1 - octaves))


def tint(colour: tuple[float, float, float], amount: Floats) -> Floats:
    """A colour made brighter or darker, `(..., 3)`: by `amount` `(...,)` relative to 1."""
    return np.array(colour, np.float32) * (1 + amount)[..., None]


def ground_colour(place: Place, x: Floats, y: Floats) -> Floats:
    """The ground's colour at points `(...,)` m; `(..., 3)`."""
    painters = {"tiles": _tiles, "tartan": _tartan, "asphalt": _asphalt, "grass": _grass}
    return painters[place.ground](derive(0, "ground", place.name), place, x, y)


def backdrop_colour(place: Place, along: Floats, height: Floats) -> Floats:
    """What stands around a place, at points `(...,)` m along it and above ground; `(..., 3)`.

    Indoors walls with doors and windows; on a street houses; elsewhere trees; above those the sky.
    """
    seed = derive(0, "backdrop", place.name)
    if place.walls:
        return _wall(seed, along, height)
    houses = place.ground == "asphalt"
    skyline = _roofs(seed, along) if houses else 4.2 + 1.6 * noise(seed, along / 3.1, 0, 4)
    near = _houses(seed, along, height) if houses else _trees(seed, along, height)
    return np.where((height < skyline)[..., None], near, _sky(seed, along, height))


def box_colour(seed: int, box: Box, along: Floats, height: Floats, *, top: bool) -> Floats:
    """A thing's colour at points of a face, `(..., 3)`.

    Args:
        seed: which of its looks.
        box: the thing.
        along: `(...,)` m, along the face; across, on the top.
        height: `(...,)` m, above ground; along the other edge, on the top.
        top: whether this is the upper face.
    """
    painters = {"bench": _wood, "crate": _wood, "pillar": _concrete, "planter": _planter, "car": _car, "rail": _rail}
    return painters[box.look](seed, box, along, height, top)


def _cells(seed: int, x: Floats, y: Floats) -> Floats:
    lattice = _lattice(seed)
    column, row = np.floor(x), np.floor(y)
    right, down = np.subtract(x, column, dtype=np.float32), np.subtract(y, row, dtype=np.float32)
    right, down = right * right * (3 - 2 * right), down * down * (3 - 2 * down)
    i, j = row.astype(np.int64) % LATTICE, column.astype(np.int64) % LATTICE
    below, beside = (i + 1) % LATTICE, (j + 1) % LATTICE
    upper = lattice[i, j] * (1 - right) + lattice[i, beside] * right
    lower = lattice[below, j] * (1 - right) + lattice[below, beside] * right
    return np.asarray(upper * (1 - down) + lower * down, np.float32)


@cache
def _lattice(seed: int) -> Floats:
    return stream(seed, "lattice").uniform(-1, 1, (LATTICE, LATTICE)).astype(np.float32)


def _patch(seed: int, x: Floats, y: Floats) -> Floats:
    """One random number in -1 … 1 per unit cell, `(...,)`."""
    cells = np.floor(y).astype(np.int64) % LATTICE, np.floor(x).astype(np.int64) % LATTICE
    return np.asarray(_lattice(seed)[cells])


def _line(x: Floats, every: float, width: float) -> NDArray[np.bool_]:
    """Where lines run: one at each multiple of `every`."""
    return np.asarray(np.abs(np.mod(x + every / 2, every) - every / 2) < width / 2)


def _over(colours: Floats, where: NDArray[np.bool_], colour: tuple[float, float, float]) -> Floats:
    return np.where(where[..., None], np.array(colour, np.float32), colours)


def _tiles(seed: int, _: Place, x: Floats, y: Floats) -> Floats:
    side = 0.8
    amount = 0.05 * _patch(seed, x / side, y / side) + 0.05 * noise(seed, x * 3, y * 3)
    checks = (np.floor(x / side) + np.floor(y / side)) % 2
    colours = tint((172, 164, 150), amount - 0.10 * checks)
    return _over(colours, _line(x, side, 0.025) | _line(y, side, 0.025), (112, 106, 98))


def _tartan(seed: int, place: Place, x: Floats, y: Floats) -> Floats:
    x0, y0, x1, y1 = place.extent
    inside = (x > x0 - 20) & (x < x1 + 20) & (y > y0 - 0.4) & (y < y1 + 0.5)
    colours = tint((164, 74, 58), 0.09 * noise(seed, x * 6, y * 6, 2) + 0.07 * noise(seed, x / 2, y / 2))
    start = _line(x + 3.1, 1000.0, 0.06)
    colours = _over(colours, _line(y - y0, LANE, 0.06) | start, (226, 220, 210))
    return np.where(inside[..., None], colours, _lawn(seed, x, y))


def _asphalt(seed: int, place: Place, x: Floats, y: Floats) -> Floats:
    _, y0, _, y1 = place.extent
    colours = tint((104, 104, 108), 0.12 * noise(seed, x * 7, y * 7, 2) + 0.08 * noise(seed, x / 2, y / 2))
    dash = (np.abs(y - (y0 + y1) / 2) < 0.07) & (np.mod(x, 3.0) < 1.6)
    zebra = (np.abs(x - 4.2) < 1.3) & (np.mod(y, 1.0) < 0.5)
    colours = _over(colours, dash | zebra, (206, 204, 196))
    slabs = _over(tint((152, 148, 140), 0.07 * _patch(seed, x / 0.6, y / 0.6) + 0.05 * noise(seed, x * 4, y * 4)),
                  _line(x, 0.6, 0.03) | _line(y, 0.6, 0.03), (116, 112, 106))  # fmt: skip
    colours = np.where(((y < y0 + 0.2) | (y > y1 - 0.9))[..., None], slabs, colours)
    return _over(colours, (np.abs(y - y0 - 0.2) < 0.09) | (np.abs(y - y1 + 0.9) < 0.09), (182, 178, 170))


def _grass(seed: int, _: Place, x: Floats, y: Floats) -> Floats:
    winding = np.abs(y - 5.8 - 1.3 * np.sin(x / 3.2)) + 0.12 * noise(seed, x * 2, y * 2)
    gravel = tint((172, 158, 130), 0.10 * noise(seed, x * 8, y * 8, 2) + 0.06 * noise(seed, x, y))
    return np.where((winding < 0.95)[..., None], gravel, _lawn(seed, x, y))


def _lawn(seed: int, x: Floats, y: Floats) -> Floats:
    return tint((92, 124, 66), 0.22 * noise(seed, x * 5, y * 5, 3) + 0.14 * noise(seed, x / 3, y / 3))


def _wall(seed: int, along: Floats, height: Floats) -> Floats:
    step = np.mod(along, 4.5)
    colours = tint((204, 198, 180), 0.03 * noise(seed, along * 2, height * 2))
    colours = _over(colours, height < 1.0, (150, 158, 156))
    colours = _over(colours, height < 0.12, (96, 92, 88))
    frame = (np.abs(step - 3.1) < 0.85) & (np.abs(height - 2.2) < 0.75)
    colours = _over(colours, frame, (232, 232, 228))
    glass = (np.abs(np.abs(step - 3.1) - 0.4) < 0.35) & (np.abs(height - 2.2) < 0.66)
    colours = np.where(glass[..., None], tint((164, 192, 214), 0.15 * noise(seed, along, height * 2)), colours)
    colours = _over(colours, (np.abs(step - 1.0) < 0.6) & (height < 2.2), (84, 62, 46))
    return np.where(((np.abs(step - 1.0) < 0.5) & (height < 2.1))[..., None],
                    tint((128, 92, 62), 0.08 * noise(seed, along * 9, height)), colours)  # fmt: skip


def _roofs(seed: int, along: Floats) -> Floats:
    return 9 + 2.5 * _patch(seed, along / 7.0, np.zeros_like(along))


def _houses(seed: int, along: Floats, height: Floats) -> Floats:
    house = along / 7.0
    hue = np.stack([_patch(seed + shift, house, np.zeros_like(house)) for shift in (1, 2, 3)], axis=-1)
    colours = (
        np.array((168, 148, 128), np.float32)
        * (1 + 0.07 * hue)
        * (1 + 0.05 * noise(seed, along * 3, height * 3))[..., None]
    )
    storey, bay = np.mod(height, 3.0), np.mod(along, 7.0 / 3)
    frame = (np.abs(bay - 1.16) < 0.65) & (np.abs(storey - 1.7) < 0.85)
    glass = (np.abs(bay - 1.16) < 0.55) & (np.abs(storey - 1.7) < 0.75)
    panes = tint((84, 98, 112), 0.4 * _patch(seed, along * 3 / 7, height / 3) + 0.1 * noise(seed, along, height))
    colours = _over(colours, frame, (210, 204, 194))
    colours = np.where(glass[..., None], panes, colours)
    return _over(colours, np.abs(height - 3.1) < 0.14, (120, 108, 98))


def _trees(seed: int, along: Floats, height: Floats) -> Floats:
    leaves = tint((62, 92, 48), 0.45 * noise(seed, along * 1.4, height * 1.4, 4))
    hedge = tint((54, 80, 44), 0.30 * noise(seed + 1, along * 5, height * 5, 2))
    trunk = (np.mod(along + _patch(seed, along / 3, np.zeros_like(along)), 3.0) < 0.28) & (height < 2.2)
    return np.where((height < 1.1)[..., None], hedge, _over(leaves, trunk, (74, 60, 46)))


def _sky(seed: int, along: Floats, height: Floats) -> Floats:
    rise = np.clip((height - 4) / 14, 0, 1)[..., None]
    clouds = np.clip(noise(seed + 9, along / 9, height / 3, 4), 0, 1)[..., None]
    clear = np.array((204, 216, 226), np.float32) * (1 - rise) + np.array((142, 178, 218), np.float32) * rise
    return clear + 0.8 * clouds * (np.array((244, 244, 244), np.float32) - clear)


def _wood(seed: int, box: Box, along: Floats, height: Floats, top: bool) -> Floats:
    every = 0.16 if box.look == "bench" else 0.22
    boards = height if top or box.look == "crate" else height - box.size[2]
    colours = tint(
        (158, 120, 78),
        0.10 * noise(seed, along * 2, boards * 14) + 0.08 * _patch(seed, np.zeros_like(boards), boards / every),
    )
    colours = _over(colours, _line(boards, every, 0.03), (84, 62, 42))
    if box.look == "bench" and not top:  # what is below the seat lies in the dark
        colours = _over(colours, height < box.size[2] - 0.16, (58, 48, 40))
        colours = _over(colours, (np.abs(np.abs(along) - 0.4 * max(box.size[:2])) < 0.06), (96, 96, 98))
    return colours


def _concrete(seed: int, _: Box, along: Floats, height: Floats, top: bool) -> Floats:  # noqa: ARG001 - as all painters
    colours = tint((176, 172, 164), 0.06 * noise(seed, along * 5, height * 5))
    return _over(colours, _line(height + 0.5, 1.0, 0.03), (136, 132, 126))


def _planter(seed: int, box: Box, along: Floats, height: Floats, top: bool) -> Floats:
    bush = tint((66, 102, 46), 0.5 * noise(seed, along * 7, height * 7))
    blossom = _patch(seed, along * 14, height * 14) > 0.9
    bush = _over(bush, blossom, (206, 110, 120))
    pot = tint((146, 106, 84), 0.06 * noise(seed, along * 4, height * 4))
    return bush if top else np.where((height > 0.5 * box.size[2])[..., None], bush, pot)


def _car(seed: int, box: Box, along: Floats, height: Floats, top: bool) -> Floats:
    paint = ((52, 86, 134), (150, 44, 40), (188, 188, 190))[seed % 3]
    colours = tint(paint, 0.03 * noise(seed, along, height))
    if top:
        return colours
    half, tall = max(box.size[:2]) / 2, box.size[2]
    window = (height > 0.56 * tall) & (height < 0.92 * tall) & (np.abs(along) < 0.86 * half) & ~_line(along, 1.1, 0.09)
    colours = _over(colours, window, (44, 54, 62))
    wheel = np.hypot(np.abs(along) - 0.62 * half, height - 0.3)
    colours = _over(colours, (wheel < 0.32) | (height < 0.16), (28, 28, 30))
    return _over(colours, wheel < 0.17, (150, 150, 152))


def _rail(seed: int, box: Box, along: Floats, height: Floats, top: bool) -> Floats:
    colours = tint((150, 156, 160), 0.03 * noise(seed, along * 3, height * 3))
    if top:
        return colours
    bars = (np.mod(along, 0.16) > 0.07) & (height < box.size[2] - 0.1) & (height > 0.12)
    return _over(colours, bars, (88, 94, 98))
