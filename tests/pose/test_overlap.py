"""Overlaps of boxes, joints and matched points, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.core.seeding import stream
from stages.pose import overlap
from stages.pose.overlap import (
    NOWHERE,
    best_mean,
    extent_boxes,
    joint_squares,
    longer_sides,
    matched_overlap,
    region_overlap,
)

Floats = NDArray[np.float64]


def boxes(*sides: tuple[float, float, float, float]) -> Floats:
    return np.array(sides, dtype=np.float64)


def test_extent_is_widened_clipped_and_cut_to_whole_pixels() -> None:
    # Joints span 10…50 by 20…100: a tenth of 40 and of 80 goes on each side.
    joints = np.array([[[10.0, 20.0], [50.0, 100.0], [30.0, 60.0]]])
    assert extent_boxes(joints, 0.1, (200, 200)).tolist() == [[6, 54, 12, 108]]
    # 50.9 + 4.09 = 54.99 is cut to 54; a frame of 40 × 90 ends at 39 and 89.
    assert extent_boxes(joints + np.array([0.9, 0.0]), 0.1, (200, 200)).tolist() == [[6, 54, 12, 108]]
    assert extent_boxes(joints, 0.1, (40, 90)).tolist() == [[6, 39, 12, 89]]
    # Left of and above the frame there is nothing.
    assert extent_boxes(joints - 40, 0.1, (200, 200)).tolist() == [[0, 14, 0, 68]]


def test_longer_side_of_standing_and_lying() -> None:
    assert longer_sides(boxes((0, 10, 0, 30), (0, 30, 5, 15))).tolist() == [30, 30]


def test_box_overlap_counts_pixels_inclusively() -> None:
    # Two boxes of 11 × 11 px share 6 × 6: 36 / (121 + 121 − 36 + 1e-5).
    found = region_overlap(boxes((0, 10, 0, 10)), boxes((5, 15, 5, 15)))
    assert found == pytest.approx(np.array([[0.17475727307]]), abs=1e-11)


def test_boxes_that_touch_do_not_overlap() -> None:
    first = boxes((0, 10, 0, 10))
    touching = boxes((10, 20, 0, 10), (0, 10, 10, 20), (30, 40, 30, 40), (10, 20, 10, 20))
    assert region_overlap(first, touching).tolist() == [[0, 0, 0, 0]]


def test_every_pair_is_compared() -> None:
    first, second = boxes((0, 10, 0, 10), (100, 110, 0, 10)), boxes((100, 110, 0, 10), (0, 10, 0, 10), (0, 10, 0, 20))
    found = region_overlap(first, second)
    assert found.shape == (2, 3)
    assert found[0] == pytest.approx([0, 1, 121 / 231], abs=1e-6)
    assert found[1] == pytest.approx([1, 0, 0], abs=1e-6)


def test_joint_squares_and_their_overlap() -> None:
    joints = np.array([[[50.0, 50.0], [100.0, 50.0]]])
    squares = joint_squares(joints, np.array([30.0]))
    assert squares.tolist() == [[[20, 80, 20, 80], [70, 130, 20, 80]]]
    # The first joint moved by 30: 31 × 61 shared of 61 × 61 each. The second by 60: squares that touch do not overlap.
    moved = joint_squares(joints + np.array([[[30.0, 0.0], [60.0, 0.0]]]), np.array([30.0]))
    assert region_overlap(squares, moved)[0, 0] == pytest.approx([1891 / (2 * 3721 - 1891), 0], abs=1e-8)


def test_squares_grow_with_the_person() -> None:
    joints = np.zeros((2, 1, 2))
    assert joint_squares(joints, np.array([5.0, 20.0]))[:, 0].tolist() == [[-5, 5, -5, 5], [-20, 20, -20, 20]]


def test_best_joints_count() -> None:
    overlaps = np.array([[[0.1, 0.9, 0.5, 0.7]]])
    assert best_mean(overlaps, 2).tolist() == [[pytest.approx(0.8)]]
    assert best_mean(overlaps, 9).tolist() == [[pytest.approx(0.55)]]


def test_matched_points_that_go_from_the_one_into_the_other() -> None:
    # From the left box into the right one: two; out of the left box elsewhere: one; into the right box from elsewhere:
    # one; neither: one. So 2 of 4.
    matches = np.array([[1, 1, 21, 1], [2, 2, 22, 2], [3, 3, 90, 90], [90, 90, 23, 3], [90, 90, 90, 90]], dtype=float)
    found = matched_overlap(boxes((0, 10, 0, 10)), boxes((20, 30, 0, 10)), matches)
    assert found == pytest.approx(np.array([[2 / 4]]), abs=1e-5)


def test_matched_points_on_the_edge_are_inside() -> None:
    matches = np.array([[10.0, 10.0, 20.0, 0.0]])
    assert matched_overlap(boxes((0, 10, 0, 10)), boxes((20, 30, 0, 10)), matches)[0, 0] == pytest.approx(1, abs=1e-4)
    assert matched_overlap(boxes((0, 9.5, 0, 10)), boxes((20.5, 30, 0, 10)), matches)[0, 0] == 0


def test_matched_points_joint_by_joint() -> None:
    # Each joint's square holds one point that follows it; joint 1's points go astray in person 1.
    first = joint_squares(np.array([[[0.0, 0.0], [50.0, 0.0]]]), np.array([5.0]))
    second = joint_squares(np.array([[[0.0, 100.0], [50.0, 100.0]], [[0.0, 100.0], [200.0, 100.0]]]), np.full(2, 5.0))
    matches = np.array([[0.0, 0.0, 0.0, 100.0], [50.0, 0.0, 50.0, 100.0]])
    assert matched_overlap(first, second, matches) == pytest.approx(np.array([[[1, 1], [1, 0]]]), abs=1e-4)


def test_nothing_matched_is_no_overlap() -> None:
    assert matched_overlap(boxes((0, 10, 0, 10)), boxes((0, 10, 0, 10)), np.empty((0, 4))).tolist() == [[0]]


def test_many_matched_points_are_counted_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    points = stream(3, "points").uniform(0, 100, size=(500, 4))
    corners = np.sort(stream(1, "boxes").uniform(0, 100, size=(2, 5, 3, 2, 2)), axis=-1).reshape(2, 5, 3, 4)
    whole = matched_overlap(corners[0], corners[1], points)
    monkeypatch.setattr(overlap, "CHUNK", 7)
    assert whole.shape == (5, 5, 3)
    assert whole.max() > 0
    assert (matched_overlap(corners[0], corners[1], points) == whole).all()


def test_joints_that_were_not_seen_have_no_extent() -> None:
    joints = np.array([[[10.0, 20.0], [np.nan, np.nan], [50.0, 100.0]], [[np.nan, np.nan]] * 3])
    found = extent_boxes(joints, 0.0, (200, 200))
    assert found[0].tolist() == [10, 50, 20, 100]
    assert np.isnan(found[1]).all()


def test_nowhere_overlaps_nothing_not_even_itself() -> None:
    nowhere, frame = np.full((1, 4), NOWHERE), boxes((-100, 9999, -100, 9999))
    assert region_overlap(nowhere, nowhere).tolist() == [[0]]
    assert region_overlap(nowhere, frame).tolist() == [[0]]
    assert matched_overlap(nowhere, frame, np.array([[0.0, 0.0, 0.0, 0.0]])).tolist() == [[0]]


def test_overlap_does_not_depend_on_who_comes_first() -> None:
    corners = np.sort(stream(0, "boxes").uniform(0, 100, size=(2, 6, 2, 2)), axis=-1).reshape(2, 6, 4)
    assert (region_overlap(corners[0], corners[1]) == region_overlap(corners[1], corners[0]).T).all()
