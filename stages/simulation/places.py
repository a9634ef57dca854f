"""Where the simulated footage plays: four places, two cameras each.

The cameras differ in height, distance, focal length and lens; what stands about hides legs, and at times whole people.
"""

from __future__ import annotations

from stages.simulation.world import Box, Camera, Place

WIDTH, HEIGHT = 320, 240
"""Of every camera's frames, px; a standing person is about 40 … 130 px tall in them."""

Point = tuple[float, float, float]


def _camera(name: str, position: Point, target: Point, focal: float, distortion: float) -> Camera:
    return Camera(name, position, target, focal, distortion, WIDTH, HEIGHT)


HALL = Place(
    name="hall",
    extent=(-6.0, 0.0, 6.0, 10.0),
    normal=(),
    boxes=(
        Box((-2.6, 3.2), (0.5, 0.5, 3.0), "pillar"),
        Box((2.8, 6.6), (0.5, 0.5, 3.0), "pillar"),
        Box((1.6, 2.4), (1.6, 0.5, 0.5), "bench"),
        Box((-3.4, 6.8), (1.0, 1.0, 0.8), "planter"),
    ),
    cameras=(
        _camera("hall_a", (-1.0, -4.2, 2.8), (0.0, 5.0, 0.5), focal=330.0, distortion=-0.10),
        _camera("hall_b", (7.4, -2.2, 4.4), (-0.2, 5.0, 0.4), focal=380.0, distortion=-0.04),
    ),
    ground="tiles",
    walls=True,
)
"""Indoors: nobody runs, cycles or plays here."""

STREET = Place(
    name="street",
    extent=(-10.0, 0.0, 10.0, 8.0),
    normal=("cycle",),
    boxes=(
        Box((-4.0, 0.4), (2.4, 0.15, 1.0), "rail"),
        Box((3.4, 7.3), (4.0, 1.2, 1.4), "car"),
        Box((0.6, 1.0), (2.2, 0.15, 1.0), "rail"),
        Box((-1.6, 4.8), (0.9, 0.9, 0.7), "planter"),
    ),
    cameras=(
        _camera("street_a", (1.0, -5.6, 5.2), (-0.5, 4.2, 0.5), focal=370.0, distortion=-0.08),
        _camera("street_b", (-12.5, -4.5, 6.4), (-2.0, 4.2, 0.3), focal=540.0, distortion=-0.02),
    ),
    ground="asphalt",
    walls=False,
)
"""A pedestrian street where bicycles belong."""

TRACK = Place(
    name="track",
    extent=(-12.0, 0.0, 12.0, 9.0),
    normal=("run",),
    boxes=(
        Box((-1.4, 0.9), (2.4, 0.3, 0.9), "rail"),
        Box((2.6, 5.4), (0.8, 0.8, 0.9), "crate"),
        Box((1.9, 1.6), (1.8, 0.5, 0.5), "bench"),
    ),
    cameras=(
        _camera("track_a", (0.0, -6.5, 4.0), (0.4, 4.4, 0.6), focal=390.0, distortion=-0.12),
        _camera("track_b", (9.5, -7.0, 8.0), (1.5, 4.4, 0.2), focal=580.0, distortion=0.03),
    ),
    ground="tartan",
    walls=False,
)
"""A running track: running is what it is for."""

PARK = Place(
    name="park",
    extent=(-8.0, 0.0, 8.0, 12.0),
    normal=("throw",),
    boxes=(
        Box((-2.2, 4.6), (1.8, 0.6, 0.5), "bench"),
        Box((2.2, 7.6), (1.2, 1.2, 0.9), "planter"),
        Box((1.9, 2.6), (0.9, 0.9, 0.9), "crate"),
        Box((-1.6, 9.4), (0.6, 0.6, 2.6), "pillar"),
    ),
    cameras=(
        _camera("park_a", (2.0, -5.5, 3.4), (0.2, 6.0, 0.3), focal=440.0, distortion=-0.06),
        _camera("park_b", (-9.5, -3.5, 7.2), (0.2, 6.4, 0.2), focal=520.0, distortion=-0.15),
    ),
    ground="grass",
    walls=False,
)
"""A lawn with paths, where people play ball."""

PLACES = (HALL, STREET, TRACK, PARK)
