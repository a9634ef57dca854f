"""What a camera sees: world points to pixels, and pixels back to the ground.

Pinhole with a look-at rotation and one coefficient of radial distortion, after Hartley & Zisserman, "Multiple View
Geometry", 2nd edition, sections 6.1 and 7.4. Pixel (0, 0) is the frame's upper left corner, so the image's pixel in
column i covers [i, i + 1); the optical axis passes through the middle of the frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stages.simulation.world import Camera

Doubles = NDArray[np.float64]

NEAR = 0.05
"""m along the optical axis: what is nearer is not seen, as what is behind."""
ROUNDS = 60
"""Fixed-point steps that undo the distortion; for lenses as in `places` 20 reach 1e-6 px in the corners."""


def project(camera: Camera, points: ArrayLike) -> tuple[Doubles, Doubles]:
    """Where world points appear.

    Args:
        camera: who looks.
        points: `(..., 3)` m; NaN is allowed and stays.

    Returns:
        Pixels `(..., 2)`: x to the right, y down, in the frame or beyond; NaN for points behind the camera, or so far
        aside that a barrel lens folds them back. Depth `(...,)`: m along the optical axis, negative behind.
    """
    axes = rotation(camera)
    seen = (np.asarray(points, dtype=np.float64) - np.asarray(camera.position)) @ axes.T
    depth = seen[..., 2]
    before = np.where(depth > NEAR, depth, np.nan)[..., None]
    plane = seen[..., :2] / before
    square = (plane**2).sum(axis=-1, keepdims=True)
    grows = 1 + 3 * camera.distortion * square > 0  # the distorted radius still rises with the true one
    plane = np.where(grows, plane * (1 + camera.distortion * square), np.nan)
    return camera.focal * plane + middle(camera), depth


def ground(camera: Camera, pixels: ArrayLike) -> Doubles:
    """The points of the ground z = 0 that pixels show.

    Args:
        camera: who looks.
        pixels: `(..., 2)`, as `project` gives them.

    Returns:
        `(..., 3)` m; NaN for pixels at or above the horizon.
    """
    rays = directions(camera, pixels)
    down = np.where(rays[..., 2] < 0, rays[..., 2], np.nan)
    reach = -camera.position[2] / down
    points = np.asarray(camera.position) + reach[..., None] * rays
    points[..., 2] = np.where(np.isnan(reach), np.nan, 0.0)
    return np.asarray(points)


def directions(camera: Camera, pixels: ArrayLike) -> Doubles:
    """World directions `(..., 3)` of the rays through pixels `(..., 2)`; as long as they reach at depth 1."""
    bent = (np.asarray(pixels, dtype=np.float64) - middle(camera)) / camera.focal
    plane = bent
    for _ in range(ROUNDS if camera.distortion else 0):
        plane = bent / (1 + camera.distortion * (plane**2).sum(axis=-1, keepdims=True))
    depth = np.ones((*plane.shape[:-1], 1))
    return np.asarray(np.concatenate([plane, depth], axis=-1) @ rotation(camera))


def rotation(camera: Camera) -> Doubles:
    """The camera's axes in the world, `(3, 3)`: rows right, down and forward.

    Raises:
        ValueError: it looks straight up or down, and which way is right cannot be told.
    """
    forward = np.subtract(camera.target, camera.position, dtype=np.float64)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    if np.linalg.norm(right) < 1e-9:
        raise ValueError(f"camera {camera.name!r} looks straight up or down")
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward])


def middle(camera: Camera) -> Doubles:
    """The pixel the camera's axis passes through, `(2,)`."""
    return np.array([camera.width / 2, camera.height / 2])
