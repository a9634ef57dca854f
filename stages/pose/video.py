"""Reading videos: their header, and their frames decoded ahead in another thread."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from stages.core.errors import BackendError, VideoError
from stages.core.params import Section

if TYPE_CHECKING:
    import cv2

AHEAD = 8
"""Frames decoded before they are asked for: hides the pauses at key frames, and holds 200 MB at 4K."""


class CheckParams(Section):
    """The `check` section: what a video may be at most, so that a mistake is refused before hours are spent on it.

    Args:
        max_frames: frames of one clip; the default is ten hours at 30 frames/s. Longer recordings are better cut.
        max_pixels: width × height; the default is 8K. Each frame decoded ahead takes three bytes per pixel.
    """

    max_frames: int = Field(default=1_080_000, gt=0)
    max_pixels: int = Field(default=7680 * 4320, gt=0)

    def problems(self, info: VideoInfo) -> list[str]:
        """What is wrong with a video of these measures, as sentences; empty when nothing is."""
        found = []
        if info.frames > self.max_frames:
            found.append(f"{info.frames} frames are more than check.max_frames = {self.max_frames}")
        if info.width * info.height > self.max_pixels:
            found.append(f"{info.width} × {info.height} pixels are more than check.max_pixels = {self.max_pixels}")
        return found


@dataclass(frozen=True)
class VideoInfo:
    """What a video's header says.

    Args:
        frames: number of frames; a truncated file still names them all.
        fps: frames per second.
        width: of a frame as decoded, px, after the rotation that phones write into the header.
        height: of a frame as decoded, px.
    """

    frames: int
    fps: float
    width: int
    height: int


def probe(path: Path) -> VideoInfo:
    """Read a video's header; decodes nothing but what the container needs to name the frame size.

    Raises:
        VideoError: the file is missing, empty, or no video.
        BackendError: OpenCV is not installed.
    """
    capture = _open(path)
    try:
        return _header(capture, path)
    finally:
        capture.release()


def frames(path: Path, *, expected: int | None = None, ahead: int = AHEAD) -> Generator[tuple[int, NDArray[np.uint8]]]:
    """Decode a video in a thread of its own, at most `ahead` frames before they are asked for.

    The thread ends with the generator, also when that is closed early (`contextlib.closing`).

    Args:
        path: the video.
        expected: number of frames it must turn out to have; None takes what comes.
        ahead: bound of the frames held; more smooths slow key frames and takes more memory.

    Yields:
        Frame number from 0, and the frame `(height, width, 3)` in BGR.

    Raises:
        VideoError: as `probe`; or, after the last frame, there were fewer or more than `expected`.
        BackendError: OpenCV is not installed.
    """
    capture = _open(path)
    decoder = ThreadPoolExecutor(1, thread_name_prefix="decode")
    try:
        waiting = deque(decoder.submit(capture.read) for _ in range(max(ahead, 1)))
        for index in count():
            decoded, image = waiting.popleft().result()
            if not decoded:
                break
            waiting.append(decoder.submit(capture.read))
            yield index, np.asarray(image, dtype=np.uint8)
    finally:
        decoder.shutdown(cancel_futures=True)
        capture.release()
    if expected is not None and index != expected:
        raise _miscounted(path, index, expected)


def demand(path: Path) -> Path:
    """Give back the path of a file that is there and holds something.

    Raises:
        VideoError: the file is missing or empty.
    """
    if not path.is_file():
        raise VideoError("the video is missing", where=str(path), fix="put it there, or mend `path` in clips.csv")
    if not path.stat().st_size:
        raise VideoError("the video is empty (0 bytes)", where=str(path), fix="copy it from its source again")
    return path


def _open(path: Path) -> cv2.VideoCapture:
    demand(path)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # quiet: the error below says it better, and once
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    try:
        import cv2
    except ImportError as error:
        raise BackendError("OpenCV is not installed", fix="pip install 'normotion[pose]'") from error
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise _unreadable(path)
    return capture


def _header(capture: cv2.VideoCapture, path: Path) -> VideoInfo:
    import cv2

    names = (cv2.CAP_PROP_FRAME_COUNT, cv2.CAP_PROP_FPS, cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
    number, fps, width, height = (capture.get(name) for name in names)
    if not min(number, fps, width, height) > 0:
        raise _unreadable(path)
    return VideoInfo(int(number), fps, int(width), int(height))


def _unreadable(path: Path) -> VideoError:
    return VideoError(
        "this is no video that can be read: another kind of file, or cut off before its index",
        where=str(path),
        fix="look at it with `ffprobe`; copy it from its source again, or convert it to MP4 (H.264)",
    )


def _miscounted(path: Path, decoded: int, expected: int) -> VideoError:
    cut = (
        "the file is cut off or damaged: copy it from its source again; if it is whole, " if decoded < expected else ""
    )
    return VideoError(
        f"{decoded} frames could be decoded, but clips.csv declares {expected}",
        where=str(path),
        fix=f"{cut}write frames = {decoded} in clips.csv",
    )
