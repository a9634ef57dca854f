"""NanoDet: outputs made by hand become boxes that can be computed on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.core.errors import BackendError
from stages.pose.nanodet import BINS, MEAN, STD, STRIDES, NanoDet, decode, letterbox, nanodet

SIZE = 64
"""Side of the small input used here: grids of 8 × 8, 4 × 4 and 2 × 2 cells."""


def outputs() -> list[NDArray[np.float32]]:
    """What a network says that sees nobody: scores first, then sides, stride by stride, batch of one."""
    cells = [(SIZE // stride) ** 2 for stride in STRIDES]
    scores = [np.zeros((1, number, 80), dtype=np.float32) for number in cells]
    return scores + [np.zeros((1, number, 4 * BINS), dtype=np.float32) for number in cells]


def say(found: list[NDArray[np.float32]], level: int, cell: int, sides: list[int], score: float) -> None:
    """Make one cell certain of a person whose sides are that many strides away: left, top, right, bottom."""
    found[level][0, cell, 0] = score
    for side, distance in enumerate(sides):
        found[level + 3][0, cell, side * BINS + distance] = 50.0  # e⁵⁰ : 10 × e⁰, so the mean is the distance itself


def test_a_certain_cell_gives_the_box_computed_by_hand() -> None:
    found = outputs()
    say(found, level=1, cell=1 * 4 + 2, sides=[1, 2, 1, 0], score=0.9)
    boxes, scores = decode(found, SIZE, 0.2)
    # Row 1, column 2 of stride 16: centre (2.5, 1.5) × 16 = (40, 24); left 16, top 32, right 16, bottom 0.
    np.testing.assert_allclose(boxes, [[24, -8, 32, 32]], atol=1e-4)
    np.testing.assert_allclose(scores, [0.9])


def test_an_undecided_side_is_the_mean_of_its_distribution() -> None:
    found = outputs()
    found[0][0, 0, 0] = 0.5  # first cell of stride 8, centre (4, 4); every distance 0 … 10 equally likely: 5 strides
    boxes, _ = decode(found, SIZE, 0.2)
    np.testing.assert_allclose(boxes, [[4 - 40, 4 - 40, 80, 80]], atol=1e-4)


def test_all_strides_count_whatever_order_the_outputs_have() -> None:
    found = outputs()
    for level in range(3):
        say(found, level, cell=0, sides=[0, 0, 1, 1], score=0.5 + level / 10)
    expected = [[4, 4, 8, 8], [8, 8, 16, 16], [16, 16, 32, 32]]
    for order in (found, found[::-1]):
        boxes, scores = decode(order, SIZE, 0.2)
        np.testing.assert_allclose(boxes, expected, atol=1e-4)
        np.testing.assert_allclose(scores, [0.5, 0.6, 0.7])


def test_only_people_at_or_above_the_threshold_count() -> None:
    found = outputs()
    found[0][0, 0, 0], found[0][0, 1, 0] = 0.2, 0.1999
    found[0][0, 2, 1:] = 0.99  # bicycles and 78 other things
    boxes, scores = decode(found, SIZE, float(np.float32(0.2)))
    assert boxes.shape == (1, 4)
    assert scores.tolist() == [np.float32(0.2)]


def test_nobody_gives_empty_arrays() -> None:
    boxes, scores = decode(outputs(), SIZE, 0.2)
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)


@pytest.mark.parametrize(("width", "height"), [(200, 100), (100, 200), (64, 64), (31, 17)])
def test_a_point_found_in_the_letterbox_comes_back_to_its_place(width: int, height: int) -> None:
    image = np.zeros((height, width, 3), dtype=np.uint8)
    left, top, side = width // 2, height // 3, max(width // 8, 1)
    image[top : top + side, left : left + side] = 255
    pixels, scale = letterbox(image, SIZE)
    assert pixels.shape == (1, 3, SIZE, SIZE)
    assert scale == SIZE / max(width, height)
    white = pixels[0].mean(axis=0) - pixels[0].mean(axis=0).min()
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    centre = [(white * axis).sum() / white.sum() / scale for axis in (columns, rows)]
    np.testing.assert_allclose(centre, [left + side / 2, top + side / 2], atol=1 / scale)  # within a pixel of the input


def test_colours_are_normalized_in_bgr_and_the_rest_is_black() -> None:
    image = np.full((32, 64, 3), (10, 20, 30), dtype=np.uint8)
    pixels, _ = letterbox(image, SIZE)
    np.testing.assert_allclose(pixels[0, :, 0, 0], (np.array([10, 20, 30]) - MEAN) / STD, rtol=1e-5)
    np.testing.assert_allclose(pixels[0, :, 63, 0], -MEAN / STD, rtol=1e-5)


class Corner:
    """A network that sees one person of 16 × 16 px at the same place of whatever it is shown."""

    shape = (1, 3, SIZE, SIZE)

    def __call__(self, _: NDArray[Any]) -> list[NDArray[np.float32]]:
        found = outputs()
        say(found, level=1, cell=0, sides=[0, 0, 1, 1], score=0.6)
        return found


def test_boxes_of_tiles_are_moved_and_scaled_to_the_frame() -> None:
    detector = NanoDet(Corner(), least=0.2, overlap=0.5, tile_above=100)  # type: ignore[arg-type]
    boxes, scores = detector(np.zeros((180, 180, 3), dtype=np.uint8))
    # Tiles of 100 px at 0 and 80. In the whole, scale 64 / 180: 8 px → 22.5, 16 px → 45. In a tile, 64 / 100: 12.5, 25.
    expected = {(22.5, 22.5, 45.0)} | {(x + 12.5, y + 12.5, 25.0) for x in (0, 80) for y in (0, 80)}
    found = {(float(x), float(y), float(w)) for x, y, w, _ in boxes.round(2)}
    assert found == expected
    assert np.allclose(scores, 0.6)


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="cannot be loaded") as error:
        nanodet(0.2, 0.5, None, tmp_path / "nanodet.onnx")
    assert error.value.fix == "git checkout stages/pose/weights"
