"""Kinetics-skeleton: shares of the frame become pixels, frame 1 becomes 0."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from stages.core.errors import DatasetError
from stages.ingest.files import open_files
from stages.ingest.formats.base import Given
from stages.ingest.formats.kinetics import parse, read

SIZE = (340, 256)


def body(x: float = 0.5, **fields: Any) -> dict[str, Any]:
    pose = [value for joint in range(18) for value in (x, joint / 32)]
    return {"pose": pose, "score": [0.5] * 18} | fields


def data(*frames: Any, **fields: Any) -> bytes:
    return orjson.dumps({"data": list(frames), "label": "tai chi", "label_index": 345} | fields)


def frame(number: Any, *bodies: Any) -> dict[str, Any]:
    return {"frame_index": number, "skeleton": list(bodies)}


def test_what_is_read() -> None:
    found, frames, kind = parse(data(frame(1, body(), body(0.25)), frame(2), frame(3, body())), "a.json", SIZE)
    assert found.frame.tolist() == [0, 0, 2]
    assert found.keypoints[0, 16].tolist() == [170, 128, 0.5]  # half of 340, half of 256
    assert found.keypoints[1, 0].tolist() == [85, 0, 0.5]
    assert found.box[0].tolist() == [170, 0, 0, 136]
    assert found.track.tolist() == [-1] * 3  # nobody is tracked
    assert (frames, kind) == (3, "tai chi")


def test_joints_that_were_not_found() -> None:
    scores = [0.5] * 17 + [0.0]
    pose = [*body()["pose"][:34], 0.0, 0.0]
    found, _, _ = parse(data(frame(1, body(pose=pose, score=scores))), "a.json", SIZE)
    assert found.box[0].tolist() == [170, 0, 0, 128]
    assert found.score.tolist() == [0.5]  # the mean of those found


def test_bodies_without_any_joint_are_counted() -> None:
    found, _, _ = parse(data(frame(1, body(pose=[0] * 36, score=[0] * 18))), "a.json", SIZE)
    assert len(found) == 0
    assert found.repairs == {"without a joint seen, left out": 1}


def test_empty_trailing_frames_count() -> None:
    _, frames, kind = parse(data(frame(1, body()), frame(300), label="unknown"), "a.json", SIZE)
    assert (frames, kind) == (300, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"label": "x"}', "must have a list `data`"),
        (data(frame(0, body())), "frame_index 0 is below 1"),
        (data(frame(None, body())), "frame_index must be a whole number"),
        (data(frame(1, body(pose=[0.5] * 34))), "pose must be 36 numbers, found 34"),
        (data(frame(1, body(score=[0.5] * 17))), "score must be 18 numbers, found 17"),
        (data(frame(1, body(score=[None] * 18))), "score with null"),
        (data(frame(1, "body")), "pose must be 36 numbers, found None"),
        (data(frame(1, body()))[:-50], "cut short"),
    ],
)
def test_refused(content: bytes, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        parse(content, "a.json", SIZE)


def test_the_size_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(data(frame(1, body())))
    with pytest.raises(DatasetError, match="shares of a frame whose size they do not tell"):
        next(read(open_files(tmp_path), Given()))
    (found,) = read(open_files(tmp_path), Given(size=SIZE))
    assert (found.name, found.frames, found.size, found.kind) == ("a", 1, SIZE, "tai chi")
    assert found.meta["layout"] == "openpose18"


def test_a_list_is_no_clip(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"[]")
    with pytest.raises(DatasetError, match="must have a list `data`"):
        next(read(open_files(tmp_path), Given(size=SIZE)))


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([frame(1, body()), frame(1, body())], "frame_index 1 is there twice"),
        ([frame(1, body()), None], "must have a list `data` of frames"),
        ([{"frame_index": 1, "skeleton": 5}], "skeleton must be a list of people"),
        ([{"frame_index": 1, "skeleton": {"pose": []}}], "skeleton must be a list of people"),
    ],
)
def test_frames_that_are_none(frames: list[Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        parse(data(*frames), "a.json", SIZE)
