"""AlphaPose's results: what each field becomes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from stages.core.errors import DatasetError
from stages.pose.alphapose.results import parse


def person(image: object = "0.jpg", **fields: Any) -> dict[str, Any]:
    keypoints = [value for joint in range(17) for value in (joint, 2 * joint, 0.5)]
    return {"image_id": image, "category_id": 1, "keypoints": keypoints, "score": 2.5} | fields


def data(*people: object) -> bytes:
    return orjson.dumps(people)


def test_what_is_read() -> None:
    found = parse(data(person("0.jpg", box=[1, 2, 3, 4], idx=3), person("12.jpg", box=[5, 6, 7, 8], idx=4)), "a.json")
    assert found.frame.tolist() == [0, 12]
    assert found.track.tolist() == [3, 4]
    assert found.score.tolist() == [2.5, 2.5]
    assert found.keypoints.shape == (2, 17, 3)
    assert found.keypoints[0, 3].tolist() == [3, 6, 0.5]
    assert found.box is not None
    assert found.box[1].tolist() == [5, 6, 7, 8]
    assert found.folder == ("", "")


@pytest.mark.parametrize("idx", [[0.0], [[0.0], [0.0]], 0, 0.0, None])
def test_an_idx_that_tells_nobody_apart(idx: object) -> None:
    assert parse(data(person(idx=idx), person(idx=idx)), "a.json").track.tolist() == [-1, -1]


def test_an_idx_that_only_some_have() -> None:
    assert parse(data(person(idx=2), person()), "a.json").track.tolist() == [2, -1]


def test_boxes_are_all_or_none() -> None:
    assert parse(data(person(box=[1, 2, 3, 4]), person()), "a.json").box is None


def test_folders_and_numbers_of_images() -> None:
    found = parse(data(person("cam/3.jpg"), person(7)), "a.json")
    assert found.folder == ("cam", "")
    assert found.frame.tolist() == [3, 7]


def test_other_categories_are_counted() -> None:
    found = parse(data(person(), person(category_id=18)), "a.json")
    assert (len(found), found.others) == (1, 1)


def test_an_empty_list_is_nobody() -> None:
    found = parse(b"[]", "a.json")
    assert len(found) == 0
    assert found.keypoints.shape == (0, 17, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"version": 0.1, "people": []}', "AlphaPose results must be one list"),
        (b"[1, 2]", "AlphaPose results must be one list"),
        (data(person(keypoints=[1.0] * 54)), "keypoints must be 51 numbers, found 54 numbers"),
        (data(person(keypoints=[None] * 51)), "keypoints with null, NaN or infinite values"),
        (data(person(score=None)), "score with null, NaN or infinite values"),
        (data(person(idx=1.5)), "idx must be a whole number"),
        (data(person(image=None)), "image_id must be an image's name or number"),
        (data(person(image="first.jpg")), "has no frame number"),
        (data(person(box=[1, 2])), "box must be 4 numbers"),
    ],
)
def test_refused(content: bytes, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        parse(content, "a.json")
