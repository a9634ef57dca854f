"""A human body: segment lengths from a person's height, and where every point is, from joint angles.

Sources: segment lengths as fractions of body height are those of Drillis & Contini, "Body Segment Parameters", 1966,
as in Winter, "Biomechanics and Motor Control of Human Movement", 4th ed., 2009, figure 4.1; joint centres lie inside
the widths given there. Angles follow the anatomical convention: flexion, abduction and dorsiflexion are positive,
0 everywhere is standing upright with hanging arms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stages.simulation.world import BODY, POINT, Build, Floats

Array = NDArray[np.float64]

_PAIRED = (
    "hip_flexion", "hip_abduction", "hip_rotation", "knee_flexion", "ankle_flexion", "shoulder_flexion",
    "shoulder_abduction", "shoulder_rotation", "elbow_flexion",
)  # fmt: skip
ANGLES = (
    "pelvis_turn", "pelvis_tilt", "pelvis_list", "trunk_twist", "trunk_flexion", "trunk_bend", "head_turn",
    "head_flexion", *(f"{side}_{name}" for side in ("left", "right") for name in _PAIRED),
)  # fmt: skip
"""The angles of a posture, degrees. Turns and twists to the left, flexions and tilts forward, bends and lists to the
right are positive; hip rotation turns the toes outward, shoulder rotation the forearm inward."""
ANGLE = {name: index for index, name in enumerate(ANGLES)}

LIMITS = {
    "pelvis_turn": (-180, 180), "pelvis_tilt": (-100, 100), "pelvis_list": (-100, 100), "trunk_twist": (-50, 50),
    "trunk_flexion": (-35, 95), "trunk_bend": (-40, 40), "head_turn": (-80, 80), "head_flexion": (-65, 60),
    "hip_flexion": (-35, 130), "hip_abduction": (-30, 50), "hip_rotation": (-45, 60), "knee_flexion": (0, 155),
    "ankle_flexion": (-55, 40), "shoulder_flexion": (-75, 185), "shoulder_abduction": (-35, 180),
    "shoulder_rotation": (-90, 95), "elbow_flexion": (0, 155),
}  # fmt: skip
"""The least and greatest of each angle that a healthy joint reaches, degrees; left and right alike (American Academy
of Orthopaedic Surgeons, "Joint Motion", 1965, with the freedom of the shoulder girdle); the pelvis turns freely."""

TRUNK, HEAD, UPPER_ARM, FOREARM, HAND, THIGH, SHANK, ANKLE = 0.288, 0.182, 0.186, 0.146, 0.065, 0.245, 0.246, 0.039
HEEL, TOE, HIP, SHOULDER = -0.042, 0.110, 0.055, 0.112
"""Lengths and half-widths in heights: the hand up to the knuckles, heel and toe before the ankle."""

_FACE = {
    "crown": (0.0, 0.0, HEAD), "nose": (0.062, 0.0, 0.098), "left_eye": (0.050, 0.018, 0.118),
    "right_eye": (0.050, -0.018, 0.118), "left_ear": (0.004, 0.043, 0.110), "right_ear": (0.004, -0.043, 0.110),
}  # fmt: skip

_RADIUS = {
    "hip": 0.055, "pelvis": 0.055, "shoulder": 0.045, "neck": 0.045, "elbow": 0.022, "wrist": 0.016, "hand": 0.012,
    "knee": 0.030, "ankle": 0.020, "ear": 0.02, "eye": 0.01, "nose": 0.0, "crown": 0.0, "heel": 0.0, "toe": 0.0,
}  # fmt: skip
RADII = np.array([_RADIUS[name.split("_")[-1]] for name in BODY])
"""`(len(BODY),)` how much flesh is around each point, in heights: what rests on the ground is the flesh."""


def posture(**angles: float) -> Array:
    """A posture from the angles that differ from upright standing.

    Args:
        angles: degrees by name, as in ANGLES; a paired name without side, `knee_flexion`, sets both sides.

    Returns:
        `(len(ANGLES),)` degrees.

    Raises:
        KeyError: no such angle.
    """
    values = np.zeros(len(ANGLES))
    both = [(name, value) for name, value in angles.items() if name in _PAIRED]
    for name, value in both:
        values[[ANGLE[f"left_{name}"], ANGLE[f"right_{name}"]]] = value
    for name, value in angles.items():
        if name not in _PAIRED:
            values[ANGLE[name]] = value
    return values


def _rotation(axis: int, degrees: Array) -> Array:
    """Right-handed rotations about x, y or z, `(T, 3, 3)`."""
    angle = np.deg2rad(degrees)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((len(angle), 3, 3))
    matrix[:, axis, axis] = 1.0
    matrix[:, first, first] = matrix[:, second, second] = np.cos(angle)
    matrix[:, second, first] = np.sin(angle)
    matrix[:, first, second] = -matrix[:, second, first]
    return matrix


def pose(angles: Array, build: Build) -> Array:
    """Forward kinematics: where the points of a body are about its own pelvis.

    Args:
        angles: `(T, len(ANGLES))` degrees.
        build: lengths grow with height, widths a little with girth.

    Returns:
        `(T, len(BODY), 3)` m: x ahead, y to the left, z up, the pelvis at 0; bone lengths are the same in every row.
    """
    value = {name: angles[:, index] for name, index in ANGLE.items()}
    points = np.zeros((len(angles), len(BODY), 3))
    pelvis = _rotation(2, value["pelvis_turn"]) @ _rotation(1, value["pelvis_tilt"])
    pelvis = pelvis @ _rotation(0, value["pelvis_list"])
    trunk = pelvis @ _rotation(2, value["trunk_twist"]) @ _rotation(1, value["trunk_flexion"])
    trunk = trunk @ _rotation(0, value["trunk_bend"])
    head = trunk @ _rotation(2, value["head_turn"]) @ _rotation(1, value["head_flexion"])
    points[:, POINT["neck"]] = trunk @ np.array([0.0, 0.0, TRUNK])
    for name, offset in _FACE.items():
        points[:, POINT[name]] = points[:, POINT["neck"]] + head @ np.array(offset)
    width = 0.7 + 0.3 * build.girth
    for side, sign in (("left", 1.0), ("right", -1.0)):
        own = {name: value[f"{side}_{name}"] for name in _PAIRED}
        _place_leg(points, pelvis, own, side, sign, width)
        _place_arm(points, trunk, own, side, sign, width)
    return points * build.height


def two_links(ahead: Array, up: Array, upper: float, lower: float) -> tuple[Array, Array]:
    """The angles by which a limb of two bones reaches a place in its own plane.

    Args:
        ahead: `(T,)`, of the place before the limb's root.
        up: `(T,)`, above it.
        upper: length of the first bone, same unit.
        lower: length of the second.

    Returns:
        degrees: how far the first bone is raised forward from hanging, and how far the second is bent, ≥ 0, back as a
        knee is; an elbow bends the other way, so take both of `-ahead` with the first negated. Beyond reach the limb is
        stretched towards the place.
    """
    far = np.hypot(ahead, up)
    inner = np.clip((upper**2 + lower**2 - far**2) / (2.0 * upper * lower), -1.0, 1.0)
    bend = np.pi - np.arccos(inner)
    lead = np.arctan2(lower * np.sin(bend), upper + lower * np.cos(bend))
    return np.rad2deg(np.arctan2(ahead, -up) + lead), np.rad2deg(bend)


def _place_leg(
    points: Array,
    pelvis: Array,
    own: dict[str, Array],
    side: str,
    sign: float,
    width: float,
) -> None:
    """Hip to toe of one side, in heights, written into `points`."""
    at = {name: POINT[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "heel", "toe")}
    thigh = pelvis @ _rotation(2, sign * own["hip_rotation"]) @ _rotation(1, -own["hip_flexion"])
    thigh = thigh @ _rotation(0, sign * own["hip_abduction"])
    shank = thigh @ _rotation(1, own["knee_flexion"])
    foot = shank @ _rotation(1, -own["ankle_flexion"])
    points[:, at["hip"]] = pelvis @ np.array([0.0, sign * HIP * width, 0.0])
    points[:, at["knee"]] = points[:, at["hip"]] + thigh @ np.array([0.0, 0.0, -THIGH])
    points[:, at["ankle"]] = points[:, at["knee"]] + shank @ np.array([0.0, 0.0, -SHANK])
    points[:, at["heel"]] = points[:, at["ankle"]] + foot @ np.array([HEEL, 0.0, -ANKLE])
    points[:, at["toe"]] = points[:, at["ankle"]] + foot @ np.array([TOE, 0.0, -ANKLE])


def _place_arm(
    points: Array,
    trunk: Array,
    own: dict[str, Array],
    side: str,
    sign: float,
    width: float,
) -> None:
    """Shoulder to hand of one side, in heights, written into `points`."""
    at = {name: POINT[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist", "hand")}
    upper = trunk @ _rotation(1, -own["shoulder_flexion"]) @ _rotation(0, sign * own["shoulder_abduction"])
    lower = upper @ _rotation(2, -sign * own["shoulder_rotation"]) @ _rotation(1, -own["elbow_flexion"])
    points[:, at["shoulder"]] = points[:, POINT["neck"]] + trunk @ np.array([0.0, sign * SHOULDER * width, 0.0])
    points[:, at["elbow"]] = points[:, at["shoulder"]] + upper @ np.array([0.0, 0.0, -UPPER_ARM])
    points[:, at["wrist"]] = points[:, at["elbow"]] + lower @ np.array([0.0, 0.0, -FOREARM])
    points[:, at["hand"]] = points[:, at["wrist"]] + lower @ np.array([0.0, 0.0, -HAND])


def clearance(points: Array, build: Build) -> Array:
    """How far the flesh around each point is above the ground.

    Args:
        points: `(T, len(BODY), 3)` m.
        build: whose flesh.

    Returns:
        `(T, len(BODY))` m, negative under ground.
    """
    return np.asarray(points[..., 2] - RADII * build.height * build.girth)


def resting_height(points: Array, build: Build) -> Array:
    """The pelvis height at which the lowest part of a body touches the ground.

    Args:
        points: `(T, len(BODY), 3)` m about the pelvis, as `pose` gives.
        build: whose body.

    Returns:
        `(T,)` m.
    """
    return np.asarray(-clearance(points, build).min(axis=1))


def contact_drift(points: Array, build: Build, reach: float = 0.012) -> Array:
    """How far whatever touches the ground moves against the pelvis from one row to the next.

    Args:
        points: `(T, len(BODY), 3)` m about the pelvis.
        build: whose body.
        reach: m: points this much above the lowest one still count, the less the higher.

    Returns:
        `(T - 1, 2)` m: the pelvis that goes the opposite way leaves the contact standing.
    """
    heights = clearance(points, build)
    weights = np.exp(-(((heights - heights.min(axis=1, keepdims=True)) / reach) ** 2))
    both = weights[1:] * weights[:-1] + 1e-12 * (weights[1:] + weights[:-1])
    moved = np.diff(points[..., :2], axis=0)
    return np.asarray((both[..., None] * moved).sum(axis=1) / both.sum(axis=1, keepdims=True))


def as_joints(points: Array, ground: Array, height: Array) -> Floats:
    """Bring points about the pelvis to where the pelvis is in the world.

    Args:
        points: `(T, len(BODY), 3)` m about the pelvis, turned into the world's directions.
        ground: `(T, 2)` m, the pelvis seen from above.
        height: `(T,)` m, of the pelvis.

    Returns:
        `(T, len(BODY), 3)` m.
    """
    return np.asarray(points + np.column_stack([ground, height])[:, None], dtype=np.float32)


def facing(points: Array, heading: Array) -> Array:
    """Turn points about the pelvis from the body's directions into the world's.

    Args:
        points: `(T, P, 3)` m: x ahead, y left.
        heading: `(T,)` rad: where ahead is, 0 along x, counter-clockwise from above.

    Returns:
        `(T, P, 3)` m.
    """
    turn = _rotation(2, np.rad2deg(heading))
    return points @ turn.transpose(0, 2, 1)
