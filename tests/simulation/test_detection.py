"""Detections: the truth without noise, and with it errors of the stated size and number."""

from __future__ import annotations

import numpy as np
import pytest

from stages.core.skeleton import COCO17
from stages.simulation.detection import SPOTS, Detections, detect
from stages.simulation.noise import NoiseParams
from stages.simulation.observation import View, observe
from tests.simulation.figures import actor, take

FRAMES = 6000
"""Enough that rates of a few percent are met within some tenths of one, correlated as they are."""
NONE = {
    "spread": 0.0, "floor": 0.0, "outliers": 0.0, "swapped": 0.0, "mixed": 0.0, "wavering": 0.0, "doubt": 0.0,
    "box": 0.0, "missed": 0.0, "missed_hidden": 0.0, "missed_small": 0.0, "limit": 1.0, "false": 0.0,
}  # fmt: skip
"""Every source of error off; tests turn on one."""
LEFT, RIGHT = COCO17.joints.index("left_wrist"), COCO17.joints.index("right_wrist")
HIP, ANKLE = COCO17.joints.index("left_hip"), COCO17.joints.index("left_ankle")


@pytest.fixture(scope="module")
def alone() -> View:
    """Three people far apart from one another, all of them visible."""
    people = [actor(index, (x, 0.0), FRAMES) for index, x in enumerate((-2.0, 0.0, 2.0))]
    return observe(take(people, FRAMES))


@pytest.fixture(scope="module")
def crowded() -> View:
    """Two people, one half behind the other."""
    return observe(take([actor(0, (0.0, 0.0), FRAMES), actor(1, (0.25, 1.0), FRAMES)], FRAMES))


def only(**rates: float) -> NoiseParams:
    return NoiseParams(**{**NONE, **rates})


def errors(view: View, found: Detections) -> np.ndarray:
    """Distance from the truth, `(R, 17)` px."""
    truth = view.keypoints[found.frames, found.people]
    return np.asarray(np.linalg.norm(found.keypoints[..., :2] - truth, axis=-1))


@pytest.mark.parametrize("noise", [only(), NoiseParams(level=0.0)], ids=["all off", "level 0"])
def test_without_noise_the_truth_is_found(crowded: View, noise: NoiseParams) -> None:
    found = detect(crowded, noise)
    assert len(found.frames) == crowded.seen.sum() == 2 * FRAMES
    np.testing.assert_allclose(errors(crowded, found), 0, atol=1e-4)
    np.testing.assert_allclose(found.boxes, crowded.boxes[found.frames, found.people], atol=1e-4)
    np.testing.assert_array_equal(found.keypoints[..., 2], 1)
    np.testing.assert_array_equal(found.scores, 1)


def test_the_same_clip_gives_the_same_noise_and_another_one_another(alone: View) -> None:
    short = take([actor(0, (0.0, 0.0), 40)])
    other = take([actor(0, (0.0, 0.0), 40)], seed=1)
    one, again, third = (detect(observe(which), NoiseParams()) for which in (short, short, other))
    np.testing.assert_array_equal(one.keypoints, again.keypoints)
    assert one.keypoints.shape != third.keypoints.shape or not np.allclose(one.keypoints, third.keypoints)


def test_keypoints_are_off_by_the_stated_share_of_height(alone: View) -> None:
    found = detect(alone, only(spread=0.03))
    off = found.keypoints[:, HIP, 0] - alone.keypoints[found.frames, found.people, HIP, 0]
    share = off / alone.heights[found.frames, found.people]
    assert share.std() == pytest.approx(0.03, rel=0.05)
    assert abs(share.mean()) < 0.003


def test_ankles_are_found_less_well_than_hips(alone: View) -> None:
    off = errors(alone, detect(alone, only(spread=0.03)))
    assert off[:, ANKLE].mean() / off[:, HIP].mean() == pytest.approx(1.4, rel=0.07)


def test_errors_stay_for_a_while(alone: View) -> None:
    # 0.6 of the variance follows an AR(1) whose neighbours correlate by exp(-1 / (0.25 · 15)) = 0.766: 0.46 in all.
    found = detect(alone, only(spread=0.03))
    rows = found.people == 0
    off = found.keypoints[rows, HIP, 0] - alone.keypoints[found.frames[rows], 0, HIP, 0]
    assert np.corrcoef(off[:-1], off[1:])[0, 1] == pytest.approx(0.46, abs=0.04)


def test_hidden_keypoints_are_off_by_more_and_trusted_less(crowded: View) -> None:
    found = detect(crowded, only(spread=0.03, doubt=0.7))
    behind = found.people == 1
    off, seen = errors(crowded, found)[behind], crowded.visible[0, 1]
    assert 0.2 < seen.mean() < 0.8
    wide = {state: off[:, seen == state].mean() for state in (True, False)}
    assert wide[False] / wide[True] == pytest.approx(2.0, rel=0.25)
    trust = found.keypoints[behind, :, 2]
    assert trust[:, ~seen].mean() < 0.7 * trust[:, seen].mean()


