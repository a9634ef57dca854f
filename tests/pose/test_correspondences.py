"""Image points shared by two frames: a picture that moves, blank ones, and what the threads may not change."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.core.errors import VideoError
from stages.core.params import parse
from stages.core.seeding import stream
from stages.pose.correspondences import Correspondences, Features, MatchParams, features, mask_of, match
from stages.pose.overlap import NOWHERE, Floats

Image = NDArray[np.uint8]
SIZE = (160, 120)
WHOLE = np.array([[[0.0, 159.0, 0.0, 119.0]]])
NOBODY = np.empty((0, 1, 4))


def picture(number: int = 0, width: int = 160, height: int = 120) -> Image:
    """Blocks of 4 × 4 px of random grey: corners everywhere."""
    blocks = stream(number, "picture").integers(0, 256, size=(height // 4, width // 4), dtype=np.uint8)
    return np.repeat(np.repeat(blocks, 4, axis=0), 4, axis=1)[..., None].repeat(3, axis=2)


def shifted(image: Image, x: int, y: int) -> Image:
    return np.roll(image, (y, x), axis=(0, 1))


def film(*images: Image) -> Iterator[tuple[int, Image]]:
    yield from enumerate(images)


def everywhere(_: int) -> Floats:
    return WHOLE


def test_mistakes_in_params_are_named() -> None:
    assert parse({}, "orb", MatchParams)[1] == MatchParams()
    assert len(parse({"features": 0, "ratio": 2, "area": "all", "search": "lsh"}, "orb", MatchParams)[0]) == 4


@pytest.mark.parametrize("params", [MatchParams(), MatchParams.published()], ids=["default", "published"])
def test_a_shifted_picture_gives_its_shift(params: MatchParams) -> None:
    before = picture()
    found = match(features(before, WHOLE, params), features(shifted(before, 9, 5), WHOLE, params), params)
    assert len(found) > 50
    motion = found[:, 2:] - found[:, :2]
    assert np.median(motion, axis=0).tolist() == [9, 5]
    assert (np.abs(motion - [9, 5]).max(axis=1) <= 2).mean() > 0.9
    assert (found == found.astype(int)).all()
    assert (found[:, [0, 2]] < 160).all()
    assert (found[:, [1, 3]] < 120).all()


def test_the_published_search_finds_nearly_what_the_exact_one_does() -> None:
    first, second = picture(), shifted(picture(), 4, 0)
    sets = []
    for params in (MatchParams(area="frame"), MatchParams(area="frame", search="flann")):
        found = match(features(first, WHOLE, params), features(second, WHOLE, params), params)
        sets.append({tuple(row) for row in found.tolist()})
    assert len(sets[0] & sets[1]) > 0.9 * len(sets[0])


def test_points_are_looked_for_around_people_alone() -> None:
    left = np.array([[[20.0, 79.0, 20.0, 99.0]]])
    found = features(picture(), left, MatchParams())
    assert len(found.points) > 0
    assert (found.points >= [20, 20]).all()
    assert (found.points <= [79, 99]).all()
    assert len(features(picture(), left, MatchParams(area="frame")).points) > len(found.points)
    assert len(features(picture(), NOBODY, MatchParams()).points) == 0


def test_no_more_features_than_asked_for() -> None:
    assert 0 < len(features(picture(), WHOLE, MatchParams(features=30)).points) <= 30


def test_the_mask_holds_edges_and_ends_at_the_frame() -> None:
    mask = mask_of(np.array([[[1.0, 2.0, 0.0, 1.0], [-5.0, 0.4, -5.0, 0.0], [NOWHERE] * 4]]), (4, 3))
    assert (mask / 255).tolist() == [[1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert mask_of(np.array([[-9.0, 99.0, -9.0, 99.0]]), (4, 3)).all()


def test_blank_frames_share_nothing_or_as_published_every_pixel() -> None:
    blank = np.zeros((3, 4, 3), dtype=np.uint8)
    plain, published = MatchParams(), MatchParams.published()
    assert match(features(blank, WHOLE, plain), features(blank, WHOLE, plain), plain).shape == (0, 4)
    found = match(features(blank, WHOLE, published), features(blank, WHOLE, published), published)
    assert found[:4].tolist() == [[0, 0, 0, 0], [0, 1, 0, 1], [0, 2, 0, 2], [1, 0, 1, 0]]  # columns first
    assert len(found) == 12


def test_few_matches_are_taken_as_they_are_unless_published() -> None:
    # 30 points with their own descriptors each: 30 matches, fewer than 50, of 900 pairs, more than 400.
    descriptors = stream(0, "bits").integers(0, 256, size=(30, 32), dtype=np.uint8)
    frame = Features(np.arange(60.0).reshape(30, 2), descriptors, (8, 5))
    assert len(match(frame, frame, MatchParams())) == 30
    assert len(match(frame, frame, MatchParams(same_pixels=True))) == 40


def test_points_with_two_equal_candidates_are_left_out() -> None:
    bits = stream(0, "bits").integers(0, 256, size=(2, 32), dtype=np.uint8)
    first = Features(np.array([[1.0, 1.0], [2.0, 2.0]]), bits, (8, 8))
    second = Features(np.array([[3.0, 3.0], [4.0, 4.0], [5.0, 5.0]]), bits[[0, 0, 1]], (8, 8))
    assert match(first, second, MatchParams()).tolist() == [[2, 2, 5, 5]]


def test_frame_after_frame() -> None:
    start = picture()
    images = film(start, shifted(start, 3, 0), shifted(start, 3, 6))
    with Correspondences(images, everywhere, MatchParams()) as matcher:
        for earlier, motion in ((0, [3, 0]), (1, [0, 6])):
            found = matcher(earlier, earlier + 1)
            assert np.median(found[:, 2:] - found[:, :2], axis=0).tolist() == motion


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(threads: int) -> None:
    images = [shifted(picture(), 2 * step, step) for step in range(8)]

    def run(threads: int) -> list[Floats]:
        with Correspondences(film(*images), everywhere, MatchParams.published(), threads=threads) as matcher:
            return [matcher(later - 1, later) for later in range(1, 8)]

    for one, other in zip(run(1), run(threads), strict=True):
        assert (one == other).all()


def test_frames_may_be_passed_over_and_those_without_people_are() -> None:
    images = film(*(shifted(picture(), step**2, 0) for step in range(6)))
    with Correspondences(images, lambda frame: NOBODY if frame == 3 else WHOLE, MatchParams()) as matcher:
        for earlier, motion in ((1, 3), (4, 9)):  # 1 → 4, 16 → 25
            found = matcher(earlier, earlier + 1)
            assert np.median(found[:, 2] - found[:, 0]) == motion
        with pytest.raises(VideoError):
            matcher(2, 3)


def test_memory_is_bounded_by_threads_not_by_the_film() -> None:
    taken: list[int] = []

    def endless() -> Iterator[tuple[int, Image]]:
        for number in range(10**9):
            taken.append(number)
            yield number, picture()

    with Correspondences(endless(), everywhere, MatchParams(), threads=2) as matcher:
        for later in range(1, 6):
            matcher(later - 1, later)
            assert len(taken) <= later + 4


def test_threads_end_with_the_block() -> None:
    before = threading.active_count()
    with Correspondences(film(*[picture()] * 9), everywhere, MatchParams(), threads=3) as matcher:
        matcher(0, 1)
    assert threading.active_count() == before


def test_a_film_that_ends_too_soon_is_an_error() -> None:
    with Correspondences(film(picture(), picture()), everywhere, MatchParams()) as matcher:
        matcher(0, 1)
        with pytest.raises(VideoError, match="no frame 2"):
            matcher(1, 2)


def test_only_frames_that_follow_one_another_are_matched() -> None:
    with (
        Correspondences(film(picture(), picture()), everywhere, MatchParams()) as matcher,
        pytest.raises(ValueError, match="frame 3 does not follow frame 1"),
    ):
        matcher(1, 3)


def test_a_mistake_in_a_thread_reaches_the_caller() -> None:
    broken = np.zeros((0, 0, 3), dtype=np.uint8)
    with (
        Correspondences(film(picture(), broken), everywhere, MatchParams(area="frame")) as matcher,
        pytest.raises(Exception, match="empty"),
    ):
        matcher(0, 1)
