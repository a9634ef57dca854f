"""What people write beside poses: a sheet of clips, a sheet of labels, and masks of frames."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.errors import DatasetError
from stages.core.foreign import whole
from stages.core.params import nearest
from stages.ingest.files import Files, open_files
from stages.ingest.folder import intervals
from stages.ingest.source import Interval

CLIP_COLUMNS = ("split", "fps", "width", "height", "frames", "camera", "scene", "kind", "abnormal")
PLAIN = "save it as CSV in UTF-8: a line of column names, cells separated by commas"
LABEL_COLUMNS = ("start_frame", "end_frame", "frames", "track", "kind")


@dataclass(frozen=True)
class Labels:
    """Abnormal stretches of clips.

    Args:
        intervals: of each clip the sheet names.
        frames: length of each clip, where the sheet has it.
    """

    intervals: Mapping[str, tuple[Interval, ...]] = field(default_factory=dict)
    frames: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Masks:
    """A `.npy` array of 0 and 1 per frame for each clip, called after the clip.

    Args:
        files: where they lie.
        paths: file of each clip.
        abnormal: the value that means abnormal.
    """

    files: Files
    paths: Mapping[str, str]
    abnormal: int

    def read(self, clip: str) -> tuple[int, tuple[Interval, ...]]:
        """Length of a clip, and its abnormal stretches.

        Raises:
            DatasetError: the mask is no array of 0 and 1.
        """
        path = self.paths[clip]
        try:
            mask = np.lib.format.read_array(io.BytesIO(self.files.read(path)), allow_pickle=False)
            found = intervals(mask, abnormal=self.abnormal)
            return len(mask), found
        except (ValueError, TypeError) as error:
            raise DatasetError(f"not a NumPy array: {error}", where=self.files.where(path)) from error
        except DatasetError as error:
            raise DatasetError(error.what, where=self.files.where(path), fix=error.fix) from error


def read_clips(files: Files, name: str) -> dict[str, dict[str, Any]]:
    """A CSV of what is known of each clip: `clip` and any of CLIP_COLUMNS; empty cells say nothing.

    Args:
        files: the source, where the sheet is looked for first; then on disk.
        name: of the sheet.

    Raises:
        DatasetError: it is not there, no CSV, has other columns or names a clip twice.
    """
    table, where = _sheet(files, name, CLIP_COLUMNS)
    if (twice := table["clip"].duplicated()).any():
        raise DatasetError(f"clip {table['clip'][twice].iloc[0]!r} is listed twice", where=where)
    return {
        str(row["clip"]): {key: value for key, value in row.items() if key != "clip" and not pd.isna(value)}
        for row in _records(table)
    }


def read_labels(files: Files, name: str) -> Labels:
    """A CSV of abnormal stretches: clip, start_frame, end_frame (inclusive), and any of frames, track, kind.

    A clip whose start and end are empty is normal. `frames` is its length, the same in all its rows.

    Raises:
        DatasetError: as `read_clips`; or a number is none, or a clip has two lengths.
    """
    table, where = _sheet(files, name, LABEL_COLUMNS)
    if missing := {"start_frame", "end_frame"} - set(table.columns):
        raise DatasetError(f"column {sorted(missing)[0]!r} is missing", where=where)
    found: dict[str, tuple[Interval, ...]] = {}
    frames: dict[str, int] = {}
    for line, row in enumerate(_records(table), start=2):
        clip, at = str(row["clip"]), f"{where}, line {line}"
        length = _number(row.get("frames"), at, "frames")
        if length is not None and frames.setdefault(clip, length) != length:
            raise DatasetError(f"clip {clip!r} has {frames[clip]} frames and {length}", where=at)
        found[clip] = found.get(clip, ()) + _interval(row, at)
    return Labels(found, frames)


def read_masks(files: Files, name: str, abnormal: int) -> Masks:
    """Masks in a folder, zip or npz on disk, or in a folder of the source.

    Raises:
        DatasetError: there are none, or two of one clip.
    """
    if Path(name).exists():
        where = open_files(Path(name))
        paths = where.demand("masks", "*.npy")
    else:
        where, paths = files, files.matching(f"{name.strip('/')}/*.npy")
        if not paths:
            raise DatasetError(f"there are no masks {name!r}, neither in the source nor on disk", where=str(files.root))
    found: dict[str, str] = {}
    for path in paths:
        clip = path.rpartition("/")[2].removesuffix(".npy")
        if found.setdefault(clip, path) != path:
            raise DatasetError(f"clip {clip!r} has two masks, {found[clip]} and {path}", where=str(where.root))
    return Masks(where, found, abnormal)


def _sheet(files: Files, name: str, columns: Sequence[str]) -> tuple[pd.DataFrame, str]:
    inside = [path for path in files.names if path == name]
    where = files.where(name) if inside else name
    if not inside and not Path(name).is_file():
        raise DatasetError(f"there is no {name!r}, neither in the source nor on disk", where=str(files.root))
    data = files.read(name) if inside else open_files(Path(name)).read(Path(name).name)
    try:
        table = pd.read_csv(io.BytesIO(data), dtype=str, skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DatasetError(f"not a readable CSV: {error}", where=where, fix=PLAIN) from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas would take the first cells for names of rows
        raise DatasetError("rows have more cells than the first line names", where=where, fix=PLAIN)
    known = ["clip", *columns]
    if unknown := [str(column) for column in table.columns if column not in known]:
        raise DatasetError(f"unknown column {unknown[0]!r}; {nearest(unknown[0], known)}", where=where, fix=PLAIN)
    if "clip" not in table.columns or table["clip"].isna().any():
        raise DatasetError("every row must name its clip in column 'clip'", where=where)
    if table.empty:
        raise DatasetError("the sheet names no clip", where=where, fix="fill it in, or leave it out")
    return table, where


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _interval(row: Mapping[str, Any], where: str) -> tuple[Interval, ...]:
    start, end = (_number(row[key], where, key) for key in ("start_frame", "end_frame"))
    if start is None and end is None:
        return ()
    if start is None or end is None or end < start:
        raise DatasetError(f"interval {start}–{end} is empty or half given (end_frame is inclusive)", where=where)
    kind = row.get("kind")
    return (Interval(start, end, _number(row.get("track"), where, "track"), None if pd.isna(kind) else str(kind)),)


def _number(value: Any, where: str, what: str) -> int | None:
    return None if value is None or pd.isna(value) else int(whole([value], where=where, what=what)[0])
