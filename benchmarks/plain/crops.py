"""The peer of the crop reader: seeks to each window, decodes its frames and cuts them, as one would at first."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray


def tube(video: Path, numbers: NDArray[np.int64], box: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    """Pictures of one window, `(T, 3, size, size)` RGB.

    Args:
        video: of the clip.
        numbers: `(T,)` frames wanted, rising.
        box: left, top, right and bottom beyond the last pixel.
        size: side of a picture, px.
    """
    capture = cv2.VideoCapture(str(video))
    capture.set(cv2.CAP_PROP_POS_FRAMES, int(numbers[0]))
    left, top, right, bottom = box.tolist()
    pictures = []
    for number in range(int(numbers[0]), int(numbers[-1]) + 1):
        _, image = capture.read()
        for _ in range(int((numbers == number).sum())):
            smaller = right - left > size or bottom - top > size
            how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
            pictures.append(cv2.resize(image[top:bottom, left:right], (size, size), interpolation=how))
    capture.release()
    return np.stack(pictures)[..., ::-1].transpose(0, 3, 1, 2).astype(np.uint8)
