"""What is seen around the joints of a dataset's people: the pictures to learn from, and the features of all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.core.dataset import Dataset
from stages.core.errors import DatasetError
from stages.core.progress import bar, log
from stages.core.schemas import Rows
from stages.core.seeding import stream
from stages.core.windows import PatchParams, WindowSpec
from stages.pose.patches.cropping import Pictures, clip_crops
from stages.pose.patches.extractor import BATCH, OWN, Extractor, learned, named

Ints = NDArray[np.int64]


def extractor(entries: Rows, data: Dataset, spec: WindowSpec, params: PatchParams, root: Path) -> Extractor:
    """The network of a window spec: found, or learned from training entries.

    Args:
        entries: ENTRIES of the training split.
        data: whose videos they are from.
        spec: that they were cut by.
        params: its `patches`.
        root: of the project.

    Raises:
        ParamsError, TrainingError: see `named` and `learned`.
        VideoError: a video cannot be read.
    """
    joints = entries.arrays.shape[1]
    if params.backbone != OWN or params.weights is not None:
        return named(params, joints, root)
    pictures, joint = lessons(entries, data, spec, params)
    return learned(pictures, joint, joints, params, log.info)


def lessons(entries: Rows, data: Dataset, spec: WindowSpec, params: PatchParams) -> tuple[Pictures, Ints]:
    """Pictures of people chosen by lot, `(n, size, size, 3)`, and the joints shown `(n,)`; unseen ones left out."""
    joints = entries.arrays.shape[1]
    count = min(len(entries), params.pictures // joints)
    chosen = np.sort(stream(params.seed, "patches").choice(len(entries), count, replace=False))
    some = Rows(entries.frame.iloc[chosen].reset_index(drop=True), entries.arrays[chosen], entries.meta)
    pictures = np.empty((count, joints, params.size, params.size, 3), dtype=np.uint8)
    for rows, found in _seen(some, data, spec, params.size, "look at training clips"):
        pictures[rows] = found
    visible = some.arrays[..., -1] > 0
    return pictures[visible], np.broadcast_to(np.arange(joints), visible.shape)[visible]


def features(entries: Rows, data: Dataset, spec: WindowSpec, network: Extractor, file: Path) -> NDArray[np.float16]:
    """What is seen around every joint of all entries, `(E, V, F)`, in a file that need not fit the memory.

    Args:
        entries: ENTRIES of a split.
        data: whose videos they are from.
        spec: that they were cut by.
        network: of `extractor`.
        file: that the features are put into.

    Raises:
        DatasetError: a clip has no footage.
        VideoError: a video cannot be read, or ends before the last entry.
    """
    shape = (len(entries), entries.arrays.shape[1], network.count)
    if not len(entries):
        return np.empty(shape, dtype=np.float16)
    found = np.lib.format.open_memmap(file, mode="w+", dtype=np.float16, shape=shape)
    for rows, pictures in _gathered(_seen(entries, data, spec, network.size, "look at clips")):
        found[rows] = network(pictures)
    return found


def _seen(entries: Rows, data: Dataset, spec: WindowSpec, size: int, what: str) -> Iterator[tuple[Ints, Pictures]]:
    """Rows of entries and their pictures, clip after clip; an interpolated one is looked for in the nearest frame."""
    groups = entries.frame.groupby("clip", sort=False).indices
    for clip in bar([str(name) for name in groups], what=what, unit=" clips"):
        rows, row, video = np.asarray(groups[clip]), data.clip(clip), data.video(clip)
        if video is None:
            raise DatasetError(f"clip {clip!r} has no footage", where=str(data.folder / "clips.csv"),
                               fix="name its video there, or use a window spec without `patches`")  # fmt: skip
        length, step = int(row["frames"]), spec.step(float(row["fps"]))
        frame = np.rint(entries.frame["sample"].to_numpy()[rows] * step).astype(np.int64)
        places = entries.arrays[rows][..., :2]
        for part, pictures in clip_crops(video, length, np.minimum(frame, length - 1), places, size):
            yield rows[part], pictures


def _gathered(parts: Iterator[tuple[Ints, Pictures]]) -> Iterator[tuple[Ints, Pictures]]:
    """The same in portions that fill a batch of the network."""
    rows: list[Ints] = []
    pictures: list[Pictures] = []
    for row, picture in parts:
        rows.append(row)
        pictures.append(picture)
        if sum(len(some) * some.shape[1] for some in pictures) >= BATCH:
            yield np.concatenate(rows), np.concatenate(pictures)
            rows, pictures = [], []
    if rows:
        yield np.concatenate(rows), np.concatenate(pictures)
