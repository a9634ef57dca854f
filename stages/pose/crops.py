"""Pictures of people over their windows, and of the places they are in, from a video that is decoded once.

Source: Yang et al., "A Multilevel Guidance-Exploration Network and Behavior-Scene Matching Method for Human Behavior
Anomaly Detection" (MGENet), ACM MM 2024, sections 3.1 and 3.4; the box is that of its released code.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.core.cutting import frame_entries
from stages.core.dataset import Dataset
from stages.core.errors import DatasetError
from stages.core.progress import bar
from stages.core.schemas import Rows
from stages.core.tubes import places_file, tubes_file
from stages.core.windows import CropParams, WindowSpec
from stages.pose.video import frames

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

LEAST = 2
"""px of the video: a box that is narrower or lower within the frame shows nobody."""


def boxes(keypoints: Floats, margin: float, sizes: NDArray[np.integer]) -> Ints:
    """Where the pictures of people are cut: what all their joints take up, wider by the margin, within the frame.

    Args:
        keypoints: `(N, ..., V, 3)` x and y in px, confidence; joints without any do not count where others have some.
        margin: what a box gains on either side, in shares of its width and height.
        sizes: `(N, 2)` or `(1, 2)` width and height of the frames, px.

    Returns:
        `(N, 4)` px: left, top, and right and bottom beyond the last pixel; all 0 where fewer than `LEAST` px a side lie
        in the frame.
    """
    flat = keypoints.reshape(len(keypoints), math.prod(keypoints.shape[1:-1]), 3).astype(np.float64)
    seen = flat[..., 2] > 0
    seen |= ~seen.any(axis=1, keepdims=True)
    low = np.where(seen[..., None], flat[..., :2], np.inf).min(axis=1)
    high = np.where(seen[..., None], flat[..., :2], -np.inf).max(axis=1)
    wider = (high - low) * margin
    left_top = np.clip(np.floor(low - wider), 0, sizes).astype(np.int64)
    right_bottom = np.clip(np.ceil(high + wider), 0, sizes).astype(np.int64)
    found = np.concatenate([left_top, right_bottom], axis=1)
    found[(right_bottom - left_top).min(axis=1) < LEAST] = 0
    return found


class Place:
    """The picture of a place without its people, frame after frame.

    Args:
        params: `scene`, `scene_size` and `memory` say which.
    """

    def __init__(self, params: CropParams) -> None:
        self._params = params
        side = params.scene_size
        self._mean = np.zeros((side, side, 3), dtype=np.float32)
        self._seen = np.zeros((side, side), dtype=bool)

    def see(self, image: Pixels, people: Ints) -> Pixels:
        """Take a frame.

        Args:
            image: `(height, width, 3)`.
            people: `(n, 4)` boxes, as of `boxes`.

        Returns:
            `(scene_size, scene_size, 3)`; where somebody has stood ever since, the mean colour of the rest.
        """
        import cv2

        side = self._params.scene_size
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
        free = ~_covered(people, image.shape[1], image.shape[0], side)
        if self._params.scene == "masked":
            return _painted(small, free)
        share = np.where(self._seen, 1 / self._params.memory, 1.0)[..., None] * free[..., None]
        self._mean += (share * (small - self._mean)).astype(np.float32)
        self._seen |= free
        return _painted(self._mean, self._seen)


def write_tubes(
    folder: Path, split: str, entries: Rows, first: Ints, data: Dataset, spec: WindowSpec, params: CropParams
) -> None:
    """Write the pictures of a split's windows, and of their places (`stages.core.tubes`).

    Args:
        folder: of the windows' tables.
        split: `train`, `validation` or `test`.
        entries: ENTRIES of the split.
        first: `(N,)` first row of each window among them.
        data: whose videos they are from.
        spec: that they were cut by.
        params: its `crops`.

    Raises:
        DatasetError: a clip has no footage.
        VideoError: a video cannot be read, or has another number of frames than declared.
    """
    shapes = (spec.samples, 3, params.size, params.size), (3, params.scene_size, params.scene_size)
    files = tubes_file(folder, split), places_file(folder, split)
    if not len(first):
        for path, shape in zip(files, shapes, strict=True):
            np.save(path, np.empty((0, *shape), dtype=np.uint8))
        return
    tubes, places = (
        np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(len(first), *shape))
        for path, shape in zip(files, shapes, strict=True)
    )
    clips = entries.frame["clip"].to_numpy()
    for clip in bar(list(dict.fromkeys(clips[first])), what=f"look at people, {split}", unit=" clips"):
        windows, rows = np.flatnonzero(clips[first] == clip), np.flatnonzero(clips == clip)
        of_clip = Rows(entries.frame.iloc[rows], entries.arrays[rows], entries.meta)
        for window, sample, tube, place in _looked(str(clip), of_clip, first[windows] - rows[0], data, spec, params):
            tubes[windows[window], sample] = tube
            if place is not None:
                places[windows[window]] = place
    tubes.flush()
    places.flush()


def _looked(
    clip: str, entries: Rows, first: Ints, data: Dataset, spec: WindowSpec, params: CropParams
) -> Iterator[tuple[int, int, Pixels, Pixels | None]]:
    """Window, sample, picture `(3, S, S)`, and with a window's last one its place: of one clip, frame after frame."""
    row, video = data.clip(clip), data.video(clip)
    if video is None:
        raise DatasetError(f"clip {clip!r} has no footage", where=str(data.folder / "clips.csv"),
                           fix="name its video there, or use a window spec without `crops`")  # fmt: skip
    length, step = int(row["frames"]), spec.step(float(row["fps"]))
    number = np.minimum(np.rint(entries.frame["sample"].to_numpy() * step).astype(np.int64), length - 1)
    size, held = np.array([[int(row["width"]), int(row["height"])]]), first[:, None] + np.arange(spec.samples)
    people, cuts = (boxes(entries.arrays[rows], params.margin, size) for rows in (slice(None), held))
    wanted = number[held]  # (N, T)
    order = np.argsort(wanted, axis=None, kind="stable")
    due, place, at = wanted.reshape(-1)[order], Place(params), 0
    sampled = {
        *number.tolist(),
        *frame_entries(length, spec, float(row["fps"])).keypoints.astype(int).flatten().tolist(),
    }
    with closing(frames(video, expected=length)) as film:
        for now, image in film:
            if now not in sampled:
                continue
            scene = _rgb(place.see(image, people[number == now]))
            while at < len(due) and due[at] == now:
                window, sample = divmod(int(order[at]), spec.samples)
                last = sample == spec.samples - 1
                yield window, sample, _cut(image, cuts[window], params.size), scene if last else None
                at += 1


def _cut(image: Pixels, box: Ints, size: int) -> Pixels:
    """What a box shows, stretched to a square, `(3, size, size)` RGB."""
    import cv2

    left, top, right, bottom = box.tolist()
    smaller = right - left > size or bottom - top > size
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return _rgb(cv2.resize(image[top:bottom, left:right], (size, size), interpolation=how))


def _rgb(image: NDArray[np.generic]) -> Pixels:
    """`(H, W, 3)` BGR as `(3, H, W)` RGB."""
    return np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1), dtype=np.uint8)


def _covered(people: Ints, width: int, height: int, side: int) -> NDArray[np.bool_]:
    """Which pixels of a frame shrunk to `side` people cover, `(side, side)`."""
    mask = np.zeros((side, side), dtype=bool)
    scale = np.array([width, height, width, height]) / side
    for left, top, right, bottom in people / scale:
        mask[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = True
    return mask


def _painted(image: Floats, known: NDArray[np.bool_]) -> Pixels:
    """The picture, with the mean colour of what is known everywhere else; grey where nothing is."""
    rest = image[known].mean(axis=0) if known.any() else np.full(3, 127.0)
    return np.where(known[..., None], image, rest).round().astype(np.uint8)
