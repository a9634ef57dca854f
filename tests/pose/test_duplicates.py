"""Poses that coincide: similarities computed by hand, and who is kept."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.pose.duplicates import SPREAD, distinct, held, similarity

Floats = NDArray[np.float32]


def person(x: float, y: float = 0.0) -> Floats:
    """17 joints on a line of 100 px that starts at (x, y), sure of themselves."""
    down = np.linspace(0, 100, 17)
    return np.stack([np.full(17, x), y + down, np.ones(17)], axis=1).astype(np.float32)


def boxes(*rows: tuple[float, float, float, float]) -> Floats:
    return np.array(rows, dtype=np.float32)


def test_similarity_is_that_of_the_coco_challenge() -> None:
    poses = np.stack([person(0), person(10)])
    found = similarity(poses, boxes((0, 0, 40, 100), (0, 0, 20, 50)))
    # Distance 10 px at every joint, area 4000 px² (the larger box): exp(−100 ÷ (2 × 4000 × (2σ)²)), σ as published.
    sigma = np.array([0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089])
    expected = np.exp(-100 / (2 * 4000 * (2 * sigma) ** 2)).mean()
    np.testing.assert_allclose(found, [[1, expected], [expected, 1]], rtol=1e-5)


def test_the_face_does_not_count() -> None:
    poses = np.stack([person(0), person(0)])
    poses[1, :5, :2] += 1000
    assert similarity(poses, boxes((0, 0, 40, 100), (0, 0, 40, 100))).min() == pytest.approx(1)
    assert SPREAD.shape == (12,)


def test_joints_in_the_box_are_counted() -> None:
    poses = np.stack([person(5), person(50)])
    poses[0, 16, 1] = 200  # one of twelve joints below the box
    share = held(poses, boxes((0, 0, 10, 100), (0, 0, 10, 100)))
    np.testing.assert_allclose(share, [11 / 12, 0])


def test_the_surer_of_two_boxes_around_one_person_stays() -> None:
    poses = np.stack([person(20), person(21), person(300)])
    around = boxes((0, 0, 40, 100), (0, 0, 42, 100), (280, 0, 40, 100))
    scores = np.array([0.4, 0.8, 0.3], dtype=np.float32)
    assert distinct(around, scores, poses, 0.6).tolist() == [1, 2]


def test_a_box_whose_pose_lies_elsewhere_gives_way() -> None:
    poses = np.stack([person(20), person(20)])  # the first box stands beside the person that was found in both
    around = boxes((60, 0, 40, 100), (0, 0, 40, 100))
    scores = np.array([0.9, 0.5], dtype=np.float32)
    assert distinct(around, scores, poses, 0.6).tolist() == [1]


def test_people_side_by_side_both_stay() -> None:
    poses = np.stack([person(20), person(40)])
    around = boxes((0, 0, 40, 100), (20, 0, 40, 100))
    scores = np.array([0.9, 0.8], dtype=np.float32)
    assert distinct(around, scores, poses, 0.6).tolist() == [0, 1]
    assert distinct(around, scores, poses, 0.01).tolist() == [0]


def test_nobody_stays_nobody() -> None:
    none = np.empty((0, 17, 3), dtype=np.float32)
    assert distinct(boxes().reshape(0, 4), np.empty(0, np.float32), none, 0.6).shape == (0,)
