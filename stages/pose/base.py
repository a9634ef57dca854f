"""What a pose backend is: what it takes, what it gives, and the rules by which all of them keep or drop people."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from stages.core.errors import BackendError
from stages.core.params import Section
from stages.core.paths import find_project
from stages.core.skeleton import BODY, COCO17
from stages.pose.duplicates import distinct
from stages.pose.pose_nms import PoseNmsParams, suppress

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

Detector = Callable[[Image], tuple[Floats, Floats]]
"""A frame `(height, width, 3)`, BGR → boxes `(n, 4)` as x, y, w, h in px, and scores `(n,)`, finite, ≥ 0."""

Poser = Callable[[Image, Floats], Floats]
"""A frame and boxes `(n, 4)` → keypoints `(n, 17, 3)`: x and y in px of the frame, confidence ≥ 0."""


class PeopleParams(Section):
    """The part of the `extract` section that holds for every backend: who counts as a person.

    Args:
        weak: lowest score of a box that is kept, `[0, 1]`. Lower keeps people in unusual postures, and costs a pose
            estimate per box.
        strong: score from which a box may start a track; weaker ones can only continue one.
        overlap: boxes whose intersection over union exceeds this are one person.
        tile_above: frames whose longer side exceeds this, px, are searched in 2 × 2 overlapping tiles too, at five
            times the detector's time; null: never. The default is twice the input of the detector that comes with the
            package. Read by `movenet`, `alphapose` and `rtmpose`.
        margin: side of the square that `movenet` gives to the pose network, in longer sides of the box, ≥ 1.
        least_body: mean confidence from the shoulders down that makes a pose credible, `[0, 1]`. Below it a weak box is
            dropped, and a strong one is made weak: people who fly or bend double look like this, and so do traffic
            cones, but only people were seen clearly a moment before.
        duplicates: how poses of one person, found in two boxes, are told: `oks` by `same`, and the surest stays; or
            `pose_nms` as AlphaPose does, and the surest takes the others' joints in.
        same: poses whose object keypoint similarity reaches this are one person.
        pose_nms: where `duplicates` is `pose_nms`, its constants.
        detect_every: the detector looks at every n-th frame; in between, boxes move with the poses of the frame
            before. 1 is exact; more is faster, and misses whoever enters until the detector looks again.
    """

    weak: float = Field(default=0.2, ge=0, le=1)
    strong: float = Field(default=0.35, ge=0, le=1)
    overlap: float = Field(default=0.5, gt=0, le=1)
    tile_above: int | None = Field(default=832, gt=0)
    margin: float = Field(default=1.25, ge=1)
    least_body: float = Field(default=0.2, ge=0, le=1)
    duplicates: Literal["oks", "pose_nms"] = "oks"
    same: float = Field(default=0.6, gt=0, le=1)
    pose_nms: PoseNmsParams = PoseNmsParams()
    detect_every: int = Field(default=1, ge=1, le=100)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.weak > self.strong:
            raise ValueError(f"weak = {self.weak} must not exceed strong = {self.strong}")
        return self


@dataclass(frozen=True)
class People:
    """Everybody found in one frame, the surest first.

    Args:
        boxes: `(n, 4)` as x, y, w, h in px.
        scores: `(n,)`, the detector's, finite, ≥ 0.
        keypoints: `(n, 17, 3)`: x and y in px, confidence ≥ 0; COCO-17.
        junk: weak boxes dropped because no body was seen in them.
        doubted: strong boxes made weak because no body was seen in them.
        duplicates: boxes dropped because another one holds the same person.
    """

    boxes: Floats
    scores: Floats
    keypoints: Floats
    junk: int = 0
    doubted: int = 0
    duplicates: int = 0

    def __len__(self) -> int:
        return len(self.boxes)


NOBODY = People(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, len(COCO17), 3), np.float32))
"""An empty frame."""


@runtime_checkable
class Estimator(Protocol):
    """A pose backend that looks at frames: one frame → people. Several threads call it at once."""

    @property
    def version(self) -> str:
        """Engine and networks that compute the poses, for the files' metadata."""
        ...

    def __call__(self, image: Image) -> People:
        """Find everybody in a frame `(height, width, 3)`, BGR."""
        ...


