"""Plain Parquet, one row per person and frame, and this project's own POSES and TRACKS.

Columns, in any order:

- `frame`: whole number, 0-based (or as `--first-frame` says).
- `clip`, optional: name; without it the file is one clip, called after it.
- `track`, optional: whole number ≥ 0, null or -1 where nobody knows.
- either `keypoints`: a list of V × C numbers for each row (x, y, confidence; x, y, z, confidence where the list is that
  long), or for each joint of the layout `<joint>_x`, `<joint>_y`, optionally `<joint>_z`, and `<joint>_c`, by the names
  of core/skeleton.py, e.g. `left_knee_x`. Without any `_c` every joint counts as seen, with confidence 1.
- `x`, `y`, `w`, `h`, optional, all or none: the box in px; without them the extent of the joints seen.
- `score`, optional; without it the mean confidence of the joints seen.

The layout stands in the file's metadata (key `layout`) or is given by `--layout`. Other columns are refused, so that a
misspelt one is not overlooked. Of POSES and TRACKS the metadata is kept, and their frames, boxes and scores.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from stages.core.errors import DatasetError
from stages.core.foreign import numbers
from stages.core.params import nearest
from stages.core.schemas import Rows
from stages.core.skeleton import Layout
from stages.ingest.files import Files
from stages.ingest.formats.base import Given, Recording, told
from stages.ingest.people import NOBODY, declared, people

NAME = "parquet"
SCALARS = ("clip", "frame", "track", "score", "x", "y", "w", "h", "keypoints")
KEPT = ("layout", "coordinates", "units", "channels")
"""Metadata that is taken over."""
LARGEST = 2**31 - 1
"""The largest frame and id that POSES hold."""
CHANNELS = {3: "xy", 4: "xyz"}
"""Coordinates by the numbers a joint has, its confidence among them."""


def read(files: Files, given: Given) -> Iterator[Recording]:
    """The clips of a source, in the order of files, then of names.

    Raises:
        DatasetError: there is no such file, or one is broken or has other columns.
    """
    for path in files.demand("Parquet tables", "*.parquet"):
        data, where = files.read(path), files.where(path)
        table = _table(data, where)
        inside = {
            key.decode(errors="replace"): value.decode(errors="replace")
            for key, value in (table.schema.metadata or {}).items()
        }
        layout = declared(given.layout, inside.get("layout"), where)
        _refuse_other(layout, inside, where)
        _refuse_unknown(table, layout, where)
        values = _keypoints(table, layout, where)
        coordinates = CHANNELS[values.shape[2]]
        units = inside.get("units", "px" if coordinates == "xy" else "m")
        meta = {**told(data, layout.name, NAME, coordinates=coordinates, units=units), **_kept(inside)}
        stem = path.rpartition("/")[2].removesuffix(".parquet")
        codes, names = pd.factorize(np.array(_column(table, "clip", [stem] * len(table)), dtype=object), sort=True)
        scalars, order = _scalars(table, where), np.argsort(codes, kind="stable")
        bounds = np.searchsorted(codes[order], np.arange(len(names) + 1))
        for name, (start, end) in zip(names, pairwise(bounds.tolist()), strict=True):
            rows = order[start:end]
            own = {key: column[rows] for key, column in scalars.items()}
            yield Recording(str(name), path, people(keypoints=values[rows], where=where, **own), meta)
        if not len(table):
            yield Recording(stem, path, people(keypoints=values, where=where, **scalars), meta)


def write(rows: Rows, where: str) -> bytes:
    """One clip as a plain table with a column for each joint and coordinate.

    Raises:
        DatasetError: the table does not say which joints it holds.
    """
    layout = declared(None, rows.meta.get("layout"), where)
    letters = [*rows.meta.get("coordinates", "xy"), "c"]
    table = rows.frame[["clip", "frame", "track", "score", "x", "y", "w", "h"]]
    columns = {name: pa.Array.from_pandas(table[name]) for name in table.columns}
    for joint, name in enumerate(layout.joints):
        for channel, letter in enumerate(letters):
            columns[f"{name}_{letter}"] = pa.array(np.ascontiguousarray(rows.arrays[:, joint, channel]))
    meta = {key: value for key, value in rows.meta.items() if key in KEPT}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns, metadata=meta), sink, compression="zstd")
    return sink.getvalue()


def file_name(clip: str) -> str:
    """What a clip's file is called."""
    return f"{clip}.parquet"


def _table(data: bytes, where: str) -> pa.Table:
    try:
        table = pq.read_table(io.BytesIO(data))
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"not a readable Parquet file: {error}", where=where, fix="export it again") from error
    if "frame" not in table.column_names:
        raise DatasetError("column 'frame' is missing", where=where, fix="rename the one that numbers frames")
    for name in {"clip", "frame"} & set(table.column_names):
        if nulls := table.column(name).null_count:
            raise DatasetError(f"column {name!r} is null in {nulls} rows", where=where, fix="every row needs it")
    return table


