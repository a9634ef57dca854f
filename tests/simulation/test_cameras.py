"""Cameras: hand-computed pixels, and every way there leads back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stages.simulation.cameras import directions, ground, project, rotation
from stages.simulation.world import Camera

LEVEL = Camera("level", (0.0, 0.0, 2.0), (0.0, 10.0, 2.0), focal=100.0, distortion=0.0, width=320, height=240)
"""Two metres up, looks along y."""
SLANTED = Camera("slanted", (-3.0, -8.0, 5.0), (1.0, 2.0, 0.5), focal=260.0, distortion=-0.12, width=320, height=240)


def test_hand_computed_pixels() -> None:
    # One metre right and half a metre down, five metres away: 100 · 1/5 = 20 px right, 100 · 0.5/5 = 10 px down.
    pixels, depth = project(LEVEL, [[0.0, 5.0, 2.0], [1.0, 5.0, 1.5]])
    np.testing.assert_allclose(pixels, [[160.0, 120.0], [180.0, 130.0]])
    np.testing.assert_allclose(depth, [5.0, 5.0])


def test_hand_computed_distortion() -> None:
    # On the normalized plane the point is at (0.5, 0), r² = 0.25; with k1 = -0.2 it moves to 0.5 · 0.95 = 0.475.
    pixels, _ = project(replace(LEVEL, distortion=-0.2), [2.5, 5.0, 2.0])
    np.testing.assert_allclose(pixels, [160 + 47.5, 120.0])


def test_what_is_behind_has_no_pixel_but_a_depth() -> None:
    pixels, depth = project(LEVEL, [[0.0, -5.0, 2.0], [0.0, 0.0, 2.0]])
    assert np.isnan(pixels).all()
    np.testing.assert_allclose(depth, [-5.0, 0.0])


def test_what_a_barrel_folds_back_has_no_pixel() -> None:
    # k1 = -0.12 turns around at r = 1/√0.36 = 1.67; at r = 3 it would land on the other side of the frame.
    barrel = replace(LEVEL, distortion=-0.12)
    pixels, _ = project(barrel, [[15.0, 5.0, 2.0], [8.0, 5.0, 2.0]])
    assert np.isnan(pixels[0]).all()
    assert np.isfinite(pixels[1]).all()


def test_nan_stays_nan() -> None:
    pixels, depth = project(LEVEL, [np.nan, 5.0, 2.0])
    assert np.isnan(pixels).all()
    assert np.isnan(depth)


def test_shapes_are_kept() -> None:
    pixels, depth = project(SLANTED, np.zeros((4, 5, 3)))
    assert pixels.shape == (4, 5, 2)
    assert depth.shape == (4, 5)
    assert ground(SLANTED, pixels).shape == (4, 5, 3)


def test_the_target_is_in_the_middle() -> None:
    pixels, depth = project(SLANTED, SLANTED.target)
    np.testing.assert_allclose(pixels, [160.0, 120.0], atol=1e-9)
    assert depth == pytest.approx(np.sqrt(4**2 + 10**2 + 4.5**2))


def test_axes_are_a_right_handed_frame() -> None:
    axes = rotation(SLANTED)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1.0)
    assert axes[0, 2] == pytest.approx(0.0)  # the horizon is level
    assert axes[1, 2] < 0  # down is down


@pytest.mark.parametrize("distortion", [-0.2, -0.12, 0.0, 0.08])
def test_ground_undoes_project(distortion: float) -> None:
    camera = replace(SLANTED, distortion=distortion)
    points = np.random.default_rng(0).uniform((-6, -2, 0), (8, 14, 0), size=(500, 3))
    pixels, _ = project(camera, points)
    inside = ((pixels >= 0) & (pixels <= (320, 240))).all(axis=1)
    assert inside.sum() > 100
    np.testing.assert_allclose(ground(camera, pixels[inside]), points[inside], atol=1e-6)


def test_above_the_horizon_is_no_ground() -> None:
    # A level camera's horizon is the middle row; 20 px below it, 2 m high, f = 100: the ground is 10 m away.
    points = ground(LEVEL, [[160.0, 100.0], [160.0, 120.0], [160.0, 140.0]])
    assert np.isnan(points[:2]).all()
    np.testing.assert_allclose(points[2], [0.0, 10.0, 0.0], atol=1e-9)


def test_rays_reach_at_depth_one() -> None:
    rays = directions(SLANTED, [[10.0, 20.0], [160.0, 120.0]])
    np.testing.assert_allclose(rays @ rotation(SLANTED)[2], 1.0)


def test_a_camera_cannot_look_straight_down() -> None:
    with pytest.raises(ValueError, match="straight"):
        project(replace(LEVEL, target=(0.0, 0.0, 0.0)), [0.0, 0.0, 0.0])
