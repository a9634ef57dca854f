"""A small place and people who stand in it, so that what a picture must show is known beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from stages.simulation.body import as_joints, facing, pose, posture, resting_height
from stages.simulation.render import Picture, RenderParams, render
from stages.simulation.world import Actor, Box, Build, Camera, Place, Plan, Prop, Take

CAMERA = Camera("yard_a", (0.0, -6.0, 2.2), (0.0, 2.0, 0.8), focal=210.0, distortion=-0.05, width=128, height=96)
YARD = Place("yard", (-4.0, 0.0, 4.0, 8.0), (), (), (CAMERA,), "asphalt", walls=False)
CRATE = Box((0.0, 1.0), (1.2, 0.4, 0.9), "crate")
PLAIN = RenderParams(noise=0.0, blur=0.0, light=0.0, flicker=0.0)
"""A camera that adds nothing to the picture."""


def standing(
    track: int,
    x: float,
    y: float,
    *,
    heading: float = 0.0,
    frames: int = 1,
    props: Sequence[Prop] = (),
    angles: Mapping[str, float] | None = None,
) -> Actor:
    """Someone who stands still from frame 0 on, arms a little apart so that every limb can be seen."""
    build = Build(1.75, 1.0)
    posed = posture(**{"shoulder_abduction": 20.0, "hip_abduction": 6.0, **(angles or {})})
    body = facing(pose(posed[None], build), np.array([heading]))
    joints = np.repeat(as_joints(body, np.array([[x, y]]), resting_height(body, build)), frames, axis=0)
    kinds = np.full(frames, "stand")
    return Actor(track, 0, joints, kinds, np.zeros(frames, bool), build, 7 + track, tuple(props))


def prop(shape: str, x: float, y: float, z: float = 0.0, *, heading: float = 0.0, frames: int = 1) -> Prop:
    """A thing that stays where it is."""
    place = np.tile(np.array([x, y, z], np.float32), (frames, 1))
    return Prop(shape, place, np.full(frames, heading, np.float32))  # type: ignore[arg-type]


def taken(*actors: Actor, boxes: Sequence[Box] = (), frames: int = 1, seed: int = 0, camera: Camera = CAMERA) -> Take:
    """A take of these people in the yard."""
    place = replace(YARD, boxes=tuple(boxes))
    return Take(Plan("clip", "train", place, camera, 25.0, frames, (), len(actors), seed), actors)


def still(*actors: Actor, boxes: Sequence[Box] = ()) -> Picture:
    """The first frame of a take, through a camera that adds nothing."""
    return next(iter(render(taken(*actors, boxes=boxes), PLAIN)))
