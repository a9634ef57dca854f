"""Plain Parquet: which columns are taken, and out again."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.errors import DatasetError
from stages.core.schemas import POSES, TRACKS, Rows
from stages.core.skeleton import COCO17
from stages.core.tables import read as read_table
from stages.core.tables import write as write_table
from stages.ingest.files import open_files
from stages.ingest.formats.base import Given, Recording
from stages.ingest.formats.parquet import file_name, read, write
from stages.ingest.people import metadata, people, tables

LISTS = [[value for joint in range(17) for value in (10.0 + row, joint, 0.5)] for row in range(3)]


def clips(folder: Path, columns: dict[str, Any], given: str | None = "coco17", **meta: str) -> list[Recording]:
    pq.write_table(pa.table(columns, metadata=meta or None), folder / "walk.parquet")
    return list(read(open_files(folder), Given(layout=given)))


def named(channels: str = "xyc", rows: int = 3) -> dict[str, Any]:
    values = {"x": 10.0, "y": 20.0, "z": 3.0, "c": 0.5}
    return {f"{joint}_{letter}": [values[letter]] * rows for joint in COCO17.joints for letter in channels}


def test_the_least_there_must_be(tmp_path: Path) -> None:
    (found,) = clips(tmp_path, {"frame": [4, 2, 2], "keypoints": LISTS})
    assert found.name == "walk"
    assert found.people.frame.tolist() == [2, 2, 4]
    assert found.people.keypoints[:, 1].tolist() == [[11, 1, 0.5], [12, 1, 0.5], [10, 1, 0.5]]
    assert found.people.track.tolist() == [-1] * 3
    assert found.people.box.tolist() == [[11, 0, 0, 16], [12, 0, 0, 16], [10, 0, 0, 16]]


def test_everything_there_may_be(tmp_path: Path) -> None:
    box = {"x": [1, 2, 3], "y": [0, 0, 0], "w": [5, 5, 5], "h": [6, 6, 6]}
    columns = {"clip": ["b", "a", "b"], "frame": [0, 0, 1], "track": [1, None, 1], "score": [0.1, 0.2, 0.3], **box}
    first, second = clips(tmp_path, columns | named())
    assert (first.name, second.name) == ("a", "b")
    assert first.people.track.tolist() == [-1]
    assert second.people.track.tolist() == [1, 1]
    assert second.people.box.tolist() == [[1, 0, 5, 6], [3, 0, 5, 6]]
    assert second.people.score.tolist() == pytest.approx([0.1, 0.3])
    assert second.people.keypoints[0, 16].tolist() == [10, 20, 0.5]


def test_three_coordinates(tmp_path: Path) -> None:
    (found,) = clips(tmp_path, {"frame": [0, 1, 2]} | named("xyzc"))
    assert found.people.keypoints[0, 0].tolist() == [10, 20, 3, 0.5]
    assert (found.meta["coordinates"], found.meta["units"]) == ("xyz", "m")


def test_without_confidences_every_joint_is_seen(tmp_path: Path) -> None:
    (found,) = clips(tmp_path, {"frame": [0, 1, 2]} | named("xy"))
    assert found.people.keypoints[0, 0].tolist() == [10, 20, 1]


def test_the_layout_may_stand_in_the_file(tmp_path: Path) -> None:
    (found,) = clips(tmp_path, {"frame": [0, 1, 2], "keypoints": LISTS}, None, layout="coco17")
    assert found.meta["layout"] == "coco17"
    with pytest.raises(DatasetError, match="does not say which joints it holds"):
        clips(tmp_path, {"frame": [0, 1, 2], "keypoints": LISTS}, None)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"keypoints": LISTS}, "column 'frame' is missing"),
        ({"frame": [0, 1, 2]}, "column 'nose_x' is missing, one of 34"),
        (
            {"frame": [0, 1, 2], "keypoints": LISTS, "trakc": [1, 1, 1]},
            "column 'trakc' is none of coco17; did you mean",
        ),
        ({"frame": [0, 1, 2], "keypoints": LISTS, "x": [1.0, 1.0, 1.0]}, "of the box there is only x"),
        ({"frame": [0, 1, -3], "keypoints": LISTS}, "frame -3 is negative"),
        ({"frame": [0, 1, None], "keypoints": LISTS}, "column 'frame' is null in 1 rows"),
        ({"frame": [0, 1, 2], "clip": ["a", None, "a"], "keypoints": LISTS}, "column 'clip' is null in 1 rows"),
        ({"frame": [0.5, 1, 2], "keypoints": LISTS}, "column 'frame' must hold whole numbers"),
        ({"frame": ["a", "b", "c"], "keypoints": LISTS}, "column 'frame' must hold whole numbers"),
        ({"frame": [0, 1, 2], "keypoints": [values + [1.0] * 3 for values in LISTS]}, "54 numbers are not 17 joints"),
        ({"frame": [0, 1, 2], "keypoints": [*LISTS[:2], None]}, "keypoints must be 51 numbers, found None"),
        ({"frame": [0, 1, 2], "keypoints": [*LISTS[:2], [np.nan] * 51]}, "null, NaN or infinite values in 1 of 3"),
        ({"frame": [0, 1, 2], "keypoints": LISTS, "score": [1, np.nan, 1]}, "column 'score' is null, NaN or infinite"),
        ({"frame": [0, 1, 2], "keypoints": LISTS, "track": [1, -4, 1]}, "a track is negative"),
        ({"frame": [0, 1, 2], "keypoints": LISTS, "score": [-1.0, 1, 1]}, "a score is negative"),
    ],
)
def test_refused(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        clips(tmp_path, columns)


def test_no_parquet(tmp_path: Path) -> None:
    (tmp_path / "walk.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DatasetError, match="not a readable Parquet file"):
        list(read(open_files(tmp_path), Given()))


def own(folder: Path, track: bool) -> Path:
    frames, ids = np.array([0, 1], dtype=np.int64), np.array([5, 5], dtype=np.int64)
    found = people(frames, np.array([LISTS[0], LISTS[1]]).reshape(2, 17, 3), where="here", track=ids)
    meta = {**metadata("coco17", "alphapose", "ab"), "decimals": "exact", "strong": "0.35"}
    (rows,) = tables("walk", found, meta)
    path = folder / "walk.parquet"
    write_table(path, TRACKS if track else POSES, Rows(rows.frame, rows.values, {**meta, "key": "old"}))
    return path


@pytest.mark.parametrize("track", [True, False])
def test_our_own_tables_come_in(tmp_path: Path, *, track: bool) -> None:
    (found,) = read(open_files(own(tmp_path, track)), Given())
    assert (found.name, found.people.track.tolist()) == ("walk", [5, 5])
    assert found.meta["backend_version"] == "alphapose"  # who found them
    assert found.meta["strong"] == "0.35"
    assert "key" not in found.meta
    assert "schema" not in found.meta


def test_out_and_in_again(tmp_path: Path) -> None:
    rows = read_table(own(tmp_path, track=False), POSES)
    content = write(rows, "walk.parquet")
    assert content == write(rows, "walk.parquet")
    table = pq.read_table(io.BytesIO(content))
    assert table.column_names[:10] == ["clip", "frame", "track", "score", "x", "y", "w", "h", "nose_x", "nose_y"]
    assert file_name("walk") == "walk.parquet"
    (tmp_path / "out.parquet").write_bytes(content)
    (found,) = read(open_files(tmp_path / "out.parquet"), Given())
    assert found.name == "walk"
    np.testing.assert_array_equal(found.people.keypoints, rows.arrays)
    np.testing.assert_array_equal(found.people.box, rows.frame[["x", "y", "w", "h"]])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"frame": [0], "keypoints": [5]}, "keypoints must be 51 numbers, found 5"),
        ({"frame": [0, 1, 2], "track": [2**40] * 3} | named(), "column 'track' holds 1099511627776, more than"),
        ({"frame": [2**31, 1, 2]} | named(), "column 'frame' holds 2147483648, more than"),
        (
            {"frame": [0, 1, 2], "keypoints": LISTS} | named(),
            "joints are there twice, in 'keypoints' and in 'left_ankl",
        ),
        (
            {"frame": [0, 1, 2], "x": [1] * 3, "y": [1] * 3, "w": [-1] * 3, "h": [1] * 3} | named(),
            "width or height is n",
        ),
    ],
)
def test_columns_that_cannot_be(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        clips(tmp_path, columns)


def test_a_layout_that_the_file_contradicts(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="--layout says coco17, the file holds ntu25"):
        clips(tmp_path, {"frame": [0, 1, 2]} | named(), layout="ntu25")


def test_columns_without_a_row(tmp_path: Path) -> None:
    columns = {name: pa.array([], pa.float64()) for name in named()} | {"frame": pa.array([], pa.int64())}
    (found,) = clips(tmp_path, columns)
    assert found.people.keypoints.shape == (0, 17, 3)


def test_metadata_that_is_no_text(tmp_path: Path) -> None:
    table = pa.table({"frame": [0, 1, 2]} | named(), metadata={b"note": b"\xff"})
    pq.write_table(table, tmp_path / "walk.parquet")
    assert len(next(read(open_files(tmp_path), Given("coco17"))).people) == 3
