"""Images as a video: for data sets published one file per frame, and for parts of a recording.

The video is coded with FFV1 in AVI: without loss, so that every pixel stays what its owner published.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import BackendError, VideoError
from stages.pose.video import frames

if TYPE_CHECKING:
    import cv2

Image = NDArray[np.uint8]

KINDS = (".bmp", ".jpg", ".jpeg", ".png", ".tif", ".tiff")
"""Endings of image files."""


def images(folder: Path) -> list[Path]:
    """Image files of a folder in the order of their names, without hidden ones.

    Raises:
        VideoError: there are none.
    """
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in KINDS and path.name[0] != ".")
    if not found:
        raise VideoError("there are no images in the folder", where=str(folder), fix="download it again")
    return found


def join(folder: Path, target: Path, fps: float) -> Path:
    """Write the images of a folder as a video.

    Raises:
        VideoError: there are none, or one cannot be read or has another size.
    """
    return write_video((_read(path) for path in images(folder)), target, fps)


def cut(video: Path, start: int, stop: int, target: Path, fps: float) -> Path:
    """Write frames `[start, stop)` of a video as a video of their own.

    Raises:
        VideoError: it ends before that.
    """
    with closing(frames(video)) as decoded:
        return write_video((image for _, image in islice(decoded, start, stop)), target, fps, stop - start)


def write_video(pictures: Iterable[Image], target: Path, fps: float, expected: int | None = None) -> Path:
    """Code images without loss.

    Args:
        pictures: `(height, width, 3)` each, BGR, all of one size.
        target: the file, `.avi`.
        fps: frames per second.
        expected: how many there must be.

    Raises:
        VideoError: there are none or too few, one has another size, or the codec is missing.
        BackendError: OpenCV is not installed.
    """
    rest = iter(pictures)
    first = next(rest, None)
    if first is None:
        raise VideoError("there are no frames to write", where=str(target), fix="download the data again")
    writer = _writer(target, fps, (first.shape[1], first.shape[0]))
    count = 0
    try:
        for count, image in enumerate(chain([first], rest), start=1):  # noqa: B007 the last one counts
            if image.shape != first.shape:  # OpenCV would drop it without a word
                raise VideoError(f"an image of {image.shape} among images of {first.shape}", where=str(target))
            writer.write(image)
    finally:
        writer.release()
    if count != (expected or count):
        raise VideoError(f"{count} frames, expected {expected}", where=str(target), fix="download the data again")
    return target


def _writer(target: Path, fps: float, size: tuple[int, int]) -> cv2.VideoWriter:
    try:
        import cv2
    except ImportError as error:
        raise BackendError("OpenCV is not installed", fix="pip install 'normotion[pose]'") from error
    writer = cv2.VideoWriter(str(target), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"FFV1"), fps, size)
    if not writer.isOpened():
        raise VideoError("this OpenCV cannot write FFV1 video", fix="pip install opencv-python-headless")
    return writer


def _read(path: Path) -> Image:
    import cv2

    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise VideoError("this image cannot be read", where=str(path), fix="download it again")
    return np.asarray(image, dtype=np.uint8)
