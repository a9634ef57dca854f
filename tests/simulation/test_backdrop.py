"""The empty place: what each pixel shows, where boxes' shadows lie, and that nothing changes from call to call."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import pytest

from stages.simulation.backdrop import BEHIND, FINE, backdrop, light_of
from stages.simulation.cameras import project
from stages.simulation.figures import before
from stages.simulation.surfaces import LANE, ground_colour, noise
from stages.simulation.world import Box, Place
from tests.simulation.stills import CAMERA, CRATE, YARD

Ground = Literal["tiles", "tartan", "asphalt", "grass"]


def at(place: Place, point: tuple[float, float, float]) -> tuple[slice, slice]:
    """The fine pixels around a point of the world."""
    column, row = np.floor(project(CAMERA, point)[0] * FINE).astype(int)
    return slice(row - 1, row + 2), slice(column - 1, column + 2)


@pytest.mark.parametrize("ground", get_args(Ground))
@pytest.mark.parametrize("walls", [True, False])
def test_owners_are_what_the_rays_meet(ground: Ground, walls: bool) -> None:
    place = replace(YARD, ground=ground, walls=walls, boxes=(CRATE, Box((1.5, 4.0), (0.4, 0.4, 2.4), "pillar")))
    shown = backdrop(place, CAMERA)
    assert shown.image.shape == (96, 128, 3)
    assert shown.owner.shape == (192, 256)
    assert (shown.owner[at(place, (0.0, 0.8, 0.5))] == 1).all()  # the middle of the crate's front
    assert (shown.owner[at(place, (1.5, 3.8, 1.8))] == 2).all()
    assert (shown.owner[at(place, (-1.0, 1.0, 0.0))] == 0).all()
    assert (shown.owner[0] == BEHIND).all()
    assert 5 < shown.image.std() < 80


def test_the_nearer_box_hides_the_farther_one() -> None:
    wall = Box((0.0, 3.0), (6.0, 0.2, 1.0), "rail")
    both = backdrop(replace(YARD, boxes=(CRATE, wall)), CAMERA).owner
    swapped = backdrop(replace(YARD, boxes=(wall, CRATE)), CAMERA).owner
    np.testing.assert_array_equal(both == 1, swapped == 2)
    np.testing.assert_array_equal(both == 1, backdrop(replace(YARD, boxes=(CRATE,)), CAMERA).owner == 1)


def test_boxes_darken_the_ground_away_from_the_light() -> None:
    place = replace(YARD, boxes=(CRATE,), ground="grass")
    strength = light_of(place)[1]
    with_box, without = (backdrop(one, CAMERA).image.astype(float) for one in (place, replace(place, boxes=())))
    ground = backdrop(place, CAMERA).owner[::FINE, ::FINE] == 0
    ratio = (with_box[ground].sum(axis=1) + 1) / (without[ground].sum(axis=1) + 1)
    assert ratio.min() == pytest.approx(1 - strength, abs=0.1)
    assert (ratio > 1.01).mean() < 0.01  # pixels that the ground shares with the crate's edge


def test_it_is_the_same_again_and_cannot_be_drawn_over() -> None:
    one = backdrop(YARD, CAMERA)
    backdrop.cache_clear()
    other = backdrop(YARD, CAMERA)
    np.testing.assert_array_equal(one.image, other.image)
    with pytest.raises(ValueError, match="read-only"):
        other.image[0, 0] = 0


def test_another_camera_sees_the_same_ground() -> None:
    beside = replace(CAMERA, name="yard_b", position=(1.0, -6.0, 2.2))
    one, other = backdrop(YARD, CAMERA).image.astype(float), backdrop(YARD, beside).image.astype(float)
    for spot in ((0.0, 4.0, 0.0), (1.0, 1.3, 0.0), (-1.0, 5.1, 0.0)):  # the dashed line, and bare asphalt
        colours = []
        for camera, image in ((CAMERA, one), (beside, other)):
            column, row = np.floor(project(camera, spot)[0]).astype(int)
            colours.append(image[row - 1 : row + 2, column - 1 : column + 2].mean(axis=(0, 1)))
        np.testing.assert_allclose(colours[0], colours[1], atol=25)


def test_lamps_stand_higher_than_the_sun() -> None:
    (sun, dark), (lamps, faint) = light_of(YARD), light_of(replace(YARD, walls=True))
    assert lamps[2] > sun[2] > 0.5
    assert dark > faint
    np.testing.assert_allclose([np.linalg.norm(sun), np.linalg.norm(lamps)], 1, rtol=1e-5)


def test_a_track_has_a_white_line_every_lane() -> None:
    place = replace(YARD, ground="tartan")
    across = np.array(np.linspace(0.3, 7.9, 2000), np.float32)
    bright = ground_colour(place, np.zeros_like(across), across)[:, 2] > 150
    starts = np.flatnonzero(np.diff(bright.astype(int)) == 1)
    np.testing.assert_allclose(np.diff(across[starts]), LANE, atol=0.02)


def test_noise_is_smooth_bounded_and_of_its_seed() -> None:
    x = np.array(np.linspace(-30, 30, 4001), np.float32)
    values = noise(3, x, x * 0.3)
    assert np.abs(values).max() <= 1
    assert np.abs(np.diff(values)).max() < 0.1
    assert values.std() > 0.1
    np.testing.assert_array_equal(values, noise(3, x, x * 0.3))
    assert np.abs(values - noise(4, x, x * 0.3)).mean() > 0.1


def test_before_and_behind_a_box() -> None:
    # The camera stands at y = -6: in front is who is nearer than the crate's front at y = 0.8.
    spots = np.array([[0, 0.7], [0, 1.3], [3, 1.3], [3, 0.5], [np.nan, np.nan]], np.float32)
    assert before((0.0, -6.0, 2.0), CRATE, spots).tolist() == [True, False, False, True, False]
    # From the corner, who is beyond one near face but outside the other is in front as well.
    assert before((-6.0, -6.0, 2.0), CRATE, spots[[0, 1, 2]]).tolist() == [True, False, False]
    assert before((-6.0, -6.0, 2.0), CRATE, np.array([[-0.7, 1.3]], np.float32)).tolist() == [True]
