"""What the parts of the simulation agree on: bodies, actors, props, places, cameras and takes.

World coordinates are metres: x to the right, y away, z up; the ground is z = 0. Time is frames of the clip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stages.core.skeleton import COCO17

Floats = NDArray[np.float32]

BODY = (
    *COCO17.joints, "neck", "pelvis", "crown", "left_hand", "right_hand", "left_heel", "right_heel", "left_toe",
    "right_toe",
)  # fmt: skip
"""Points of a body: the 17 keypoints first, then those that only drawing needs."""
POINT = {name: index for index, name in enumerate(BODY)}

NORMAL_KINDS = ("walk", "stand")
"""What is normal everywhere."""
ABNORMAL_KINDS = ("run", "fall", "fight", "jump", "cycle", "glide", "crawl", "throw", "loiter")
"""What is abnormal, unless a place's `normal` says otherwise."""

Shape = Literal["bicycle", "board", "ball", "bag"]


@dataclass(frozen=True)
class Build:
    """A person's measures.

    Args:
        height: m, of the standing person.
        girth: thickness of trunk and limbs against the average, about 0.8 … 1.3.
    """

    height: float
    girth: float


@dataclass(frozen=True)
class Prop:
    """A thing that goes with a person.

    Args:
        shape: what it is.
        place: `(T, 3)` m, its reference point: between the wheels on the ground (bicycle, board), centre (ball, bag);
            NaN while it is not there.
        heading: `(T,)` rad, where its front points: 0 along x, counter-clockwise seen from above.
    """

    shape: Shape
    place: Floats
    heading: Floats


@dataclass(frozen=True)
class Actor:
    """One person's performance in a clip.

    Args:
        track: the true identity, unique in the clip, ≥ 0.
        start: frame of the clip that row 0 of the arrays is of.
        joints: `(T, len(BODY), 3)` m.
        kinds: `(T,)` str: what the person does: one of NORMAL_KINDS or ABNORMAL_KINDS.
        abnormal: `(T,)` bool: whether that is abnormal here; running on the track is not.
        build: measures.
        look: seed of clothing, hair and skin.
        props: things.
    """

    track: int
    start: int
    joints: Floats
    kinds: NDArray[np.str_]
    abnormal: NDArray[np.bool_]
    build: Build
    look: int
    props: tuple[Prop, ...] = ()

    def __len__(self) -> int:
        return len(self.joints)


@dataclass(frozen=True)
class Box:
    """A thing that stands on the ground and is walked around: it hides what is behind it.

    Args:
        centre: x, y in m.
        size: along x, along y, height in m.
        look: what it is drawn as.
    """

    centre: tuple[float, float]
    size: tuple[float, float, float]
    look: Literal["bench", "pillar", "planter", "crate", "car", "rail"]


@dataclass(frozen=True)
class Camera:
    """A calibrated pinhole camera with one coefficient of radial distortion.

    Args:
        name: unique over all places.
        position: x, y, z in m; z is the height above ground.
        target: x, y, z it looks at, in m.
        focal: focal length in px.
        distortion: k1 of x' = x (1 + k1 r²) on the normalized image plane; negative is a barrel.
        width: of a frame, px.
        height: of a frame, px.
    """

    name: str
    position: tuple[float, float, float]
    target: tuple[float, float, float]
    focal: float
    distortion: float
    width: int
    height: int


@dataclass(frozen=True)
class Place:
    """Somewhere people are: a scene.

    Args:
        name: the scene's name.
        extent: x0, y0, x1, y1 in m: where people may walk.
        normal: kinds that are normal here besides NORMAL_KINDS: running on the track.
        boxes: clutter.
        cameras: who sees it.
        ground: what the ground looks like.
        walls: whether there is a wall behind (indoors) or open sky.
    """

    name: str
    extent: tuple[float, float, float, float]
    normal: tuple[str, ...]
    boxes: tuple[Box, ...]
    cameras: tuple[Camera, ...]
    ground: Literal["tiles", "tartan", "asphalt", "grass"]
    walls: bool


@dataclass(frozen=True)
class Plan:
    """What is to happen in a clip.

    Args:
        clip: its name.
        split: train, validation or test.
        place: where.
        camera: which of the place's cameras films.
        fps: frames per second.
        frames: how many.
        kinds: abnormal kinds to be performed, each by somebody at some time; empty for a normal clip.
        people: how many others are about.
        seed: of everything random in the clip.
    """

    clip: str
    split: str
    place: Place
    camera: Camera
    fps: float
    frames: int
    kinds: tuple[str, ...]
    people: int
    seed: int


@dataclass(frozen=True)
class Take:
    """A performed plan.

    Args:
        plan: what was to happen.
        actors: who did it.
    """

    plan: Plan
    actors: tuple[Actor, ...]


def kinds_in(place: Place) -> Mapping[str, bool]:
    """Every kind, and whether it is abnormal in this place."""
    usual = {*NORMAL_KINDS, *place.normal}
    return {kind: kind not in usual for kind in (*NORMAL_KINDS, *ABNORMAL_KINDS)}
