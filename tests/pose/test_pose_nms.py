"""Parametric pose NMS: its measure worked out by hand, and who falls to whom."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.core.params import parse
from stages.core.seeding import stream
from stages.pose.pose_nms import DROPPED, PoseNmsParams, merged, owners, suppress

Floats = NDArray[np.float32]
PARAMS = PoseNmsParams()


def person(x: float, confidence: float = 0.9) -> Floats:
    """17 joints on a line of 160 px, 10 px from one to the next."""
    down = np.arange(17.0) * 10
    return np.stack([np.full(17, x), down, np.full(17, confidence)], axis=1).astype(np.float32)


def around(count: int, side: float = 160) -> Floats:
    """Boxes whose longer side is 160 px: joints match within 8 px to each side."""
    return np.tile(np.array([0, 0, 60, side], dtype=np.float32), (count, 1))


def fall(*poses: Floats, params: PoseNmsParams = PARAMS, side: float = 160) -> list[int]:
    scores = np.full(len(poses), 0.5, dtype=np.float32)
    return [int(row) for row in owners(around(len(poses), side), scores, np.stack(poses), params)]


def test_mistakes_in_params_are_named() -> None:
    assert parse({}, "pose_nms", PoseNmsParams)[1] == PARAMS
    assert len(parse({"matched": 0, "reach": 0, "gamma": 1}, "pose_nms", PoseNmsParams)[0]) == 3


def test_a_pose_falls_to_the_surer_one_in_its_place() -> None:
    assert fall(person(100, 0.8), person(102, 0.9)) == [1, 1]
    assert fall(person(100, 0.9), person(102, 0.8)) == [0, 0]
    assert fall(person(100), person(200)) == [0, 1]


@pytest.mark.parametrize(("apart", "same"), [(8.0, True), (8.5, False)])
def test_joints_match_in_a_box_of_a_tenth_of_the_persons(apart: float, same: bool) -> None:
    # A tenth of 160 px is 16 px, so 8 px to each side.
    assert (fall(person(100), person(100 + apart, 0.8)) == [0, 0]) is same


def test_five_matching_joints_are_enough() -> None:
    four, five = person(200, 0.8), person(200, 0.8)
    four[:4, 0], five[:5, 0] = 100, 100
    assert fall(person(100), four) == [0, 1]
    assert fall(person(100), five) == [0, 0]


def test_the_measure_worked_out_by_hand() -> None:
    # All 17 joints 1 px apart, confidence 1 and 0.5; no number of joints is enough by itself.
    # d = 17 tanh(1) tanh(0.5) + 1.7 × 17 exp(−1 / 2.65) = 17 × 0.35194 + 28.9 × 0.68567 = 5.983 + 19.816 = 25.799.
    d = 17 * math.tanh(1) * math.tanh(0.5) + 1.7 * 17 * math.exp(-1 / 2.65)
    assert d == pytest.approx(25.799, abs=1e-3)
    for similar, expected in ((d - 0.01, [0, 0]), (d + 0.01, [0, 1])):
        params = PoseNmsParams(matched=18, similar=similar)
        assert fall(person(100, 1.0), person(101, 0.5), params=params) == expected


def test_confidence_counts_only_where_joints_match() -> None:
    # 2 px apart in boxes of 20 px: joints match within 1 px, so only distance is left: 28.9 exp(−4 / 2.65) = 6.387.
    for similar, expected in ((6.38, [0, 0]), (6.40, [0, 1])):
        params = PoseNmsParams(similar=similar)
        found = owners(
            np.array([[0, 0, 10, 20]] * 2, np.float32),
            np.ones(2, np.float32),
            np.stack([person(100), person(102, 0.8)]),
            params,
        )
        assert found.tolist() == expected


def test_who_fell_takes_nobody_along() -> None:
    # 100 and 106 match, 106 and 112 match, 100 and 112 do not: the middle one falls to the surest, the last stays.
    assert fall(person(100, 0.9), person(106, 0.8), person(112, 0.7)) == [0, 0, 2]


def test_the_detectors_score_decides_between_equals() -> None:
    poses = np.stack([person(100), person(101)])
    assert owners(around(2), np.array([0.4, 0.6], np.float32), poses, PARAMS).tolist() == [1, 1]


def test_poses_without_a_sure_joint_are_nobody() -> None:
    assert fall(person(100), person(300, 0.2)) == [0, DROPPED]
    one = person(300, 0.2)
    one[3, 2] = 0.31
    assert fall(person(100), one) == [0, 1]
    assert fall(person(100, 0.2), person(101, 0.2)) == [DROPPED, DROPPED]


def test_joints_are_merged_by_confidence_where_they_match() -> None:
    # Joints 4 px apart of confidence 0.9 and 0.3 meet a quarter of the way; joint 0, 50 px off, adds nothing.
    other = person(104, 0.3)
    other[0, 0] = 150
    poses = np.stack([person(100), other])
    found = merged(around(2), poses, np.array([0, 0]), PARAMS)
    assert found[0, 1:, 0] == pytest.approx(101)
    assert found[0, 0, 0] == pytest.approx(100)
    assert found[0, :, 2] == pytest.approx(0.9)
    assert (found[1] == poses[1]).all()


def test_kept_rows_and_merged_poses() -> None:
    poses = np.stack([person(104, 0.3), person(100, 0.9), person(300, 0.5), person(500, 0.2)])
    rows, found, dropped = suppress(around(4), np.ones(4, np.float32), poses, PARAMS)
    assert rows.tolist() == [1, 2]
    assert dropped == 1
    assert found.dtype == np.float32
    assert found[1, :, 0] == pytest.approx(101)
    assert found[2] == pytest.approx(poses[2])


def test_the_order_of_people_does_not_matter() -> None:
    draw = stream(0, "crowd")
    places = draw.uniform(0, 60, size=12)
    poses = np.stack([person(x, c) for x, c in zip(places, draw.permutation(12) / 20 + 0.35, strict=True)])
    order = draw.permutation(12)
    straight, _, _ = suppress(around(12), np.ones(12, np.float32), poses, PARAMS)
    shuffled, _, _ = suppress(around(12), np.ones(12, np.float32), poses[order], PARAMS)
    assert 1 < len(straight) < 12
    assert sorted(order[shuffled]) == straight.tolist()


def test_nobody_stays_nobody() -> None:
    rows, found, dropped = suppress(around(0), np.empty(0, np.float32), np.empty((0, 17, 3), np.float32), PARAMS)
    assert (rows.shape, dropped) == ((0,), 0)
    assert found.shape == (0, 17, 3)
