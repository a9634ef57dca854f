"""A take as files: H.264 video, and masks of the people in it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stages.core.storage import atomic_file
from stages.simulation.render import RenderParams, render
from stages.simulation.world import Plan, Take

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

FINEST = 1001
"""Largest denominator of a frame rate: names 29.97 as 30000/1001."""


def film(take: Take, video: Path, masks: Path, params: RenderParams | None = None) -> None:
    """Render a take, frame by frame, into a video and the masks of its people.

    Equal takes give equal bytes. Both files are written atomically. Frames are held one at a time, masks all: two
    bytes per pixel and frame.

    Args:
        take: what is to be seen; frame sizes must be even, as the encoder demands.
        video: an MP4 with one H.264 stream of exactly the planned frames, a key frame every second.
        masks: an NPZ without pickles: `ids` `(frames, H, W)` uint8, 0 nobody, else 1 + the track of the person whose
            body the pixel shows; `props` the same for what people ride, throw or carry, which `ids` leaves out;
            `tracks` `(actors,)` int64.
        params: light, lens and encoder; the defaults when None.

    Raises:
        DatasetError: a track is too large a number for masks.
        StorageError: a file cannot be written.
    """
    params = params or RenderParams()
    shape = (take.plan.frames, take.plan.camera.height, take.plan.camera.width)
    ids, props = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    with atomic_file(video) as path, _one_thread(), _encoder(path, take.plan, params) as encoder:
        for frame, picture in enumerate(render(take, params)):
            encoder.add(picture.image)
            ids[frame], props[frame] = picture.people, picture.things
    tracks = np.array([actor.track for actor in take.actors], np.int64)
    _save(masks, ids=ids, props=props, tracks=tracks)


def _save(path: Path, **arrays: NDArray[np.generic]) -> None:
    """An NPZ as NumPy reads it, compressed faster than NumPy does: masks are nearly all zeros."""
    with (
        atomic_file(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for name, values in arrays.items():
            data = io.BytesIO()
            np.lib.format.write_array(data, values, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy")  # dated 1980, always
            entry.compress_type = zipfile.ZIP_DEFLATED
            # At once and of known size: of a stream's, Python 3.11.2 writes another header than 3.11.7.
            archive.writestr(entry, data.getbuffer(), compresslevel=1)


class _Encoder:
    """Frames to H.264; one thread and no times in the file, so that its bytes repeat."""

    def __init__(self, container: OutputContainer, plan: Plan, params: RenderParams) -> None:
        rate = Fraction(plan.fps).limit_denominator(FINEST)
        second = round(plan.fps)
        # Without mbtree=0, x264's macroblock tree reads memory before it is written, and equal films differ.
        fine = f"keyint={second}:min-keyint={second}:scenecut=0:mbtree=0"
        options = {"preset": "veryfast", "crf": str(params.crf), "threads": "1", "x264-params": fine}
        self._container = container
        self._stream: VideoStream = container.add_stream("libx264", rate=rate, options=options)
        self._stream.width, self._stream.height = plan.camera.width, plan.camera.height
        self._stream.pix_fmt = "yuv420p"
        self._count = 0

    def add(self, image: NDArray[np.uint8]) -> None:
        """Append a frame `(H, W, 3)` RGB."""
        import cv2
        from av import VideoFrame

        frame = VideoFrame.from_ndarray(
            np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420), np.uint8), format="yuv420p"
        )
        frame.pts = self._count
        frame.time_base = 1 / self._stream.codec_context.framerate
        self._count += 1
        self._write(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what the encoder still holds back."""
        self._write(self._stream.encode(None))

    def _write(self, packets: list[Packet[VideoStream]]) -> None:
        for packet in packets:
            self._container.mux(packet)


@contextmanager
def _encoder(path: Path, plan: Plan, params: RenderParams) -> Iterator[_Encoder]:
    import av

    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact", "movflags": "+faststart"}) as container:
        encoder = _Encoder(container, plan, params)
        yield encoder
        encoder.finish()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep OpenCV, whose threads cost more than they give on small frames, to one; then as many as before."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
