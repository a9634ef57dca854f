"""NORMALIZED tables as windows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import SchemaError
from stages.core.loading import load_windows, read_windows
from stages.core.schemas import NORMALIZED, Rows
from stages.core.tables import writing

META = {"layout": "coco17", "channels": "x,y,confidence"}


def rows(clip: str, count: int) -> Rows:
    """Windows of 3 channels, 4 samples, 17 joints; the first value of each is its number."""
    columns = {"clip": clip, "track": 1, "step": 2.5, "length": 4, "missing": 0, "label": 0, "person_label": 0}
    frame = pd.DataFrame({**columns, "start_frame": np.arange(count, dtype=float)})
    values = np.zeros((count, 3, 4, 17), dtype=np.float32)
    values[:, 0, 0, 0] = np.arange(count)
    return Rows(frame, values)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Row groups of 2 and 3 windows, and a clip without any between them."""
    path = tmp_path / "train.parquet"
    with writing(path, NORMALIZED, META) as out:
        for piece in (rows("a", 2), rows("b", 0), rows("c", 3)):
            out.append(piece.frame, piece.values)
    return path


def test_a_whole_split(table: Path) -> None:
    windows = load_windows(table, "street", "train")
    assert len(windows) == 5
    assert windows.poses.shape == (5, 3, 4, 17)
    assert windows.poses[:, 0, 0, 0].tolist() == [0, 1, 0, 1, 2]
    assert (windows.channels, windows.layout) == (("x", "y", "confidence"), "coco17")


def test_the_index_names_dataset_and_split_first(table: Path) -> None:
    index = load_windows(table, "street", "train").index
    assert list(index.columns)[:3] == ["dataset", "split", "clip"]
    assert set(index.columns) == {"dataset", "split", *NORMALIZED.names()}
    assert (index["dataset"] == "street").all()
    assert (index["split"] == "train").all()
    assert index["clip"].tolist() == ["a", "a", "c", "c", "c"]


def test_pieces_joined_are_the_whole(table: Path) -> None:
    pieces = list(read_windows(table, "street", "train"))
    assert [len(piece) for piece in pieces] == [2, 3]
    whole = load_windows(table, "street", "train")
    np.testing.assert_array_equal(np.concatenate([piece.poses for piece in pieces]), whole.poses)
    joined = pd.concat([piece.index for piece in pieces], ignore_index=True)
    pd.testing.assert_frame_equal(joined, whole.index)


def test_a_split_without_windows_keeps_its_form(tmp_path: Path) -> None:
    with writing(tmp_path / "test.parquet", NORMALIZED, META) as out:
        out.append(rows("a", 0).frame, rows("a", 0).values)
    windows = load_windows(tmp_path / "test.parquet", "street", "test")
    assert windows.poses.shape == (0, 3, 4, 17)
    assert [len(piece) for piece in read_windows(tmp_path / "test.parquet", "street", "test")] == [0]


def test_no_table(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="no normalized table"):
        load_windows(tmp_path / "train.parquet", "street", "train")
