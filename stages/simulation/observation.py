"""A take as its camera sees it, without any error: keypoints, boxes, what is hidden, and who is abnormal in view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.core.skeleton import COCO17
from stages.simulation.cameras import Doubles, project
from stages.simulation.occlusion import Bools, behind_boxes, behind_people
from stages.simulation.world import BODY, Actor, Plan, Take

MARGIN = 0.04
"""By which a box is wider than its body points on every side, of the person's height: flesh and clothes."""
IN_VIEW = 0.25
"""Share of a person's box that must lie in the frame to count as being there."""
_SHOWN = len(COCO17)


@dataclass(frozen=True)
class View:
    """What a camera sees of N people in F frames.

    Args:
        plan: of the clip.
        tracks: true identities `(N,)`.
        keypoints: `(F, N, 17, 2)` px, COCO-17, in the frame or beyond; NaN where somebody is not there.
        visible: `(F, N, 17)`: in the frame, and hidden by nobody and nothing.
        boxes: `(F, N, 4)` px: x1, y1, x2, y2, clipped to the frame; NaN where somebody is not there.
        heights: `(F, N)` px that the person would be tall, standing there.
        depth: `(F, N)` m from the camera along its axis to the pelvis.
        seen: `(F, N)`: at least IN_VIEW of the box lies in the frame, and not all keypoints are hidden.
        kinds: `(F, N)` what they do; empty where somebody is not there.
        abnormal: `(F, N)` whether that is abnormal here.
    """

    plan: Plan
    tracks: NDArray[np.int32]
    keypoints: Doubles
    visible: Bools
    boxes: Doubles
    heights: Doubles
    depth: Doubles
    seen: Bools
    kinds: NDArray[np.str_]
    abnormal: Bools

    @property
    def hidden(self) -> Doubles:
        """Share of keypoints that are not visible, `(F, N)`, 0 … 1."""
        return np.asarray(1 - self.visible.mean(axis=-1))


def observe(take: Take) -> View:
    """Project a take into its camera's frames."""
    plan, camera = take.plan, take.plan.camera
    people = take.actors
    shape = (plan.frames, len(people))
    joints = np.full((*shape, len(BODY), 3), np.nan)
    kinds = np.full(shape, "", dtype="<U16")
    abnormal = np.zeros(shape, dtype=bool)
    for index, actor in enumerate(people):
        rows, within = _span(actor, plan.frames)
        joints[rows, index] = actor.joints[within]
        kinds[rows, index] = actor.kinds[within]
        abnormal[rows, index] = actor.abnormal[within]
    pixels, depth = project(camera, joints)
    keypoints = pixels[:, :, :_SHOWN]
    girth = np.array([actor.build.girth for actor in people])
    hidden = behind_people(keypoints, pixels, depth, camera.focal, girth)
    hidden |= behind_boxes(camera.position, joints[:, :, :_SHOWN], plan.place.boxes)
    visible = _framed(keypoints, plan) & ~hidden
    away = depth[..., BODY.index("pelvis")]
    tall = np.array([actor.build.height for actor in people])
    heights = camera.focal * tall / np.where(away > 0, away, np.nan)
    boxes, share = _boxes(pixels, heights, plan)
    seen = (share >= IN_VIEW) & visible.any(axis=-1)
    tracks = np.array([actor.track for actor in people], dtype=np.int32)
    return View(plan, tracks, keypoints, visible, boxes, heights, away, seen, kinds, abnormal)


def overlaps(boxes: Doubles) -> Doubles:
    """Intersection over union of everybody's box with everybody's, `(F, N, 4)` → `(F, N, N)`; 0 with oneself or NaN."""
    one, other = boxes[:, :, None], boxes[:, None]
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    common = np.maximum(sides, 0).prod(axis=-1)
    areas = (boxes[..., 2:] - boxes[..., :2]).prod(axis=-1)
    union = areas[:, :, None] + areas[:, None] - common
    found = np.where(union > 0, common, 0) / np.where(union > 0, union, 1)
    return np.asarray(found * ~np.eye(boxes.shape[1], dtype=bool))


def _span(actor: Actor, frames: int) -> tuple[slice, slice]:
    """Rows of the clip and rows of the actor that they are; what lies outside the clip is left out."""
    first, last = max(actor.start, 0), min(actor.start + len(actor), frames)
    return slice(first, max(last, first)), slice(first - actor.start, max(last, first) - actor.start)


def _framed(pixels: Doubles, plan: Plan) -> Bools:
    size = (plan.camera.width, plan.camera.height)
    return np.asarray(((pixels >= 0) & (pixels <= size)).all(axis=-1))


def _boxes(pixels: Doubles, heights: Doubles, plan: Plan) -> tuple[Doubles, Doubles]:
    """Boxes clipped to the frame, and which share of the whole box that is; NaN and 0 where some point has no pixel."""
    margin = MARGIN * heights[..., None]
    low, high = pixels.min(axis=2) - margin, pixels.max(axis=2) + margin
    size = np.array([plan.camera.width, plan.camera.height], dtype=np.float64)
    start, end = np.clip(low, 0, size), np.clip(high, 0, size)
    whole = np.nan_to_num((high - low).prod(axis=-1))
    inside = np.nan_to_num((end - start).prod(axis=-1))
    share = inside / np.where(whole > 0, whole, 1)
    return np.concatenate([start, end], axis=-1), share
