"""Films whose first pixel says which frame it is, and people in them who walk, or shake for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.core.errors import NormotionError, VideoError
from stages.live.camera import Camera
from stages.live.judged import Frame
from stages.pose.base import NOBODY, Image, People
from tests.live.people import SIZE, crowd


@dataclass
class Film:
    """A source.

    Args:
        count: frames.
        live: it is a camera, which after its last frame is silent until `leave`.
        pause: seconds between two frames.
        lost: frames that never come.
    """

    count: int
    fps: float = 10.0
    size: tuple[int, int] = SIZE
    live: bool = False
    pause: float = 0.0
    lost: tuple[int, ...] = ()
    trouble: NormotionError | None = None
    resized: bool = False
    name: str = "film"
    begin: int = 0

    def __post_init__(self) -> None:
        self.leave = threading.Event()
        self.frames: int | None = self.count

    def __iter__(self) -> Iterator[Frame]:
        for number, picture in self.pictures():
            yield Frame(number, number / self.fps, picture.image)

    def pictures(self) -> Generator[tuple[int, Any]]:
        for number in range(self.count):
            if number not in self.lost:
                time.sleep(self.pause)
                yield number, Picture(self.image(number + self.begin))
        if self.live:
            self.leave.wait(10)

    def image(self, number: int) -> Image:
        image = np.zeros((self.size[1], self.size[0], 3), dtype=np.uint8)
        image[0, 0] = number // 256, number % 256, 0
        return image

    def close(self) -> None: ...


@dataclass(frozen=True)
class Picture:
    """What of PyAV's frames is used."""

    image: Image
    rotation: int = 0

    def to_ndarray(self, **_: str) -> Image:
        return self.image


def as_camera(*films: Film, queue: int = 8) -> Camera:
    """A camera that gives one film after the other."""
    given = list(films)

    def opens(_: str, **__: float) -> Any:
        if not given:
            raise VideoError("it does not come back")
        return given.pop(0)

    return Camera("film", queue=queue, first_wait=0.01, opens=opens)


class Finder:
    """Finds two people who walk, and shake in some frames.

    Args:
        shaking: those frames.
        empty: frames with nobody in them.
    """

    version = "made up"

    def __init__(self, shaking: range = range(0), empty: range = range(0)) -> None:
        self.shaking, self.empty = shaking, empty

    def __call__(self, image: Image) -> People:
        number = int(image[0, 0, 0]) * 256 + int(image[0, 0, 1])
        if number in self.empty:
            return NOBODY
        people = crowd(number, 10.0, np.random.default_rng(number))
        if number in self.shaking:
            people.keypoints[..., :2] += np.random.default_rng(number).normal(0, 12, people.keypoints[..., :2].shape)
        return people
