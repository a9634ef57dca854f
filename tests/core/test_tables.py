"""The doors of the data contracts: what goes in comes out, and what must not goes nowhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.errors import SchemaError, StorageError
from stages.core.schemas import NORMALIZED, POSES, REPLICATES, SCHEMAS, SCORES, TRACKS, Rows, pose_meta
from stages.core.tables import read, read_groups, read_meta, read_rows, write, writing

SEEN = {"layout": "openpose18", "channels": "x,y"}


def poses(rows: int = 3) -> Rows:
    """People standing in a row, one a frame."""
    at = np.arange(rows, dtype=float)
    box = {
        "x": at,
        "y": at,
        "w": at,
        "h": at,
        "score": 0.5,
        "track": pd.array([pd.NA, *range(1, rows)][:rows], dtype="Int32"),
    }
    frame = pd.DataFrame({"clip": "gate", "frame": np.arange(rows), **box})
    keypoints = np.ones((rows, 17, 3), dtype=np.float32) * at[:, None, None].astype(np.float32)
    return Rows(frame, keypoints, pose_meta("coco17"))


def test_round_trip(tmp_path: Path) -> None:
    write(tmp_path / "gate.parquet", POSES, poses())
    back = read(tmp_path / "gate.parquet", POSES)
    pd.testing.assert_frame_equal(back.frame, poses().frame, check_dtype=False)
    np.testing.assert_array_equal(back.arrays, poses().arrays)
    assert read_meta(tmp_path / "gate.parquet", POSES)["layout"] == "coco17"


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", POSES, poses())
    write(tmp_path / "b.parquet", POSES, poses())
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_an_empty_table_keeps_its_shape(tmp_path: Path) -> None:
    write(tmp_path / "empty.parquet", POSES, poses(0))
    assert read(tmp_path / "empty.parquet", POSES).arrays.shape == (0, 17, 3)


def test_unknown_stays_unknown(tmp_path: Path) -> None:
    columns = {"clip": "a", "start_frame": 0.0, "step": 1.0, "length": 4, "missing": 0}
    frame = pd.DataFrame({**columns, "track": [pd.NA, 3], "label": [pd.NA, 1], "person_label": [0, pd.NA]})
    write(tmp_path / "w.parquet", NORMALIZED, Rows(frame, np.ones((2, 2, 4, 18), np.float32), SEEN))
    back = read(tmp_path / "w.parquet", NORMALIZED).frame
    assert back["label"].tolist() == [pd.NA, 1]
    assert back["person_label"].tolist() == [0, pd.NA]
    assert back["track"].tolist() == [pd.NA, 3]


def test_rows_and_groups(tmp_path: Path) -> None:
    with writing(tmp_path / "t.parquet", POSES, pose_meta("coco17")) as pieces:
        for start in (0, 3, 6):
            part = poses(9)
            pieces.append(part.frame.iloc[start : start + 3], part.arrays[start : start + 3])
    assert [len(rows) for rows in read_groups(tmp_path / "t.parquet", POSES)] == [3, 3, 3]
    middle = read_rows(tmp_path / "t.parquet", POSES, 2, 7)
    assert middle.frame["frame"].tolist() == [2, 3, 4, 5, 6]
    assert middle.arrays[:, 0, 0].tolist() == [2, 3, 4, 5, 6]
    assert len(read_rows(tmp_path / "t.parquet", POSES, 0, 0)) == 0


def test_empty_pieces_leave_no_trace_but_the_shape(tmp_path: Path) -> None:
    with writing(tmp_path / "t.parquet", POSES, pose_meta("coco17")) as pieces:
        for rows in (0, 2, 0):
            pieces.append(poses(rows).frame, poses(rows).arrays)
    assert [len(rows) for rows in read_groups(tmp_path / "t.parquet", POSES)] == [2]
    write(tmp_path / "empty.parquet", POSES, poses(0))
    assert [rows.arrays.shape for rows in read_groups(tmp_path / "empty.parquet", POSES)] == [(0, 17, 3)]


def _set(column: str, value: Any) -> Callable[[Rows], Rows]:
    return lambda rows: Rows(rows.frame.assign(**{column: value}), rows.values, rows.meta)


def _values(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Rows], Rows]:
    return lambda rows: Rows(rows.frame, change(rows.arrays.copy()), rows.meta)


def _nan(values: np.ndarray) -> np.ndarray:
    values[1, 4, 0] = np.nan
    return values


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_set("frame", [0, -1, 2]), "poses.frame has values below 0 in 1 rows.*row 1"),
        (_set("score", [0.1, np.nan, 0.2]), "poses.score has null or NaN values in 1 rows"),
        (_set("x", [0.1, np.inf, 0.2]), "poses.x has infinite values"),
        (_set("frame", ["a", "b", "c"]), "poses.frame"),
        (_set("colour", "red"), "are not those of poses"),
        (_values(_nan), "poses.keypoints has NaN or infinite values in 1 rows.*row 1"),
        (_values(lambda values: values[:2]), "for 3 rows"),
        (lambda rows: Rows(rows.frame, None, rows.meta), "needs array values"),
    ],
)
def test_bad_rows_are_refused_and_the_good_file_stays(
    tmp_path: Path, spoil: Callable[[Rows], Rows], message: str
) -> None:
    path = tmp_path / "gate.parquet"
    write(path, POSES, poses())
    good = path.read_bytes()
    with pytest.raises(SchemaError, match=f"(?s){message}"):
        write(path, POSES, spoil(poses()))
    assert path.read_bytes() == good
    assert os.listdir(tmp_path) == ["gate.parquet"]


def test_metadata_says_what_keypoints_are(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="the metadata of poses lacks coordinates, units"):
        write(tmp_path / "gate.parquet", POSES, replace(poses(), meta={"layout": "coco17", "channels": "x,y"}))
    write(tmp_path / "gate.parquet", POSES, poses())
    table = pq.read_table(tmp_path / "gate.parquet")
    kept = {key: value for key, value in table.schema.metadata.items() if key != b"units"}
    pq.write_table(table.replace_schema_metadata(kept), tmp_path / "bare.parquet")
    with pytest.raises(SchemaError, match="(?s)the metadata of poses lacks units.*bare.parquet"):
        read(tmp_path / "bare.parquet", POSES)


def test_nullable_numbers_may_be_missing_but_not_infinite(tmp_path: Path) -> None:
    path = tmp_path / "replicates.parquet"
    rows = pd.DataFrame({"figure": "smoothed/auc", "replicate": [0, 1], "value": [0.5, np.nan]})
    write(path, REPLICATES, Rows(rows, meta={"clips": "x", "number": "2"}))
    assert read(path, REPLICATES).frame["value"].isna().tolist() == [False, True]
    with pytest.raises(SchemaError, match="value has infinite values"):
        write(path, REPLICATES, Rows(rows.assign(value=np.inf), meta={"clips": "x", "number": "2"}))


def test_damage_behind_a_whole_footer_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gate.parquet"
    write(path, POSES, poses())
    data = bytearray(path.read_bytes())
    data[4:200] = bytes(196)  # the first page
    path.write_bytes(data)
    for door in (
        lambda: read(path, POSES),
        lambda: list(read_groups(path, POSES)),
        lambda: read_rows(path, POSES, 0, 2),
    ):
        with pytest.raises(SchemaError, match="(?s)does not hold what poses are.*gate.parquet"):
            door()


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "gate.parquet"
    with pytest.raises(SchemaError, match="there is no poses table"):
        read(path, POSES)
    path.write_text("not parquet")
    with pytest.raises(SchemaError, match="not a readable Parquet file"):
        read(path, POSES)
    write(path, POSES, poses())
    with pytest.raises(SchemaError, match="expected a table of tracks, found 'poses'"):
        read(path, TRACKS)


def test_another_schema_version_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "gate.parquet"
    write(path, POSES, poses())
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, b"version": b"99"}), path)
    with pytest.raises(SchemaError, match="schema version 99") as error:
        read(path, POSES)
    assert "dvc repro" in error.value.fix


def test_each_table_has_a_version_of_its_own(tmp_path: Path) -> None:
    path, newer = tmp_path / "gate.parquet", replace(POSES, version=POSES.version + 1)
    write(path, POSES, poses())
    assert read_meta(path, POSES)["version"] == str(POSES.version)
    with pytest.raises(SchemaError, match=f"schema version {POSES.version}; this normotion reads {newer.version}"):
        read(path, newer)


def test_other_columns_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "gate.parquet"
    write(path, POSES, poses())
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["score"]), path)
    with pytest.raises(SchemaError, match=r"columns differ from those of poses: \['score'\]"):
        read(path, POSES)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_named_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gate.parquet"
    write(path, POSES, poses())
    good = path.read_bytes()
    monkeypatch.setattr("stages.core.storage._temporary", lambda _: Path("/dev/full"))
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    with pytest.raises(StorageError, match="the disk is full"):
        write(path, POSES, poses(5000))
    assert path.read_bytes() == good


def test_every_column_says_what_it_is() -> None:
    for schema in SCHEMAS.values():
        assert schema.row
        for column in [*schema.columns, *([schema.array] if schema.array else [])]:
            assert column.unit, (schema.name, column.name)
            assert len(column.meaning) > 10, (schema.name, column.name)


def test_scores_must_be_finite(tmp_path: Path) -> None:
    columns = {
        "clip": "a",
        "track": 1,
        "start_frame": 0.0,
        "step": 1.0,
        "length": 4,
        "frame": pd.NA,
        "part": "score",
        "seed": 0,
    }
    frame = pd.DataFrame({**columns, "score": [0.5, float("nan")]})
    with pytest.raises(SchemaError, match="scores.score has null or NaN"):
        write(tmp_path / "s.parquet", SCORES, Rows(frame))


def test_a_pandas_string_is_a_string(tmp_path: Path) -> None:
    rows = poses()
    write(tmp_path / "p.parquet", POSES, Rows(rows.frame.astype({"clip": object}), rows.values, rows.meta))
    assert pq.read_schema(tmp_path / "p.parquet").field("clip").type == pa.string()
