"""NORMALIZED tables as the windows a detector reads: a whole split, or a row group at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from stages.core.frame_cache import FrameCache
from stages.core.paths import Project
from stages.core.schemas import NORMALIZED, Rows
from stages.core.tables import read, read_groups
from stages.core.windows import Windows

Cameras = Mapping[str, str]
"""Which camera filmed a clip."""


def cameras_of(project: Project, dataset: str) -> Cameras:
    """The camera of each clip, as `check` vouches for it; none where nothing was checked."""
    path = project.checked(dataset)
    clips = json.loads(path.read_text(encoding="utf-8"))["clips"] if path.is_file() else {}
    return {clip: found["camera"] for clip, found in clips.items() if "camera" in found}


def load_windows(
    path: Path, dataset: str, split: str, cameras: Cameras | None = None, frames: FrameCache | None = None
) -> Windows:
    """All windows of one split.

    Args:
        path: a NORMALIZED table.
        dataset: the dataset it belongs to, for the windows' index.
        split: likewise.
        cameras: which camera filmed a clip, likewise; without it the index has no column `camera`.
        frames: the frames that the windows hold, if they hold any.

    Raises:
        SchemaError: the file is missing, is no Parquet file, holds another table or another schema version.
    """
    return _windows(read(path, NORMALIZED), dataset, split, cameras, frames)


def read_windows(
    path: Path, dataset: str, split: str, cameras: Cameras | None = None, frames: FrameCache | None = None
) -> Iterator[Windows]:
    """The same, one row group at a time: memory is bounded however long the split.

    Raises:
        SchemaError: as `load_windows`.
    """
    for rows in read_groups(path, NORMALIZED):
        yield _windows(rows, dataset, split, cameras, frames)


def _windows(rows: Rows, dataset: str, split: str, cameras: Cameras | None, frames: FrameCache | None) -> Windows:
    index = rows.frame.copy()
    if cameras:
        index["camera"] = index["clip"].map(cameras)
    index.insert(0, "dataset", dataset)
    index.insert(1, "split", split)
    channels, layout = tuple(rows.meta["channels"].split(",")), rows.meta["layout"]
    if frames is None:
        return Windows(index, rows.arrays, channels, layout)
    return Windows(index, rows.arrays, channels, layout, frames.window, frames.picture)
