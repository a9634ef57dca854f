"""FastPose as a pose estimator: crops by hand, and peaks of heat maps that come back to the pixel they are of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.pose.alphapose.poser import HEIGHT, WIDTH, FastPoser, crop, crop_windows, uncrop

Floats = NDArray[np.float32]
Image = NDArray[np.uint8]


def test_windows_hold_the_box_in_the_networks_proportions() -> None:
    boxes = np.array([[10, 20, 30, 80], [0, 0, 100, 40]], dtype=np.float32)
    # 30 × 80 is taller than 3 : 4, so its width becomes 60; 100 × 40 is wider, so its height becomes 133.3. × 1.25.
    expected = np.array([[25, 60, 75, 100], [50, 20, 125, 500 / 3]])
    np.testing.assert_allclose(crop_windows(boxes), expected, rtol=1e-6)
    assert crop_windows(np.zeros((0, 4), np.float32)).shape == (0, 4)


def test_a_window_of_the_inputs_size_is_cut_out_pixel_by_pixel() -> None:
    image = np.arange(300 * 400, dtype=np.uint32).reshape(300, 400, 1).repeat(3, axis=2).astype(np.uint8)
    cropped = crop(image, np.array([200, 150, WIDTH, HEIGHT], np.float32))
    assert cropped.shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(cropped, image[150 - 128 : 150 + 128, 200 - 96 : 200 + 96])


def test_what_lies_outside_the_picture_is_black() -> None:
    cropped = crop(np.full((100, 100, 3), 200, np.uint8), np.array([0, 0, WIDTH, HEIGHT], np.float32))
    assert (cropped[: 128 - 1] == 0).all()
    assert (cropped[128:220, 96:190] == 200).all()


@pytest.mark.parametrize(("x", "y"), [(200, 150), (180, 140), (223, 199)])
def test_a_pixel_that_is_found_in_its_crop_comes_back_to_its_place(x: int, y: int) -> None:
    image = np.zeros((300, 400, 3), np.uint8)
    image[y, x] = 255
    window = crop_windows(np.array([[170, 90, 60, 120]], np.float32))  # 112.5 × 150, enlarged by 1.71
    cropped = crop(image, window[0])
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    light = cropped[:, :, 0].astype(float)
    cells = np.array([[[(light * axis).sum() / light.sum() / 4 for axis in (columns, rows)] + [1.0]]], np.float32)
    np.testing.assert_allclose(uncrop(cells, window)[0, 0, :2], [x, y], atol=0.1)


def test_cells_become_pixels_by_hand() -> None:
    joints = np.array([[[24, 32, 0.9], [0, 0, 0.5], [36, 16, 0.1]]], np.float32)
    found = uncrop(joints, np.array([[100, 200, 96, 128]], np.float32))  # two px a cell
    np.testing.assert_allclose(found[0], [[100, 200, 0.9], [52, 136, 0.5], [124, 168, 0.1]])


def test_a_box_without_a_size_makes_no_infinite_joint() -> None:
    windows = crop_windows(np.array([[50, 60, 0, 0]], np.float32))
    assert crop(np.zeros((100, 100, 3), np.uint8), windows[0]).shape == (HEIGHT, WIDTH, 3)
    joints = np.tile(np.array([47, 63, 1.0], np.float32), (1, 17, 1))
    assert np.isfinite(uncrop(joints, windows)).all()


class Brightest:
    """An engine whose every joint is the brightest pixel of the crop, to a cell; remembers its centre."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.centres: list[list[int]] = []

    def __call__(self, crops: Image) -> Floats:
        self.batches.append(len(crops))
        self.centres += crops[:, 128, 96].tolist()
        flat = crops.astype(int).sum(axis=3).reshape(len(crops), -1).argmax(axis=1)
        cells = np.stack([flat % WIDTH / 4, flat // WIDTH / 4, np.ones(len(crops))], axis=1)
        return np.repeat(cells[:, None], 17, axis=1).astype(np.float32)


def test_crops_of_all_frames_share_a_call_and_joints_go_back_to_their_frames() -> None:
    spots = [[(60, 50)], [], [(40, 80), (150, 60)]]
    images, boxes = [], []
    for found in spots:
        image = np.zeros((200, 200, 3), np.uint8)
        for x, y in found:
            image[y - 1 : y + 2, x - 1 : x + 2] = 255
        images.append(image)
        boxes.append(np.array([[x - 20, y - 30, 40, 60] for x, y in found], np.float32).reshape(-1, 4))
    engine: Any = Brightest()
    joints = FastPoser(engine).several(images, boxes)
    assert engine.batches == [3]
    assert [len(rows) for rows in joints] == [1, 0, 2]
    for found, rows in zip(spots, joints, strict=True):
        for spot, row in zip(found, rows, strict=True):
            np.testing.assert_allclose(row[:, :2], np.tile(spot, (17, 1)), atol=1.5)


def test_no_box_calls_no_network() -> None:
    engine: Any = Brightest()
    joints = FastPoser(engine)(np.zeros((50, 50, 3), np.uint8), np.zeros((0, 4), np.float32))
    assert joints.shape == (0, 17, 3)
    assert engine.batches == []


@pytest.mark.parametrize(("bgr", "seen"), [(False, [30, 20, 10]), (True, [10, 20, 30])])
def test_colours_are_given_as_asked(bgr: bool, seen: list[int]) -> None:
    image = np.full((300, 300, 3), (10, 20, 30), np.uint8)
    engine: Any = Brightest()
    FastPoser(engine, bgr)(image, np.array([[100, 100, 60, 80]], np.float32))
    assert engine.centres == [seen]
