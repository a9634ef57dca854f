"""Films whose frames show their own number, as bars that are white for a 1 and black for a 0."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BITS = 8
WIDTH, HEIGHT = 160, 96
CODECS = {".avi": "mpeg4", ".webm": "libvpx", ".mp4": "mpeg4"}


def picture(number: int) -> NDArray[np.uint8]:
    """`(96, 160, 3)`: the highest bit is on the left."""
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    for bit in range(BITS):
        if number >> (BITS - 1 - bit) & 1:
            image[:, bit * WIDTH // BITS : (bit + 1) * WIDTH // BITS] = 255
    return image


def number(image: NDArray[np.uint8]) -> int:
    """Read it back, from a picture of any size."""
    middle = image[image.shape[0] // 2].astype(int)
    middle = middle.mean(axis=-1) if middle.ndim == 2 else middle
    places = [round((bit + 0.5) * len(middle) / BITS) for bit in range(BITS)]
    return int("".join("1" if middle[place] > 127 else "0" for place in places), 2)


def film(path: Path, frames: int = 60, fps: int = 10, gap: int = 12) -> Path:
    """Write one; `gap` is the number of frames from one key frame to the next."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(CODECS[path.suffix], rate=fps)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", 800_000
        stream.codec_context.gop_size = gap
        for place in range(frames):
            shown = av.VideoFrame.from_ndarray(picture(place), format="bgr24")
            shown.pts, shown.time_base = place, Fraction(1, fps)
            out.mux(stream.encode(shown))
        out.mux(stream.encode())
    return path


def dataset(folder: Path, clips: dict[str, str], labels: str | None = None) -> Path:
    """A data set `folder` of films by clip name and ending, 60 frames each at 10 frames/s."""
    rows = []
    for clip, ending in clips.items():
        film(folder / "videos" / f"{clip}{ending}")
        rows.append(f"{clip},test,videos/{clip}{ending},gate,gate,10,{WIDTH},{HEIGHT},60")
    (folder / "dataset.yaml").write_text("name: A gate.\nsource: made up\nlicence: none\n")
    header = "clip,split,path,camera,scene,fps,width,height,frames"
    (folder / "clips.csv").write_text("\n".join([header, *rows, ""]))
    if labels is not None:
        (folder / "labels.csv").write_bytes(labels.encode())
    return folder
