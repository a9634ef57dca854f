"""Joint layouts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import DatasetError
from stages.core.skeleton import COCO17, LAYOUTS, OPENPOSE14, OPENPOSE18, Layout, coco_to_openpose, convert, layout


@pytest.mark.parametrize("which", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_layouts_hold_together(which: Layout) -> None:
    assert len(set(which.joints)) == len(which)
    assert [which.mirror[which.mirror[joint]] for joint in range(len(which))] == list(range(len(which)))
    assert which.joints[which.mirror[which.joints.index("left_knee")]] == "right_knee"
    midline = next(name for name in ("nose", "head") if name in which.joints)
    assert which.mirror[which.joints.index(midline)] == which.joints.index(midline)
    assert {joint for bone in which.bones for joint in bone} == set(range(len(which)))  # nobody hangs loose


def test_conversion_keeps_names() -> None:
    # Give every COCO joint its own number; the same name must carry it afterwards.
    keypoints = np.repeat(np.arange(17.0)[:, None], 3, axis=1).astype(np.float32)
    converted = coco_to_openpose(keypoints)
    for name in COCO17.joints:
        assert converted[OPENPOSE18.joints.index(name), 0] == COCO17.joints.index(name)


def test_the_neck_is_the_middle_of_the_shoulders_in_every_channel() -> None:
    keypoints = np.zeros((17, 3), dtype=np.float32)
    keypoints[5], keypoints[6] = [10, 20, 0.4], [30, 40, 0.8]
    np.testing.assert_allclose(coco_to_openpose(keypoints)[1], [20, 30, 0.6])


@pytest.mark.parametrize("source", [COCO17, OPENPOSE18])
def test_headless_keeps_the_nose_and_the_body(source: Layout) -> None:
    keypoints = np.random.default_rng(0).normal(size=(5, len(source), 3)).astype(np.float32)
    whole, headless = (convert(keypoints, source.name, target.name) for target in (OPENPOSE18, OPENPOSE14))
    assert set(OPENPOSE18.joints) - set(OPENPOSE14.joints) == {"left_eye", "right_eye", "left_ear", "right_ear"}
    for place, joint in enumerate(OPENPOSE14.joints):
        np.testing.assert_array_equal(headless[:, place], whole[:, OPENPOSE18.joints.index(joint)])


def test_unknown_layouts_are_refused() -> None:
    with pytest.raises(DatasetError, match="unknown joint layout 'coco18'"):
        layout("coco18")
    with pytest.raises(DatasetError, match="no conversion"):
        convert(np.zeros((1, 18, 3), np.float32), "openpose18", "coco17")


@pytest.mark.oracle
def test_published_order(shared: Path) -> None:
    oracle = np.load(shared / "oracles" / "preproc_oracle.npz")
    np.testing.assert_allclose(coco_to_openpose(oracle["k17"]), oracle["k18"])
