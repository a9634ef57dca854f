"""The order of joints: found again in bodies that we make, and, where they are at hand, in the whole data sets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.joint_order import (
    SETS,
    deviations,
    draw,
    height,
    in_metres,
    leftness,
    lengths,
    limbs,
    sides,
    tree,
)
from stages.core.seeding import stream
from stages.core.skeleton import KINECT15, MSR20, Layout
from stages.ingest.recipes.kinect_actions import FOCAL, KARD

ZIPS = {"kard": "kard_screen.zip", "utkinect": "utkinect.zip", "msr-action3d": "msr_action3d.zip"}
RIGHT_HANDED = {"kard": (1, 2, 5, 6, 7, 15, 16), "utkinect": (6, 7, 8), "msr-action3d": (*range(1, 10), 17)}
"""Actions of one arm that people do with the right."""
KICKS = {"kard": (9, 10), "msr-action3d": (14, 15)}


def body(joints: Layout, frames: int = 60) -> NDArray[np.float64]:
    """`(frames, V, 3)` of bones that keep their lengths while every one of them turns."""
    draw_from = stream(0, joints.name)
    places = np.zeros((frames, len(joints), 3))
    known = {joints.bones[0][0]}
    while len(known) < len(joints):
        for a, b in joints.bones:
            if (a in known) != (b in known):
                here, there = (a, b) if a in known else (b, a)
                angles = np.cumsum(draw_from.normal(0, 0.3, (frames, 2)), axis=0)
                turned = np.stack([np.sin(angles[:, 0]), np.cos(angles[:, 0]), np.sin(angles[:, 1])], axis=1)
                places[:, there] = places[:, here] + 0.3 * turned / np.linalg.norm(turned, axis=1, keepdims=True)
                known.add(there)
    return places


@pytest.mark.parametrize("joints", [KINECT15, MSR20], ids=lambda joints: joints.name)
def test_the_tree_of_the_least_deviations_is_the_skeleton(joints: Layout) -> None:
    own = sorted((min(bone), max(bone)) for bone in joints.bones)
    assert tree(deviations([body(joints)])) == own
    assert limbs(joints) < set(own)


def test_pixels_and_depths_become_metres(tmp_path: Path) -> None:
    # Who stands 2 m before the camera, FOCAL pixels right of and above the middle, is 2 m to the right and 2 m up.
    row = f"{320 + FOCAL} {240 - FOCAL} 2000\n"
    (tmp_path / "a01_s01_e01_screen.txt").write_text(row * 15 + "320 240 1000\n" * 15)
    places = in_metres(tmp_path, KARD)["a01_s01_e01"]
    np.testing.assert_allclose(places[0], [[2, 2, 2]] * 15)
    np.testing.assert_allclose(places[1], [[0, 0, 1]] * 15)


def test_what_moves_more(tmp_path: Path) -> None:
    still = np.tile(np.arange(45.0).reshape(15, 3), (4, 1, 1))
    waving = still.copy()
    waving[:, KINECT15.joints.index("right_hand"), 0] += (0, 1, 0, 1)
    assert sides({"a02_s01_e01": waving, "a02_s02_e01": still}, KINECT15) == [(2, 0.5, 0.0)]
    draw(still[0], KINECT15, tmp_path / "pose.png")
    assert (tmp_path / "pose.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module", params=SETS)
def whole(request: pytest.FixtureRequest, shared: Path) -> tuple[str, Mapping[str, NDArray[np.float64]]]:
    return request.param, in_metres(shared / "data" / ZIPS[request.param], SETS[request.param])


@pytest.mark.oracle
def test_the_whole_sets(whole: tuple[str, Mapping[str, NDArray[np.float64]]]) -> None:
    name, clips = whole
    joints, every = SETS[name].layout, np.concatenate(list(clips.values()))
    found = deviations(list(clips.values()))
    assert limbs(joints) <= set(tree(found))
    bones = {(min(bone), max(bone)) for bone in joints.bones}
    others = [found[a, b] for b in range(len(joints)) for a in range(b) if (a, b) not in bones]
    assert np.median([found[bone] for bone in bones]) < np.median(others) / 2
    for _, (left, right) in lengths(every, joints):
        assert left == pytest.approx(right, rel=0.04)
    assert 1.4 < height(every, joints) < 1.7
    if "left_ankle" in joints.joints:
        assert leftness(every, joints) > 0.9


@pytest.mark.oracle
def test_people_act_with_the_right(whole: tuple[str, Mapping[str, NDArray[np.float64]]]) -> None:
    name, clips = whole
    shares = {action: (hand, foot) for action, hand, foot in sides(clips, SETS[name].layout)}
    assert all(shares[action][0] >= 0.9 for action in RIGHT_HANDED[name])
    assert all(shares[action][1] > 0.9 for action in KICKS.get(name, ()))
