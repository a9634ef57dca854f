"""Scored people get the boxes they were seen in."""

from __future__ import annotations

import logging

import pandas as pd
import pytest

from stages.evaluation.detections import boxes, detections

TRACKS = pd.DataFrame(
    {"clip": "a", "track": [0, 0, 1], "frame": [3, 4, 3], "x": [1.0, 2, 10], "y": [5.0, 5, 0], "w": 4.0, "h": 8.0}
)


def people(*rows: tuple[int | None, int, float]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["track", "frame", "score"]).assign(clip="a")
    return table.astype({"track": "Int32"})


def test_a_box_by_its_corners() -> None:
    found = boxes([TRACKS])
    assert found.iloc[0][["x1", "y1", "x2", "y2"]].tolist() == [1, 5, 5, 13]
    assert len(found) == 3


def test_each_score_on_its_person() -> None:
    found = detections(people((1, 3, 0.5), (0, 4, 0.9), (0, 3, 0.1)), boxes([TRACKS]))
    assert found[["track", "frame", "x1", "score"]].to_numpy().tolist() == [
        [0, 3, 1, 0.1],
        [0, 4, 2, 0.9],
        [1, 3, 10, 0.5],
    ]


def test_unseen_people_have_no_box_and_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="normotion"):
        found = detections(people((0, 3, 0.1), (0, 5, 0.2)), boxes([TRACKS]))
    assert len(found) == 1
    assert "1 of 2 person scores" in caplog.text


def test_scores_of_whole_frames_have_no_box() -> None:
    assert detections(people((None, 3, 0.1)), boxes([TRACKS])).empty


def test_nobody_anywhere() -> None:
    assert boxes([]).columns.tolist() == ["clip", "track", "frame", "x1", "y1", "x2", "y2"]
    assert detections(people((0, 3, 0.1)), boxes([])).empty
