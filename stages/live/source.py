"""Where frames come from: a file, a webcam, a stream. What can be decoded is given; what went wrong is told after."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.core.addresses import masked, masked_within
from stages.core.errors import BackendError, NormotionError, VideoError
from stages.live.decoding import compression, pictures_of
from stages.live.judged import Frame

VIDEOS = {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".m2ts", ".wmv", ".flv", ".mjpeg"}
"""Endings of files that are taken for videos in a folder."""
PATIENCE = 10.0
"""Seconds that a stream may be silent before it counts as dead."""
GUESS = 25.0
"""Frames per second of a camera that does not tell its rate."""
WHOLE = 0.97
"""Share of the frames that a file's header names from which on it counts as whole: headers round."""
INSTANT = 0.002
"""Seconds: pictures closer than this had been waiting, which tells nothing of the rate."""
AHEAD = 0.5
"""Seconds that numbers of a stream may run ahead of its times: some servers shuffle the times of pictures."""
BACK = 1.0
"""Seconds by which the time of a stream must fall to count as set back."""
LEAP = 10.0
"""Seconds between two pictures of a stream from which on its clock has jumped, if that long has not passed."""
TIMELESS = {"mpjpeg", "mjpeg"}
"""Formats in which a stream is a series of pictures and nothing else."""
MEASURED = 1.5
"""Seconds for which pictures are counted of a stream that carries no times."""


@dataclass
class Source:
    """Frames of one file, webcam or stream.

    Args:
        name: as the user gave it, without a password.
        fps: frames per second.
        size: width and height in px.
        frames: how many the file says it has; None where nobody knows.
        live: frames come when they happen, and are lost when nobody takes them.
        trouble: after the last frame, why it ended early; None where it came to its end.
        resized: whether that is because its frames took another size; a stream can be opened again at once.
        timeless: its pictures carry no times of their own; when they come is when they were taken.
    """

    name: str
    fps: float
    size: tuple[int, int]
    frames: int | None
    live: bool
    container: Any
    trouble: NormotionError | None = None
    resized: bool = False
    timeless: bool = False
    _first: float | None = field(default=None)
    _before: tuple[float, float] | None = field(default=None)

    def __iter__(self) -> Iterator[Frame]:
        """Frames in order; their numbers follow from their times, so that lost ones leave holes."""
        for number, picture in self.pictures():
            yield Frame(number, number / self.fps, upright(picture))

    def pictures(self) -> Generator[tuple[int, Any]]:
        """The same as decoded, for `upright`: most of the work is saved for those that nobody takes."""
        last = -1
        try:
            for count, picture in enumerate(self._decoded()):
                number = self._number(picture, count)
                if number <= last:  # times are shuffled, or there are more pictures than the rate says
                    if self.live and last - number >= AHEAD * self.fps:
                        continue
                    number = last + 1
                if (picture.width, picture.height) != self._coded:
                    self.resized = True
                    self.trouble = self._of_another_size(number, picture)
                    return
                last = number
                yield number, picture
            if self.frames is not None and last + 1 < WHOLE * self.frames - 2 and self.trouble is None:
                self.trouble = _cut(self.name, last + 1, self.frames)
            if last < 0 and self.trouble is None:
                self.trouble = VideoError("it holds no frame that can be decoded", where=self.name, fix=LOOK)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the file, camera or connection."""
        with suppress(Exception):
            self.container.close()

    def _decoded(self) -> Iterator[Any]:
        """Pictures, until the end or a fault; a packet that cannot be decoded is left out."""
        import av

        stream = self.container.streams.video[0]
        self._coded = stream.codec_context.width, stream.codec_context.height
        packets = self.container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.error.EOFError):
                return
            except (av.error.FFmpegError, OSError) as error:
                self.trouble = VideoError(
                    f"the source breaks off: {said(error)}", where=self.name, fix=AGAIN if self.live else LOOK
                )
                return
            yield from pictures_of(packet)

    def _number(self, picture: Any, count: int) -> int:
        """Of a picture, by its time; by counting where a file has no times."""
        now = time.monotonic()
        if self.timeless or (self.live and picture.time is None):
            seconds = now
        elif picture.time is None:
            return count
        else:
            seconds = float(picture.time)
        if self._first is None:
            self._first = seconds
        if self.live and self._before is not None:
            moved, passed = seconds - self._before[0], now - self._before[1]
            if moved < -BACK or moved > max(LEAP, 2 * passed):  # the camera's clock was set
                self._first += moved - passed
        self._before = seconds, now
        return round((seconds - self._first) * self.fps)

    def _of_another_size(self, number: int, picture: Any) -> VideoError:
        width, height = self._coded
        return VideoError(
            f"from frame {number} on it has {picture.width} × {picture.height} pixels, before {width} × {height}",
            where=self.name,
            fix="what came before is kept; judge the rest as a source of its own",
        )


LOOK = "look at it with `ffprobe`; copy a file from its source again, or convert it: `ffmpeg -i IN OUT.mp4`"
AGAIN = "see whether the camera is still there and reachable from here"


def open_source(text: str, *, patience: float = PATIENCE) -> Source:
    """Open a file, a webcam by its number, or an RTSP or HTTP address.

    Args:
        text: what the user gave.
        patience: seconds after which a silent stream counts as dead.

    Raises:
        VideoError: there is nothing there, or no video in it.
        BackendError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise BackendError("PyAV is not installed", fix="pip install 'normotion[pose]'") from error
    name, live = masked(text), is_live(text)
    if not live and not Path(text).is_file():
        raise VideoError("there is no such file", where=name, fix="name a video, a webcam's number or an address")
    if not live and not Path(text).stat().st_size:
        raise VideoError("the file is empty (0 bytes)", where=name, fix="copy it from its source again")
    address, form, options = _address(text)
    try:
        container = av.open(address, format=form, options=options, timeout=patience if live else None)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise _unopened(name, live, error) from error
    if not container.streams.video:
        container.close()
        raise VideoError("there are no pictures in it, only sound or data", where=name, fix=LOOK)
    stream = container.streams.video[0]
    if stream.codec_context is None:
        kind = compression(container)
        container.close()
        raise VideoError(f"no decoder here knows its kind of compression{kind and f': {kind}'}", where=name, fix=LOOK)
    live = live and (text.startswith("rtsp") or container.duration is None)  # a film at an address is a file
    stream.thread_type = "SLICE" if live else "AUTO"  # threads that share frames out hold as many back
    rate = stream.average_rate or stream.guessed_rate
    fps = float(rate) if rate and 0 < rate <= 1000 else GUESS
    width, height = stream.codec_context.width, stream.codec_context.height
    if not width or not height:
        container.close()
        raise VideoError("its header does not tell the size of its frames", where=name, fix=LOOK)
    size = (height, width) if quarter_turns(stream) % 2 else (width, height)
    frames = None if live else _named(container, stream, fps)
    found = Source(name, fps, size, frames, live, container)
    if live and container.format.name in TIMELESS:
        found.timeless, found.fps = True, _measured(found)
    return found