def _kept(inside: dict[str, str]) -> dict[str, str]:
    """What this project's own tables say beyond: whose poses they are, and how their numbers were written."""
    own = "schema" in inside and "backend" in inside
    keys = set(inside) - {"schema", "version", "shape", "key", "tracker", "ARROW:schema", "pandas"} if own else set()
    return {key: inside[key] for key in sorted(keys)}


def _refuse_other(layout: Layout, inside: dict[str, str], where: str) -> None:
    if (own := inside.get("layout", layout.name)) != layout.name:
        raise DatasetError(f"--layout says {layout.name}, the file holds {own}", where=where, fix="leave --layout out")


def _refuse_unknown(table: pa.Table, layout: Layout, where: str) -> None:
    known = [*SCALARS, *(f"{joint}_{letter}" for joint in layout.joints for letter in "xyzc")]
    if unknown := sorted(set(table.column_names) - set(known)):
        raise DatasetError(
            f"column {unknown[0]!r} is none of {layout.name}; {nearest(unknown[0], known)[:200]}",
            where=where,
            fix="rename or drop it, or give another --layout",
        )
    if "keypoints" in table.column_names and (double := set(table.column_names) - set(SCALARS)):
        raise DatasetError(
            f"joints are there twice, in 'keypoints' and in {min(double)!r}", where=where, fix="drop one of them"
        )
    box = [name for name in "xywh" if name in table.column_names]
    if 0 < len(box) < 4:
        raise DatasetError(f"of the box there is only {', '.join(box)}", where=where, fix="give x, y, w and h or none")


def _column(table: pa.Table, name: str, otherwise: list[Any]) -> list[Any]:
    return table.column(name).to_pylist() if name in table.column_names else otherwise


def _keypoints(table: pa.Table, layout: Layout, where: str) -> NDArray[np.float64]:
    """`(n, V, C)`, confidence last."""
    if "keypoints" in table.column_names:
        rows = table.column("keypoints").to_pylist()
        width = len(rows[0]) if rows and isinstance(rows[0], list) else 3 * len(layout)
        if width not in {channels * len(layout) for channels in CHANNELS}:
            raise DatasetError(
                f"{width} numbers are not {len(layout)} joints × (x, y, confidence), nor × (x, y, z, confidence)",
                where=where,
                fix="give the layout the file holds",
            )
        values = numbers(rows, width, where=where, what="keypoints", name=lambda row: f"row {row}")
        return values.reshape(len(rows), len(layout), -1)
    letters = "xyz" if any(name.endswith("_z") for name in table.column_names) else "xy"
    letters += "c" if any(name.endswith("_c") for name in table.column_names) else ""
    wanted = [f"{joint}_{letter}" for joint in layout.joints for letter in letters]
    if missing := [name for name in wanted if name not in table.column_names]:
        raise DatasetError(f"column {missing[0]!r} is missing, one of {len(missing)}", where=where)
    values = np.stack([_floats(table, name, where) for name in wanted], axis=1)
    values = values.reshape(len(table), len(layout), len(letters))
    return values if letters.endswith("c") else np.concatenate([values, np.ones_like(values[..., :1])], axis=-1)


def _floats(table: pa.Table, name: str, where: str) -> NDArray[np.float64]:
    try:
        values = table.column(name).cast(pa.float64()).to_numpy()
    except pa.ArrowException as error:
        raise DatasetError(f"column {name!r} must hold numbers: {error}", where=where) from error
    if not np.isfinite(values).all():
        row = int(np.isfinite(values).argmin())
        raise DatasetError(f"column {name!r} is null, NaN or infinite", where=f"{where}, first in row {row}")
    return np.asarray(values)


def _integers(table: pa.Table, name: str, where: str) -> NDArray[np.int64]:
    """A column of whole numbers, NOBODY where it is null."""
    column = table.column(name)
    try:
        values = column.cast(pa.int64()).fill_null(NOBODY).to_numpy()
    except pa.ArrowException as error:
        raise DatasetError(f"column {name!r} must hold whole numbers: {error}", where=where) from error
    if len(values) and values.max() > LARGEST:
        raise DatasetError(f"column {name!r} holds {values.max()}, more than {LARGEST}", where=where)
    return np.asarray(values)


def _scalars(table: pa.Table, where: str) -> dict[str, Any]:
    """The arguments of `people` that the table has, for all of its rows."""
    has = set(table.column_names)
    found: dict[str, Any] = {"frame": _integers(table, "frame", where)}
    if "track" in has:
        found["track"] = _integers(table, "track", where)
        if (found["track"] < NOBODY).any():
            raise DatasetError("a track is negative", where=where, fix="ids count from 0; null means nobody knows")
    if "score" in has:
        found["score"] = _floats(table, "score", where)
    if "x" in has:
        found["box"] = np.stack([_floats(table, name, where) for name in "xywh"], axis=1)
    return found
