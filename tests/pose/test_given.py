"""Poses that came with a data set: what is taken, and what is refused with clip, frame and person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.errors import DatasetError, SchemaError
from stages.core.schemas import POSES, pose_meta
from stages.core.tables import writing
from stages.pose.given import given

FRAMES = [0, 0, 2, 2, 3]
IDS: list[int | None] = [7, 8, 7, None, 7]
"""Two people in frame 0; person 7 and one of no known id in frame 2; person 7 in frame 3."""


def table(frames: list[int], ids: list[int | None], clip: str = "gate") -> pd.DataFrame:
    frame = pd.DataFrame({"clip": clip, "frame": frames, "x": 1.0, "y": 2.0, "w": 3.0, "h": 4.0, "score": 0.5})
    return frame.assign(track=pd.array(ids, dtype="Int32"))


def save(
    path: Path,
    pieces: list[pd.DataFrame],
    shape: tuple[int, int] = (17, 3),
    layout: str = "coco17",
    coordinates: str = "xy",
) -> Path:
    """One row group per piece."""
    with writing(path, POSES, pose_meta(layout, coordinates)) as writer:
        for piece in pieces:
            writer.append(piece, np.ones((len(piece), *shape), np.float32))
    return path


def spoil(path: Path, change: Callable[[pa.Table], pa.Table]) -> Path:
    """Alter a table behind the doors that would refuse it."""
    found = pq.read_table(path)
    pq.write_table(change(found).replace_schema_metadata(found.schema.metadata), path)
    return path


def replaced(name: str, values: list[Any]) -> Callable[[pa.Table], pa.Table]:
    def change(found: pa.Table) -> pa.Table:
        place = found.schema.get_field_index(name)
        return found.set_column(place, name, pa.array(values, type=found.schema.field(name).type))

    return change


def test_good_poses_pass_piece_by_piece_as_they_are(tmp_path: Path) -> None:
    pieces = [table(FRAMES[:3], IDS[:3]), table(FRAMES[3:], IDS[3:])]
    found = list(given(save(tmp_path / "gate.parquet", pieces), "gate", 4))
    assert [len(rows) for rows in found] == [3, 2]
    for rows, piece in zip(found, pieces, strict=True):
        pd.testing.assert_frame_equal(rows.frame, piece, check_dtype=False)
        np.testing.assert_array_equal(rows.arrays, np.ones((len(piece), 17, 3)))


def test_three_coordinates_pass(tmp_path: Path) -> None:
    path = save(tmp_path / "gate.parquet", [table([0], [0])], (25, 4), "ntu25", "xyz")
    assert next(given(path, "gate", 1)).arrays.shape == (1, 25, 4)


def test_nobody_passes_as_a_piece_without_rows(tmp_path: Path) -> None:
    (rows,) = given(save(tmp_path / "gate.parquet", [table([], [])]), "gate", 9)
    assert len(rows) == 0
    assert rows.arrays.shape == (0, 17, 3)


@pytest.mark.parametrize(
    ("shape", "layout", "coordinates", "what"),
    [
        ((18, 3), "coco17", "xy", "joints × channels are 18 × 3, where coco17 in xy has 17 × 3"),
        ((17, 3), "openpose18", "xy", "joints × channels are 17 × 3, where openpose18 in xy has 18 × 3"),
        ((17, 3), "coco17", "xyz", "joints × channels are 17 × 3, where coco17 in xyz has 17 × 4"),
        ((17, 3), "coco71", "xy", "joint layout 'coco71' is unknown; did you mean 'coco17'?"),
        ((17, 3), "coco17", "polar", "coordinates are 'polar', and must be xy or xyz"),
    ],
)
def test_keypoints_that_are_not_those_declared_are_refused(
    tmp_path: Path, shape: tuple[int, int], layout: str, coordinates: str, what: str
) -> None:
    path = save(tmp_path / "gate.parquet", [table(FRAMES, IDS)], shape, layout, coordinates)
    with pytest.raises(DatasetError) as error:
        list(given(path, "gate", 4))
    assert error.value.what == what
    assert error.value.where == str(path)
    assert "normotion import" in error.value.fix


@pytest.mark.parametrize(
    ("clip", "frames", "what", "place"),
    [
        ("yard", 4, "a pose is of another clip than 'yard' (5 in this row group)", "frame 0"),
        ("gate", 3, "a pose lies past the last frame, 2 (1 in this row group)", "frame 3"),
        ("gate", 1, "a pose lies past the last frame, 0 (3 in this row group)", "frame 2"),
    ],
)
def test_rows_that_the_clip_cannot_have_are_refused(
    tmp_path: Path, clip: str, frames: int, what: str, place: str
) -> None:
    path = save(tmp_path / "gate.parquet", [table(FRAMES, IDS)])
    with pytest.raises(DatasetError) as error:
        list(given(path, clip, frames))
    assert (error.value.what, error.value.where) == (what, f"{path}, {place}")


@pytest.mark.parametrize(
    ("name", "values", "what"),
    [
        ("frame", [-1, 0, 2, 2, 3], "a pose lies before frame 0"),
        ("x", [0.0, 0.0, float("nan"), 0.0, 0.0], "a pose has a box or score that is NaN or infinite"),
        ("h", [0.0, 0.0, float("inf"), 0.0, 0.0], "a pose has a box or score that is NaN or infinite"),
        ("w", [0.0, 9.0, -1.0, 9.0, 9.0], "a pose has a box of negative width or height"),
        ("score", [0.0, 0.0, -0.5, 0.0, 0.0], "a pose has a negative score"),
        ("keypoints", [[1.0] * 51] * 4 + [[1.0] * 50 + [-1.0]], "a pose has a negative confidence"),
        ("keypoints", [[1.0] * 51] * 4 + [[float("nan")] * 51], "a pose has keypoints that are NaN or infinite"),
        ("keypoints", [[1.0] * 51] * 4 + [[float("-inf")] * 51], "a pose has keypoints that are NaN or infinite"),
    ],
)
def test_values_that_no_door_would_have_let_in_are_refused(
    tmp_path: Path, name: str, values: list[Any], what: str
) -> None:
    path = spoil(save(tmp_path / "gate.parquet", [table(FRAMES, IDS)]), replaced(name, values))
    frame = {"frame": -1, "keypoints": 3}.get(name, 2)
    with pytest.raises(DatasetError) as error:
        list(given(path, "gate", 4))
    assert error.value.what == f"{what} (1 in this row group)"
    assert error.value.where == f"{path}, frame {frame}"


def test_somebody_twice_in_a_frame_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "gate.parquet", [table([0, 1, 1, 1], [7, 8, 7, 8])])
    with pytest.raises(DatasetError, match="person 8 stands there twice") as error:
        list(given(path, "gate", 2))
    assert error.value.where == f"{path}, clip 'gate', frame 1"


@pytest.mark.parametrize("middle", [[], [5]])
def test_somebody_twice_in_a_frame_is_seen_across_row_groups(tmp_path: Path, middle: list[int]) -> None:
    # Frame 1 goes on over two borders; person 8 stands before the first and behind the last.
    pieces = [table([0, 1], [8, 8]), table([1] * len(middle), [*middle]), table([1], [8])]
    path = save(tmp_path / "gate.parquet", pieces)
    with pytest.raises(DatasetError, match="person 8 stands there twice"):
        list(given(path, "gate", 2))


def test_people_without_an_id_may_be_several(tmp_path: Path) -> None:
    path = save(tmp_path / "gate.parquet", [table([0, 0], [None, None]), table([0, 1], [None, None])])
    assert sum(len(rows) for rows in given(path, "gate", 2)) == 4


@pytest.mark.parametrize("frames", [[[0, 2, 1]], [[0, 2], [1]]], ids=["within a row group", "across"])
def test_rows_out_of_order_are_refused(tmp_path: Path, frames: list[list[int]]) -> None:
    path = save(tmp_path / "gate.parquet", [table(piece, [None] * len(piece)) for piece in frames])
    with pytest.raises(DatasetError, match="not in the order of their frames") as error:
        list(given(path, "gate", 3))
    assert error.value.where == f"{path}, frame 1 after frame 2"


def test_a_file_that_is_missing_or_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="there is no poses table") as error:
        list(given(tmp_path / "gate.parquet", "gate", 4))
    assert "normotion import" in error.value.fix
    (tmp_path / "gate.parquet").write_bytes(b"PAR1, but no more than that")
    with pytest.raises(SchemaError, match="not a readable Parquet file"):
        list(given(tmp_path / "gate.parquet", "gate", 4))
