"""Scores of the clips that are labelled: a line under the video, and where to look next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.errors import DatasetError
from stages.core.progress import log
from stages.core.schemas import FRAME_SCORES
from stages.core.tables import read

MOST = 20_000
"""Points of a line; a longer clip's frames are joined, and the highest of each group shown."""


@dataclass(frozen=True, eq=False)
class Trace:
    """One detector's scores of a clip.

    Args:
        raw: `(points,)` score per group of frames, higher = more abnormal; NaN where nothing is known.
        smoothed: the same after smoothing in time.
        every: frames in a group.
    """

    raw: NDArray[np.float32]
    smoothed: NDArray[np.float32]
    every: int

    def table(self) -> dict[str, object]:
        """As JSON has it: numbers with six digits, null where nothing is known."""
        return {"every": self.every, "raw": _numbers(self.raw), "smoothed": _numbers(self.smoothed)}


@dataclass(frozen=True)
class Traces:
    """Where scores are.

    Args:
        files: FRAME_SCORES by name of the detector.
        other_name: what a clip is called in them, where not as here: a file of one clip is about the one there is.
    """

    files: Mapping[str, Path] = field(default_factory=dict)
    other_name: bool = False

    def of(self, clip: str, frames: int) -> dict[str, Trace]:
        """The scores of a clip, by detector; those that say nothing about it are left out.

        Raises:
            SchemaError: a file is damaged, or no table of frame scores.
        """
        found = {}
        for name, path in self.files.items():
            table = read(path, FRAME_SCORES).frame
            known = table["clip"].unique().tolist()
            wanted = known[0] if self.other_name and len(known) == 1 else clip
            trace = _trace(table[table["clip"] == wanted], frames)
            if trace is not None:
                found[name] = trace
        return found


def given(path: Path) -> Traces:
    """Scores of a file that a user names.

    Raises:
        DatasetError: it is not there.
        SchemaError: it is no table of frame scores.
    """
    if not path.is_file():
        raise DatasetError("no such file of scores", where=str(path), fix="`normotion run VIDEO --out DIR` makes one")
    read(path, FRAME_SCORES)
    return Traces({path.stem: path}, other_name=True)


def _trace(table: pd.DataFrame, frames: int) -> Trace | None:
    if table.empty:
        return None
    table = table[table["seed"] == table["seed"].min()]
    inside = table[table["frame"] < frames]
    if len(inside) < len(table):
        log.warning(f"{len(table) - len(inside)} scores are of frames behind the clip's last one; perhaps of another")
    every = -(-frames // MOST)
    lines = []
    for column in ("raw", "smoothed"):
        points = np.full(-(-frames // every) * every, np.nan, dtype=np.float32)
        points[inside["frame"].to_numpy()] = inside[column].to_numpy()
        grouped = points.reshape(-1, every)
        known = ~np.isnan(grouped)
        highest = np.where(known, grouped, -np.inf).max(axis=1)
        lines.append(np.where(known.any(axis=1), highest, np.nan).astype(np.float32))
    return Trace(lines[0], lines[1], every)


def _numbers(points: NDArray[np.float32]) -> list[float | None]:
    return [None if np.isnan(point) else float(f"{point:.6g}") for point in points.tolist()]
