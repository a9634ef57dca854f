"""Tiles: where they lie, and what becomes of boxes that are found in them."""

from __future__ import annotations

import numpy as np
import pytest

from stages.pose.tiling import cut, merge, place, suppress, tiles


def test_suppression_keeps_the_best_of_those_that_overlap() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 10, 10], [6, 0, 10, 10], [40, 0, 10, 10]], dtype=np.float32)
    scores = np.array([0.5, 0.9, 0.4, 0.3], dtype=np.float32)
    # Intersection over union with row 1: row 0 90 / 110 = 0.82, row 2 50 / 150 = 0.33.
    assert suppress(boxes, scores, 0.5).tolist() == [1, 2, 3]
    assert suppress(boxes, scores, 0.3).tolist() == [1, 3]
    assert suppress(boxes, scores, 0.9).tolist() == [1, 0, 2, 3]


def test_small_frames_are_looked_at_as_a_whole() -> None:
    assert tiles(800, 600, 800) == [(0, 0, 800, 600)]
    assert tiles(8000, 6000, None) == [(0, 0, 8000, 6000)]


@pytest.mark.parametrize(("width", "height"), [(1768, 994), (900, 1600), (1001, 333)])
def test_tiles_cover_the_frame_and_overlap(width: int, height: int) -> None:
    whole, *parts = tiles(width, height, 832)
    assert whole == (0, 0, width, height)
    assert len(parts) == 4
    seen = np.zeros((height, width), dtype=int)
    for x, y, w, h in parts:
        assert x >= 0
        assert y >= 0
        seen[y : y + h, x : x + w] += 1
    assert seen.shape == (height, width)  # no tile reached out of the frame and wrapped
    assert seen.min() == 1
    assert seen.max() == 4  # in the middle
    shared = (seen[0] == 2).sum() / parts[0][2]
    assert shared == pytest.approx(0.2, abs=0.01)  # a fifth of a tile's width


def test_nobody_gives_empty_arrays() -> None:
    nobody = (np.empty((0, 4), np.float32), np.empty(0, np.float32))
    assert suppress(*nobody, 0.5).shape == (0,)
    boxes, scores = merge([nobody, nobody], 0.5)
    assert (boxes.shape, scores.shape) == ((0, 4), (0,))


def test_a_tile_is_a_view_of_the_frame() -> None:
    image = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    part = cut(image, (2, 1, 4, 3))
    assert part.shape == (3, 4, 3)
    assert part[0, 0].tolist() == image[1, 2].tolist()
    assert np.shares_memory(part, image)


def test_a_box_found_in_a_tile_is_placed_in_the_frame() -> None:
    boxes = np.array([[10, 20, 4, 6]], dtype=np.float32)
    # The tile at (100, 50) was shrunk to one half: 10 / 0.5 + 100 = 120, 20 / 0.5 + 50 = 90; 4 and 6 are 8 and 12.
    assert place(boxes, (100, 50, 640, 480), 0.5).tolist() == [[120, 90, 8, 12]]
    assert boxes.tolist() == [[10, 20, 4, 6]]  # untouched


def test_somebody_seen_in_two_tiles_is_one_person() -> None:
    whole = (np.array([[100, 100, 20, 40], [300, 100, 20, 40]], np.float32), np.array([0.5, 0.4], np.float32))
    tile = (np.array([[101, 100, 20, 40]], np.float32), np.array([0.8], np.float32))
    boxes, scores = merge([whole, tile], 0.5)
    assert boxes[:, 0].tolist() == [101, 300]  # the surer of the two that coincide, then the other person
    np.testing.assert_allclose(scores, [0.8, 0.4])
