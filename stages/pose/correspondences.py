"""Image points that two frames share: ORB features of both, matched by their descriptors.

Source: Rublee et al., "ORB: an efficient alternative to SIFT or SURF", ICCV 2011, as OpenCV has it; the ratio test of
Lowe 2004, "Distinctive Image Features from Scale-Invariant Keypoints", §7.1. PoseFlow's authors search the whole frame
with FLANN's multi-probe LSH. Points that lie neither in a box nor around a joint never enter an overlap of people, so
by default features are found around people alone; these are few enough to compare each with each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from stages.core.errors import VideoError
from stages.core.params import Section
from stages.pose.overlap import Floats

Image = NDArray[np.uint8]

LSH: dict[str, bool | int | float | str] = {"algorithm": 6, "table_number": 12, "key_size": 12, "multi_probe_level": 2}
"""FLANN's index of the published rule; 6 is its name for LSH."""
CHECKS = 100
"""Leaves FLANN looks at, as published."""
HAMMING = 9
"""FLANN's name for the distance of binary descriptors."""
FEW_FEATURES = 400
"""Product of two frames' features below which the published rule takes each pixel for matched with itself."""
FEW_MATCHES = 50
"""The same for matches: the release looks for a text file of less than 1,000 bytes, about 20 bytes a match."""


class MatchParams(Section):
    """The `track.orb` section: image points by which people are told apart, where `track.matches` is `orb`.

    Args:
        features: most points per frame. Fewer is faster and leaves people of little contrast without any.
        contrast: difference in brightness that makes a corner (FAST's threshold), in grey levels. Lower finds more
            points, on blurred people too, and less stable ones.
        ratio: a point counts as found again where its distance to the best candidate is below this share of that to
            the second best. Higher gives more matches and more wrong ones.
        area: `people`: points in boxes and around joints; `frame`: everywhere (published), many times slower.
        search: `exact` compares each point with each; `flann` looks near by in hash tables (published) and misses a
            few.
        same_pixels: where two frames share almost nothing, as when they are blank, take each pixel for matched with
            itself (published).
    """

    features: int = Field(default=10_000, ge=1)
    contrast: int = Field(default=20, ge=1, le=255)
    ratio: float = Field(default=0.8, gt=0, le=1)
    area: Literal["people", "frame"] = "people"
    search: Literal["exact", "flann"] = "exact"
    same_pixels: bool = False

    @classmethod
    def published(cls) -> MatchParams:
        """As PoseFlow's authors released it."""
        return cls(area="frame", search="flann", same_pixels=True)


@dataclass(frozen=True)
class Features:
    """Points of one frame that can be found again.

    Args:
        points: `(n, 2)` x and y, whole px.
        descriptors: `(n, 32)`, 256 bits each.
        size: width and height of the frame in px.
    """

    points: Floats
    descriptors: NDArray[np.uint8]
    size: tuple[int, int]


