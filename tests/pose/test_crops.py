"""Pictures of people and places: where they are cut, and that no person gets into a place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.windows import CropParams
from stages.pose.crops import LEAST, Floats, Ints, Pixels, Place, boxes

SIZE = np.array([[100, 80]])
NOBODY = np.empty((0, 4), dtype=np.int64)
SKY, WALL, SHIRT = (200, 120, 40), (40, 100, 220), (0, 255, 0)


def people(*joints: list[tuple[float, float, float]]) -> Floats:
    return np.array(joints, dtype=np.float32)


@pytest.mark.parametrize(
    ("joints", "box"),
    [
        ([(20, 30, 1), (40, 70, 1)], [16, 22, 44, 78]),  # 20 × 40 px: 4 and 8 px on either side
        ([(20, 30, 1), (40, 70, 1), (30, 50, 1)], [16, 22, 44, 78]),
        ([(20.3, 30, 1), (41.3, 71, 1)], [16, 21, 46, 80]),  # 16.1 to 45.5 and 21.8 to 79.2
        ([(20, 30, 1), (40, 70, 0.1), (0, 0, 0), (99, 79, 0)], [16, 22, 44, 78]),
        ([(20, 30, 0), (40, 70, 0)], [16, 22, 44, 78]),  # all joints without confidence: then all count
    ],
)
def test_a_box_is_a_fifth_wider_than_the_joints_seen(joints: list[tuple[float, float, float]], box: list[int]) -> None:
    assert boxes(people(joints), 0.2, SIZE).tolist() == [box]


@pytest.mark.parametrize(
    ("joints", "box"),
    [
        ([(-30, 30, 1), (20, 70, 1)], [0, 22, 30, 78]),
        ([(60, 30, 1), (110, 70, 1)], [50, 22, 100, 78]),
        ([(20, -15, 1), (40, 35, 1)], [16, 0, 44, 45]),
        ([(20, 50, 1), (40, 100, 1)], [16, 40, 44, 80]),
        ([(-500, -500, 1), (500, 500, 1)], [0, 0, 100, 80]),
    ],
)
def test_a_box_ends_where_the_frame_does(joints: list[tuple[float, float, float]], box: list[int]) -> None:
    assert boxes(people(joints), 0.2, SIZE).tolist() == [box]


@pytest.mark.parametrize(
    "joints",
    [
        [(-60, 30, 1), (-20, 70, 1)],
        [(120, 30, 1), (160, 70, 1)],
        [(20, -70, 1), (40, -30, 1)],
        [(20, 110, 1), (40, 150, 1)],
        [(30, 30, 1), (30, 70, 1)],  # within, and a line
        [(30, 40, 1), (90, 40, 1)],
    ],
)
def test_who_is_outside_the_frame_or_flat_has_no_box(joints: list[tuple[float, float, float]]) -> None:
    assert boxes(people(joints), 0.2, SIZE).tolist() == [[0, 0, 0, 0]]


def test_less_than_two_pixels_show_nobody() -> None:
    edge = people([(-60, 30, 1), (-9.5, 70, 1)], [(-60, 30, 1), (-8.5, 70, 1)])  # to 0.6 and to 1.8
    assert boxes(edge, 0.2, SIZE).tolist() == [[0, 0, 0, 0], [0, 22, 2, 78]]


def test_a_window_has_one_box_and_each_window_the_frame_it_is_in() -> None:
    walk = people([(20, 30, 1), (30, 70, 1)], [(30, 30, 1), (40, 70, 1)])  # two samples
    both = np.stack([walk, walk])
    assert boxes(both, 0.2, SIZE).tolist() == [[16, 22, 44, 78]] * 2
    assert boxes(both, 0.2, np.array([[100, 80], [35, 50]])).tolist() == [[16, 22, 44, 78], [16, 22, 35, 50]]
    assert boxes(both, 0.0, SIZE).tolist() == [[20, 30, 40, 70]] * 2


def test_without_windows_there_are_no_boxes() -> None:
    assert boxes(np.empty((0, 4, 18, 3), dtype=np.float32), 0.2, np.empty((0, 2), dtype=np.int64)).shape == (0, 4)
    assert boxes(np.empty((0, 18, 3), dtype=np.float32), 0.2, SIZE).shape == (0, 4)


@given(
    joints=st.lists(st.tuples(*[st.floats(-300, 300, width=32)] * 2, st.sampled_from([0.0, 0.5])), min_size=1),
    margin=st.floats(0, 3),
)
def test_a_box_is_within_the_frame_and_holds_who_is_there(
    joints: list[tuple[float, float, float]], margin: float
) -> None:
    left, top, right, bottom = boxes(people(joints), margin, SIZE)[0].tolist()
    assert 0 <= left <= right <= 100
    assert 0 <= top <= bottom <= 80
    if right == 0:
        assert (left, top, bottom) == (0, 0, 0)
        return
    assert min(right - left, bottom - top) >= LEAST
    seen = [joint for joint in joints if joint[2] > 0] or joints
    assert all(left <= x <= right for x, _, _ in seen if 0 <= x <= 100)
    assert all(top <= y <= bottom for _, y, _ in seen if 0 <= y <= 80)


def street(*shirts: list[int]) -> Pixels:
    """A frame of 64 × 48 px, sky above a wall, with people before it."""
    image = np.empty((48, 64, 3), dtype=np.uint8)
    image[:24], image[24:] = SKY, WALL
    for left, top, right, bottom in shirts:
        image[top:bottom, left:right] = SHIRT
    return image


def boxed(*shirts: list[int]) -> Ints:
    return np.array(shirts, dtype=np.int64).reshape(-1, 4)


def shrunk(sky: tuple[int, int, int] = SKY, wall: tuple[int, int, int] = WALL) -> Pixels:
    """The street without people as a place of 8 × 8 px."""
    found = np.empty((8, 8, 3), dtype=np.uint8)
    found[:4], found[4:] = sky, wall
    return found


def test_a_place_forgets_nobody_into_itself() -> None:
    place = Place(CropParams(scene_size=8))
    for left in range(0, 50, 3):  # 12 px wide, not on the grid of 8 px a pixel of the place
        walker = [left, 5, left + 12, 41]
        seen = place.see(street(walker), boxed(walker))
    np.testing.assert_array_equal(seen, shrunk())
    np.testing.assert_array_equal(place.see(street([0, 0, 64, 48]), boxed([0, 0, 64, 48])), shrunk())


def test_a_place_is_a_running_mean() -> None:
    place = Place(CropParams(scene_size=8, memory=4))
    assert (place.see(np.full((48, 64, 3), 100, dtype=np.uint8), NOBODY) == 100).all()
    assert (place.see(np.full((48, 64, 3), 140, dtype=np.uint8), NOBODY) == 110).all()  # a quarter of the way
    left = boxed([0, 0, 32, 48])
    found = place.see(np.full((48, 64, 3), 190, dtype=np.uint8), left)
    assert (found[:, :4] == 110).all()
    assert (found[:, 4:] == 130).all()


def test_what_is_seen_late_counts_whole_at_first() -> None:
    place = Place(CropParams(scene_size=8, memory=50))
    place.see(np.full((48, 64, 3), 100, dtype=np.uint8), boxed([0, 0, 32, 48]))
    found = place.see(np.full((48, 64, 3), 200, dtype=np.uint8), NOBODY)
    assert (found[:, :4] == 200).all()
    assert (found[:, 4:] == 102).all()


def test_where_somebody_always_stands_is_the_mean_colour_of_the_rest() -> None:
    place, left, right = Place(CropParams(scene_size=8)), [0, 0, 24, 48], [16, 0, 40, 48]
    for stander in (left, right):
        seen = place.see(street(stander), boxed(stander))
    mean = (np.array(SKY) + WALL) / 2
    expected = shrunk()
    expected[:, 2] = mean
    np.testing.assert_array_equal(seen, expected)


@pytest.mark.parametrize("first", [False, True])
def test_a_masked_place_is_the_frame_itself(first: bool) -> None:
    place, walker = Place(CropParams(scene="masked", scene_size=8)), [0, 0, 16, 24]
    if not first:
        place.see(np.zeros((48, 64, 3), dtype=np.uint8), NOBODY)
    expected = shrunk()
    expected[:4, :2] = np.round((24 * np.array(SKY) + 32 * np.array(WALL)) / 56)
    np.testing.assert_array_equal(place.see(street(walker), boxed(walker)), expected)


@pytest.mark.parametrize("scene", ["background", "masked"])
def test_a_place_that_is_nowhere_free_is_grey(scene: str) -> None:
    place = Place(CropParams.model_validate({"scene": scene, "scene_size": 8}))
    assert (place.see(street(), boxed([0, 0, 40, 48], [33, 0, 64, 48])) == 127).all()


def test_who_has_no_box_covers_nothing() -> None:
    place = Place(CropParams(scene_size=8))
    np.testing.assert_array_equal(place.see(street(), boxed([0, 0, 0, 0])), shrunk())
