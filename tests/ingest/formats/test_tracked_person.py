"""Tracked-person files: in, and out again the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest

from stages.core.errors import DatasetError
from stages.core.schemas import Rows
from stages.ingest.files import open_files
from stages.ingest.formats.base import Given, told
from stages.ingest.formats.tracked_person import file_name, parse, read, write
from stages.ingest.people import tables


def entry(x: float = 10.0, **fields: Any) -> dict[str, Any]:
    return {
        "keypoints": [value for joint in range(17) for value in (x + joint, 2.0 * joint, 0.5)],
        "scores": 2.9575,
    } | fields


def data(table: object) -> bytes:
    return orjson.dumps(table)


def again(content: bytes) -> bytes:
    """Read, made POSES, and written."""
    found, facts = parse(content, "a.json")
    (rows,) = tables("walk", found, {**told(content, "coco17", "tracked_person"), **facts})
    return write(rows, "a.parquet")


def test_what_is_read() -> None:
    found, facts = parse(data({"7": {"0012": entry(1), "0003": entry(2)}, "2": {"0003": entry(3)}}), "a.json")
    assert found.frame.tolist() == [3, 3, 12]
    assert found.track.tolist() == [7, 2, 7]
    assert found.keypoints[:, 0].tolist() == [[2, 0, 0.5], [3, 0, 0.5], [1, 0, 0.5]]
    assert found.score.tolist() == pytest.approx([2.9575] * 3)
    assert found.box.tolist() == [[2, 0, 16, 32], [3, 0, 16, 32], [1, 0, 16, 32]]
    assert facts == {"decimals": "shortest", "frame_digits": "4", "score_decimals": "shortest"}


def test_nobody() -> None:
    found, _ = parse(b"{}", "a.json")
    assert len(found) == 0


@pytest.mark.parametrize(
    "table",
    [
        {"1": {"0000": entry(1310.57), "0001": entry(0.5)}, "12": {"0001": entry()}},
        {"1": {"999": entry(), "1000": entry()}},  # frames that are not padded
        {"1": {"000007": entry(54.21041488647461, scores=2.472965717315674)}},  # padded wider
        {"3": {"0000": entry(scores=0)}},
    ],
)
def test_out_again_the_same(table: dict[str, Any]) -> None:
    for person in table.values():
        for pose in person.values():  # what a source that computes in float32 could have written
            pose["keypoints"] = np.array(pose["keypoints"], np.float32).astype(float).tolist()
    assert orjson.loads(again(data(table))) == table


def test_short_numbers_come_back_to_the_digit() -> None:
    content = (
        b'{"1":{"0000":{"keypoints":[' + b",".join([b"1310.57", b"377.21", b"0.315"] * 17) + b'],"scores":2.9575}}}'
    )
    assert again(content) == content


def test_doubles_as_alphapose_writes_them_come_back_to_the_digit() -> None:
    numbers = [b"54.21041488647461", b"42.75874328613281", b"0.9267162084579468"]
    content = b'{"1":{"0000":{"keypoints":[' + b",".join(numbers * 17) + b'],"scores":2.472965717315674}}}'
    assert again(content) == content


def test_more_digits_than_float32_has_are_counted() -> None:
    found, _ = parse(data({"1": {"0": entry(192.30033150611789)}}), "a.json")
    assert found.repairs == {"numbers rounded to float32": 17}


def test_without_scores_it_is_the_mean_confidence() -> None:
    pose = entry()
    del pose["scores"]
    found, facts = parse(data({"1": {"0": pose}}), "a.json")
    assert found.score.tolist() == [0.5]
    assert "score_decimals" not in facts


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (data({"1": {"0000": entry()}})[:-30], "the file is cut short"),
        (data([entry()]), "must be people by id"),
        (data({"1": [entry()]}), "must be people by id"),
        (data({"one": {"0": entry()}}), "a person must be a whole number, found 'one'"),
        (data({"1": {"first": entry()}}), "a frame must be a whole number, found 'first'"),
        (data({"1": {"-3": entry()}}), "a frame -3 is below 0"),
        (data({"-1": {"0": entry()}}), "a person -1 is below 0"),
        (data({"1": {"0": entry(keypoints=[1.0] * 54)}}), "keypoints must be 51 numbers, found 54 numbers"),
        (data({"1": {"0": {"scores": 1}}}), "keypoints must be 51 numbers, found None"),
        (data({"1": {"0": None}}), "keypoints must be 51 numbers, found None"),
        (data({"1": {"0": entry(keypoints=[None] * 51)}}), "keypoints with null, NaN or infinite values"),
        (data({"1": {"0": entry(), "1": entry(scores=None)}}), "scores with null"),
        (data({"1": {"0": entry()}}).replace(b"10.0", b"NaN"), "the file holds NaN or Infinity"),
        (data({"1": {"0": entry(keypoints=[1e39] * 51)}}), "not finite"),
        (data({"1": {"0": entry(keypoints=[-1.0] * 51)}}), "a confidence is negative"),
    ],
)
def test_refused(content: bytes, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as error:
        parse(content, "walk.json")
    assert "walk.json" in error.value.where


def test_the_person_and_frame_that_are_wrong_are_named() -> None:
    with pytest.raises(DatasetError) as error:
        parse(data({"1": {"0": entry()}, "4": {"0012": entry(keypoints=[1.0])}}), "walk.json")
    assert error.value.where == "walk.json: person 4, frame 0012"


@pytest.mark.parametrize("text", ['{"1": {"0": %s, "0": %s}}', '{"1": {"0": %s}, "1": {"1": %s}}'])
def test_a_key_that_stands_twice(text: str) -> None:
    pose = data(entry()).decode()
    with pytest.raises(DatasetError, match="named twice: 2 poses are written, 1 remain"):
        parse((text % (pose, pose)).encode(), "a.json")


def test_a_person_twice_in_a_frame_by_another_spelling() -> None:
    found, _ = parse(data({"1": {"0001": entry(1, scores=1), "1": entry(2, scores=3)}}), "a.json")
    assert found.keypoints[:, 0, 0].tolist() == [2]
    assert found.repairs == {"twice in a frame, left out": 1}


@pytest.mark.parametrize(
    ("name", "scene"),
    [
        ("01_0014", "01"),
        ("abnormal_scene_1_scenario_2_fog", "1"),
        ("normal_scene_12_scenario_3", "12"),
        ("C021_A17_SY15", None),
    ],
)
def test_clip_and_scene_of_a_name(tmp_path: Path, name: str, scene: str | None) -> None:
    (tmp_path / file_name(name)).write_bytes(data({"1": {"0": entry()}}))
    (tmp_path / "config.json").write_text("{}")  # of no interest
    (found,) = read(open_files(tmp_path), Given())
    assert (found.name, found.scene, found.camera) == (name, scene, scene)
    assert found.meta["backend_version"] == "tracked_person"


def test_files_of_other_names_are_taken_where_there_are_no_others(tmp_path: Path) -> None:
    (tmp_path / "walk.json").write_bytes(data({"1": {"0": entry()}}))
    assert [found.name for found in read(open_files(tmp_path / "walk.json"), Given())] == ["walk"]


def test_eighteen_joints_when_they_are_declared(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(data({"1": {"0": entry(keypoints=[1.0] * 54)}}))
    (found,) = read(open_files(tmp_path), Given(layout="openpose18"))
    assert found.people.keypoints.shape == (1, 18, 3)
    (rows,) = tables("a", found.people, found.meta)
    with pytest.raises(DatasetError, match="tracked_person holds coco17 joints in px, the table holds openpose18"):
        write(rows, "a.parquet")


def test_people_without_ids_cannot_be_written() -> None:
    content = data({"1": {"0": entry()}})
    (rows,) = tables("a", parse(content, "a")[0], told(content, "coco17", "x"))
    rows.frame["track"] = pd.array([pd.NA], dtype="Int32")
    with pytest.raises(DatasetError, match="1 of 1 poses have no track"):
        write(Rows(rows.frame, rows.values, rows.meta), "a.parquet")


@pytest.mark.oracle
def test_the_clip_of_the_reference_computations(shared: Path) -> None:
    content = (shared / "oracles" / "preproc_oracle_clip.json").read_bytes()
    found, _ = parse(content, "oracle")
    arrays = np.load(shared / "oracles" / "preproc_oracle.npz")
    # The first segment is the first 24 frames of person 1.
    assert arrays["seg_L24_S1_meta"][0].tolist() == [1, 14, 1, 0]
    rows = np.flatnonzero(found.track == 1)[:24]
    np.testing.assert_allclose(found.keypoints[rows], arrays["seg_L24_S1_data"][0], rtol=1e-6)
    # Written again it reads the same; its doubles have more digits than float32, which is said.
    written = again(content)
    second, _ = parse(written, "again")
    np.testing.assert_array_equal(second.keypoints, found.keypoints)
    assert found.repairs["numbers rounded to float32"] > 0
    assert again(written) == written
    theirs, mine = orjson.loads(content), orjson.loads(written)
    assert {person: set(frames) for person, frames in mine.items()} == {
        person: set(frames) for person, frames in theirs.items()
    }


@pytest.mark.oracle
def test_real_files_come_back_exactly(shared: Path) -> None:
    files = open_files(shared / "data" / "cctv_poses.zip")
    content = files.read(files.matching("*_tracked_person.json")[17])  # the smallest
    assert orjson.loads(again(content)) == orjson.loads(content)
