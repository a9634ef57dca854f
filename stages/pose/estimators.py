"""From frames to people: what a pose backend is, how one is chosen, and how all cores are kept busy with it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from stages.core.params import Section
from stages.core.skeleton import BODY
from stages.core.storage import sha256_file, sha256_text
from stages.pose.duplicates import distinct
from stages.pose.movenet import LIGHTNING, movenet
from stages.pose.nanodet import NANODET, nanodet

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

WEIGHTS = {"movenet": (NANODET, LIGHTNING)}
"""The networks each backend loads."""

SOURCES = ("duplicates", "estimators", "movenet", "nanodet", "onnx", "video")
"""Modules beside this one that decide what is found; editing any of them makes poses anew."""


class ExtractParams(Section):
    """The `extract` section.

    Args:
        backend: `movenet`: NanoDet finds people, MoveNet Lightning their 17 COCO joints.
        weak: lowest score of a box that is kept, `[0, 1]`. Lower keeps people in unusual postures, and costs a pose
            estimate per box.
        strong: score from which a box may start a track; weaker ones can only continue one.
        overlap: boxes whose intersection over union exceeds this are one person.
        tile_above: frames whose longer side exceeds this, px, are searched in 2 × 2 overlapping tiles too, at five
            times the detector's time; null: never. The default is twice the detector's input.
        margin: side of the square given to the pose network, in longer sides of the box, ≥ 1.
        least_body: mean confidence from the shoulders down that makes a pose credible, `[0, 1]`. Below it a weak box is
            dropped, and a strong one is made weak: people who fly or bend double look like this, and so do traffic
            cones, but only people were seen clearly a moment before.
        same: poses whose object keypoint similarity reaches this are one person, found in two boxes.
        threads: frames worked on at once; null: as many as there are cores. Results do not depend on it.
    """

    backend: Literal["movenet"] = "movenet"
    weak: float = Field(default=0.2, ge=0, le=1)
    strong: float = Field(default=0.35, ge=0, le=1)
    overlap: float = Field(default=0.5, gt=0, le=1)
    tile_above: int | None = Field(default=832, gt=0)
    margin: float = Field(default=1.25, ge=1)
    least_body: float = Field(default=0.2, ge=0, le=1)
    same: float = Field(default=0.6, gt=0, le=1)
    threads: int | None = Field(default=None, gt=0)

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


class Estimator(Protocol):
    """A pose backend: one frame → people. Several threads call it at once."""

    @property
    def version(self) -> str:
        """Engine and networks that compute the poses, for the files' metadata."""
        ...

    def __call__(self, image: Image) -> People:
        """Find everybody in a frame `(height, width, 3)`, BGR."""
        ...


@dataclass(frozen=True)
class TopDown:
    """Detector first, then one pose per box.

    Args:
        detector: frame → boxes and scores.
        poser: frame and boxes → keypoints.
        params: thresholds; the networks have theirs already.
        version: as in `Estimator`.
    """

    detector: Callable[[Image], tuple[Floats, Floats]]
    poser: Callable[[Image, Floats], Floats]
    params: ExtractParams
    version: str

    def __call__(self, image: Image) -> People:
        """Find everybody in a frame `(height, width, 3)`, BGR."""
        boxes, scores = self.detector(image)
        keypoints = self.poser(image, boxes)
        strong = scores >= self.params.strong
        body = keypoints[:, BODY, 2].mean(axis=1) >= self.params.least_body
        scores = np.where(strong & ~body, np.float32(self.params.weak), scores)
        alive = np.flatnonzero(strong | body)
        kept = alive[distinct(boxes[alive], scores[alive], keypoints[alive], self.params.same)]
        kept = kept[np.argsort(-scores[kept], kind="stable")]
        junk, doubted, duplicates = (~strong & ~body).sum(), (strong & ~body).sum(), len(alive) - len(kept)
        return People(boxes[kept], scores[kept], keypoints[kept], int(junk), int(doubted), duplicates)


def estimator(params: ExtractParams) -> Estimator:
    """Load the backend that `extract.backend` names.

    Raises:
        BackendError: its packages or weights are missing.
    """
    detector = nanodet(params.weak, params.overlap, params.tile_above)
    poser = movenet(params.margin)
    digests = (f"{path.stem} {sha256_file(path)}" for path in WEIGHTS[params.backend])
    version = ", ".join([poser.network.engine, *digests])
    return TopDown(detector, poser, params, version)


def fingerprint(params: ExtractParams) -> str:
    """A hash of all that decides which people are found in given frames: parameters, weights and code.

    `threads` is left out, as results do not depend on it, and so is the engine's version: new poses for a thousand
    clips are not worth a difference in the sixth decimal, and each file names the engine that made it.
    """
    here = Path(__file__).parent
    code = [(here / f"{name}.py").read_text(encoding="utf-8") for name in SOURCES]
    weights = [sha256_file(path) for path in WEIGHTS[params.backend]]
    return sha256_text(params.model_dump_json(exclude={"threads"}), *weights, *code)


def people(
    find: Estimator, images: Iterable[tuple[int, Image]], threads: int | None = None
) -> Generator[tuple[int, People]]:
    """Find people in each frame, several frames at a time, in the frames' order.

    A worker takes a frame from detection to poses, so that one's crops run while another's detector does and no core
    waits for the slower half.

    Args:
        find: the backend.
        images: frame numbers and frames, taken as they are needed.
        threads: frames in work at once; None: as many as there are cores.

    Yields:
        Frame number and people.
    """
    count = threads or _cores()
    workers = ThreadPoolExecutor(count, thread_name_prefix="pose")
    waiting: deque[tuple[int, Future[People]]] = deque()
    try:
        for index, image in images:
            waiting.append((index, workers.submit(find, image)))
            if len(waiting) > count:  # one more than in work, so that no worker waits for the caller
                yield _next(waiting)
        while waiting:
            yield _next(waiting)
    finally:
        workers.shutdown(cancel_futures=True)


def _next(waiting: deque[tuple[int, Future[People]]]) -> tuple[int, People]:
    index, found = waiting.popleft()
    return index, found.result()


def _cores() -> int:
    """Cores this process may use: a container is often given fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
