"""A film of judged frames: skeletons coloured by score, a bar and a running timeline of the score, heads hidden."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from stages.core.errors import BackendError
from stages.core.skeleton import Layout
from stages.core.storage import atomic_file
from stages.show.faces import hide_faces
from stages.show.overlay import CANVAS, Image, Person, blank, cv2_module, draw_people, write_text
from stages.show.palette import UNSCORED, heat

WIDEST = 1280
"""Width in px that a film has at most."""
STRIP, BAR = 0.09, 0.012
"""Height of the timeline and width of the score bar, in heights and widths of the frame."""
SPAN = 10.0
"""Seconds that the timeline shows."""
LINE = (235, 235, 235)
ALARM = (213, 94, 0)
"""RGB: of the score's curve and the threshold, and of what rings (`palette.ABNORMAL`)."""
PRESET, QUALITY = "ultrafast", "23"
"""Of x264: the fastest; larger files cost less than an hour's wait does."""


@dataclass(frozen=True)
class Look:
    """What is drawn.

    Args:
        layout: of people's keypoints.
        threshold: where alarms begin, on the scale of the shares that are drawn.
        blur: hide heads.
        skeleton_only: people on a plain ground.
        widest: width of the film at most, px.
    """

    layout: Layout
    threshold: float
    blur: bool = True
    skeleton_only: bool = False
    widest: int = WIDEST


