"""YOLOX as a detector: letterbox, decoding and suppression by hand, batches over frames and tiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.pose.alphapose.detector import GREY, YoloxDetector, decode, letterbox

Floats = NDArray[np.float32]
Image = NDArray[np.uint8]


def output(*rows: tuple[float, ...], cells: int = 4) -> Floats:
    """What YOLOX says: per row the centre x, y, width, height, anything, person, bicycle; other cells see nothing."""
    made = np.zeros((cells, 85), dtype=np.float32)
    for at, row in enumerate(rows):
        made[at, :7] = row
    return made


def test_a_cell_that_is_sure_gives_the_box_computed_by_hand() -> None:
    boxes, scores = decode(output((100, 60, 40, 80, 0.9, 0.8, 0.1)), 0.1)
    np.testing.assert_allclose(boxes, [[80, 20, 40, 80]])  # 100 − 20, 60 − 40
    np.testing.assert_allclose(scores, [0.72])


def test_other_things_and_unsure_people_are_left_out() -> None:
    said = output(
        (10, 10, 4, 4, 0.9, 0.5, 0.6),  # rather a bicycle
        (20, 10, 4, 4, 0.5, 0.25, 0.0),  # 0.125 ≥ 0.1
        (30, 10, 4, 4, 0.3, 0.3, 0.0),  # 0.09 < 0.1
    )
    boxes, _ = decode(said, 0.1)
    assert boxes[:, 0].tolist() == [18]
    assert decode(output(), 0.1)[0].shape == (0, 4)


@pytest.mark.parametrize(("width", "height"), [(128, 64), (64, 128), (64, 64), (31, 17), (300, 200)])
def test_a_point_goes_through_the_letterbox_and_back(width: int, height: int) -> None:
    image = np.zeros((height, width, 3), dtype=np.uint8)
    side = max(width // 8, 1)
    left, top = width // 2, height // 3
    image[top : top + side, left : left + side] = 255
    square, scale = letterbox(image, 64)
    assert square.shape == (64, 64, 3)
    assert scale == 64 / max(width, height)
    inside = square[: int(height * scale), : int(width * scale)].mean(axis=2)
    rows, columns = np.mgrid[: inside.shape[0], : inside.shape[1]] + 0.5
    centre = [(inside * axis).sum() / inside.sum() / scale for axis in (columns, rows)]
    np.testing.assert_allclose(centre, [left + side / 2, top + side / 2], atol=1.5 / min(scale, 1))


def test_colours_stay_as_they_are_and_the_rest_is_grey() -> None:
    square, _ = letterbox(np.full((32, 64, 3), (10, 20, 30), dtype=np.uint8), 64)
    assert square[:32].reshape(-1, 3).tolist() == [[10, 20, 30]] * (32 * 64)
    assert (square[32:] == GREY).all()


class Said:
    """An engine that says the same of whatever it is shown, and remembers how much that was."""

    def __init__(self, *said: Floats) -> None:
        self.said, self.shown = said, []  # type: ignore[var-annotated]

    def __call__(self, pictures: Image) -> Floats:
        self.shown.append(pictures.shape)
        return np.stack([self.said[at % len(self.said)] for at in range(len(pictures))])


def detector(engine: Any, tile_above: int | None = None, overlap: float = 0.6) -> YoloxDetector:
    return YoloxDetector(engine, size=64, confidence=0.1, overlap=overlap, tile_above=tile_above)


def test_boxes_come_back_to_px_of_the_frame_and_overlapping_ones_merge() -> None:
    said = output((20, 10, 8, 16, 0.5, 1.0, 0), (21, 10, 8, 16, 0.9, 1.0, 0), (50, 10, 8, 16, 0.7, 1.0, 0))
    boxes, scores = detector(Said(said))(np.zeros((64, 128, 3), np.uint8))
    # Scale 64 / 128: all lengths double. The first two overlap by 7 / 9 = 0.78 > 0.6.
    np.testing.assert_allclose(boxes, [[34, 4, 16, 32], [92, 4, 16, 32]])
    np.testing.assert_allclose(scores, [0.9, 0.7])


def test_frames_and_tiles_share_a_batch() -> None:
    engine = Said(output((8, 8, 16, 16, 0.6, 1.0, 0)))
    small, large = np.zeros((64, 64, 3), np.uint8), np.zeros((180, 180, 3), np.uint8)
    found = detector(engine, tile_above=100).several([small, large])
    assert engine.shown == [(6, 64, 64, 3)]  # one frame, and one with its four tiles
    assert found[0][0].tolist() == [[0, 0, 16, 16]]
    # Tiles of 100 px at 0 and 80. In the whole, 16 px are 45; in a tile 25.
    corners = {(0.0, 0.0, 45.0)} | {(float(x), float(y), 25.0) for x in (0, 80) for y in (0, 80)}
    assert {(float(x), float(y), round(float(w), 2)) for x, y, w, _ in found[1][0]} == corners


def test_a_crowd_is_thinned_once_more() -> None:
    # 102 people far apart, one of them with a neighbour that overlaps by 0.58: kept at 0.6, not at 0.55.
    rows = [(20.0 * (at % 20), 20.0 * (at // 20), 10.0, 10.0, 0.9, 1.0, 0.0) for at in range(102)]
    near = (2.66, 0.0, 10.0, 10.0, 0.5, 1.0, 0.0)
    boxes, _ = detector(Said(output(*rows, near, cells=110)))(np.zeros((64, 64, 3), np.uint8))
    assert len(boxes) == 102
    few, _ = detector(Said(output(*rows[:50], near, cells=110)))(np.zeros((64, 64, 3), np.uint8))
    assert len(few) == 51


def test_an_empty_street_gives_empty_arrays() -> None:
    boxes, scores = detector(Said(output()))(np.zeros((48, 64, 3), np.uint8))
    assert (boxes.shape, scores.shape) == ((0, 4), (0,))
