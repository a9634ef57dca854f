"""Reading videos: their header, and their frames decoded ahead in another thread.

Frames come as a player shows them: turned as a phone's header says, and all of the size of the first one (OpenCV scales
those of a stream whose size changes), so that coordinates mean the same throughout a clip.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from stages.core.errors import BackendError, VideoError
from stages.core.params import Section
from stages.core.progress import log
from stages.pose.container import LATE, Drift, demand_whole, drift, frame_times, uneven

if TYPE_CHECKING:
    import cv2

AHEAD = 8
"""Frames decoded before they are asked for: hides the pauses at key frames, and holds 200 MB at 4K."""


class CheckParams(Section):
    """The `check` section: what a video may be at most, so that a mistake is refused before hours are spent on it.

    Args:
        max_frames: frames of one clip; the default is ten hours at 30 frames/s. Longer recordings are better cut.
        max_pixels: width × height; the default is 8K. Each frame decoded ahead takes three bytes per pixel.
        max_fps: frames per second; more is no camera's rate but the time base of a file that does not know its own.
    """

    max_frames: int = Field(default=1_080_000, gt=0)
    max_pixels: int = Field(default=7680 * 4320, gt=0)
    max_fps: float = Field(default=1000.0, gt=0)

    def problems(self, info: VideoInfo) -> list[str]:
        """What is wrong with a video of these measures, as sentences; empty when nothing is."""
        found = []
        if info.frames > self.max_frames:
            found.append(f"{info.frames} frames are more than check.max_frames = {self.max_frames}")
        if info.width * info.height > self.max_pixels:
            found.append(f"{info.width} × {info.height} pixels are more than check.max_pixels = {self.max_pixels}")
        if info.fps > self.max_fps:
            found.append(f"{info.fps:g} frames/s are more than check.max_fps = {self.max_fps:g}")
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
        VideoError: the file is missing, empty, cut off, or no video; or the container tells that its frames do not
            come at an even rate.
        BackendError: OpenCV is not installed.
    """
    capture = _open(path)
    try:
        info = _header(capture, path)
    finally:
        capture.release()
    times = frame_times(path)
    if times is not None and (found := drift(times, info.fps)).seconds > LATE:
        raise uneven(found, info.fps, path)
    return info


def count(path: Path) -> int:
    """Decode a whole video to count its frames.

    Raises:
        VideoError: as `frames`.
    """
    capture = _open(path)
    try:
        number = 0
        while capture.grab():
            number += 1
        return number
    finally:
        capture.release()


def frames(
    path: Path, *, expected: int | None = None, ahead: int = AHEAD, every: int = 1
) -> Generator[tuple[int, NDArray[np.uint8]]]:
    """Decode a video in a thread of its own, at most `ahead` frames before they are asked for.

    The thread ends with the generator, also when that is closed early (`contextlib.closing`). Frames more than one
    frame's time away from an even rate are counted in the log.

    Args:
        path: the video.
        expected: number of frames it must turn out to have; None takes what comes.
        ahead: bound of the frames held; more smooths slow key frames and takes more memory.
        every: give frame 0 and every n-th after it; the others are decoded, since those given build upon them, but not
            turned into pictures. Larger is a little faster.

    Yields:
        Frame number from 0, and the frame `(height, width, 3)` in BGR.

    Raises:
        VideoError: the file is missing, empty, cut off, or no video; a frame lies more than `LATE` away from where the
            frame rate puts it; or, after the last frame, there were fewer or more than `expected`.
        BackendError: OpenCV is not installed.
    """
    capture = _open(path)
    watch = _Watch(capture, path)
    decoder = ThreadPoolExecutor(1, thread_name_prefix="decode")
    number = 0
    try:
        waiting = deque(decoder.submit(_take, capture, every) for _ in range(max(ahead, 1)))
        while (taken := waiting.popleft().result()) is not None:
            waiting.append(decoder.submit(_take, capture, every))
            image, times = taken
            watch.look(number, image, times)
            yield number, image
            number += len(times)
    finally:
        decoder.shutdown(cancel_futures=True)
        capture.release()
    watch.tell()
    if expected is not None and number != expected:
        raise _miscounted(path, number, expected)


def _take(capture: cv2.VideoCapture, every: int) -> tuple[NDArray[np.uint8], list[float]] | None:
    """The next frame and the times in seconds of it and of those passed over after it; None at the end."""
    import cv2

    decoded, image = capture.read()
    if not decoded:
        return None
    times = [capture.get(cv2.CAP_PROP_POS_MSEC) / 1000]
    while len(times) < every and capture.grab():
        times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    return np.asarray(image, dtype=np.uint8), times


class _Watch:
    """Holds what is decoded against what the header says."""

    def __init__(self, capture: cv2.VideoCapture, path: Path) -> None:
        import cv2

        self._path = path
        self._fps = capture.get(cv2.CAP_PROP_FPS)
        self._shape = (int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)), int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)))
        self._start = 0.0
        self._drift = Drift()

    def look(self, number: int, image: NDArray[np.uint8], times: list[float]) -> None:
        """Refuse a frame of another size than the header names, and one far from an even rate."""
        if image.shape[:2] != self._shape:
            height, width = image.shape[:2]
            raise VideoError(
                f"frame {number} has {width} × {height} pixels, the header says {self._shape[1]} × {self._shape[0]}",
                where=str(self._path),
                fix="give it one size: `ffmpeg -i IN OUT`",
            )
        if number == 0:
            self._start = times[0]
        for place, seconds in enumerate(times, start=number):
            if seconds > self._start and self._fps > 0:  # else the container has no times
                self._drift = self._drift.after(place, seconds - self._start, self._fps)
        if self._drift.seconds > LATE:
            raise uneven(self._drift, self._fps, self._path)

    def tell(self) -> None:
        """Say how uneven the frame rate was, if it was."""
        if self._drift.frames:
            log.warning(
                f"{self._path.name}: variable frame rate: {self._drift.frames} frames, the first of them "
                f"{self._drift.first}, lie more than one frame's time, at most {self._drift.seconds:.2f} s, "
                f"from number ÷ {self._fps:g}/s; times of what is found are off by as much"
            )


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
    demand_whole(demand(path))
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
    measures = dict(zip(("number of frames", "frame rate", "width", "height"), map(capture.get, names), strict=True))
    if absent := [name for name, value in measures.items() if not 0 < value < np.inf]:
        raise VideoError(
            f"the video's header does not tell its {', '.join(absent)}",
            where=str(path),
            fix="write it anew with a header: `ffmpeg -i IN -r RATE OUT.mp4`",
        )
    number, fps, width, height = measures.values()
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
