"""How a window differs from a normal one, in figures and in plain sentences.

Sentences are of geometry alone: no detector has a say in them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.core.skeleton import Layout
from stages.detectors.posture import extent, speed, tilt

Floats = NDArray[np.float32]

TURNED = 45.0
"""Degrees by which the torso must turn more, or less, within the window than in the normal one."""
TILTED = 25.0
"""Degrees by which the torso must be tilted otherwise."""
FASTER = 1.5
"""Times as fast as the normal one, or as slow."""
STILL = 0.012
"""Body heights per sample below which somebody hardly moves: the shaking of found joints, not more."""
LOWER = 0.15
"""Body heights by which the extent from top to bottom must differ."""
AWAY = 0.1
"""Body heights that a joint must be away on average."""
JOINTS = 3
"""Joints that are told at most."""
IT = "the most similar normal window"


@dataclass(frozen=True, eq=False)
class Difference:
    """How a window differs from a normal one.

    Args:
        distance: `(T, V)` body heights from each joint to where it is in the normal window.
        sentences: what stands out, the whole body first; of 3-D poses those that need a picture's up and down are
            left out. Never empty: windows that are alike are said to be.
    """

    distance: Floats
    sentences: tuple[str, ...]


def difference(window: Floats, normal: Floats, joints: Layout) -> Difference:
    """Compare two windows.

    Args:
        window: `(T, V, D)` body heights, of `in_body_heights`.
        normal: likewise.
        joints: layout of the V joints.
    """
    distance = np.linalg.norm(window - normal, axis=-1)
    flat = window.shape[-1] == 2
    found = [*(_body(window, normal, joints) if flat else []), *_motion(window, normal)]
    found += _joints(window - normal, distance, joints, flat=flat)
    if not found:
        farthest = distance.mean(axis=0).max()
        found = [f"much like {IT}: no joint is more than {farthest:.2f} body heights away on average"]
    return Difference(distance.astype(np.float32), tuple(found))


def _body(window: Floats, normal: Floats, joints: Layout) -> list[str]:
    """How the torso turns and is tilted, and how much of the height is left."""
    found = _torso(tilt(window, joints), tilt(normal, joints))
    tall, usually = extent(window[None])[0], extent(normal[None])[0]
    if abs(tall - usually) >= LOWER:
        found.append(f"{tall:.2f} body heights from its highest to its lowest joint, {usually:.2f} in {IT}")
    return found


def _torso(own: NDArray[np.float64], other: NDArray[np.float64]) -> list[str]:
    """How the torso turns or, where it turns like the other, is tilted; angles are of `tilt`."""
    if not len(own) or not len(other):
        return []
    turns, usual = np.ptp(own), np.ptp(other)
    if abs(turns - usual) >= TURNED:
        return [f"torso turns by {turns:.0f}° within the window, by {usual:.0f}° in {IT}"]
    here, there = _mean_angle(own), _mean_angle(other)
    apart = abs((here - there + 180) % 360 - 180)
    if abs(abs(here) - abs(there)) >= TILTED:
        return [f"torso tilted by {abs(here):.0f}° from upright, by {abs(there):.0f}° in {IT}"]
    return [f"torso tilted by {apart:.0f}° against that of {IT}"] if apart >= TILTED else []


def _mean_angle(degrees: NDArray[np.float64]) -> float:
    """Mean direction, -180 … 180."""
    radians = np.radians(degrees)
    return float(np.degrees(np.arctan2(np.sin(radians).mean(), np.cos(radians).mean())))


def _motion(window: Floats, normal: Floats) -> list[str]:
    own, other = speed(window[None])[0], speed(normal[None])[0]
    if max(own, other) < STILL:
        return []
    if other < STILL:
        return [f"moves {own:.2f} body heights a sample, where {IT} hardly moves"] if own >= FASTER * STILL else []
    if own < STILL:
        return [f"hardly moves, where {IT} moves {other:.2f} body heights a sample"] if other >= FASTER * STILL else []
    if own >= FASTER * other:
        return [f"moves {own / other:.1f} × as fast as {IT}"]
    if own * FASTER <= other:
        return [f"moves {own / other:.2f} × as fast as {IT}"]
    return []


def _joints(apart: Floats, distance: Floats, joints: Layout, *, flat: bool) -> list[str]:
    """The joints that are farthest away, on average over the samples.

    Args:
        apart: `(T, V, D)` from the normal window's joint to the window's.
        distance: `(T, V)`, its length.
        joints: layout.
        flat: whether y is a picture's, pointing down.
    """
    means = distance.mean(axis=0)
    farthest = np.argsort(-means, kind="stable")[:JOINTS]
    return [
        _joint(joints.joints[number].replace("_", " "), apart[:, number], float(means[number]), flat=flat)
        for number in farthest
        if means[number] >= AWAY
    ]


def _joint(name: str, apart: Floats, away: float, *, flat: bool) -> str:
    offset = apart.mean(axis=0)
    length = float(np.linalg.norm(offset))
    if length < 0.7 * away:  # it is now here, now there
        return f"{name} moves otherwise than in {IT}: {away:.2f} body heights away on average"
    if not flat or abs(offset[1]) < 2 * abs(offset[0]):
        return f"{name} {length:.2f} body heights away from where it is in {IT}"
    where = "lower" if offset[1] > 0 else "higher"  # y points down
    return f"{name} {abs(offset[1]):.2f} body heights {where} than in {IT}"
