"""People for tests of movement, the place they move in, and what a body never does."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stages.simulation.body import ANGLE, ANGLES, LIMITS, Array
from stages.simulation.people import Person, somebody
from stages.simulation.performance import Performance
from stages.simulation.world import POINT, Actor, Box, Build, Camera, Floats, Place, Plan

FPS = 20.0
CAMERA = Camera("plaza_a", (0.0, -7.0, 4.0), (0.0, 6.0, 0.5), focal=400.0, distortion=0.0, width=640, height=360)
BOXES = (Box((0.0, 5.0), (1.0, 1.0, 1.0), "planter"), Box((-4.0, 9.0), (0.4, 0.4, 3.0), "pillar"))
PLAZA = Place("plaza", (-9.0, 0.0, 9.0, 13.0), (), BOXES, (CAMERA,), "tiles", walls=False)
FEET = ("left_heel", "left_toe", "right_heel", "right_toe")
BONES = (
    ("pelvis", "neck"), ("neck", "crown"), ("neck", "nose"), ("left_eye", "right_eye"), ("left_ear", "right_ear"),
    *((f"{side}_{one}", f"{side}_{two}") for side in ("left", "right") for one, two in (
        ("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "hand"), ("hip", "knee"), ("knee", "ankle"),
        ("ankle", "heel"), ("ankle", "toe"), ("heel", "toe"),
    )),
    ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"),
)  # fmt: skip


def plain(height: float = 1.75) -> Person:
    """Somebody without any habits."""
    return Person(Build(height, 1.0), 0, 1.3, 1.0, (1.0, 1.0), 0.0, 0.0, 0.0, 0.0, "free", None)


def performer(seed: int = 0, *, person: Person | None = None, frames: int = 200, pace: float = 0.0) -> Performance:
    """Somebody at the origin who faces along x and has all the clip to move."""
    draw = np.random.default_rng(seed)
    who = person if person is not None else somebody(draw)
    return Performance(who, FPS, 0, frames, np.zeros(2), 0.0, draw, pace)


def plan(kinds: Sequence[str] = (), *, people: int = 0, seed: int = 0, place: Place = PLAZA, frames: int = 200) -> Plan:
    """A plan of ten seconds on the plaza."""
    return Plan("plaza_a_test_000", "test", place, place.cameras[0], FPS, frames, tuple(kinds), people, seed)


def straight(length: float) -> Array:
    """A route along x, `(N, 2)` m."""
    along = np.linspace(0.0, length, 2 + int(20 * length))
    return np.stack([along, np.zeros_like(along)], axis=1)


def bone_lengths(joints: Floats) -> NDArray[np.float32]:
    """`(T, len(BONES))` m."""
    first, second = ([POINT[bone[end]] for bone in BONES] for end in (0, 1))
    return np.asarray(np.linalg.norm(joints[:, first] - joints[:, second], axis=2))


def of(joints: Floats, name: str) -> Floats:
    """One point's course, `(T, 3)` m."""
    return np.asarray(joints[:, POINT[name]])


def assert_a_body(actor: Actor) -> None:
    """Bones as long in every frame as in the first, nothing under ground, everything finite."""
    assert np.isfinite(actor.joints).all()
    lengths = bone_lengths(actor.joints)
    np.testing.assert_allclose(lengths, np.repeat(lengths[:1], len(lengths), axis=0), atol=1e-4)
    assert actor.joints[..., 2].min() >= -0.02


def assert_within_limits(angles: Array, slack: float = 0.0) -> None:
    """No joint bent further than a healthy one bends."""
    for name in ANGLES:
        low, high = LIMITS[name.removeprefix("left_").removeprefix("right_")]
        column = angles[:, ANGLE[name]]
        assert column.min() >= low - slack, f"{name} {column.min():.0f}° < {low}°"
        assert column.max() <= high + slack, f"{name} {column.max():.0f}° > {high}°"


def slide(joints: Floats) -> float:
    """The furthest, in m, that the lowest of heels and toes drifts while it is the lowest one."""
    feet = joints[:, [POINT[name] for name in FEET]]
    lowest = feet[..., 2].argmin(axis=1)
    edges = np.flatnonzero(np.diff(lowest, prepend=-1, append=-1))
    furthest = 0.0
    for begin, end in pairwise(edges):
        course = feet[begin:end, lowest[begin], :2]
        furthest = max(furthest, float(np.linalg.norm(course - course[0], axis=1).max()))
    return furthest
