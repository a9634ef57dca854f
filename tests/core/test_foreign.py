"""Other programs' JSON and numbers: what is refused, and where it is said to be wrong."""

from __future__ import annotations

import numpy as np
import pytest

from stages.core.errors import DatasetError
from stages.core.foreign import distinct, frame_number, load_json, numbers, whole


def row(number: int) -> str:
    return f"row {number}"


@pytest.mark.parametrize(
    ("data", "message", "place"),
    [
        (b"", "the file is empty", "a.json"),
        (b"  \n", "the file is empty", "a.json"),
        (b'{"a": [1, 2', "the file is cut short", "byte 11"),
        (b'{"a": "x', "the file is cut short", "byte 8"),
        (b'{"a": NaN}', "the file holds NaN or Infinity", "byte 6"),
        (b"[1, -Infinity]", "the file holds NaN or Infinity", "a.json"),
        (b"\xff\xfe{\x00", "the file is not UTF-8", "a.json"),
        (b'["\xe9"]', "the file is not UTF-8", "a.json"),  # Latin-1
        (b'{"a" 1, "b": 2}', "the file is not valid JSON", "byte 5"),
    ],
)
def test_broken_json(data: bytes, message: str, place: str) -> None:
    with pytest.raises(DatasetError) as error:
        load_json(data, "a.json")
    assert message in error.value.what
    assert place in error.value.where


def test_json_with_the_mark_windows_adds() -> None:
    assert load_json(b'\xef\xbb\xbf{"a": 1}', "a.json") == {"a": 1}


def test_numbers() -> None:
    found = numbers([[1, 2.5], [3, 4]], 2, where="a.json", what="keypoints", name=row)
    assert found.tolist() == [[1.0, 2.5], [3.0, 4.0]]
    assert numbers([], 3, where="a.json", what="keypoints", name=row).shape == (0, 3)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1, 2], [1, 2, 3]], "keypoints must be 2 numbers, found 3 numbers"),
        ([[1, 2], None], "keypoints must be 2 numbers, found None"),
        ([[1, 2], {"x": 1}], "keypoints must be 2 numbers, found {'x': 1}"),
        ([[1, 2], [1, None]], "null, NaN or infinite values in 1 of 2 places"),
        ([[1, 2], [1, float("inf")]], "null, NaN or infinite values in 1 of 2 places"),
        ([[1, 2], [1, "many"]], "keypoints must hold numbers alone"),
        ([[1, 2], [1, [2]]], "keypoints must hold numbers alone"),
    ],
)
def test_numbers_refused(rows: list[object], message: str) -> None:
    with pytest.raises(DatasetError) as error:
        numbers(rows, 2, where="a.json", what="keypoints", name=row)
    assert message in error.value.what
    assert error.value.where.startswith("a.json")
    assert "row 1" in error.value.where  # the first that is wrong


def test_whole_numbers() -> None:
    assert whole(["0007", 3, 4.0], where="a", what="it").tolist() == [7, 3, 4]
    for wrong in ("x", 1.5, None, [1], 2**40, float("nan")):
        with pytest.raises(DatasetError, match="it must be a whole number"):
            whole([1, wrong], where="a", what="it")
    with pytest.raises(DatasetError, match="it -1 is below 0"):
        whole([3, -1], where="a", what="it")


@pytest.mark.parametrize(
    ("name", "number"),
    [("12.jpg", 12), ("000012.jpg", 12), ("cam1/frame_0007.png", 7), ("a\\b\\3.jpg", 3), ("v2_15.jpg", 15), ("8", 8)],
)
def test_the_frame_in_an_image_name(name: str, number: int) -> None:
    assert frame_number(name, "a.json") == number


def test_an_image_without_a_number() -> None:
    with pytest.raises(DatasetError, match="'cam1/first.jpg' has no frame number"):
        frame_number("cam1/first.jpg", "a.json")


def test_values_are_doubles() -> None:
    assert numbers([[0.1]], 1, where="a", what="x", name=row).dtype == np.float64


def test_whole_numbers_as_sheets_write_them() -> None:
    assert whole(["5", "5.0", 5.0, " 7 "], where="a.csv", what="x").tolist() == [5, 5, 5, 7]
    for wrong in ("5.5", "nan", "inf", True, None, [5]):
        with pytest.raises(DatasetError, match="x must be a whole number"):
            whole([wrong], where="a.csv", what="x")


def test_two_names_of_one_number() -> None:
    assert distinct(["2", "01"], where="a.json", what="a person").tolist() == [2, 1]
    with pytest.raises(DatasetError, match="a person is there twice, as '1' and '01'"):
        distinct(["1", "2", "01"], where="a.json", what="a person")
