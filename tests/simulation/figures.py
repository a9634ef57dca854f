"""Still people at chosen spots, for tests that need a take whose truth is plain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stages.simulation.world import BODY, Actor, Build, Camera, Place, Plan, Take

TALL = 1.75
CAMERA = Camera("plain_a", (0.0, -8.0, 2.0), (0.0, 0.0, 1.0), focal=300.0, distortion=0.0, width=320, height=240)
"""Looks along y, slightly down; somebody at the origin is about 65 px tall."""
PLACE = Place("plain", (-5.0, 0.0, 5.0, 8.0), (), (), (CAMERA,), "tiles", walls=False)
_UP = {
    "nose": (0.0, 1.62), "eye": (0.03, 1.65), "ear": (0.07, 1.64), "shoulder": (0.19, 1.43), "elbow": (0.24, 1.13),
    "wrist": (0.26, 0.87), "hip": (0.12, 0.93), "knee": (0.12, 0.5), "ankle": (0.12, 0.09), "neck": (0.0, 1.48),
    "pelvis": (0.0, 0.95), "crown": (0.0, TALL), "hand": (0.27, 0.78), "heel": (0.12, 0.03), "toe": (0.12, 0.03),
}  # fmt: skip
"""Half width and height of each point, m."""


def body() -> NDArray[np.float32]:
    """Somebody who stands upright at the origin and faces the camera of `CAMERA`: left is at +x, `(len(BODY), 3)`."""
    points = []
    for name in BODY:
        side, _, part = name.rpartition("_")
        half, high = _UP[part]
        points.append(({"left": half, "right": -half}.get(side, 0.0), -0.1 if part in ("nose", "eye") else 0.0, high))
    return np.array(points, dtype=np.float32)


def actor(
    track: int, at: tuple[float, float], frames: int, *, start: int = 0, kind: str = "stand", abnormal: bool = False
) -> Actor:
    """Somebody who stands at `at` (x, y in m) for `frames` frames."""
    joints = np.repeat(body()[None], frames, axis=0) + np.array([*at, 0.0], dtype=np.float32)
    whole = np.full(frames, abnormal)
    return Actor(track, start, joints, np.full(frames, kind), whole, Build(TALL, 1.0), look=track)


def plan(frames: int = 40, seed: int = 0, place: Place = PLACE) -> Plan:
    """A plan of one's own place and camera, 15 frames per second."""
    return Plan("plain_a_test_000", "test", place, place.cameras[0], 15.0, frames, (), 0, seed)


def take(actors: Sequence[Actor], frames: int = 40, seed: int = 0, place: Place = PLACE) -> Take:
    """A take of these people."""
    return Take(plan(frames, seed, place), tuple(actors))


def turned(one: Actor) -> Actor:
    """The same person, turned around on the spot."""
    middle = one.joints.mean(axis=1, keepdims=True) * np.array([1, 1, 0], dtype=np.float32)
    return replace(one, joints=(one.joints - middle) * np.array([-1, -1, 1], dtype=np.float32) + middle)