def _named(container: Any, stream: Any, fps: float) -> int | None:
    """How many frames the header says there are: as a count, or as the time of the pictures or of the whole."""
    if stream.frames:
        return int(stream.frames)
    if stream.duration and stream.time_base:
        return round(float(stream.duration * stream.time_base) * fps)
    return round(container.duration / 1e6 * fps) if container.duration else None


def _measured(source: Source) -> float:
    """Frames per second, by counting pictures as they come; these are lost.

    Raises:
        VideoError: none comes.
    """
    came: list[float] = []
    for _ in source._decoded():
        came.append(time.monotonic())
        if len(came) > 2 and came[-1] - came[0] > MEASURED:
            between = np.diff(came)
            return round(float(1 / np.median(between[between > INSTANT])), 1)
    source.close()
    raise source.trouble or VideoError("no picture comes", where=source.name, fix=AGAIN)


def expand(text: str) -> list[str]:
    """The sources that a user means: of a folder its videos, by name; anything else is one.

    Raises:
        VideoError: the folder holds none.
    """
    folder = Path(text)
    if is_live(text) or not folder.is_dir():
        return [text]
    found = sorted(str(path) for path in folder.rglob("*") if _is_footage(path))
    if not found:
        raise VideoError(
            "there is no video in the folder", where=text, fix=f"videos end in {', '.join(sorted(VIDEOS))}"
        )
    return found


def _is_footage(path: Path) -> bool:
    """A video, and not the film that `normotion run` made of one: with skeletons in it, it is no footage."""
    made = path.name == "overlay.mp4" and (path.parent / "run.json").is_file()
    return path.suffix.lower() in VIDEOS and path.is_file() and not made


def is_live(text: str) -> bool:
    """Whether it is a webcam's number or an address, rather than a file."""
    return text.isdecimal() or "://" in text


def said(error: Exception) -> str:
    """What FFmpeg says, without the address it says it of."""
    import av

    if isinstance(error, (av.error.ExitError, TimeoutError)):
        return "nothing came for so long that it counts as dead"
    return masked_within(str(getattr(error, "strerror", None) or error).split(": '")[0])


def upright(picture: Any) -> NDArray[np.uint8]:
    """A picture `(H, W, 3)` BGR, turned as its camera was."""
    image = picture.to_ndarray(format="bgr24")
    turns = round(getattr(picture, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else np.asarray(image)


def quarter_turns(stream: Any) -> int:
    """By how many quarter turns the frames of a file have to be turned, which only its first frame tells."""
    with suppress(Exception):
        container = stream.container
        if container.format.name.startswith(("mov", "matroska")):
            picture = next(container.decode(stream))
            container.seek(0)
            return round(getattr(picture, "rotation", 0) / 90)
    return 0


def _address(text: str) -> tuple[str, str | None, dict[str, str]]:
    if text.isdecimal():
        if sys.platform == "darwin":
            return text, "avfoundation", {"framerate": "30"}
        return (f"/dev/video{text}", "v4l2", {}) if sys.platform.startswith("linux") else (f"video={text}", "dshow", {})
    if text.startswith(("rtsp://", "rtsps://")):
        return text, None, {"rtsp_transport": "tcp"}  # UDP loses packets, and frames come out torn
    return text, None, {}


def _unopened(name: str, live: bool, error: Exception) -> VideoError:
    if not live:
        return VideoError(f"this is no video that can be read: {said(error)}", where=name, fix=LOOK)
    return VideoError(
        f"the camera or stream cannot be opened: {said(error)}",
        where=name,
        fix="see that it is switched on and reachable from here, and that name and password are right",
    )


def _cut(name: str, frames: int, expected: int) -> VideoError:
    return VideoError(
        f"it breaks off: {frames} of {expected} frames could be decoded",
        where=name,
        fix="what came before is kept; copy the file from its source again",
    )
