"""Boxes that are no boxes are named; those that are, overlap by hand-computed shares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import ScoreError
from stages.evaluation.boxes import Boxes, overlap, sound


def table(**columns: Any) -> pd.DataFrame:
    """A sound detection and one with other values."""
    row = {"clip": "a", "frame": 3, "x1": 0.0, "y1": 0.0, "x2": 9.0, "y2": 9.0, "score": 1.0}
    return pd.DataFrame([row, {**row, "clip": "b", **columns}])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x1": np.nan}, "have a missing or NaN value"),
        ({"score": None}, "have a missing or NaN value"),
        ({"clip": None}, "have a missing or NaN value"),
        ({"score": np.inf}, "have an infinite or absurdly large value"),
        ({"x2": 1e12}, "have an infinite or absurdly large value"),
        ({"frame": -1}, "have a frame that is no whole number"),
        ({"frame": 2.5}, "have a frame that is no whole number"),
        ({"x2": -1.0}, "end before they begin"),
        ({"y2": -1.0}, "end before they begin"),
    ],
)
def test_the_first_bad_row_is_named(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(ScoreError, match=f"1 detections {message}") as caught:
        sound(table(**columns), "detections", "score")
    if columns.get("clip", "b"):
        assert caught.value.where.startswith("clip b, frame")
    assert caught.value.fix


def test_columns_must_be_there_and_hold_numbers() -> None:
    with pytest.raises(ScoreError, match=r"regions lack the columns \['track'\]"):
        sound(table(), "regions", "track")
    with pytest.raises(ScoreError, match="something else than numbers"):
        sound(table(x1="left"), "detections", "score")


def test_sound_boxes_pass_with_what_is_used_of_them() -> None:
    found = sound(table(kind="fall").astype({"x1": "float32"}), "detections", "score")
    assert list(found) == ["clip", "frame", "x1", "y1", "x2", "y2", "score"]
    assert found["x1"].dtype == np.float64
    empty = sound(table().head(0), "detections", "score")
    assert empty.empty


def test_boxes_stand_in_reading_order() -> None:
    rows = pd.concat([table(clip="b", frame=1, x1=1.0), table(clip="b", frame=1, x1=2.0)]).iloc[[1, 3, 0]]
    boxes = Boxes.of(sound(rows, "detections", "score"), np.array([10.0, 20.0, 30.0]), ["a", "b"])
    assert boxes.clip.tolist() == [0, 1, 1]
    assert boxes.frame.tolist() == [3, 1, 1]
    assert boxes.corners[:, 0].tolist() == [0, 1, 2]
    assert boxes.value.tolist() == [30, 10, 20]


def test_overlap_counts_both_edges() -> None:
    # 10 × 10 px each, 5 px apart: 5 × 10 shared, 150 covered. Touching columns share one: 10 of 190. Then none.
    one = np.array([[0.0, 0, 9, 9]] * 4)
    other = np.array([[5.0, 0, 14, 9], [9, 0, 18, 9], [10, 0, 19, 9], [0, 0, 9, 9]])
    np.testing.assert_allclose(overlap(one, other), [50 / 150, 10 / 190, 0, 1])
