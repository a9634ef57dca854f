"""Backend `alphapose`: AlphaPose's networks without AlphaPose, on a GPU in half precision, or on a CPU.

The user downloads the checkpoints from their authors; nothing of them comes with the package.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from pydantic import Field

from stages.core.params import Section
from stages.core.storage import sha256_file
from stages.pose.alphapose.detector import YoloxDetector
from stages.pose.alphapose.poser import FastPoser
from stages.pose.base import Image, People, PeopleParams, TopDown, demand, gate, need
from stages.pose.carry import Carried, carried

STRETCH = 16
"""Frames that go through a GPU together."""

YOLOX_HOME = "from the releases of github.com/Megvii-BaseDetection/YOLOX"
FASTPOSE_HOME = "from docs/MODEL_ZOO.md of github.com/MVIG-SJTU/AlphaPose (research use alone)"


class AlphaPoseParams(Section):
    """The `extract.alphapose` section.

    Args:
        detector: which YOLOX; larger finds more and takes longer.
        pose: which FastPose.
        detector_weights: its checkpoint, `.pth`; a relative path is meant from the folder of params.yaml.
        pose_weights: the same for the pose network.
        confidence: lowest score of a box, `[0, 1]`; published 0.1. `extract.weak` and `strong` judge what is left.
        overlap: boxes whose intersection over union exceeds this are one person; published 0.6.
        input_size: side of the square that the detector sees, px, a multiple of 32; published 640.
        colours: order of the channels that the pose network gets.
        flip: estimate each pose on the mirror image too and take the mean; twice the time, slightly steadier.
        device: `auto` takes a GPU when there is one; or `cpu`, `cuda`, `cuda:1` …
        half: half precision; `auto`: on a GPU. Joints move by hundredths of a pixel.
        batch: crops per call of the pose network; larger keeps a GPU busy and takes more of its memory.
        frame_batch: frames and tiles per call of the detector.
    """

    NEUTRAL: ClassVar[tuple[str, ...]] = ("detector_weights", "pose_weights", "device", "batch", "frame_batch")
    """Fields that change no result, or whose file is hashed instead."""

    detector: Literal["yolox_s", "yolox_l", "yolox_x"] = "yolox_x"
    pose: Literal["fastpose_50", "fastpose_duc_152"] = "fastpose_50"
    detector_weights: Path | None = None
    pose_weights: Path | None = None
    confidence: float = Field(default=0.1, ge=0, le=1)
    overlap: float = Field(default=0.6, gt=0.05, le=1)
    input_size: int = Field(default=640, ge=32, multiple_of=32)
    colours: Literal["rgb", "bgr"] = "rgb"
    flip: bool = False
    device: str = "auto"
    half: Literal["auto"] | bool = "auto"
    batch: int = Field(default=64, ge=1)
    frame_batch: int = Field(default=8, ge=1)


class Weights(NamedTuple):
    """The two checkpoints, which are there."""

    detector: Path
    pose: Path


@dataclass(frozen=True)
class AlphaPose:
    """YOLOX, then FastPose, a stretch of frames at a time.

    Args:
        detector: finds people.
        poser: finds their joints.
        params: who counts as a person.
        version: as in `Estimator`.
        stretch: frames that share their batches; each frame's result is its own.
    """

    detector: YoloxDetector
    poser: FastPoser
    params: PeopleParams
    version: str
    stretch: int

    def __call__(self, image: Image) -> People:
        """Find everybody in a frame `(height, width, 3)`, BGR."""
        return self.several([image])[0]

    def several(self, images: Sequence[Image]) -> list[People]:
        """Find everybody in frames; one result per frame."""
        found = self.detector.several(images)
        joints = self.poser.several(images, [boxes for boxes, _ in found])
        return [gate(*seen, keypoints, self.params) for seen, keypoints in zip(found, joints, strict=True)]


def weights(params: AlphaPoseParams) -> Weights:
    """The checkpoints that params name.

    Raises:
        BackendError: one is not named or not there; says where it is had.
    """
    return Weights(
        need(params.detector_weights, "extract.alphapose.detector_weights", f"{params.detector}.pth {YOLOX_HOME}"),
        need(params.pose_weights, "extract.alphapose.pose_weights", f"the checkpoint of {params.pose} {FASTPOSE_HOME}"),
    )


def alphapose(params: PeopleParams, section: AlphaPoseParams) -> AlphaPose | TopDown | Carried:
    """Load both networks.

    Raises:
        BackendError: torch, OpenCV or a checkpoint is missing, or a checkpoint is not that of its network.
        ParamsError: there is no such device, or it has no half precision.
    """
    files = weights(section)
    demand("cv2", "OpenCV", "pip install 'normotion[pose]'")
    detector, poser = _detector(params, section, files.detector), _poser(section, files.pose)
    digests = (f"{path.stem} {sha256_file(path)}" for path in files)
    version = ", ".join([detector.engine.name, *digests])
    if params.detect_every > 1:
        return carried(TopDown(detector, poser, params, version), params.detect_every)
    return AlphaPose(detector, poser, params, version, STRETCH if detector.engine.on_gpu else 1)


def _detector(params: PeopleParams, section: AlphaPoseParams, path: Path) -> YoloxDetector:
    from stages.pose.alphapose.checkpoints import load
    from stages.pose.alphapose.engine import put

    engine = put(load(path, section.detector), section.device, section.half, section.frame_batch)
    return YoloxDetector(engine, section.input_size, section.confidence, section.overlap, params.tile_above)


def _poser(section: AlphaPoseParams, path: Path) -> FastPoser:
    from stages.pose.alphapose.checkpoints import load
    from stages.pose.alphapose.engine import put
    from stages.pose.alphapose.heatmaps import FlipTested, peaks, prepare

    network = load(path, section.pose)
    whole = FlipTested(network) if section.flip else network
    return FastPoser(put(whole, section.device, section.half, section.batch, prepare, peaks), section.colours == "bgr")
