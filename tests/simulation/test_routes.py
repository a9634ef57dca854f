"""Ways through a place: round boxes, from end to end, without corners."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stages.simulation.routes import MARGIN, along, border_spot, free_spot, inside, is_free, rounded, route
from stages.simulation.world import Box
from tests.simulation.movers import BOXES, PLAZA


def test_a_point_is_in_a_box_widened_by_the_margin() -> None:
    box = Box((1.0, 0.0), (2.0, 1.0, 1.0), "crate")  # from 0 to 2 in x, -0.5 to 0.5 in y
    points = np.array([[1.0, 0.0], [2.05, 0.0], [1.0, 0.6]])
    assert inside(points, box).tolist() == [True, False, False]
    assert inside(points, box, 0.2).tolist() == [True, True, True]


def test_free_is_within_the_extent_and_outside_the_boxes() -> None:
    assert is_free(np.array([[5.0, 5.0]]), PLAZA)
    assert not is_free(np.array([[5.0, 5.0], [9.1, 5.0]]), PLAZA)
    assert not is_free(np.array([[0.0, 5.0]]), PLAZA)
    assert is_free(np.array([[0.7, 5.0]]), PLAZA, margin=0.1)


def test_spots_are_free_and_border_spots_on_the_border() -> None:
    draw = np.random.default_rng(0)
    x0, y0, x1, y1 = PLAZA.extent
    for _ in range(50):
        assert is_free(free_spot(PLAZA, draw), PLAZA)
        x, y = border_spot(PLAZA, draw)
        assert x in (x0, x1) or y in (y0, y1)


def test_a_spot_has_room_around_where_there_is_any() -> None:
    draw = np.random.default_rng(1)
    assert all(is_free(free_spot(PLAZA, draw, room=1.0), PLAZA, margin=MARGIN + 1.0) for _ in range(30))


def test_a_place_full_of_boxes_still_gives_a_spot() -> None:
    full = replace(PLAZA, boxes=(Box((0.0, 6.0), (40.0, 40.0, 1.0), "crate"),))
    assert free_spot(full, np.random.default_rng(0)).shape == (2,)


def test_a_route_with_nothing_in_the_way_is_straight() -> None:
    line = route(np.array([-3.0, 1.0]), np.array([3.0, 1.0]), PLAZA)
    np.testing.assert_allclose(line[:, 1], 1.0, atol=1e-9)
    np.testing.assert_allclose(line[[0, -1], 0], [-3.0, 3.0], atol=1e-9)


def test_a_route_goes_round_a_box_the_short_way() -> None:
    start, goal = np.array([-3.0, 5.2]), np.array([3.0, 5.2])
    line = route(start, goal, PLAZA)
    assert not any(inside(line, box, 0.75 * MARGIN).any() for box in BOXES)
    np.testing.assert_allclose(line[[0, -1]], [start, goal], atol=1e-9)
    length = np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
    assert 6.0 < length < 6.8
    # The box's middle is at y = 5, so above it is shorter from 5.2.
    assert line[:, 1].max() > 5.9


def test_a_route_from_within_a_box_comes_out_of_it() -> None:
    line = route(np.array([0.1, 5.0]), np.array([6.0, 5.0]), PLAZA)
    np.testing.assert_allclose(line[-1], [6.0, 5.0], atol=1e-9)


def test_rounding_keeps_the_ends_and_takes_the_corner_off() -> None:
    line = rounded(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 3.0]]))
    np.testing.assert_allclose(line[[0, -1]], [[0, 0], [3, 3]], atol=1e-9)
    gaps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    assert gaps.max() < 0.06
    assert np.linalg.norm(line - [3.0, 0.0], axis=1).min() > 0.1


def test_along_a_route_one_heads_where_it_goes_and_goes_on_beyond_its_end() -> None:
    line = np.array([[0.0, 0.0], [0.5, 0.5], [1.0, 1.0]])
    places, headings = along(line, np.array([0.0, np.sqrt(0.5), 2.0 * np.sqrt(2.0)]))
    np.testing.assert_allclose(places, np.array([[0.0, 0.0], [0.5, 0.5], [2.0, 2.0]]), atol=1e-9)
    assert headings == pytest.approx([np.pi / 4] * 3)


def test_headings_are_continuous_where_the_circle_closes() -> None:
    angle = np.linspace(0.0, 1.8 * np.pi, 200)
    _, headings = along(np.stack([np.cos(angle), np.sin(angle)], axis=1), np.linspace(0.5, 5.0, 80))
    assert np.abs(np.diff(headings)).max() < 0.2


def test_who_rises_from_beside_a_thing_goes_round_it() -> None:
    box = PLAZA.boxes[0]  # 1 m wide about (0, 5)
    line = route(np.array([0.0, 4.3]), np.array([0.2, 8.0]), PLAZA)  # from 0.2 m before it to behind it
    assert not inside(line, box, 0.1).any()
    np.testing.assert_allclose(line[[0, -1]], [(0.0, 4.3), (0.2, 8.0)])
