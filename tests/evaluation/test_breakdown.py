"""Parts of a test set, each with figures that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import ScoreError
from stages.evaluation.breakdown import Breakdown


def frames() -> pd.DataFrame:
    """Clip a: a run and a fall among normal frames; clip b: a fall; clip c: normal; one frame unknown."""
    return pd.DataFrame(
        {
            "clip": ["a", "a", "a", "b", "b", "b", "c"],
            "label": pd.array([1, 1, 0, 1, 0, None, 0], dtype="Int8"),
            "smoothed": [9.0, 1.0, 2.0, 5.0, 6.0, 99.0, 0.0],
            "raw": [0.0, 1.0, 2.0, 5.0, 6.0, 99.0, 9.0],
            "scene": ["hall", "hall", "hall", "track", "track", "track", "track"],
            "camera": ["1", "1", "1", "1", "1", "1", None],
        }
    )


RUN = np.array([True, False, False, False, False, False, False])
FALL = np.array([False, True, False, True, False, True, False])


def test_scenes_and_cameras_are_judged_apart() -> None:
    parts = Breakdown(frames()).by("scene")
    # Hall: 9 > 2, 1 < 2. Track: 5 < 6, 5 > 0.
    assert {name: part.auc for name, part in parts.items()} == {"hall": 0.5, "track": 0.5}
    counts = [(part.frames, part.abnormal, part.clips, part.abnormal_clips) for part in parts.values()]
    assert counts == [(3, 2, 1, 1), (3, 1, 2, 1)]
    # The frame that no camera is named of is in no part: 9 beats 2 and 6, 5 beats 2, 1 beats none.
    cameras = Breakdown(frames()).by("camera")
    assert list(cameras) == ["1"]
    assert cameras["1"].auc == 3 / 6


def test_a_kind_stands_against_all_normal_frames() -> None:
    parts = Breakdown(frames()).by_kind({"run": RUN, "fall": FALL})
    # The run's 9 beats the normal 2, 6 and 0; of the falls 1 beats one and 5 two of the three.
    assert parts["run"].auc == 1
    assert parts["fall"].auc == 3 / 6
    assert (parts["fall"].frames, parts["fall"].abnormal, parts["fall"].abnormal_clips) == (5, 2, 2)


def test_a_kind_that_never_happens_says_why_it_has_no_figure() -> None:
    part = Breakdown(frames()).by_kind({"jump": np.zeros(7, dtype=bool)})["jump"]
    assert part.auc is None
    assert part.reason == "all 3 frames with a known label are normal"


def test_a_subset_leaves_clips_out() -> None:
    found = Breakdown(frames()).without({"HR": ["b", "c"], "all": []})
    assert found["HR"].auc == 0.5
    assert found["HR"].clips == 1
    # 9 beats 3 of 3, 1 beats 1, 5 beats 2.
    assert found["all"].auc == Breakdown(frames()).whole().auc == 6 / 9


def test_the_score_is_chosen() -> None:
    # The run has the lowest raw score.
    assert Breakdown(frames(), "raw").by_kind({"run": RUN})["run"].auc == 0


def test_weights_mean_the_same_clips_in_every_part() -> None:
    breakdown = Breakdown(frames())
    assert breakdown.clips == ["a", "b", "c"]
    weights = np.array([[1.0, 0, 2], [0, 1, 1]])
    # Falls: clip a's 1 against 2 and twice 0, two of three; clip b's 5 against 6 and 0.
    assert breakdown.by_kind({"fall": FALL})["fall"].ranking.auc(weights).tolist() == [2 / 3, 1 / 2]
    hall = breakdown.by("scene")["hall"].ranking.auc(weights)
    assert hall[0] == 0.5
    assert np.isnan(hall[1])


def test_a_clip_with_many_names_of_scenes_may_be_numbered() -> None:
    numbered = frames().assign(scene=[1, 1, 1, 2, 2, 2, 2])
    assert list(Breakdown(numbered).by("scene")) == ["1", "2"]


def test_kinds_that_share_no_frame_make_up_the_whole() -> None:
    breakdown = Breakdown(frames())
    parts = breakdown.by_kind({"run": RUN, "fall": FALL})
    # One area weighs one abnormal frame, the other two: (1 · 1 + 2 · 3/6) ÷ 3.
    areas = [(part.abnormal, part.auc) for part in parts.values()]
    assert breakdown.whole().auc == sum(count * (auc or 0) for count, auc in areas) / 3


def test_a_part_has_every_figure_of_a_ranking() -> None:
    figures = Breakdown(frames()).by("scene")["hall"].ranking.figures(np.ones((1, 3)))
    # Hall is clip a alone: its labels from the top are 1, 0, 1.
    assert figures["ap"].tolist() == [pytest.approx((1 + 2 / 3) / 2)]
    assert figures["macro"].tolist() == [0.5]


def test_frames_of_a_kind_count_by_their_label() -> None:
    # The kind is said to happen in a normal frame and in one that nobody knows of: neither is abnormal.
    mask = np.array([False, False, True, False, False, True, False])
    part = Breakdown(frames()).by_kind({"jump": mask})["jump"]
    assert (part.frames, part.abnormal, part.auc) == (3, 0, None)


def test_what_does_not_fit_is_refused() -> None:
    breakdown = Breakdown(frames())
    with pytest.raises(ScoreError, match="a mask of 2 frames does not fit the 7"):
        breakdown.by_kind({"run": RUN[:2]})
    with pytest.raises(ScoreError, match="cannot be grouped by 'place'"):
        breakdown.by("place")
    with pytest.raises(ScoreError, match=r"'HR' leaves out clips that are not in the test split: \['z'\]"):
        breakdown.without({"HR": ["z"]})
    with pytest.raises(ScoreError, match="scores of 2 seeds"):
        Breakdown(pd.concat([frames().assign(seed=seed) for seed in (0, 1)]))
    with pytest.raises(ScoreError, match="1 scores are NaN"):
        Breakdown(frames().assign(smoothed=[1.0, 1, 1, np.nan, 1, 1, 1]))
