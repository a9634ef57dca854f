"""The picture of a place without people, and what in it is ground, thing or wall: rays cast once per camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stages.core.seeding import derive, stream
from stages.simulation.cameras import directions
from stages.simulation.surfaces import Floats, backdrop_colour, box_colour, ground_colour
from stages.simulation.world import Box, Camera, Place

FINE = 2
"""Rays per pixel along each axis, and the scale at which people are drawn."""
BEHIND = 255
"""Owner of pixels that show what stands around a place."""
SKIRT, DISTANCE = 1.8, 14.0
"""m beyond where people walk and cameras stand: walls indoors, and trees and houses in the open."""
HAZE = (206, 214, 222)
"""RGB that far things fade to in the open."""


@dataclass(frozen=True)
class Backdrop:
    """What a camera sees of a place when nobody is there.

    Args:
        image: `(H, W, 3)` uint8 RGB in the camera's usual light.
        owner: `(FINE * H, FINE * W)` uint8, what each fine pixel shows: 0 the ground, 1 + k the place's box k, BEHIND.
        light: `(3,)` unit vector towards the sun or the lamps.
        strength: how dark a shadow is: 0 not at all … 1 black.
    """

    image: NDArray[np.uint8]
    owner: NDArray[np.uint8]
    light: Floats
    strength: float


@lru_cache(maxsize=64)
def backdrop(place: Place, camera: Camera) -> Backdrop:
    """Draw a place as a camera sees it: the same whenever it is asked for, and the same place for all its cameras."""
    rows, columns = np.mgrid[: FINE * camera.height, : FINE * camera.width]
    pixels = (np.stack([columns, rows], axis=-1).reshape(-1, 2) + 0.5) / FINE
    rays = _Rays(np.array(camera.position, np.float32), directions(camera, pixels).astype(np.float32))
    light, strength = light_of(place)
    reaches = [_around_reach(place, rays), _ground_reach(rays), *(_box_reach(box, rays) for box in place.boxes)]
    nearest = np.argmin(reaches, axis=0)
    colours = np.empty((len(pixels), 3), np.float32)
    for surface in range(len(reaches)):
        seen = nearest == surface
        points = rays.start + reaches[surface][seen, None] * rays.way[seen]
        if surface == 0:
            colours[seen] = _around(place, points)
        elif surface == 1:
            colours[seen] = _ground(place, points, light, strength)
        else:
            colours[seen] = _box(place, surface - 2, points, light)
    if not place.walls:
        colours += _haze(reaches, nearest)[:, None] * (np.array(HAZE, np.float32) - colours)
    fine = colours.reshape(camera.height, FINE, camera.width, FINE, 3)
    image = np.rint(np.clip(fine.mean(axis=(1, 3)), 0, 255)).astype(np.uint8)
    owner = np.array([BEHIND, *range(len(reaches) - 1)], np.uint8)[nearest]
    return Backdrop(_sealed(image), _sealed(owner.reshape(rows.shape)), light, strength)


def light_of(place: Place) -> tuple[Floats, float]:
    """Where a place's light comes from, `(3,)` unit vector, and how dark its shadows are.

    Lamps stand high and make faint shadows; the sun stands lower, always somewhat behind the cameras' side.
    """
    random = stream(0, "light", place.name)
    side = random.uniform(-0.8, 0.8)
    direction = np.array([0.3 * side, -0.15, 1.0] if place.walls else [side, -0.45, 1.0], np.float32)
    return direction / np.linalg.norm(direction), 0.28 if place.walls else 0.48


@dataclass(frozen=True)
class _Rays:
    """Where rays start, `(3,)` or `(N, 3)` m, and where they go, `(N, 3)`."""

    start: Floats
    way: Floats


def _limits(place: Place) -> tuple[Floats, Floats]:
    """Lower and upper x, y of the upright planes around a place and its cameras."""
    stands = np.array([camera.position[:2] for camera in place.cameras], np.float32)
    margin = SKIRT if place.walls else DISTANCE
    low = np.minimum(stands.min(axis=0), place.extent[:2]) - margin
    return low, np.maximum(stands.max(axis=0), place.extent[2:]) + margin


def _around_reach(place: Place, rays: _Rays) -> Floats:
    low, high = _limits(place)
    way = _nonzero(rays.way)
    across = (np.where(way[:, axis] > 0, high[axis], low[axis]) - rays.start[axis] for axis in (0, 1))
    x, y = (step / way[:, axis] for axis, step in enumerate(across))
    return np.asarray(np.minimum(x, y))


def _around(place: Place, points: Floats) -> Floats:
    low, high = _limits(place)
    beside = np.minimum(points[:, 0] - low[0], high[0] - points[:, 0]) < 1e-2
    along = np.where(beside, points[:, 1] + 31.7, points[:, 0])  # the walls differ
    return backdrop_colour(place, along, points[:, 2]) * np.where(beside, np.float32(0.88), 1)[:, None]


def _ground_reach(rays: _Rays) -> Floats:
    falls = rays.way[:, 2] < -1e-6
    return np.where(falls, -rays.start[2] / np.where(falls, rays.way[:, 2], 1), np.inf).astype(np.float32)


def _ground(place: Place, points: Floats, light: Floats, strength: float) -> Floats:
    upwards = _Rays(points, np.broadcast_to(light, points.shape))
    dark = np.zeros(len(points), bool)
    for box in place.boxes:
        dark |= np.isfinite(_box_reach(box, upwards))
    return (
        ground_colour(place, points[:, 0], points[:, 1])
        * np.where(dark, np.array(1 - strength, np.float32), 1)[:, None]
    )


def _haze(reaches: list[Floats], nearest: NDArray[np.intp]) -> Floats:
    """How far the air has taken over what is seen, 0 … 0.5; what stands around no more than at 40 m."""
    reach = np.minimum(np.min(reaches, axis=0), np.where(nearest == 0, np.float32(40), 1e3))
    return np.asarray(0.5 * (1 - np.exp(-reach / 60)))


def _box_reach(box: Box, rays: _Rays) -> Floats:
    """Where rays enter a box; inf: never. Slabs after Kay & Kajiya, "Ray tracing complex scenes", SIGGRAPH 1986."""
    low, high = _corners(box)
    way = _nonzero(rays.way)
    enter = np.full(len(way), -np.inf, np.float32)
    leave = np.full(len(way), np.inf, np.float32)
    for axis in range(3):
        start = rays.start[..., axis]
        one, other = (low[axis] - start) / way[:, axis], (high[axis] - start) / way[:, axis]
        enter, leave = np.maximum(enter, np.minimum(one, other)), np.minimum(leave, np.maximum(one, other))
    return np.where((enter < leave) & (leave > 1e-4), np.maximum(enter, 0), np.inf).astype(np.float32)


def _box(place: Place, index: int, points: Floats, light: Floats) -> Floats:
    """A box's colours at points on it: shaded by how its faces lie to the light, and darker at its foot."""
    box, seed = place.boxes[index], derive(0, "box", place.name, str(index))
    low, high = _corners(box)
    gaps = np.abs(np.stack([points - low, points - high]))  # (2, N, 3)
    upper, face = np.divmod(gaps.transpose(1, 0, 2).reshape(len(points), 6).argmin(axis=1), 3)
    x, y, z = points[:, 0] - box.centre[0], points[:, 1] - box.centre[1], points[:, 2]
    side = box_colour(seed, box, np.where(face == 0, y, x), z, top=False)
    colours = np.where((face == 2)[:, None], box_colour(seed, box, x, y, top=True), side)
    lit = np.clip((2 * upper - 1) * light[face], 0, 1)
    foot = np.where(face == 2, 1, 0.82 + 0.18 * np.clip(z / 0.5, 0, 1))
    return np.asarray(colours * ((0.62 + 0.42 * lit) * foot)[:, None], np.float32)


def _corners(box: Box) -> tuple[Floats, Floats]:
    half = np.array([box.size[0] / 2, box.size[1] / 2, 0], np.float32)
    return np.array([*box.centre, 0], np.float32) - half, np.array([*box.centre, box.size[2]], np.float32) + half


def _nonzero(way: Floats) -> Floats:
    return np.where(np.abs(way) < 1e-9, np.float32(1e-9), way)


def _sealed(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same, protected from being drawn over: it is shared by all clips of the camera."""
    values.setflags(write=False)
    return values
