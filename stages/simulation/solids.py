"""Rounded bodies and how they appear: what people and things are made of before they are painted.

A solid is the convex hull of up to four balls: a limb is the hull of two, a trunk of four. Its outline in the picture
is the hull of the balls' discs, found as the farthest point in each of CORNERS directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.simulation.cameras import project
from stages.simulation.world import Camera, Floats

BALLS, CORNERS = 4, 16
"""Balls of a solid, and corners of its outline."""
TONES = ((1.0, 0.0, 0.70), (0.74, 0.20, 0.90), (0.44, 0.38, 1.06))
"""How a solid is shaded from its edge to where the light falls on it: radius, shift towards the light in radii, and
brightness of each layer."""
SHIFT = 3
"""Fractional bits of a corner's coordinates."""

_ANGLES = np.arange(CORNERS) * (2 * np.pi / CORNERS)
_DIRECTIONS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=-1)


@dataclass(frozen=True)
class Solids:
    """What one figure is made of.

    Args:
        centres: `(T, P, BALLS, 3)` m, of the balls of P solids; NaN where one is not there.
        radii: `(P, BALLS)` m.
        colours: `(P, 3)` RGB.
        flat: `(P,)` bool: too thin to be shaded.
        thing: `(P,)` bool: not of a body.
        lift: `(P,)` m, how much nearer than its middle it counts when who covers whom is found.
    """

    centres: Floats
    radii: Floats
    colours: Floats
    flat: NDArray[np.bool_]
    thing: NDArray[np.bool_]
    lift: Floats


def make_solids(
    balls: Sequence[tuple[Floats, Sequence[float]]], colours: Sequence[tuple[float, float, float]], **kinds: bool
) -> Solids:
    """Solids from lists.

    Args:
        balls: per solid the centres `(T, B, 3)` m of its 1 … BALLS balls and their B radii.
        colours: per solid its RGB.
        kinds: `flat` and `thing`, False by default, for all of them.
    """
    repeated = [[min(ball, len(radii) - 1) for ball in range(BALLS)] for _, radii in balls]
    count = len(balls)
    return Solids(
        np.stack([centres[:, which] for (centres, _), which in zip(balls, repeated, strict=True)], axis=1),
        np.array(
            [[radii[ball] for ball in which] for (_, radii), which in zip(balls, repeated, strict=True)], np.float32
        ),
        np.array(colours, np.float32),
        np.full(count, kinds.get("flat", False)),
        np.full(count, kinds.get("thing", False)),
        np.zeros(count, np.float32),
    )


def join(parts: Sequence[Solids]) -> Solids:
    """Several figures that are painted as one."""
    centres = np.concatenate([part.centres for part in parts], axis=1)
    rest = ("radii", "colours", "flat", "thing", "lift")
    return Solids(centres, *(np.concatenate([getattr(part, name) for part in parts]) for name in rest))


@dataclass(frozen=True)
class Outlines:
    """How solids appear over T frames.

    Args:
        corners: `(T, P, L, CORNERS, 2)` int32, of the layers of TONES, in 1 / 2**SHIFT px of a picture whose pixel
            centres are whole numbers, as OpenCV draws.
        colours: `(T, P, L, 3)` uint8 RGB.
        order: `(T, P)` solids from the farthest to the nearest.
        seen: `(T, P)` bool: in front of the camera and there.
    """

    corners: NDArray[np.int32]
    colours: NDArray[np.uint8]
    order: NDArray[np.intp]
    seen: NDArray[np.bool_]


def outlines(camera: Camera, solids: Solids, light: Floats, scale: int) -> Outlines:
    """Project solids into a camera's picture.

    Args:
        camera: who looks.
        solids: what it looks at.
        light: `(3,)` unit vector towards the light.
        scale: fine pixels per pixel.
    """
    pixels, depth = project(camera, solids.centres)
    seen = np.asarray(np.isfinite(pixels).all(axis=(2, 3)))
    radii = solids.radii * camera.focal / np.where(depth > 0, depth, np.inf)
    chosen, reach = _hull(np.where(seen[..., None, None], pixels, 0), radii[..., None])
    toward = picture_direction(camera, light)
    layers = [chosen + size * reach + shift * radii.mean(axis=-1)[..., None, None] * toward for size, shift, _ in TONES]
    away = depth.mean(axis=-1) - solids.lift
    return Outlines(
        fixed_point(np.stack(layers, axis=2), scale),
        _shaded(solids, away),
        np.argsort(-np.where(seen, away, np.inf), axis=1, kind="stable"),
        seen,
    )


