"""A film of judged frames: skeletons coloured by score, a bar and a running timeline of the score, heads hidden."""

from __future__ import annotations

from collections import deque
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from stages.core.errors import BackendError
from stages.core.skeleton import Layout
from stages.core.storage import atomic_file
from stages.show.faces import OTHERS, blur_faces
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
        self._path, self._look, self._fps = path, look, fps
        scale = min(1.0, look.widest / size[0])
        self._width = max(2, round(size[0] * scale) // 2 * 2)
        self._picture = max(2, round(size[1] * self._width / size[0]) // 2 * 2)
        self._strip = max(24, round(self._picture * STRIP) // 2 * 2)
        self._past: deque[tuple[float | None, bool]] = deque(maxlen=max(2, round(SPAN * fps)))
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
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._container.mux(self._stream.encode())
        self._stack.__exit__(kind, error, trace)

    def add(
        self, number: int, image: Image, people: list[Person], *, share: float | None, ringing: bool,
        hidden: list[Person] | None = None,
    ) -> None:  # fmt: skip
        """Draw and write a frame.

        Args:
            number: of the frame; rising, and its time times the frame rate, so that what was lost leaves a gap in time.
            image: `(H, W, 3)` RGB.
            people: in px of the image.
            share: the frame's score, 0 usual … 1 unusual; None where nobody was scored.
            ringing: whether an alarm does.
            hidden: whose heads are hidden too, though they are not drawn.
        """
        import av

        self._past.append((share, ringing))
        canvas = np.empty((self._picture + self._strip, self._width, 3), dtype=np.uint8)
        canvas[: self._picture] = self._people(image, people, hidden or [])
        canvas[self._picture :] = CANVAS
        self._bar(canvas, share, ringing)
        self._timeline(canvas)
        self._write(canvas, number / self._fps, share, ringing)
        frame = av.VideoFrame.from_ndarray(canvas, format="rgb24")
        frame.pts = number
        self._container.mux(self._stream.encode(frame))

    def _people(self, image: Image, people: list[Person], hidden: list[Person]) -> Image:
        cv2, look = cv2_module(), self._look
        scale = self._width / image.shape[1], self._picture / image.shape[0]
        if look.skeleton_only:
            ground = blank(self._width, self._picture)
        else:
            method = cv2.INTER_AREA if scale[0] < 1 else cv2.INTER_LINEAR
            ground = cv2.resize(image, (self._width, self._picture), interpolation=method)
        drawn, others = ([_scaled(person, *scale) for person in each] for each in (people, hidden))
        if look.blur and not look.skeleton_only:
            ground = blur_faces(blur_faces(ground, drawn, look.layout), others, look.layout, around=OTHERS)
        dim = 1.0 if look.skeleton_only else 0.75
        return draw_people(ground, drawn, look.layout, width=self._width, ids=True, dim=dim)

    def _bar(self, canvas: Image, share: float | None, ringing: bool) -> None:
        """The score as a bar at the right, from the bottom up, with the threshold across."""
        wide, height = max(6, round(BAR * self._width)), self._picture
        canvas[:height, -wide:] = canvas[:height, -wide:] // 3
        if share is not None:
            canvas[height - round(share * height) : height, -wide:] = ALARM if ringing else heat(share)
        at = height - round(self._look.threshold * height)
        canvas[max(0, at - 1) : at + 1, -2 * wide :] = LINE

    def _timeline(self, canvas: Image) -> None:
        """The score of the last seconds, the newest at the right; what rang on an orange ground."""
        cv2, strip = cv2_module(), canvas[self._picture :]
        tall, wide, most = self._strip, self._width, self._past.maxlen or 1
        x = np.linspace(0, wide - 1, most)[most - len(self._past) :]
        y = [tall - 3 - (share or 0.0) * (tall - 6) for share, _ in self._past]
        for place, (_, rang) in enumerate(self._past):
            if rang:
                left = int(x[place - 1]) if place else int(x[0])
                strip[:, left : int(x[place]) + 1] = ALARM
        at = round(tall - 3 - self._look.threshold * (tall - 6))
        strip[at, ::4] = LINE
        points = np.stack([x, y], axis=1).round().astype(np.int32)
        cv2.polylines(strip, [points.reshape(-1, 1, 2)], isClosed=False, color=LINE, thickness=1, lineType=cv2.LINE_AA)

    def _write(self, canvas: Image, seconds: float, share: float | None, ringing: bool) -> None:
        """Time, and what the score means, in words: colour is not the only sign."""
        minutes, rest = divmod(seconds, 60)
        state = "ALARM" if ringing else "nobody scored" if share is None else "usual" if share < 0.5 else "unusual"
        text = f"{int(minutes):02d}:{rest:04.1f}  {state}"
        size = max(0.4, self._picture / 1100)
        colour = ALARM if ringing else UNSCORED if share is None else heat(share)
        write_text(canvas, text, (10, round(30 * size)), colour, size=size)


def _scaled(person: Person, x: float, y: float) -> Person:
    keypoints = person.keypoints * np.array([x, y, 1], dtype=np.float32)
    return Person(keypoints, person.box * np.array([x, y, x, y]), person.track, person.heat)