class OverlayVideo(AbstractContextManager["OverlayVideo"]):
    """Writes an MP4 (H.264, yuv420p) frame by frame; the file appears when the block ends, unless by an exception.

    Args:
        path: of the film.
        size: width and height of the source's frames in px.
        fps: frames per second.
        look: what is drawn.

    Raises:
        BackendError: PyAV or OpenCV is not installed.
        StorageError: the disk is full or the folder cannot be written to.
    """

    def __init__(self, path: Path, *, size: tuple[int, int], fps: float, look: Look) -> None:
        self._path, self._look, self._fps, self._size = path, look, fps, size
        scale = min(1.0, look.widest / size[0])
        self._width = max(2, round(size[0] * scale) // 2 * 2)
        self._picture = max(2, round(size[1] * self._width / size[0]) // 2 * 2)
        self._strip = max(24, round(self._picture * STRIP) // 2 * 2)
        self._past: deque[tuple[int, float | None, bool]] = deque()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            import av
        except ImportError as error:
            raise BackendError("PyAV is not installed", fix="pip install 'normotion[pose]'") from error
        file = self._stack.enter_context(atomic_file(self._path))
        self._container = self._stack.enter_context(
            av.open(str(file), "w", format="mp4", options={"movflags": "+faststart"})
        )
        rate = Fraction(self._fps).limit_denominator(1001)
        self._stream: Any = self._container.add_stream("libx264", rate=rate)
        self._stream.width, self._stream.height = self._width, self._picture + self._strip
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"preset": PRESET, "crf": QUALITY}
        self._stream.codec_context.time_base = 1 / rate
        self._stack.push(self._flush)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _flush(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write what the encoder still holds; in the stack, so that a full disk met here is told as anywhere else."""
        if kind is None:
            self._container.mux(self._stream.encode())

    def add(
        self, number: int, image: Image, people: list[Person], *, share: float | None, ringing: bool,
        hidden: Sequence[Person] = (), ago: float = 0.0, missed: Sequence[tuple[Person, float]] = (),
    ) -> None:  # fmt: skip
        """Draw and write a frame.

        Args:
            number: of the frame; rising, and its time times the frame rate, so that what was lost leaves a gap in time.
            image: `(H, W, 3)` RGB, of the source's size or smaller.
            people: in px of the source.
            share: the frame's score, 0 usual … 1 unusual; None where nobody was scored.
            ringing: whether an alarm does.
            hidden: whose heads are hidden too, though they are not drawn.
            ago: seconds since `people` and `hidden` were seen there, where nobody was looked for in this frame.
            missed: who was seen before and is not now, and how many seconds ago: hidden whole, and not drawn.
        """
        import av

        self._remember(number, share, ringing)
        canvas = np.empty((self._picture + self._strip, self._width, 3), dtype=np.uint8)
        scale = self._width / self._size[0], self._picture / self._size[1]
        drawn, others = ([scaled(person, *scale) for person in each] for each in (people, hidden))
        away = [(scaled(person, *scale), seconds) for person, seconds in missed]
        ground, dim = self._ground(image, drawn, others, ago, away), 1.0 if self._look.skeleton_only else 0.75
        canvas[: self._picture] = draw_people(ground, drawn, self._look.layout, width=self._width, ids=True, dim=dim)
        canvas[self._picture :] = CANVAS
        self._bar(canvas, share, ringing)
        self._timeline(canvas)
        self._write(canvas, number / self._fps, share, ringing)
        frame = av.VideoFrame.from_ndarray(canvas, format="rgb24")
        frame.pts = number
        self._container.mux(self._stream.encode(frame))

    def _ground(
        self, image: Image, people: list[Person], hidden: list[Person], ago: float,
        missed: list[tuple[Person, float]],
    ) -> Image:  # fmt: skip
        """The picture in the film's size with heads hidden, or a plain one; people are in px of the film."""
        cv2, look = cv2_module(), self._look
        if look.skeleton_only:
            return blank(self._width, self._picture)
        method = cv2.INTER_AREA if self._width < image.shape[1] else cv2.INTER_LINEAR
        ground: Image = cv2.resize(image, (self._width, self._picture), interpolation=method)
        return hide_faces(ground, people, hidden, missed, look.layout, ago=ago) if look.blur else ground

    def _bar(self, canvas: Image, share: float | None, ringing: bool) -> None:
        """The score as a bar at the right, from the bottom up, with the threshold across."""
        wide, height = max(6, round(BAR * self._width)), self._picture
        canvas[:height, -wide:] = canvas[:height, -wide:] // 3
        if share is not None:
            canvas[height - round(share * height) : height, -wide:] = ALARM if ringing else heat(share)
        at = height - round(self._look.threshold * height)
        canvas[max(0, at - 1) : at + 1, -2 * wide :] = LINE

    def _remember(self, number: int, share: float | None, ringing: bool) -> None:
        """Keep a frame for as long as the timeline shows it."""
        self._past.append((number, share, ringing))
        while number - self._past[0][0] > SPAN * self._fps:
            self._past.popleft()

    def _timeline(self, canvas: Image) -> None:
        """The score of the last seconds, the newest at the right; what rang on an orange ground.

        The line breaks where nobody was scored and where frames were lost: neither is a low score.
        """
        cv2, strip = cv2_module(), canvas[self._picture :]
        tall, wide, step = self._strip, self._width, (self._width - 1) / (SPAN * self._fps)
        now, lines, before = self._past[-1][0], list[list[tuple[int, int]]](), -2
        for number, share, rang in self._past:
            x = wide - 1 - (now - number) * step
            if rang:
                strip[:, max(0, int(x - step)) : int(x) + 1] = ALARM
            if share is None:
                continue
            if number > before + 1:
                lines.append([])
            lines[-1].append((round(x), round(tall - 3 - share * (tall - 6))))
            before = number
        at = round(tall - 3 - self._look.threshold * (tall - 6))
        strip[at, ::4] = LINE
        drawn = [np.array(line, dtype=np.int32).reshape(-1, 1, 2) for line in lines]
        cv2.polylines(strip, drawn, isClosed=False, color=LINE, thickness=1, lineType=cv2.LINE_AA)

    def _write(self, canvas: Image, seconds: float, share: float | None, ringing: bool) -> None:
        """Time, and what the score means, in words: colour is not the only sign."""
        minutes, rest = divmod(seconds, 60)
        state = "ALARM" if ringing else "nobody scored" if share is None else "usual" if share < 0.5 else "unusual"
        text = f"{int(minutes):02d}:{rest:04.1f}  {state}"
        size = max(0.4, self._picture / 1100)
        colour = ALARM if ringing else UNSCORED if share is None else heat(share)
        write_text(canvas, text, (10, round(30 * size)), colour, size=size)


def scaled(person: Person, x: float, y: float) -> Person:
    """A person in a picture that is that many times as wide and as high."""
    keypoints = person.keypoints * np.array([x, y, 1], dtype=np.float32)
    return replace(person, keypoints=keypoints, box=person.box * np.array([x, y, x, y]))