def shadows(camera: Camera, solids: Solids, light: Floats) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Outlines of the shadows that solids cast on the ground.

    Returns:
        Corners `(T, P, CORNERS, 2)` as in `Outlines`, at the picture's own scale, and which are seen `(T, P)`.
    """
    height = np.maximum(solids.centres[..., 2:], 0)
    fallen = solids.centres - height * (light / light[2])
    pixels, depth = project(camera, fallen)
    seen = np.asarray(np.isfinite(pixels).all(axis=(2, 3)))
    radii = solids.radii * camera.focal / np.where(depth > 0, depth, np.inf)
    flatness = camera.position[2] / np.linalg.norm(fallen - np.array(camera.position, np.float32), axis=-1)
    lying = np.stack([radii, radii * flatness], axis=-1)
    chosen, reach = _hull(np.where(seen[..., None, None], pixels, 0), np.where(seen[..., None, None], lying, 0))
    return fixed_point(chosen + reach, 1), seen


def picture_direction(camera: Camera, direction: Floats) -> NDArray[np.float64]:
    """Where a direction of the world points in the picture, `(2,)` unit vector; at what the camera looks at."""
    ends, _ = project(camera, np.stack([np.array(camera.target, np.float32), camera.target + 0.3 * direction]))
    step = ends[1] - ends[0]
    return np.asarray(step / np.linalg.norm(step))


def fixed_point(pixels: NDArray[np.float64], scale: int) -> NDArray[np.int32]:
    """Pixels as OpenCV's drawing takes them: it counts from pixel centres, cameras from the frame's corner."""
    limit = 2**14
    return np.asarray(np.rint(np.clip(pixels * scale - 0.5, -limit, limit) * 2**SHIFT), np.int32)


def _hull(centres: NDArray[np.float64], radii: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The farthest points of discs or ellipses in CORNERS directions.

    Args:
        centres: `(..., BALLS, 2)` px.
        radii: `(..., BALLS, 1 or 2)` px: of discs, or along x and along y.

    Returns:
        The centre of the disc that reaches farthest, and the way from there to its edge, each `(..., CORNERS, 2)`.
    """
    squares = np.broadcast_to(radii, centres.shape) ** 2
    extent = np.sqrt(squares @ (_DIRECTIONS.T**2))  # (..., BALLS, CORNERS)
    farthest = (centres @ _DIRECTIONS.T + extent).argmax(axis=-2)[..., None]
    chosen = np.take_along_axis(centres, farthest, axis=-2)
    square = np.take_along_axis(squares, farthest, axis=-2)
    length = np.take_along_axis(extent, farthest[..., 0][..., None, :], axis=-2)[..., 0, :, None]
    return chosen, square * _DIRECTIONS / np.maximum(length, 1e-9)


def _shaded(solids: Solids, away: NDArray[np.float64]) -> NDArray[np.uint8]:
    """RGB of every layer, `(T, P, L, 3)`: the far side of a body gets less light than the near one."""
    there = np.isfinite(away)
    middle = np.where(there, away, 0).sum(axis=1, keepdims=True) / np.maximum(there.sum(axis=1, keepdims=True), 1)
    shade = 0.95 - 0.15 * np.clip((np.where(there, away, 0) - middle) / 0.35, -0.5, 1)
    tones = np.where(solids.flat[:, None], 0.95, [tone for _, _, tone in TONES])  # (P, L)
    values = solids.colours[:, None] * (shade[..., None] * tones)[..., None]
    return np.asarray(np.rint(np.clip(values, 0, 255)), np.uint8)
