"""Windows cut and normalized one by one, as papers describe it: what the vectorized way is compared with.

Source: Markovitz et al., GEPC, CVPR 2020, and Hirschorn and Avidan, STG-NF, ICCV 2023: windows of consecutive entries
of a track, of which all but two must lie within the window's time; both coordinates centred and divided by the
deviation of y.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def windows(
    frames: NDArray[np.int64], keypoints: NDArray[np.float32], length: int, stride: int, size: tuple[float, float]
) -> NDArray[np.float32]:
    """Windows of one track.

    Args:
        frames: `(n,)`, rising.
        keypoints: `(n, 17, 3)` COCO joints in px and confidence.
        length: T.
        stride: entries from one window to the next.
        size: frame width and height in px that x and y are divided by.

    Returns:
        `(N, 2, T, 18)`.
    """
    order = [0, 17, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3]
    found = []
    for start in range(0, len(frames) - length, stride):
        seen = sum(1 for frame in frames[start : start + length] if frame < frames[start] + length)
        if seen < length - 2:
            continue
        pose = np.empty((length, 18, 3), dtype=np.float32)
        for t in range(length):
            person = keypoints[start + t]
            neck = (person[5] + person[6]) / 2
            pose[t] = np.concatenate([person, neck[None]])[order]
        places = pose[..., :2] / np.asarray(size, dtype=np.float32)
        places = (places - places.mean(axis=(0, 1))) / places[..., 1].std()
        found.append(places.transpose(2, 0, 1))
    return np.stack(found).astype(np.float32)
