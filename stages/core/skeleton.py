"""Joint layouts: names, order and bones of every keypoint format, and the ways from one to another.

Source: the formats as published: COCO-17 as in AlphaPose's results, OpenPose-18, and the 25 Kinect joints of Shahroudy
et al., "NTU RGB+D", CVPR 2016, figure 2, with the bones that Yan et al., "Spatial Temporal Graph Convolutional
Networks", AAAI 2018, give them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import DatasetError


@dataclass(frozen=True)
class Layout:
    """An ordered set of joints.

    Args:
        name: the layout's name in files and params.
        joints: joint names in storage order, `(V,)`.
        bones: pairs of joint indices that a drawing connects and a graph network links.
        mirror: for each joint the index of its left/right counterpart (itself on the midline).
        centre: the joint that spatial graph partitions measure distance from.
    """

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    mirror: tuple[int, ...]
    centre: int

    def __len__(self) -> int:
        return len(self.joints)


def _mirror(joints: tuple[str, ...]) -> tuple[int, ...]:
    swap = {"left": "right", "right": "left"}
    other = ["_".join(swap.get(part, part) for part in joint.split("_")) for joint in joints]
    return tuple(joints.index(joint) for joint in other)


_COCO17 = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
_OPENPOSE18 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye",
    "right_ear", "left_ear",
)  # fmt: skip

COCO17 = Layout(
    name="coco17",
    joints=_COCO17,
    bones=(
        (0, 1), (0, 2), (1, 3), (2, 4), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12), (11, 12),
        (11, 13), (13, 15), (12, 14), (14, 16),
    ),
    mirror=_mirror(_COCO17),
    centre=0,
)  # fmt: skip
OPENPOSE18 = Layout(
    name="openpose18",
    joints=_OPENPOSE18,
    bones=(
        (4, 3), (3, 2), (7, 6), (6, 5), (13, 12), (12, 11), (10, 9), (9, 8), (11, 5), (8, 2), (5, 1), (2, 1),
        (0, 1), (15, 0), (14, 0), (17, 15), (16, 14),
    ),
    mirror=_mirror(_OPENPOSE18),
    centre=1,
)  # fmt: skip
_OPENPOSE14 = _OPENPOSE18[:14]
OPENPOSE14 = Layout(
    name="openpose14",
    joints=_OPENPOSE14,
    bones=tuple(bone for bone in OPENPOSE18.bones if max(bone) < len(_OPENPOSE14)),
    mirror=_mirror(_OPENPOSE14),
    centre=1,
)
"""OpenPose-18 without eyes and ears: the `headless` option of GEPC's and STG-NF's code, which keeps the nose."""
_NTU25 = (
    "base_of_spine", "middle_of_spine", "neck", "head", "left_shoulder", "left_elbow", "left_wrist", "left_hand",
    "right_shoulder", "right_elbow", "right_wrist", "right_hand", "left_hip", "left_knee", "left_ankle", "left_foot",
    "right_hip", "right_knee", "right_ankle", "right_foot", "spine", "left_hand_tip", "left_thumb", "right_hand_tip",
    "right_thumb",
)  # fmt: skip
NTU25 = Layout(
    name="ntu25",
    joints=_NTU25,
    bones=(
        (0, 1), (1, 20), (2, 20), (3, 2), (4, 20), (5, 4), (6, 5), (7, 6), (8, 20), (9, 8), (10, 9), (11, 10),
        (12, 0), (13, 12), (14, 13), (15, 14), (16, 0), (17, 16), (18, 17), (19, 18), (21, 22), (22, 7), (23, 24),
        (24, 11),
    ),
    mirror=_mirror(_NTU25),
    centre=20,
)  # fmt: skip

_KINECT20 = (
    "middle_of_hips", "spine", "neck", "head", "left_shoulder", "left_elbow", "left_wrist", "left_hand",
    "right_shoulder", "right_elbow", "right_wrist", "right_hand", "left_hip", "left_knee", "left_ankle", "left_foot",
    "right_hip", "right_knee", "right_ankle", "right_foot",
)  # fmt: skip
KINECT20 = Layout(
    name="kinect20",
    joints=_KINECT20,
    bones=(
        (0, 1), (1, 2), (2, 3), (2, 4), (4, 5), (5, 6), (6, 7), (2, 8), (8, 9), (9, 10), (10, 11), (0, 12), (12, 13),
        (13, 14), (14, 15), (0, 16), (16, 17), (17, 18), (18, 19),
    ),
    mirror=_mirror(_KINECT20),
    centre=1,
)  # fmt: skip
"""Joints of the first Kinect, in the order of Microsoft's own programs, as UTKinect-Action3D has them."""
_MSR20 = (
    "left_shoulder", "right_shoulder", "neck", "spine", "left_hip", "right_hip", "middle_of_hips", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hand", "right_hand", "left_knee", "right_knee", "left_ankle",
    "right_ankle", "left_foot", "right_foot", "head",
)  # fmt: skip
MSR20 = Layout(
    name="msr20",
    joints=_MSR20,
    bones=(
        (6, 3), (3, 2), (2, 19), (2, 0), (0, 7), (7, 9), (9, 11), (2, 1), (1, 8), (8, 10), (10, 12), (6, 4), (4, 13),
        (13, 15), (15, 17), (6, 5), (5, 14), (14, 16), (16, 18),
    ),
    mirror=_mirror(_MSR20),
    centre=3,
)  # fmt: skip
"""The same twenty joints in the order of MSR Action3D, which is documented nowhere: see `benchmarks.joint_order`."""
_KINECT15 = (
    "head", "neck", "right_shoulder", "right_elbow", "right_hand", "left_shoulder", "left_elbow", "left_hand", "torso",
    "right_hip", "right_knee", "right_foot", "left_hip", "left_knee", "left_foot",
)  # fmt: skip
KINECT15 = Layout(
    name="kinect15",
    joints=_KINECT15,
    bones=(
        (0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (10, 11), (8, 12), (12, 13),
        (13, 14),
    ),
    mirror=_mirror(_KINECT15),
    centre=8,
)  # fmt: skip
"""Fifteen joints of a Kinect in the order of KARD, which is documented nowhere: see `benchmarks.joint_order`."""

LAYOUTS = {layout.name: layout for layout in (COCO17, OPENPOSE18, OPENPOSE14, NTU25, KINECT20, MSR20, KINECT15)}

COCO_TO_OPENPOSE = np.array([0, 17, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3])
"""Where each OpenPose joint stands among the 17 COCO joints with the neck appended as joint 17."""

BODY = np.arange(5, 17)
"""COCO joints from the shoulders down: the ones a person-or-junk decision may trust."""


def layout(name: str) -> Layout:
    """Look a layout up by name.

    Raises:
        DatasetError: no such layout; lists those that exist.
    """
    if name not in LAYOUTS:
        raise DatasetError(f"unknown joint layout {name!r}", fix=f"use one of: {', '.join(LAYOUTS)}")
    return LAYOUTS[name]


def coco_to_openpose(keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
    """Append the neck (mean of the shoulders, in every channel) and re-order to OpenPose-18.

    Args:
        keypoints: `(..., 17, C)`, any unit.

    Returns:
        `(..., 18, C)`, same unit.
    """
    neck = keypoints[..., 5:7, :].mean(axis=-2, keepdims=True)
    return np.concatenate([keypoints, neck], axis=-2)[..., COCO_TO_OPENPOSE, :]


def convert(keypoints: NDArray[np.float32], source: str, target: str | None) -> NDArray[np.float32]:
    """Bring keypoints from one layout to another; None leaves them as they are.

    Raises:
        DatasetError: there is no way from `source` to `target`.
    """
    if target is None or source == target:
        return keypoints
    if target == OPENPOSE14.name and source in (COCO17.name, OPENPOSE18.name):
        return convert(keypoints, source, OPENPOSE18.name)[..., : len(OPENPOSE14), :]
    if (source, target) == (COCO17.name, OPENPOSE18.name):
        return coco_to_openpose(keypoints)
    raise DatasetError(
        f"no conversion from layout {source!r} to {target!r}", fix="choose a window spec in the data's own layout"
    )
