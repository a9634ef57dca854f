"""The plain form of drawing a film: every frame by `draw_people`, encoded as x264 does by default."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av

from stages.core.skeleton import Layout
from stages.show.faces import blur_faces
from stages.show.overlay import Image, Person, draw_people


def write(path: Path, images: Sequence[Image], people: Sequence[list[Person]], layout: Layout, fps: int) -> None:
    """Draw and encode frames, one after the other: no bar, no timeline."""
    height, width = images[0].shape[:2]
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for image, crowd in zip(images, people, strict=True):
            drawn = draw_people(blur_faces(image, crowd, layout), crowd, layout, width=width, ids=True)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn, format="rgb24")))
        container.mux(stream.encode())
