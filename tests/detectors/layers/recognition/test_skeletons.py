"""Bones towards the centre, and who is exactly so far from whom."""

from __future__ import annotations

import numpy as np
import pytest

from stages.core import skeleton
from stages.core.errors import TrainingError
from stages.core.skeleton import COCO17, NTU25, OPENPOSE18, Layout
from stages.detectors.base import Form
from stages.detectors.layers.graph import hops
from stages.detectors.layers.recognition.skeletons import Task, disentangled, parents, window_hops
from tests.detectors.layers.recognition.networks import PATH


def form(layout: str = "openpose18", joints: int = 18) -> Form:
    return Form(("x", "y"), 8, joints, layout)


def test_a_task_knows_its_skeleton() -> None:
    assert Task.of(form(), 5) == Task(OPENPOSE18, ("x", "y"), 5)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (form("octopus8", 8), "unknown joint layout 'octopus8'"),
        (form(joints=17), "windows of 17 joints are not of layout openpose18"),
        (form("dust", 2), "layout dust has no bones"),
    ],
)
def test_a_layout_that_does_not_suffice_is_refused(
    wrong: Form, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(skeleton.LAYOUTS, "dust", Layout("dust", ("a", "b"), (), (0, 1), 0))
    with pytest.raises(TrainingError, match=complaint) as caught:
        Task.of(wrong, 2)
    assert "window spec" in caught.value.fix


def test_parents_lead_to_the_neck() -> None:
    found = dict(zip(OPENPOSE18.joints, (OPENPOSE18.joints[joint] for joint in parents(OPENPOSE18)), strict=True))
    assert found["neck"] == "neck"
    assert found["nose"] == found["left_shoulder"] == "neck"
    assert (found["left_wrist"], found["left_elbow"]) == ("left_elbow", "left_shoulder")
    assert (found["right_hip"], found["right_ear"]) == ("right_shoulder", "right_eye")


@pytest.mark.parametrize("layout", [OPENPOSE18, NTU25, PATH])
def test_a_parent_is_one_bone_nearer(layout: Layout) -> None:
    distance, found = hops(layout), parents(layout)
    others = np.arange(len(layout)) != layout.centre
    np.testing.assert_array_equal(distance[np.arange(len(layout)), found][others], 1)
    away = distance[layout.centre]
    np.testing.assert_array_equal(away[found][others], away[others] - 1)


def test_joints_without_a_way_to_the_centre_have_no_bones() -> None:
    with pytest.raises(TrainingError, match="lead to nose from left_shoulder, right_shoulder, left_elbow") as caught:
        parents(COCO17)
    assert "streams: joint" in caught.value.fix


def test_disentangled_scales_of_four_joints_in_a_row() -> None:
    zero, one, two, three = disentangled(hops(PATH), 3)
    a, b = 1 / 2, 1 / np.sqrt(6)  # a joint with one neighbour and itself; such a one beside one with two
    c = 1 / 3
    np.testing.assert_allclose(zero, np.eye(4))
    np.testing.assert_allclose(one, np.array([[a, b, 0, 0], [b, c, c, 0], [0, c, c, b], [0, 0, b, a]]))
    np.testing.assert_allclose(two, np.array([[a, 0, a, 0], [0, a, 0, a], [a, 0, a, 0], [0, a, 0, a]]))
    np.testing.assert_allclose(three, np.array([[a, 0, 0, a], [0, 1, 0, 0], [0, 0, 1, 0], [a, 0, 0, a]]))


def test_beyond_the_longest_way_joints_are_alone() -> None:
    np.testing.assert_array_equal(disentangled(hops(PATH), 5)[4:], np.stack([np.eye(4)] * 2))


def test_scales_share_no_pair() -> None:
    linked = disentangled(hops(NTU25), 12) > 0
    apart = ~np.eye(25, dtype=bool)
    np.testing.assert_array_equal((linked.sum(axis=0))[apart], 1)


def test_hops_in_a_window_of_two_samples() -> None:
    # Three joints in a row: the same joint in the other sample is one hop away, others as far as within a sample.
    found = window_hops(hops(PATH)[:3, :3], 2)
    same, other = np.array([[0, 1, 2], [1, 0, 1], [2, 1, 0]]), np.array([[1, 1, 2], [1, 1, 1], [2, 1, 1]])
    np.testing.assert_array_equal(found, np.block([[same, other], [other, same]]))


def test_a_window_s_neighbours_are_the_skeleton_s_in_every_sample() -> None:
    # Equation 5: the adjacency of a window is that of the skeleton, self-loops included, in every block.
    skeleton_links = hops(OPENPOSE18) <= 1
    np.testing.assert_array_equal(window_hops(hops(OPENPOSE18), 3) <= 1, np.tile(skeleton_links, (3, 3)))
