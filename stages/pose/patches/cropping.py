"""Square pictures around the joints of people in a video, which is decoded once.

Source: Markovitz et al., "Graph Embedded Pose Clustering for Anomaly Detection" (GEPC), CVPR 2020, section 4.1.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.pose.video import frames

Pictures = NDArray[np.uint8]


def crop(image: Pictures, places: NDArray[np.float32], size: int) -> Pictures:
    """Cut a square around each place.

    Args:
        image: `(height, width, 3)`.
        places: `(..., 2)` x and y, px; those beyond the image see its nearest edge.
        size: side, px, even.

    Returns:
        `(..., size, size, 3)`; pixels beyond the image repeat its edge.
    """
    height, width = image.shape[:2]
    around = np.arange(size) - size // 2
    corner = np.rint(places).astype(np.int64)
    columns = np.clip(corner[..., 0, None] + around, 0, width - 1)  # (..., size)
    rows = np.clip(corner[..., 1, None] + around, 0, height - 1)
    found: Pictures = image[rows[..., :, None], columns[..., None, :]]
    return found


def clip_crops(
    video: Path, length: int, frame: NDArray[np.int64], places: NDArray[np.float32], size: int
) -> Iterator[tuple[NDArray[np.int64], Pictures]]:
    """Pictures of all people of a clip, a frame at a time; nothing is decoded after the last one that shows anybody.

    Args:
        video: of the clip.
        length: frames it is said to have.
        frame: `(n,)` frame of each person's pose, in any order.
        places: `(n, V, 2)` px.
        size: side of a picture, px, even.

    Yields:
        Rows of `frame` that lie in one frame `(m,)`, and their pictures `(m, V, size, size, 3)`, RGB.

    Raises:
        VideoError: the video cannot be read, or ends before the last pose.
    """
    if not len(frame):
        return
    order = np.argsort(frame, kind="stable")
    numbers, starts = np.unique(frame[order], return_index=True)
    rows = dict(zip(numbers.tolist(), np.split(order, starts[1:]), strict=True))
    last = int(numbers[-1])
    with contextlib.closing(frames(video, expected=length)) as film:
        for number, image in film:
            if number in rows:
                yield rows[number], crop(image, places[rows[number]], size)[..., ::-1]
            if number == last:
                return
