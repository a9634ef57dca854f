"""MoveNet: what is cut out of a picture, and where its joints come back to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.core.skeleton import COCO17
from stages.pose.movenet import MoveNet, crop, movenet, squares, uncrop


def square(left: float, top: float, side: float) -> NDArray[np.float32]:
    return np.array([left, top, side], dtype=np.float32)


def test_squares_stand_around_the_centre_with_a_margin() -> None:
    boxes = np.array([[10, 20, 40, 80], [0, 0, 60, 20]], dtype=np.float32)
    # Centres (30, 60) and (30, 10); sides 1.25 × 80 = 100 and 1.25 × 60 = 75.
    np.testing.assert_allclose(squares(boxes, 1.25), np.array([[-20, 10, 100], [-7.5, -27.5, 75]]))


def test_no_boxes_give_no_squares() -> None:
    assert squares(np.empty((0, 4), dtype=np.float32), 1.25).shape == (0, 3)


def test_a_crop_of_the_same_size_is_the_picture_itself_in_rgb() -> None:
    image = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    found = crop(image, square(0, 0, 8), 8)
    assert found.dtype == np.dtype(np.int32)
    np.testing.assert_array_equal(found[0], image[:, :, ::-1])


def test_a_crop_is_moved_by_whole_pixels_and_black_outside() -> None:
    image = np.full((8, 8, 3), 200, dtype=np.uint8)
    image[2, 3] = 0
    found = crop(image, square(-2, -1, 8), 8)[0, :, :, 0]
    assert (found[:1] == 0).all()  # one row above the picture
    assert (found[:, :2] == 0).all()  # two columns left of it
    assert found[2 + 1, 3 + 2] == 0
    assert (found > 0).sum() == 7 * 6 - 1


@pytest.mark.parametrize(("left", "top", "side"), [(0.0, 0.0, 48.0), (6.5, 3.25, 24.0), (-7.0, -9.5, 80.0)])
def test_a_point_found_in_a_crop_comes_back_to_its_place(left: float, top: float, side: float) -> None:
    rows, columns = np.mgrid[:60, :80] + 0.5
    spot = 255 * np.exp(-((columns - 16) ** 2 + (rows - 14) ** 2) / (2 * 2**2))  # around (16, 14)
    pixels = crop(np.repeat(spot[:, :, None], 3, axis=2).astype(np.uint8), square(left, top, side), 48)[0, :, :, 0]
    down, across = (np.mgrid[:48, :48] + 0.5) / 48
    seen = [(pixels * axis).sum() / pixels.sum() for axis in (down, across)]
    found = uncrop(np.array([[*seen, 0.5]], dtype=np.float32), square(left, top, side))
    np.testing.assert_allclose(found[0], [16, 14, 0.5], atol=0.1)  # px


def test_joints_come_back_as_x_y_confidence() -> None:
    joints = np.array([[0, 0, 0.1], [1, 1, 0.2], [0.5, 0.25, 0.9]], dtype=np.float32)  # y, x, confidence
    found = uncrop(joints, square(100, 200, 40))
    np.testing.assert_allclose(found, [[100, 200, 0.1], [140, 240, 0.2], [110, 220, 0.9]])


class Brightness:
    """A network that puts all joints in the middle, with the crop's share of red as their confidence."""

    shape = (1, 16, 16, 3)

    def __call__(self, pixels: NDArray[Any]) -> list[NDArray[np.float32]]:
        red = pixels[..., 0].mean() / 255
        return [np.tile(np.array([0.5, 0.5, red], dtype=np.float32), (1, 1, len(COCO17), 1))]


def test_each_box_gets_its_own_pose() -> None:
    image = np.zeros((100, 100, 3), dtype=np.uint8)
    image[50:, :, 2] = 255  # the lower half is red
    boxes = np.array([[10, 10, 20, 20], [10, 70, 20, 20]], dtype=np.float32)
    found = MoveNet(Brightness(), margin=1.0)(image, boxes)  # type: ignore[arg-type]
    assert found.shape == (2, 17, 3)
    np.testing.assert_allclose(found[:, 0], [[20, 20, 0], [20, 80, 1]], atol=1e-5)
    assert np.ptp(found, axis=1).max() == 0


def test_the_vendored_network_takes_pictures_and_gives_coco_joints() -> None:
    found = movenet(1.25)(np.zeros((40, 40, 3), np.uint8), np.array([[5, 5, 10, 30]], dtype=np.float32))
    assert found.shape == (1, len(COCO17), 3)
    assert np.isfinite(found).all()
    assert (found[..., 2] >= 0).all()
    assert (found[..., 2] < 0.2).all()  # nobody stands in the dark
