"""Single frames of a video as JPEG, for browsers that cannot play it: exact in number, quick one after the other."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import VideoError
from stages.pose.video import demand

WIDEST = 1280
"""Pixels across; wider frames are shrunk: it is a page, and frames are many."""
KEPT = 24
"""Decoded frames at hand: browsers ask for several at once, in any order."""
NEAR = 100
"""Frames that are rather passed over than jumped: to jump is to decode from the last key frame."""


class Pictures:
    """A video, open at some frame. Threads take turns.

    Args:
        path: the video.
    """

    def __init__(self, path: Path) -> None:
        self._path = demand(path)
        self._lock = threading.Lock()
        self._capture: Any = None
        self._next = 0
        self._kept: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()

    def jpeg(self, frame: int) -> bytes:
        """A frame, at most `WIDEST` px across, as JPEG.

        Raises:
            VideoError: it cannot be decoded.
        """
        import cv2

        with self._lock:
            image = self._image(frame)
        height, width = image.shape[:2]
        if width > WIDEST:
            size = (WIDEST, round(height * WIDEST / width))
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
        done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])
        if not done:
            raise VideoError(f"frame {frame} cannot be written as JPEG", where=str(self._path))
        return bytes(data.tobytes())

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._release()

    def __enter__(self) -> Pictures:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _image(self, frame: int) -> NDArray[np.uint8]:
        if frame in self._kept:
            return self._kept[frame]
        if self._capture is None or not self._next <= frame <= self._next + NEAR:
            self._jump(frame)
        while self._next < frame - KEPT // 2:
            if not self._capture.grab():
                raise self._missing(frame)
            self._next += 1
        while self._next <= frame:
            decoded, image = self._capture.read()
            if not decoded:
                raise self._missing(frame)
            self._kept[self._next] = np.asarray(image, dtype=np.uint8)
            self._next += 1
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[frame]

    def _jump(self, frame: int) -> None:
        """Stand before a frame. A container whose index lies is read from its beginning instead."""
        import cv2

        if self._capture is None:
            self._open()
        start = max(frame - KEPT // 2, 0)
        if start and self._capture.set(cv2.CAP_PROP_POS_FRAMES, start):
            self._next = int(self._capture.get(cv2.CAP_PROP_POS_FRAMES))
            if self._next <= frame:
                return
        self._release()
        self._open()

    def _open(self) -> None:
        import cv2

        self._capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        self._next = 0
        if not self._capture.isOpened():
            self._release()
            raise VideoError("the video cannot be opened any more", where=str(self._path), fix="put it back")

    def _release(self) -> None:
        if self._capture is not None:
            self._capture.release()
        self._capture = None
        self._kept.clear()

    def _missing(self, frame: int) -> VideoError:
        self._release()
        return VideoError(
            f"frame {frame} cannot be decoded: the file is cut off or damaged",
            where=str(self._path),
            fix="copy it from its source again; what is marked before that frame holds",
        )
