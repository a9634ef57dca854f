"""Boxes that follow poses: by hand, and on a real street against a detector that looks at every frame."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.pose.base import People, PeopleParams, TopDown
from stages.pose.carry import GROWTH, Carried, carried, carry
from stages.pose.duplicates import similarity
from stages.pose.movenet import nanodet_movenet
from stages.pose.parallel import people
from stages.pose.video import frames

Floats = NDArray[np.float32]
Image = NDArray[np.uint8]
PARAMS = PeopleParams(weak=0.2, strong=0.35, least_body=0.2, same=0.6)
BOX = np.array([[100, 50, 40, 100]], dtype=np.float32)


def pose(x: float = 0.0, y: float = 0.0, size: float = 1.0, sure: float = 0.9) -> Floats:
    """A body of 20 × 80 px around (120, 100), moved and scaled about its middle."""
    joints = np.zeros((1, 17, 3), dtype=np.float32)
    joints[0, :, 0] = 120 + x + size * np.tile([-10, 0, 10], 6)[:17]
    joints[0, :, 1] = 100 + y + size * np.linspace(-40, 40, 17)
    joints[0, :, 2] = sure
    return joints


def test_a_box_moves_as_its_pose_does() -> None:
    np.testing.assert_allclose(carry(BOX, pose(), pose(x=5, y=-3)), [[105, 47, 40, 100]], atol=1e-4)


def test_a_box_grows_as_its_pose_does_about_its_own_centre() -> None:
    # Joints 5 … 16 lie below the middle of the pose, so growing by 5 % moves their median down a little.
    grown = carry(BOX, pose(), pose(size=1.05))
    np.testing.assert_allclose(grown[0, 2:], [42, 105], rtol=1e-3)
    shift = np.median(0.05 * np.linspace(-40, 40, 17)[5:])
    np.testing.assert_allclose(grown[0, 1] + grown[0, 3] / 2, 100 + shift, atol=1e-3)


def test_a_wrong_pose_cannot_blow_a_box_up() -> None:
    np.testing.assert_allclose(carry(BOX, pose(), pose(size=5))[0, 2:], [40 * GROWTH, 100 * GROWTH], rtol=1e-5)
    np.testing.assert_allclose(carry(BOX, pose(), pose(size=0.1))[0, 2:], [40 / GROWTH, 100 / GROWTH], rtol=1e-5)


def test_one_joint_that_jumps_moves_nothing() -> None:
    after = pose()
    after[0, 14, :2] += 500  # the medians of twelve do not care
    np.testing.assert_allclose(carry(BOX, pose(), after), BOX, atol=1e-3)


def test_guessed_joints_move_nothing() -> None:
    np.testing.assert_array_equal(carry(BOX, pose(), pose(x=50, sure=0.1)), BOX)
    two = pose(x=50)
    two[0, 7:, 2] = 0.1  # two sure joints of the body are too few
    np.testing.assert_array_equal(carry(BOX, pose(), two), BOX)


def test_nobody_is_carried_nowhere() -> None:
    none = np.zeros((0, 17, 3), np.float32)
    assert carry(np.zeros((0, 4), np.float32), none, none).shape == (0, 4)


@dataclass
class Walk:
    """A detector and a pose network that follow somebody who walks 4 px a frame; frames hold their number.

    A second box holds nobody from the start, a third one loses its body in frame 1 alone.
    """

    looked: list[int] = field(default_factory=list)

    def detect(self, image: Image) -> tuple[Floats, Floats]:
        self.looked.append(int(image[0, 0, 0]))
        boxes = [[100, 50, 40, 100], [300, 50, 40, 100], [500, 50, 40, 100]]
        return np.array(boxes, np.float32), np.array([0.9, 0.3, 0.31], np.float32)

    def pose(self, image: Image, boxes: Floats) -> Floats:
        number = int(image[0, 0, 0])
        poses = np.concatenate([pose(box[0] // 100 * 100 - 100) for box in boxes])
        for row, box in enumerate(boxes):
            if 50 < box[0] < 250:
                poses[row] = pose(x=4 * number)[0]
            elif box[0] < 450 or number == 1:
                poses[row, :, 2] = 0.1
        return poses

    def several(self, count: int, stretch: int) -> list[People]:
        find = Carried(self.detect, self.pose, PARAMS, "made up", stretch)
        return find.several([np.full((1, 1, 3), number, np.uint8) for number in range(count)])


def test_the_detector_looks_at_the_first_frame_of_a_stretch_alone() -> None:
    walk = Walk()
    found = walk.several(4, 4)
    assert walk.looked == [0]
    assert [round(float(crowd.boxes[0, 0])) for crowd in found] == [100, 104, 108, 112]
    np.testing.assert_allclose([crowd.scores[0] for crowd in found], 0.9)


def test_junk_stays_away_and_a_lost_body_comes_back() -> None:
    found = Walk().several(3, 3)
    assert [len(crowd) for crowd in found] == [2, 1, 2]
    assert [crowd.junk for crowd in found] == [1, 1, 0]  # the empty box; then the lost body; it is back


def test_every_frame_is_detected_where_one_says_so() -> None:
    walk = Walk()
    top_down = TopDown(walk.detect, walk.pose, PARAMS, "made up")
    assert carried(top_down, 1) is top_down
    again = carried(top_down, 3)
    assert isinstance(again, Carried)
    assert again.stretch == 3
    image = np.zeros((1, 1, 3), np.uint8)
    np.testing.assert_array_equal(again(image).keypoints, top_down(image).keypoints)


@pytest.fixture(scope="module")
def street(root: Path) -> list[tuple[int, Image]]:
    with closing(frames(root / "data" / "raw" / "demo" / "videos" / "street_train.mp4")) as images:
        return list(islice(images, 20, 29))


def test_on_a_real_street_the_same_people_are_found(street: list[tuple[int, Image]]) -> None:
    exact, third = (
        [crowd for _, crowd in people(nanodet_movenet(PeopleParams(detect_every=every), PARAMS), street)]
        for every in (1, 3)
    )
    np.testing.assert_array_equal(exact[0].keypoints, third[0].keypoints)
    np.testing.assert_array_equal(exact[3].keypoints, third[3].keypoints)
    share = np.mean([again for one, other in zip(exact, third, strict=True) for again in found_again(one, other)])
    assert share > 0.8, share


def found_again(one: People, other: People) -> list[bool]:
    """For each strong person of one: whether the other holds a pose with a similarity above one half."""
    poses, boxes = (np.concatenate([getattr(one, name), getattr(other, name)]) for name in ("keypoints", "boxes"))
    similar = similarity(poses, boxes)[: len(one), len(one) :]
    return [bool((row > 0.5).any()) for row, score in zip(similar, one.scores, strict=True) if score >= PARAMS.strong]
