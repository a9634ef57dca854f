"""NORMALIZED tables as the windows a detector reads: a whole split, or a row group at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stages.core.schemas import NORMALIZED, Rows
from stages.core.tables import read, read_groups
from stages.core.windows import Windows


def load_windows(path: Path, dataset: str, split: str) -> Windows:
    """All windows of one split.

    Args:
        path: a NORMALIZED table.
        dataset: the dataset it belongs to, for the windows' index.
        split: likewise.

    Raises:
        SchemaError: the file is missing, is no Parquet file, holds another table or another schema version.
    """
    return _windows(read(path, NORMALIZED), dataset, split)


def read_windows(path: Path, dataset: str, split: str) -> Iterator[Windows]:
    """The same, one row group at a time: memory is bounded however long the split.

    Raises:
        SchemaError: as `load_windows`.
    """
    for rows in read_groups(path, NORMALIZED):
        yield _windows(rows, dataset, split)


def _windows(rows: Rows, dataset: str, split: str) -> Windows:
    index = rows.frame.copy()
    index.insert(0, "dataset", dataset)
    index.insert(1, "split", split)
    return Windows(index, rows.arrays, tuple(rows.meta["channels"].split(",")), rows.meta["layout"])
