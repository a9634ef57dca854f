"""Backends `rtmpose` and `rtmo`: the RTM networks, run by rtmlib on ONNX files that the user downloads.

Sources: Jiang et al. 2023, "RTMPose" (arXiv:2303.07399); Lu et al. 2024, "RTMO" (arXiv:2312.07526); rtmlib 0.0.16
(github.com/Tau-J/rtmlib, Apache-2.0), which prepares pictures and reads RTMPose's output. Its detector and RTMO give no
scores, so boxes are read here from what the networks say.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from stages.core.errors import BackendError
from stages.core.params import Section
from stages.core.skeleton import COCO17
from stages.core.storage import sha256_file
from stages.pose.base import Floats, Image, People, PeopleParams, TopDown, demand, gate, need
from stages.pose.carry import Carried, carried
from stages.pose.tiling import Tile, cut, merge, place, suppress, tiles

INSTALL = "pip install 'normotion[rtm]'"
HOME = "(the zip files `onnx_sdk` listed in github.com/Tau-J/rtmlib hold it as end2end.onnx)"
PERSON = 0
"""The person's place among a detector's classes."""


class RtmPoseParams(Section):
    """The `extract.rtmpose` section.

    Args:
        detector_weights: a YOLOX whose graph suppresses overlapping boxes itself, `.onnx`; a relative path is meant
            from the folder of params.yaml.
        pose_weights: RTMPose with 17 joints (body7 or COCO), `.onnx`.
        device: `auto` takes a GPU when onnxruntime has one.
    """

    NEUTRAL: ClassVar[tuple[str, ...]] = ("detector_weights", "pose_weights", "device")
    """Fields that change no result, or whose file is hashed instead."""

    detector_weights: Path | None = None
    pose_weights: Path | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"


class RtmoParams(Section):
    """The `extract.rtmo` section.

    Args:
        weights: RTMO with 17 joints, `.onnx`; a relative path is meant from the folder of params.yaml.
        device: `auto` takes a GPU when onnxruntime has one.
    """

    NEUTRAL: ClassVar[tuple[str, ...]] = ("weights", "device")
    """Fields that change no result, or whose file is hashed instead."""

    weights: Path | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"


@dataclass(frozen=True)
class Boxes:
    """A YOLOX of rtmlib as a detector.

    Args:
        tool: rtmlib's `YOLOX`.
        params: its thresholds: `weak`, `overlap`, `tile_above`.
        path: the network, for messages.
    """

    tool: Any
    params: PeopleParams
    path: Path

    def __call__(self, image: Image) -> tuple[Floats, Floats]:
        """Find people in a frame: boxes `(n, 4)` as x, y, w, h in px and scores `(n,)`, highest first."""
        where = tiles(image.shape[1], image.shape[0], self.params.tile_above)
        return merge([self._look(image, tile) for tile in where], self.params.overlap)

    def _look(self, image: Image, tile: Tile) -> tuple[Floats, Floats]:
        pixels, scale = self.tool.preprocess(cut(image, tile))
        found, *labels = (np.asarray(output) for output in self.tool.inference(pixels))
        if found.ndim != 3 or found.shape[2] != 5:
            raise _another(self.path, "a YOLOX with suppression in its graph gives (1, n, 5)", found)
        kept = found[0, :, 4] >= self.params.weak
        if labels:
            kept &= labels[0][0] == PERSON
        boxes, scores = corners(found[0, kept])
        return place(boxes, tile, scale), scores


@dataclass(frozen=True)
class Poses:
    """RTMPose of rtmlib as a pose estimator.

    Args:
        tool: rtmlib's `RTMPose`.
    """

    tool: Any

    def __call__(self, image: Image, boxes: Floats) -> Floats:
        """Estimate one pose per box `(n, 4)`: `(n, 17, 3)` in px, px, confidence."""
        if not len(boxes):  # rtmlib would take the whole frame for a person
            return np.zeros((0, len(COCO17), 3), dtype=np.float32)
        xy, scores = self.tool(image, np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]).tolist())
        if np.shape(xy)[1:] != (len(COCO17), 2):
            raise _another(Path(self.tool.onnx_model), "17 joints are wanted", xy)
        return _joined(xy, scores)


@dataclass(frozen=True)
class Rtmo:
    """RTMO of rtmlib: everybody and their joints at once.

    Args:
        tool: rtmlib's `RTMO`.
        params: who counts as a person.
        version: as in `Estimator`.
    """

    tool: Any
    params: PeopleParams
    version: str

    def __call__(self, image: Image) -> People:
        """Find everybody in a frame `(height, width, 3)`, BGR."""
        pixels, scale = self.tool.preprocess(image)
        found, joints = (np.asarray(output) for output in self.tool.inference(pixels))
        if found.shape[2:] != (5,) or joints.shape[2:] != (len(COCO17), 3):
            raise _another(Path(self.tool.onnx_model), "RTMO gives (1, n, 5) and (1, n, 17, 3)", joints)
        likely = found[0, :, 4] >= self.params.weak
        boxes, scores = corners(found[0, likely])
        kept = suppress(boxes, scores, self.params.overlap)
        poses = _joined(joints[0, likely, :, :2] / scale, joints[0, likely, :, 2])
        return gate(boxes[kept] / np.float32(scale), scores[kept], poses[kept], self.params)


def rtmpose_files(section: RtmPoseParams) -> tuple[Path, Path]:
    """The networks of `rtmpose`; raises BackendError when one is not there."""
    return (
        need(section.detector_weights, "extract.rtmpose.detector_weights", f"a YOLOX as ONNX {HOME}"),
        need(section.pose_weights, "extract.rtmpose.pose_weights", f"an RTMPose as ONNX {HOME}"),
    )


def rtmo_files(section: RtmoParams) -> tuple[Path]:
    """The network of `rtmo`; raises BackendError when it is not there."""
    return (need(section.weights, "extract.rtmo.weights", f"an RTMO as ONNX {HOME}"),)


def rtmpose(params: PeopleParams, section: RtmPoseParams) -> TopDown | Carried:
    """Load YOLOX and RTMPose.

    Raises:
        BackendError: rtmlib is not installed, or a network is missing or another one.
    """
    library = demand("rtmlib", "rtmlib", INSTALL)
    detector, pose = rtmpose_files(section)
    device = _device(section.device)
    boxes = Boxes(_load(library.YOLOX, detector, device), params, detector)
    poses = Poses(_load(library.RTMPose, pose, device, turned=True))
    return carried(TopDown(boxes, poses, params, _version(device, detector, pose)), params.detect_every)


def rtmo(params: PeopleParams, section: RtmoParams) -> Rtmo:
    """Load RTMO.

    Raises:
        BackendError: rtmlib is not installed, or the network is missing or another one.
    """
    library = demand("rtmlib", "rtmlib", INSTALL)
    (path,) = rtmo_files(section)
    device = _device(section.device)
    return Rtmo(_load(library.RTMO, path, device), params, _version(device, path))


def corners(found: Floats) -> tuple[Floats, Floats]:
    """Rows of left, top, right, bottom, score `(n, 5)` → boxes `(n, 4)` as x, y, w, h and scores `(n,)`."""
    boxes = np.hstack([found[:, :2], found[:, 2:4] - found[:, :2]])
    return boxes.astype(np.float32), found[:, 4].astype(np.float32)


def _joined(xy: Any, scores: Any) -> Floats:
    joints = np.concatenate([np.asarray(xy), np.asarray(scores)[..., None]], axis=2)
    joints[..., 2] = np.maximum(joints[..., 2], 0.0)  # the peak of a distribution's logits may lie below 0
    return joints.astype(np.float32)


def _load(kind: Any, path: Path, device: str, *, turned: bool = False) -> Any:
    """Load a network; the size of its input is read from its file, as rtmlib assumes one."""
    try:
        with redirect_stdout(io.StringIO()):  # it prints
            tool = kind(str(path), backend="onnxruntime", device=device)
        height, width = tool.session.get_inputs()[0].shape[-2:]
    except Exception as error:  # onnxruntime's errors share no narrower class
        reason = str(error).partition("\n")[0]
        raise BackendError(
            f"the network cannot be loaded: {reason}", where=str(path), fix=f"get it again {HOME}"
        ) from error
    if isinstance(height, int) and isinstance(width, int):
        tool.model_input_size = (width, height) if turned else (height, width)
    return tool


def _device(name: str) -> str:
    runtime = demand("onnxruntime", "onnxruntime", INSTALL)
    offered = "CUDAExecutionProvider" in runtime.get_available_providers()
    if name == "cuda" and not offered:
        raise BackendError("onnxruntime has no GPU here", fix="pip install onnxruntime-gpu, or set device to auto")
    return "cuda" if offered and name != "cpu" else "cpu"


def _version(device: str, *paths: Path) -> str:
    try:
        number = version("rtmlib")
    except PackageNotFoundError:  # a copy that was not installed
        number = "of unknown version"
    digests = (f"{path.stem} {sha256_file(path)}" for path in paths)
    return ", ".join([f"rtmlib {number} {device}", *digests])


def _another(path: Path, wanted: str, found: Any) -> BackendError:
    what = f"this is another network than it should be: {wanted}, found {np.shape(found)}"
    return BackendError(what, where=str(path), fix=f"get the right one {HOME}")
