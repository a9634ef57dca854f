"""What was read, made fit for POSES: order, boxes, scores, repairs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.core.errors import DatasetError
from stages.core.schemas import ROWS_PER_GROUP
from stages.ingest.people import NOBODY, declared, extent, metadata, people, tables


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def body(x: float, y: float, confidence: float = 0.5) -> list[list[float]]:
    """Three joints in a row of 2 px by 4 px."""
    return [[x, y, confidence], [x + 1, y + 2, confidence], [x + 2, y + 4, confidence]]


def test_sorted_by_frame_and_within_it_as_they_came() -> None:
    found = people(ints(5, 2, 5), np.array([body(1, 1), body(2, 2), body(3, 3)]), where="a", track=ints(9, 8, 1))
    assert found.frame.tolist() == [2, 5, 5]
    assert found.track.tolist() == [8, 9, 1]
    assert found.keypoints[:, 0, 0].tolist() == [2, 1, 3]
    assert found.repairs == {}


def test_box_and_score_of_the_joints_seen() -> None:
    keypoints = np.array([body(10, 20)])
    keypoints[0, 2] = (99, 99, 0)  # not seen: neither widens the box nor lowers the score
    found = people(ints(0), keypoints, where="a")
    assert found.box.tolist() == [[10, 20, 1, 2]]
    assert found.score.tolist() == [0.5]
    assert found.track.tolist() == [NOBODY]


def test_what_is_given_is_kept() -> None:
    given = {"score": np.array([3.2]), "box": np.array([[1.0, 2.0, 3.0, 4.0]])}
    found = people(ints(0), np.array([body(10, 20)]), where="a", **given)
    assert found.box.tolist() == [[1, 2, 3, 4]]
    assert found.score.tolist() == pytest.approx([3.2])


def test_places_in_the_image_make_the_box_of_keypoints_in_metres() -> None:
    pixels = np.array([[[100.0, 50.0], [110.0, 80.0], [np.nan, np.nan]]])
    found = people(ints(0), np.array([body(0.1, 0.2)]), where="a", pixels=pixels)
    assert found.box.tolist() == [[100, 50, 10, 30]]


def test_nobody_is_left_of_a_person_without_joints() -> None:
    found = people(ints(0, 1), np.array([body(0, 0), np.zeros((3, 3))]), where="a")
    assert found.frame.tolist() == [0]
    assert found.repairs == {"without a joint seen, left out": 1}


def test_joints_without_confidence_count_where_they_lie_somewhere() -> None:
    # A source that writes 0 for every confidence still has people.
    found = people(ints(0), np.array([[[4, 5, 0], [6, 9, 0], [0, 0, 0]]], dtype=float), where="a")
    assert found.box.tolist() == [[4, 5, 2, 4]]
    assert found.score.tolist() == [0]


def test_of_a_person_twice_in_a_frame_the_better_is_kept() -> None:
    keypoints = np.array([body(1, 1), body(2, 2), body(3, 3), body(4, 4)])
    score = np.array([0.2, 0.9, 0.9, 0.1])
    found = people(ints(0, 0, 0, 1), keypoints, where="a", track=ints(7, 7, 7, 7), score=score)
    assert found.keypoints[:, 0, 0].tolist() == [2, 4]  # of equals the first
    assert found.repairs == {"twice in a frame, left out": 2}


def test_people_without_ids_are_never_twice() -> None:
    assert len(people(ints(0, 0), np.array([body(1, 1), body(1, 1)]), where="a")) == 2


def test_nobody_at_all() -> None:
    found = people(ints(), np.empty((0, 3, 3)), where="a")
    assert len(found) == 0
    assert found.box.shape == (0, 4)
    (table,) = tables("walk", found, metadata("coco17", "coco", "0"))
    assert len(table) == 0
    assert table.arrays.shape == (0, 3, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame": ints(-1)}, "frame -1 is negative"),
        ({"keypoints": np.array([body(1, 1, -0.5)])}, "a confidence is negative"),
        ({"keypoints": np.array([body(1e39, 1)])}, "keypoints hold 3 values that are not finite"),  # too large
        ({"score": np.array([-1.0])}, "a score is negative"),
        ({"score": np.array([np.nan])}, "scores hold 1 values that are not finite"),
        ({"box": np.array([[0, 0, np.inf, 1]])}, "boxes hold 1 values that are not finite"),
    ],
)
def test_refused(change: dict[str, NDArray[np.float64]], message: str) -> None:
    given = {"frame": ints(0), "keypoints": np.array([body(1, 1)]), "where": "walk.json", **change}
    with pytest.raises(DatasetError, match=message) as error:
        people(**given)  # type: ignore[arg-type]
    assert "walk.json" in error.value.where


def test_extent_of_nobody_seen_is_empty() -> None:
    box = extent(np.ones((2, 3, 2), np.float32), np.array([[False] * 3, [True] * 3]))
    assert box.tolist() == [[0, 0, 0, 0], [1, 1, 0, 0]]


def test_tables_come_a_row_group_at_a_time() -> None:
    count = ROWS_PER_GROUP + 1
    found = people(np.arange(count), np.tile(np.array([body(1, 1)]), (count, 1, 1)), where="a", track=np.arange(count))
    pieces = list(tables("walk", found, {"layout": "x"}))
    assert [len(piece) for piece in pieces] == [ROWS_PER_GROUP, 1]
    assert pieces[1].frame.iloc[0].to_dict() == {
        "clip": "walk", "frame": ROWS_PER_GROUP, "x": 1, "y": 1, "w": 2, "h": 4, "score": 0.5, "track": ROWS_PER_GROUP,
    }  # fmt: skip
    assert pieces[0].meta == {"layout": "x"}


def test_an_id_that_is_not_given_is_null() -> None:
    (table,) = tables("walk", people(ints(0, 1), np.array([body(1, 1)] * 2), where="a", track=ints(NOBODY, 3)), {})
    assert table.frame["track"].isna().tolist() == [True, False]


def test_metadata_says_what_the_numbers_are() -> None:
    assert metadata("ntu25", "ntu", "ab", coordinates="xyz", units="m") == {
        "layout": "ntu25", "coordinates": "xyz", "units": "m", "channels": "x,y,z,confidence", "backend": "import",
        "backend_version": "ntu", "source_sha256": "ab",
    }  # fmt: skip


def test_the_layout_is_given_or_published_never_guessed() -> None:
    assert declared("openpose18", "coco17", "a").name == "openpose18"
    assert declared(None, "coco17", "a").name == "coco17"
    with pytest.raises(DatasetError, match="a does not say which joints it holds"):
        declared(None, None, "a")
    with pytest.raises(DatasetError, match="unknown joint layout 'coco'"):
        declared("coco", None, "a")