class Correspondences:
    """Points matched between frames that follow one another; a `poseflow.Matcher`.

    Frames are worked on ahead in threads of its own while the caller compares people. It holds as many frames as there
    are threads and two more, whatever the length of the video.

    Args:
        images: numbers and frames `(height, width, 3)` BGR, numbered from 0 without gaps; read once.
        regions: gives the regions `(P, R, 4)` of the people in a frame; see `poseflow.regions`.
        params: see `MatchParams`.
        threads: frames worked on at once. Results do not depend on it.
    """

    def __init__(
        self,
        images: Iterable[tuple[int, Image]],
        regions: Callable[[int], Floats],
        params: MatchParams,
        *,
        threads: int = 1,
    ) -> None:
        self._images, self._regions, self._params = images, regions, params
        self._threads = threads
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="match")
        self._ready = self._work_ahead()

    def __call__(self, earlier: int, later: int) -> Floats:
        """Match a frame with the one before it; later ones have to be asked for in their order.

        Returns:
            `(K, 4)` x, y in the earlier frame and x, y in the later, whole px.

        Raises:
            ValueError: the frames do not follow one another.
            VideoError: the video ends before the later frame.
        """
        if later != earlier + 1:
            raise ValueError(f"frame {later} does not follow frame {earlier}")
        for frame, matches in self._ready:
            if frame == later:
                return matches.result()
        raise VideoError(f"the video has no frame {later}", fix="run `normotion check`")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the threads."""
        self._ready.close()
        self._workers.shutdown(cancel_futures=True)

    def _work_ahead(self) -> Generator[tuple[int, Future[Floats]]]:
        waiting: deque[tuple[int, Future[Floats]]] = deque()
        before: Future[Features] | None = None
        for index, image in self._images:
            people = self._regions(index)
            now = self._workers.submit(features, image, people, self._params)
            if before is not None and len(people):  # where nobody is, nobody is looked for
                waiting.append((index, self._workers.submit(self._match, before, now)))
            before = now
            if len(waiting) > self._threads:
                yield waiting.popleft()
        yield from waiting

    def _match(self, before: Future[Features], now: Future[Features]) -> Floats:
        """Both were handed to the workers before this was, so waiting for them never blocks their own start."""
        return match(before.result(), now.result(), self._params)


def features(image: Image, regions: Floats, params: MatchParams) -> Features:
    """Find the ORB features of a frame.

    Args:
        image: `(height, width, 3)` BGR.
        regions: `(P, R, 4)` left, right, top, bottom in px: where to look if `params.area` is `people`.
        params: see `MatchParams`.
    """
    import cv2

    size = (image.shape[1], image.shape[0])
    mask = mask_of(regions, size) if params.area == "people" else None
    if mask is not None and not mask.any():
        return Features(np.empty((0, 2)), np.empty((0, 32), np.uint8), size)
    finder = cv2.ORB_create(params.features, scoreType=cv2.ORB_FAST_SCORE, fastThreshold=params.contrast)  # type: ignore[attr-defined]
    corners, descriptors = finder.detectAndCompute(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), mask)
    points = np.trunc(cv2.KeyPoint.convert(corners)).astype(np.float64).reshape(-1, 2)
    return Features(points, np.empty((0, 32), np.uint8) if descriptors is None else descriptors, size)


def mask_of(regions: Floats, size: tuple[int, int]) -> NDArray[np.uint8]:
    """255 in the pixels that lie in a region, `(height, width)`.

    Args:
        regions: `(..., 4)` left, right, top, bottom in px; what lies outside the image is cut off.
        size: width and height of the image in px.
    """
    mask = np.zeros((size[1], size[0]), np.uint8)
    ends = np.floor(np.maximum(regions.reshape(-1, 4) + np.array([0, 1, 0, 1]), 0)).astype(int)
    for left, right, top, bottom in ends:
        mask[top:bottom, left:right] = 255
    return mask


def match(first: Features, second: Features, params: MatchParams) -> Floats:
    """Match two frames' features.

    Args:
        first: of the earlier frame.
        second: of the later one.
        params: see `MatchParams`.

    Returns:
        `(K, 4)` x, y there and x, y here, whole px.
    """
    matches = np.empty((0, 4))
    if len(second.points) > 1 and len(first.points):
        found, distance = _two_nearest(first.descriptors, second.descriptors, params)
        good = (found >= 0).all(axis=1) & (distance[:, 0] < params.ratio * distance[:, 1])
        matches = np.concatenate([first.points[good], second.points[found[good, 0]]], axis=1)
    few = len(first.points) * len(second.points) < FEW_FEATURES or len(matches) < FEW_MATCHES
    return _same_pixels(second.size) if params.same_pixels and few else matches


def _two_nearest(query: Any, train: Any, params: MatchParams) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Rows of `train` nearest to each of `query`, `(n, 2)`, -1 where none was found, and their Hamming distances."""
    import cv2

    if params.search == "exact":
        distance, found = cv2.batchDistance(query, train, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=2)
    else:
        cv2.setRNGSeed(0)  # of this thread: which bits the hash tables look at
        found, distance = cv2.flann.Index(train, LSH, HAMMING).knnSearch(query, 2, params={"checks": CHECKS})
    return np.asarray(found), np.asarray(distance)


def _same_pixels(size: tuple[int, int]) -> Floats:
    """Each pixel matched with itself, column by column."""
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(size[0]), np.arange(size[1]), indexing="ij"))
    return np.stack([x, y, x, y], axis=1).astype(np.float64)