@runtime_checkable
class StretchEstimator(Estimator, Protocol):
    """One that works on several consecutive frames in one go: for large batches, or as one frame leans on another."""

    @property
    def stretch(self) -> int:
        """Frames of one go; what is found depends on where stretches begin, and the first begins at frame 0."""
        ...

    def several(self, images: Sequence[Image]) -> list[People]:
        """Find everybody in at most `stretch` consecutive frames; one result per frame."""
        ...


@runtime_checkable
class ClipEstimator(Protocol):
    """A pose backend that reads a whole video by itself, such as a program outside this one."""

    @property
    def version(self) -> str:
        """As in `Estimator`."""
        ...

    def clip(self, video: Path, count: int) -> Iterator[tuple[int, People]]:
        """Find everybody in a video of `count` frames; yields every frame in order, also the empty ones.

        Raises:
            BackendError: the program failed, or spoke of frames that the video does not have.
        """
        ...


def gate(boxes: Floats, scores: Floats, keypoints: Floats, params: PeopleParams) -> People:
    """Keep people, drop junk and duplicates, and count what was dropped.

    The rule: a box below `strong` without a credible body goes; a box at or above it without one is made as weak as can
    be; of poses that coincide one stays.

    Args:
        boxes: `(n, 4)` as x, y, w, h in px.
        scores: `(n,)`, the detector's.
        keypoints: `(n, 17, 3)`.
        params: the thresholds.
    """
    return keep(boxes, scores, keypoints, params)[0]


def keep(boxes: Floats, scores: Floats, keypoints: Floats, params: PeopleParams) -> tuple[People, NDArray[np.intp]]:
    """As `gate`; gives the rows too that were kept, in the order of the people."""
    strong = scores >= params.strong
    body = keypoints[:, BODY, 2].mean(axis=1) >= params.least_body
    scores = np.where(strong & ~body, np.float32(params.weak), scores)
    alive = np.flatnonzero(strong | body)
    unsure = 0
    if params.duplicates == "pose_nms":
        rows, merged, unsure = suppress(boxes[alive], scores[alive], keypoints[alive], params.pose_nms)
        keypoints = keypoints.copy()
        keypoints[alive] = merged
    else:
        rows = distinct(boxes[alive], scores[alive], keypoints[alive], params.same)
    kept = alive[rows[np.argsort(-scores[alive[rows]], kind="stable")]]
    junk, doubted = int((~strong & ~body).sum()) + unsure, int((strong & ~body).sum())
    crowd = People(boxes[kept], scores[kept], keypoints[kept], junk, doubted, len(alive) - len(kept) - unsure)
    return crowd, kept


@dataclass(frozen=True)
class TopDown:
    """Detector first, then one pose per box.

    Args:
        detector: frame → boxes and scores.
        poser: frame and boxes → keypoints.
        params: thresholds; the networks have theirs already.
        version: as in `Estimator`.
    """

    detector: Detector
    poser: Poser
    params: PeopleParams
    version: str

    def __call__(self, image: Image) -> People:
        """Find everybody in a frame `(height, width, 3)`, BGR."""
        boxes, scores = self.detector(image)
        return gate(boxes, scores, self.poser(image, boxes), self.params)


def need(path: Path | None, key: str, what: str) -> Path:
    """Give back the path of a file that a parameter names and that is there.

    Args:
        path: the parameter's value; a relative one is meant from the folder that holds params.yaml.
        key: the parameter, e.g. `extract.alphapose.pose_weights`.
        what: the file, and where it is had.

    Raises:
        BackendError: the parameter is not set, or there is no such file.
    """
    if path is None:
        raise BackendError(f"{key} is not set", fix=f"get {what}, and write its path there")
    full = path if path.is_absolute() else find_project().root / path
    if not full.is_file():
        fix = f"get {what}, and put it there"
        raise BackendError(f"{key} names a file that is not there", where=str(full), fix=fix)
    return full


def demand(module: str, name: str, install: str) -> Any:
    """Import a package that a backend needs.

    Raises:
        BackendError: it is not installed, or cannot be imported; `install` says how to get it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise BackendError(f"{name} is not installed ({error})", fix=install) from error
