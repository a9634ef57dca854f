"""A frame beside its errors: where colour lies, and how strong it is."""

from __future__ import annotations

import numpy as np

from stages.show.error_map import GAP, WIDTH, draw_errors, scale_top
from stages.show.palette import HEAT

FRAME = np.full((60, 90, 3), 100, dtype=np.uint8)


def test_errors_are_coloured_where_they_are() -> None:
    errors = np.zeros((20, 30), dtype=np.float32)
    errors[10:, 15:] = 2.0
    drawn = draw_errors(FRAME, errors, top=2.0)
    assert drawn.shape == (240, 2 * WIDTH + GAP, 3)
    assert (drawn[:, :WIDTH] == 100).all()
    right = drawn[:, WIDTH + GAP :]
    np.testing.assert_array_equal(right[20, 20], [80, 80, 80])
    np.testing.assert_array_equal(right[220, 340], HEAT[-1].astype(int))


def test_stronger_than_the_scale_is_no_other_colour() -> None:
    one, other = (draw_errors(FRAME, np.full((4, 4), error, dtype=np.float32), top=1.0) for error in (1.0, 9.0))
    np.testing.assert_array_equal(one, other)


def test_the_scale_leaves_out_a_few_pixels() -> None:
    maps = np.full((1, 100, 100), 0.5, dtype=np.float32)
    maps[0, 0, :5] = 50
    assert scale_top(maps) == 0.5
    assert scale_top(np.zeros((1, 4, 4), dtype=np.float32)) > 0
