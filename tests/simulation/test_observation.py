"""What a camera sees: boxes, who hides whom, and what counts as being in view."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stages.core.skeleton import COCO17
from stages.simulation.observation import MARGIN, observe, overlaps
from stages.simulation.occlusion import behind_boxes
from stages.simulation.world import POINT, Box
from tests.simulation.figures import CAMERA, PLACE, TALL, actor, take, turned

JOINT = {name: index for index, name in enumerate(COCO17.joints)}


def test_one_person_is_seen_whole() -> None:
    view = observe(take([actor(4, (0.0, 0.0), 40)]))
    assert view.keypoints.shape == (40, 1, 17, 2)
    assert view.tracks.tolist() == [4]
    assert view.seen[:2].all()
    assert view.visible[:2].all()
    assert (view.kinds == "stand").all()
    # 300 px · 1.75 m / the distance along the axis, which is 8 m but for the slight slant.
    assert view.heights[0, 0] == pytest.approx(300 * TALL / 8.0, rel=0.03)


def test_a_box_holds_the_body_with_a_margin() -> None:
    view = observe(take([actor(0, (0.0, 0.0), 2)]))
    x1, y1, x2, y2 = view.boxes[0, 0]
    margin = MARGIN * view.heights[0, 0]
    # The left hand at x = 0.27 m is the widest point: 300 · 0.27 / 8.08 ≈ 10 px right of the middle.
    assert x2 - margin == pytest.approx(160 + 10, abs=0.5)
    assert (x1 + x2) / 2 == pytest.approx(160, abs=1e-6)
    assert y2 - y1 - 2 * margin == pytest.approx(view.heights[0, 0], rel=0.05)


def test_nobody_is_there_before_they_come_or_after_they_went() -> None:
    view = observe(take([actor(0, (0.0, 0.0), 10, start=5)]))
    assert view.seen[:, 0].tolist() == [False] * 5 + [True] * 10 + [False] * 25
    assert np.isnan(view.keypoints[:5]).all()
    assert not view.visible[15:].any()
    assert view.kinds[0, 0] == ""


def test_what_lies_outside_the_clip_is_left_out() -> None:
    view = observe(take([actor(0, (0.0, 0.0), 100, start=-20), actor(1, (1.0, 0.0), 5, start=60)]))
    assert view.seen[:, 0].all()
    assert not view.seen[:, 1].any()


def test_a_clip_without_people_is_empty() -> None:
    view = observe(take([]))
    assert view.keypoints.shape == (40, 0, 17, 2)
    assert view.seen.shape == (40, 0)


def test_who_stands_right_behind_somebody_is_hidden() -> None:
    view = observe(take([actor(0, (0.0, 0.0), 2), actor(1, (0.0, 1.0), 2)]))
    assert view.visible[0, 0].all()
    trunk = [JOINT["left_hip"], JOINT["right_hip"], JOINT["left_knee"]]
    assert not view.visible[0, 1, trunk].any()
    assert view.hidden[0, 1] > 0.5


def test_who_stands_beside_hides_nobody() -> None:
    view = observe(take([actor(0, (-0.6, 0.0), 2), actor(1, (0.6, 1.0), 2)]))
    assert view.visible[:2].all()


def test_of_somebody_turned_around_the_face_is_hidden() -> None:
    view = observe(take([turned(actor(0, (0.0, 0.0), 2))]))
    assert not view.visible[0, 0, JOINT["nose"]]
    assert view.visible[0, 0, JOINT["left_knee"]]


def test_a_bench_hides_legs() -> None:
    bench = replace(PLACE, boxes=(Box((0.0, -1.0), (2.0, 0.4, 0.6), "bench"),))
    view = observe(take([actor(0, (0.0, 0.0), 2)], place=bench))
    visible = {name: bool(view.visible[0, 0, index]) for name, index in JOINT.items()}
    assert not visible["left_ankle"]
    assert visible["left_hip"]
    assert view.seen[:2].all()


def test_who_is_wholly_behind_a_wall_is_not_seen() -> None:
    wall = replace(PLACE, boxes=(Box((0.0, -1.0), (2.0, 0.4, 2.5), "pillar"),))
    view = observe(take([actor(0, (0.0, 0.0), 2)], place=wall))
    assert not view.visible.any()
    assert not view.seen.any()


def test_boxes_hide_what_is_behind_and_nothing_else() -> None:
    box = Box((0.0, 2.0), (1.0, 1.0, 1.0), "crate")
    eye = (0.0, 0.0, 0.5)
    points = np.array([(0.0, 5.0, 0.5), (0.0, 1.0, 0.5), (3.0, 5.0, 0.5), (0.0, -5.0, 0.5), (0.0, 5.0, 4.0)])
    assert behind_boxes(eye, points, (box,)).tolist() == [True, False, False, False, False]
    assert not behind_boxes(eye, np.full((2, 3), np.nan), (box,)).any()


@pytest.mark.parametrize(("x", "seen"), [(4.0, True), (4.25, True), (4.5, False)])
def test_a_quarter_of_the_box_must_lie_in_the_frame(x: float, seen: bool) -> None:
    # The frame ends at x = 160 px / 300 · 8.06 m = 4.30 m; the box is about 0.27 m wide to each side, 0.34 with margin.
    view = observe(take([actor(0, (x, 0.0), 2)]))
    assert view.seen[0, 0] == seen
    assert view.boxes[0, 0, 2] == CAMERA.width


def test_what_is_behind_the_camera_is_not_seen() -> None:
    view = observe(take([actor(0, (0.0, -12.0), 2)]))
    assert not view.seen.any()
    assert np.isnan(view.heights).all()


def test_abnormal_frames_are_carried_over() -> None:
    odd = actor(0, (0.0, 0.0), 10, start=3, kind="fall", abnormal=True)
    view = observe(take([odd]))
    assert view.abnormal[:, 0].sum() == 10
    assert set(view.kinds[view.abnormal]) == {"fall"}


def test_overlaps_by_hand() -> None:
    # Two 2 × 2 boxes share 1 × 2: 2 / (4 + 4 - 2) = 1/3. Nobody overlaps oneself or somebody who is not there.
    boxes = np.array([[[0, 0, 2, 2], [1, 0, 3, 2], [np.nan] * 4]], dtype=np.float64)
    expected = np.zeros((3, 3))
    expected[0, 1] = expected[1, 0] = 1 / 3
    np.testing.assert_allclose(overlaps(boxes)[0], expected)


def test_figures_are_bodies() -> None:
    one = actor(0, (0.0, 0.0), 1)
    assert one.joints[0, POINT["left_shoulder"], 0] > 0 > one.joints[0, POINT["right_shoulder"], 0]
