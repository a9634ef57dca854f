"""A standing person of every layout, one body height tall."""

from __future__ import annotations

import numpy as np
import pytest

from stages.core.skeleton import LAYOUTS, Layout
from stages.detectors.posture import stature
from stages.show.skeleton_chart import place
from tests.detectors.gait import Floats

every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))


def standing(layout: Layout, samples: int = 8) -> Floats:
    """`(samples, V, 2)` body heights around the origin; y points down."""
    points = np.array([place(joint) for joint in layout.joints], dtype=np.float32)
    places = np.repeat((points - np.median(points, axis=0))[None], samples, axis=0).astype(np.float32)
    return np.asarray(places / stature(places[None], layout)[0], dtype=np.float32)


def turned(places: Floats, degrees: float) -> Floats:
    """The same, its head turned to the right by so much."""
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(places @ matrix.T, dtype=np.float32)
