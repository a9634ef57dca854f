"""Solids in the picture: how large, in which order, with which shadow."""

from __future__ import annotations

import numpy as np
import pytest

from stages.simulation.cameras import project
from stages.simulation.solids import CORNERS, SHIFT, Solids, join, make_solids, outlines, picture_direction, shadows
from stages.simulation.world import Camera, Floats

CAMERA = Camera("one", (0.0, 0.0, 1.0), (0.0, 10.0, 1.0), focal=100.0, distortion=0.0, width=80, height=60)
"""Looks level along y: a point at (x, y, z) is seen at (40 + 100 x / y, 30 - 100 (z - 1) / y)."""
UP = np.array([0, 0, 1], np.float32)


def ball(x: float, y: float, z: float, radius: float) -> Solids:
    return make_solids([(np.array([[[x, y, z]]], np.float32), (radius,))], [(100.0, 80.0, 60.0)])


def corners(solids: Solids, *, layer: int = 0, scale: int = 1) -> Floats:
    """Outline of the first solid in the first frame, in pixels as cameras count them."""
    seen = outlines(CAMERA, solids, UP, scale)
    return np.asarray((seen.corners[0, 0, layer] / 2**SHIFT + 0.5) / scale, np.float32)


@pytest.mark.parametrize("scale", [1, 2])
def test_a_ball_is_a_disc(scale: int) -> None:
    # At 5 m, 20 px per metre: the centre at (40 + 20, 30), the radius 0.4 m is 8 px.
    outline = corners(ball(1.0, 5.0, 1.0, 0.4), scale=scale)
    np.testing.assert_allclose(np.linalg.norm(outline - [60, 30], axis=1), 8.0, atol=0.12)
    assert len(outline) == CORNERS


def test_a_limb_spans_its_ends_and_tapers() -> None:
    # From (0, 5, 1) to (1, 5, 1): pixels (40, 30) to (60, 30), radii 0.2 m = 4 px and 0.1 m = 2 px.
    limb = make_solids([(np.array([[[0, 5, 1], [1, 5, 1]]], np.float32), (0.2, 0.1))], [(1.0, 1.0, 1.0)])
    outline = corners(limb)
    np.testing.assert_allclose([outline[:, 0].min(), outline[:, 0].max()], [36, 62], atol=0.1)
    np.testing.assert_allclose([outline[:, 1].min(), outline[:, 1].max()], [26, 34], atol=0.1)
    assert np.ptp(outline[outline[:, 0] > 55][:, 1]) == pytest.approx(4, abs=0.3)
    edges = np.roll(outline, -1, axis=0) - outline
    turns = edges[:, 0] * np.roll(edges, -1, axis=0)[:, 1] - edges[:, 1] * np.roll(edges, -1, axis=0)[:, 0]
    assert (turns > -0.5).all()  # convex, up to rounding


def test_one_ball_inside_another_adds_nothing() -> None:
    inside = make_solids([(np.array([[[1, 5, 1], [1.1, 5, 1]]], np.float32), (0.4, 0.1))], [(1.0, 1.0, 1.0)])
    np.testing.assert_array_equal(corners(inside), corners(ball(1.0, 5.0, 1.0, 0.4)))


def test_inner_layers_move_towards_the_light() -> None:
    heights = [corners(ball(0.0, 5.0, 1.0, 0.4), layer=layer)[:, 1].mean() for layer in range(3)]
    assert heights[0] > heights[1] > heights[2]  # pixels count downwards, light comes from above
    seen = outlines(CAMERA, ball(0.0, 5.0, 1.0, 0.4), UP, 1).colours[0, 0].astype(int)
    assert seen[0, 0] < seen[1, 0] < seen[2, 0]


def test_the_nearest_is_painted_last_and_lifts_count() -> None:
    three = join([ball(0, y, 1, 0.1) for y in (4.0, 6.0, 5.0)])
    assert outlines(CAMERA, three, UP, 1).order[0].tolist() == [1, 2, 0]
    lifted = Solids(**{**vars(three), "lift": np.array([0, 1.5, 0], np.float32)})
    assert outlines(CAMERA, lifted, UP, 1).order[0].tolist() == [2, 1, 0]


def test_the_far_side_of_a_body_is_darker() -> None:
    near, far = outlines(CAMERA, join([ball(0, 4.9, 1, 0.1), ball(0, 5.1, 1, 0.1)]), UP, 1).colours[0, :, 0, 0]
    assert near > far


def test_what_is_behind_the_camera_or_not_there_is_not_seen() -> None:
    gone = ball(np.nan, np.nan, np.nan, 0.1)
    solids = join([ball(0, 5, 1, 0.1), ball(0, -5, 1, 0.1), gone])
    seen = outlines(CAMERA, solids, UP, 1)
    assert seen.seen.tolist() == [[True, False, False]]
    assert seen.order[0, -1] == 0
    assert shadows(CAMERA, solids, UP)[1].tolist() == [[True, False, False]]


def test_shadows_lie_on_the_ground_where_the_light_throws_them() -> None:
    # 2 m up, light from (1, 0, 1): the shadow falls 2 m to the left, at (-2, 10, 0).
    outline, _ = shadows(CAMERA, ball(0, 10, 2, 0.5), np.array([1, 0, 1], np.float32))
    shadow = outline[0, 0] / 2**SHIFT + 0.5
    np.testing.assert_allclose(shadow.mean(axis=0), project(CAMERA, [-2.0, 10.0, 0.0])[0], atol=0.15)
    # Seen from 1 m above at some 10 m, a disc on the ground is about ten times as wide as high.
    wide, high = np.ptp(shadow, axis=0)
    assert wide == pytest.approx(10, abs=0.3)
    assert high == pytest.approx(1, abs=0.3)


def test_directions_of_the_world_in_the_picture() -> None:
    np.testing.assert_allclose(picture_direction(CAMERA, UP), [0, -1], atol=1e-6)
    np.testing.assert_allclose(picture_direction(CAMERA, np.array([1, 0, 0], np.float32)), [1, 0], atol=1e-6)