def test_outliers_are_as_many_as_stated(alone: View) -> None:
    wide = errors(alone, detect(alone, only(spread=0.02, outliers=0.1, far=50.0)))[:, HIP]
    tall = alone.heights[0, 0]
    # Of a 2-D Gaussian error of 50 · 0.02 heights, 92 % lie beyond 0.4 heights; of one of 0.02, none.
    assert (wide > 0.4 * tall).mean() == pytest.approx(0.1 * 0.92, abs=0.015)


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_sides_are_swapped_as_often_as_stated(alone: View, share: float) -> None:
    found = detect(alone, only(swapped=share))
    swapped = found.keypoints[:, LEFT, 0] < found.keypoints[:, RIGHT, 0]
    assert swapped.mean() == pytest.approx(share, abs=0.02)
    assert errors(alone, found)[:, HIP].max() < 1e-3
    trust = found.keypoints[:, LEFT, 2]
    assert trust[swapped].max() < 0.2 < trust[~swapped].min()


def test_limbs_of_who_is_behind_are_mixed_as_often_as_stated(crowded: View) -> None:
    found = detect(crowded, only(mixed=0.2))
    theirs = crowded.keypoints[0, 0, LEFT]
    taken = np.linalg.norm(found.keypoints[:, LEFT, :2] - theirs, axis=-1) < 1e-3
    assert taken[found.people == 0].all()
    assert taken[found.people == 1].mean() == pytest.approx(0.2, abs=0.03)


def test_people_apart_are_never_mixed(alone: View) -> None:
    assert errors(alone, detect(alone, only(mixed=1.0))).max() < 1e-3


def test_people_are_missed_as_often_as_stated_and_in_bursts(alone: View) -> None:
    found = detect(alone, only(missed=0.1))
    missed = np.ones((FRAMES, 3), dtype=bool)
    missed[found.frames, found.people] = False
    assert missed.mean() == pytest.approx(0.1, abs=0.012)
    assert missed[1:][missed[:-1]].mean() > 0.35


def test_hidden_and_small_people_are_missed_more(crowded: View) -> None:
    hidden = crowded.hidden[0]
    found = detect(crowded, only(missed_hidden=0.5))
    counts = np.bincount(found.people, minlength=2) / FRAMES
    assert counts[0] == 1 - 0.5 * hidden[0] == 1
    assert counts[1] == pytest.approx(1 - 0.5 * hidden[1], abs=0.03)
    # With `small` at twice the person's height, half of the added share counts.
    small = detect(crowded, only(missed_small=0.4, small=2 * float(crowded.heights[0, 0])))
    assert (small.people == 0).sum() / FRAMES == pytest.approx(1 - 0.2, abs=0.03)


def test_who_is_mostly_hidden_is_never_detected(crowded: View) -> None:
    share = float(crowded.hidden[0, 1])
    assert (detect(crowded, only(limit=share + 0.01)).people == 1).sum() == FRAMES
    assert (detect(crowded, only(limit=share - 0.01)).people == 0).all()


def test_false_people_are_weak_static_and_as_many_as_stated(alone: View) -> None:
    found = detect(alone, only(false=0.3, wavering=0.05))
    false = found.people < 0
    assert false.sum() / FRAMES == pytest.approx(0.3, abs=0.04)
    assert found.scores[false].max() < 0.35 < found.scores[~false].min()
    assert set(found.people[false]) == {-1 - spot for spot in range(SPOTS)}
    middles = found.keypoints[found.people == -1, :, :2].mean(axis=1)
    assert middles.std(axis=0).max() < 3


def test_boxes_are_off_as_stated_and_stay_boxes(alone: View) -> None:
    found = detect(alone, only(box=0.05))
    truth = alone.boxes[found.frames, found.people]
    off = (found.boxes[:, 0] - truth[:, 0]) / (truth[:, 2] - truth[:, 0])
    assert off.std() == pytest.approx(0.05, rel=0.1)
    wild = detect(alone, only(box=2.0)).boxes
    assert (wild[:, 2:] >= wild[:, :2]).all()
    assert (wild >= 0).all()
    assert (wild <= (320, 240, 320, 240)).all()


def test_confidence_goes_with_the_error_but_not_wholly(alone: View) -> None:
    found = detect(alone, NoiseParams(false=0.0))
    related = np.corrcoef(errors(alone, found).ravel(), found.keypoints[..., 2].ravel())[0, 1]
    assert -0.95 < related < -0.5
    assert found.keypoints[..., 2].min() > 0
    assert found.keypoints[..., 2].max() <= 1


def test_rows_are_in_the_order_of_frames(alone: View) -> None:
    found = detect(alone, NoiseParams(false=0.3))
    assert (np.diff(found.frames) >= 0).all()


def test_a_clip_without_people_has_only_false_ones() -> None:
    found = detect(observe(take([], 400)), NoiseParams(false=0.5))
    assert len(found.people) > 50
    assert (found.people < 0).all()
