"""Places: big enough people, enough of the place in view, and clutter that hides legs but not whole places."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from stages.simulation.cameras import project
from stages.simulation.occlusion import behind_boxes
from stages.simulation.places import PLACES
from stages.simulation.world import ABNORMAL_KINDS, Camera, Place, kinds_in

VIEWS = [(place, camera) for place in PLACES for camera in place.cameras]
TALL = 1.72


def standing(place: Place) -> np.ndarray:
    """Ankle, hip and crown of people all over a place, `(spots, 3, 3)` m."""
    x0, y0, x1, y1 = place.extent
    spots = np.array(list(product(np.linspace(x0, x1, 49), np.linspace(y0, y1, 33), (0.08, 0.95, TALL))))
    return spots.reshape(-1, 3, 3)


def in_view(place: Place, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """People who are wholly in the frame, and their height in px."""
    people = standing(place)
    pixels, _ = project(camera, people)
    whole = ((pixels >= 0) & (pixels <= (camera.width, camera.height))).all(axis=(1, 2))
    return people[whole], pixels[whole, 0, 1] - pixels[whole, 2, 1]


def name(value: object) -> str:
    return value.name if isinstance(value, (Camera, Place)) else str(value)


@pytest.mark.parametrize(("place", "camera"), VIEWS, ids=name)
def test_people_are_tall_enough_to_be_seen_and_small_enough_to_fit(place: Place, camera: Camera) -> None:
    _, heights = in_view(place, camera)
    assert np.percentile(heights, 5) >= 36
    assert np.percentile(heights, 50) >= 45
    assert heights.max() <= 130


@pytest.mark.parametrize(("place", "camera"), VIEWS, ids=name)
def test_a_good_part_of_the_place_is_in_view(place: Place, camera: Camera) -> None:
    people, _ = in_view(place, camera)
    assert len(people) / len(standing(place)) >= 0.3


@pytest.mark.parametrize(("place", "camera"), VIEWS, ids=name)
def test_clutter_hides_legs_at_some_spots_and_whole_people_at_few(place: Place, camera: Camera) -> None:
    people, _ = in_view(place, camera)
    hidden = behind_boxes(camera.position, people, place.boxes)
    legs = hidden[:, 0] & ~hidden[:, 2]
    assert 0.01 <= legs.mean() <= 0.35
    assert hidden.all(axis=1).mean() <= 0.1


@pytest.mark.parametrize("place", PLACES, ids=name)
def test_cameras_of_a_place_differ(place: Place) -> None:
    one, other = place.cameras
    assert {one.name, other.name} == {f"{place.name}_a", f"{place.name}_b"}
    assert abs(one.position[2] - other.position[2]) > 0.5
    assert one.focal != other.focal
    assert one.distortion != other.distortion
    assert all(2.5 <= camera.position[2] <= 8 for camera in place.cameras)
    assert all((camera.width, camera.height) == (320, 240) for camera in place.cameras)


@pytest.mark.parametrize("place", PLACES, ids=name)
def test_no_camera_stands_where_people_walk(place: Place) -> None:
    x0, y0, x1, y1 = place.extent
    assert 10 <= x1 - x0 <= 30
    assert 8 <= y1 - y0 <= 14
    for camera in place.cameras:
        x, y, _ = camera.position
        assert not (x0 <= x <= x1 and y0 <= y <= y1)


def test_each_kind_is_abnormal_in_several_places() -> None:
    for kind in ABNORMAL_KINDS:
        assert sum(kinds_in(place)[kind] for place in PLACES) >= 2, kind


def test_running_and_cycling_depend_on_the_scene() -> None:
    normal = {place.name: set(place.normal) for place in PLACES}
    assert normal["track"] == {"run"}
    assert normal["street"] == {"cycle"}
    assert normal["hall"] == set()
    assert {kind for kinds in normal.values() for kind in kinds} <= set(ABNORMAL_KINDS)
