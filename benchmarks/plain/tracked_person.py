"""The plain form of reading a tracked-person file and cutting windows: dictionaries, and a loop over every window.

By the rule published with STG-NF (Hirschorn and Avidan, ICCV 2023): windows of `length` consecutive entries of a
person, the last possible one left out, kept when all but two of their frames lie within `length` frames of the first.
"""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray


def windows(text: bytes, length: int, stride: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Keypoints `(N, T, 17, 3)` of the windows of one file, and person and first frame of each `(N, 2)`."""
    found, places = [], []
    people = json.loads(text)
    for person in sorted(people, key=int):
        entries = people[person]
        frames = sorted(entries, key=int)
        for number in range(int(np.ceil((len(frames) - length) / stride))):
            chosen = frames[number * stride : number * stride + length]
            first = int(chosen[0])
            if sum(first <= int(frame) < first + length for frame in chosen) < length - 2:
                continue
            poses = [np.array(entries[frame]["keypoints"], dtype=np.float32).reshape(-1, 3) for frame in chosen]
            found.append(np.stack(poses))
            places.append((int(person), first))
    return np.stack(found), np.array(places)
