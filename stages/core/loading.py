"""NORMALIZED tables as the windows a detector reads: a whole split, or a row group at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from stages.core.frame_cache import FrameCache, frame_cache
from stages.core.paths import Project
from stages.core.schemas import NORMALIZED, Rows
from stages.core.tables import read, read_groups
from stages.core.tubes import ROW, TubeCache, tube_cache
from stages.core.windows import Windows

Cameras = Mapping[str, str]
"""Which camera filmed a clip."""


def cameras_of(project: Project, dataset: str) -> Cameras:
    """The camera of each clip, as `check` vouches for it; none where nothing was checked."""
    path = project.checked(dataset)
    clips = json.loads(path.read_text(encoding="utf-8"))["clips"] if path.is_file() else {}
    return {clip: found["camera"] for clip, found in clips.items() if "camera" in found}


Pictures = FrameCache | TubeCache
"""What windows show: whole frames, or their people."""


def pictures_of(project: Project, dataset: str, window: str) -> Pictures | None:
    """What the windows of a spec show; None for a spec whose windows show nothing.

    Raises:
        SchemaError: it is damaged.
    """
    return frame_cache(project, dataset, window) or tube_cache(project.normalized(dataset, window))


def load_windows(
    path: Path, dataset: str, split: str, cameras: Cameras | None = None, pictures: Pictures | None = None
) -> Windows:
    """All windows of one split.

    Args:
        path: a NORMALIZED table.
        dataset: the dataset it belongs to, for the windows' index.
        split: likewise.
        cameras: which camera filmed a clip, likewise; without it the index has no column `camera`.
        pictures: what the windows show, if they show anything.

    Raises:
        SchemaError: the file is missing, is no Parquet file, holds another table or another schema version.
    """
    return _windows(read(path, NORMALIZED), dataset, split, cameras, pictures)


def read_windows(
    path: Path, dataset: str, split: str, cameras: Cameras | None = None, pictures: Pictures | None = None
) -> Iterator[Windows]:
    """The same, one row group at a time: memory is bounded however long the split.

    Raises:
        SchemaError: as `load_windows`.
    """
    before = 0
    for rows in read_groups(path, NORMALIZED):
        yield _windows(rows, dataset, split, cameras, pictures, before)
        before += len(rows)


def _windows(
    rows: Rows, dataset: str, split: str, cameras: Cameras | None, pictures: Pictures | None, before: int = 0
) -> Windows:
    """Windows of a split's rows, of which there were `before` others."""
    index = rows.frame.copy()
    if cameras:
        index["camera"] = index["clip"].map(cameras)
    index.insert(0, "dataset", dataset)
    index.insert(1, "split", split)
    channels, layout = tuple(rows.meta["channels"].split(",")), rows.meta["layout"]
    if pictures is None:
        return Windows(index, rows.arrays, channels, layout)
    if isinstance(pictures, FrameCache):
        return Windows(index, rows.arrays, channels, layout, pictures.window, pictures.picture)
    index[ROW] = np.arange(before, before + len(index))
    return Windows(index, rows.arrays, channels, layout, pictures.window, pictures.picture, pictures.place)
