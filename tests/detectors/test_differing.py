"""How windows differ, told of people whose difference is made by hand, in every layout."""

from __future__ import annotations

import numpy as np
import pytest

from stages.core.skeleton import COCO17, OPENPOSE18, Layout
from stages.detectors.differing import IT, difference
from tests.detectors.gait import Floats
from tests.detectors.standing import every_layout, standing, turned


def told(window: Floats, normal: Floats, layout: Layout) -> tuple[str, ...]:
    return difference(window, normal, layout).sentences


def joint_moved(layout: Layout, joint: str, x: float, y: float) -> Floats:
    places = standing(layout)
    places[:, layout.joints.index(joint)] += [x, y]
    return places


@every_layout
def test_distances_are_of_joints_and_samples(layout: Layout) -> None:
    window = standing(layout)
    window[3, 2] += [0.3, -0.4]
    found = difference(window, standing(layout), layout).distance
    assert found.shape == (8, len(layout))
    assert found.dtype == np.float32
    assert found[3, 2] == pytest.approx(0.5)
    assert found.sum() == pytest.approx(0.5)


@every_layout
def test_a_knee_that_is_raised_is_higher(layout: Layout) -> None:
    raised = joint_moved(layout, "left_knee", 0.05, -0.31)
    assert told(raised, standing(layout), layout) == (f"left knee 0.31 body heights higher than in {IT}",)


@every_layout
def test_an_elbow_that_hangs_is_lower(layout: Layout) -> None:
    lowered = joint_moved(layout, "right_elbow", 0, 0.2)
    assert told(lowered, standing(layout), layout) == (f"right elbow 0.20 body heights lower than in {IT}",)


def test_a_joint_to_the_side_is_away() -> None:
    aside = joint_moved(COCO17, "left_wrist", 0.4, 0.3)
    assert told(aside, standing(COCO17), COCO17) == (f"left wrist 0.50 body heights away from where it is in {IT}",)


def test_a_joint_that_swings_moves_otherwise() -> None:
    window = standing(COCO17)
    window[::2, COCO17.joints.index("left_wrist"), 0] += 0.3
    window[1::2, COCO17.joints.index("left_wrist"), 0] -= 0.3
    words = f"left wrist moves otherwise than in {IT}: 0.30 body heights away on average"
    assert words in told(window, standing(COCO17), COCO17)


def test_the_farthest_three_joints_are_told() -> None:
    window = standing(COCO17)
    for number, joint in enumerate(["nose", "left_knee", "left_wrist", "right_ankle"]):
        window[:, COCO17.joints.index(joint), 0] += 0.2 + 0.1 * number
    found = [sentence.split(" 0.")[0] for sentence in told(window, standing(COCO17), COCO17)]
    assert found == ["right ankle", "left wrist", "left knee"]


@every_layout
def test_who_lies_is_tilted_and_low(layout: Layout) -> None:
    found = told(turned(standing(layout), 90), standing(layout), layout)
    assert found[0] == f"torso tilted by 90° from upright, by 0° in {IT}"
    assert "from its highest to its lowest joint" in found[1]


def test_who_stands_on_the_head_is_tilted_by_half_a_turn() -> None:
    found = told(turned(standing(OPENPOSE18), 180), standing(OPENPOSE18), OPENPOSE18)
    assert found[0] == f"torso tilted by 180° from upright, by 0° in {IT}"


def test_tilts_to_either_side_are_compared_with_each_other() -> None:
    window, normal = turned(standing(OPENPOSE18), 20), turned(standing(OPENPOSE18), -20)
    assert told(window, normal, OPENPOSE18)[0] == f"torso tilted by 40° against that of {IT}"


def test_a_flip_turns_and_is_fast() -> None:
    angles = np.linspace(0, 315, 8)
    stand = standing(OPENPOSE18)
    flip = np.stack([turned(one[None], angle)[0] for one, angle in zip(stand, angles, strict=True)])
    found = told(flip, stand, OPENPOSE18)
    assert found[0] == f"torso turns by 315° within the window, by 0° in {IT}"
    assert any(sentence.endswith(f"where {IT} hardly moves") for sentence in found)


def walking(pace: float) -> Floats:
    """Somebody who goes to the right, `pace` body heights a sample."""
    places = standing(OPENPOSE18)
    places[..., 0] += pace * (np.arange(8) - 3.5)[:, None]
    return places


def test_speeds_are_compared() -> None:
    assert told(walking(0.072), walking(0.03), OPENPOSE18)[0] == f"moves 2.4 × as fast as {IT}"
    assert told(walking(0.03), walking(0.06), OPENPOSE18)[0] == f"moves 0.50 × as fast as {IT}"
    assert (
        told(walking(0.0), walking(0.06), OPENPOSE18)[0] == f"hardly moves, where {IT} moves 0.06 body heights a sample"
    )
    assert "fast" not in " ".join(told(walking(0.05), walking(0.04), OPENPOSE18))


def test_shaking_of_found_joints_is_no_motion() -> None:
    assert "moves" not in " ".join(told(walking(0.011), walking(0.002), OPENPOSE18))


def test_windows_that_are_alike_are_said_to_be() -> None:
    (sentence,) = told(joint_moved(COCO17, "nose", 0.04, 0), standing(COCO17), COCO17)
    assert sentence == f"much like {IT}: no joint is more than 0.04 body heights away on average"


def test_of_three_coordinates_nothing_is_told_that_needs_a_picture() -> None:
    def deep(places: Floats) -> Floats:
        return np.concatenate([places, np.zeros_like(places[..., :1])], axis=-1)

    lying = deep(turned(standing(OPENPOSE18), 90))
    found = " ".join(told(lying, deep(standing(OPENPOSE18)), OPENPOSE18))
    assert "away from where it is" in found
    assert not {"tilted", "higher", "lower", "lowest"} & set(found.split())
