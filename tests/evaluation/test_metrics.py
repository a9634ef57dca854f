"""Figures on cases that can be computed by hand, against scikit-learn, and where they are undefined."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from stages.core.errors import ScoreError
from stages.evaluation.metrics import FrameMetrics, frame_metrics, rounded


def metrics(labels: list[float | None], scores: list[float]) -> FrameMetrics:
    return frame_metrics(labels, scores, ["a"] * len(scores))  # type: ignore[arg-type]


def test_figures_of_four_frames() -> None:
    # From the highest score down the labels are 1, 0, 1, 0, so the curve goes up, right, up, right.
    found = metrics([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    # Of the four pairs of an abnormal and a normal frame three are in order.
    assert found.auc == 0.75
    # Precision 1 at the first abnormal frame, 2/3 at the second; each adds half of the recall.
    assert found.ap == pytest.approx((1 + 2 / 3) / 2)
    # At threshold 0.4 half of the normal frames alarm and half of the abnormal ones are missed.
    assert found.eer == 0.5
    assert (found.frames, found.abnormal, found.unknown, found.reason) == (4, 2, 0, "")
    assert found.roc[["fpr", "tpr"]].to_numpy().tolist() == [[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]]


def test_the_equal_error_rate_is_interpolated() -> None:
    # Curve (0, 0) → (1/3, 1/2) → (1, 1), the first corner from a tie of a normal and an abnormal frame.
    # On its second leg fpr = 1/3 + 2t/3 and 1 − tpr = 1/2 − t/2 meet at t = 1/7: 3/7.
    found = metrics([1, 0, 1, 0, 0], [2, 2, 1, 1, 1])
    assert found.eer == pytest.approx(3 / 7)


def test_perfect_and_reversed_scores() -> None:
    assert (metrics([0, 1], [0, 1]).auc, metrics([0, 1], [0, 1]).eer) == (1, 0)
    assert (metrics([0, 1], [1, 0]).auc, metrics([0, 1], [1, 0]).eer) == (0, 1)


def test_equal_scores_are_chance() -> None:
    found = metrics([0, 0, 0, 1], [5, 5, 5, 5])
    assert (found.auc, found.ap, found.eer) == (0.5, 0.25, 0.5)


def test_unknown_frames_are_left_out_and_counted() -> None:
    found = metrics([0, 0, None, 1, 1, float("nan")], [0.1, 0.4, 99, 0.35, 0.8, -99])
    assert (found.auc, found.frames, found.unknown) == (0.75, 4, 2)


def test_nullable_labels_are_understood() -> None:
    labels = pd.Series([0, 1, None], dtype="Int8")
    assert frame_metrics(labels, [0, 1, 2], ["a"] * 3).unknown == 1


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([0, 0], "all 2 frames with a known label are normal"),
        ([1, 1, None], "all 2 frames with a known label are abnormal"),
        ([None], "no frame has a known label"),
        ([], "no frame has a known label"),
    ],
)
def test_one_class_gives_no_figure_and_a_reason(labels: list[float | None], reason: str) -> None:
    found = metrics(labels, [float(place) for place in range(len(labels))])
    assert (found.auc, found.ap, found.eer) == (None, None, None)
    assert found.reason == reason
    assert found.roc.empty


def test_each_clip_has_its_own_area() -> None:
    # Clip b is in order, clip a reversed, clip c of one class; joined, 3 of the 6 pairs are in order, one is a tie.
    found = frame_metrics([1, 0, 0, 1, 0], [1, 2, 0, 1, 1], ["a", "a", "b", "b", "c"])
    table = found.clips.set_index("clip")
    assert table["auc"].tolist()[:2] == [0, 1]
    assert np.isnan(table["auc"]["c"])
    assert table["reason"].tolist() == ["", "", "all 1 frames with a known label are normal"]
    # Pairs (abnormal, normal): 1 > 2 no, 1 > 0 yes, 1 = 1 half, each for both abnormal frames.
    assert found.auc == 0.5


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(ScoreError, match="2 scores are NaN or infinite") as caught:
        metrics([0, 1, None], [0, np.nan, np.inf])
    assert caught.value.where == "frame 1 of those given, clip 'a'"


def test_lengths_must_agree() -> None:
    with pytest.raises(ScoreError, match="2 labels, 3 scores and 1 clip names"):
        frame_metrics([0, 1], [0, 1, 2], ["a"])


def test_labels_must_be_zero_one_or_unknown() -> None:
    with pytest.raises(ScoreError, match="1 labels are neither 1"):
        metrics([0, -1], [0, 1])


def test_json_is_plain_and_rounded() -> None:
    found = frame_metrics([1, 0, 0], [1, 1, 0], ["a", "a", "b"])
    plain = json.loads(json.dumps(found.json(), allow_nan=False))
    assert plain["auc"] == 0.75
    assert plain["clips"] == {"a": 0.5, "b": None}
    assert plain["ap"] == 0.5
    assert frame_metrics([1, 0, 0, 0], [1, 1, 1, 0], ["a"] * 4).json()["auc"] == 0.666667


def test_the_table_ends_with_all_clips_joined() -> None:
    table = frame_metrics([1, 0, 0], [1, 1, 0], ["a", "a", "b"]).table()
    assert table["clip"].tolist() == ["a", "b", "all"]
    assert table["frames"].tolist() == [2, 1, 3]
    assert table["auc"].tolist()[2] == 0.75


def test_rounding_keeps_what_is_unknown_unknown() -> None:
    assert (rounded(None), rounded(float("nan")), rounded(1 / 3)) == (None, None, 0.333333)


def test_the_precision_recall_curve_of_four_frames() -> None:
    # From the highest score down the labels are 1, 0, 1, 0.
    found = metrics([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]).pr
    assert found["recall"].tolist() == [0, 1 / 2, 1 / 2, 1, 1]
    assert found["precision"].tolist() == [1, 1, 1 / 2, 2 / 3, 2 / 4]
    assert found["threshold"].tolist() == [np.inf, 0.8, 0.4, 0.35, 0.1]


def test_macro_figures_and_the_clips_they_are_taken_from() -> None:
    # Clip a is reversed, clip b in order, clip c of one class, clip d without labels.
    found = frame_metrics([1, 0, 0, 1, 0, np.nan], [1, 2, 0, 1, 1, 9], ["a", "a", "b", "b", "c", "d"])
    assert (found.macro, found.two_class) == (0.5, 2)
    # With a normal frame of 0 and an abnormal one of 1 in each scaled clip: a 1/2, b 1, c 3/4; d has nothing to judge.
    assert found.macro_sentinel == pytest.approx((1 / 2 + 1 + 3 / 4) / 3)
    # Abnormal scores 1, 1 and normal ones 2, 0, 1: equal means.
    assert found.decidability == 0


def test_figures_that_equal_scores_leave_undefined_are_none() -> None:
    found = metrics([0, 1], [5, 5])
    assert (found.auc, found.macro, found.decidability) == (0.5, 0.5, None)
    lone = frame_metrics([0, 1], [0, 1], ["a", "b"])
    assert (lone.auc, lone.macro, lone.two_class) == (1, None, 0)
    assert lone.json()["macro"] is None


@pytest.mark.parametrize(
    ("labels", "scores", "what"),
    [(["x", 1], [0, 1], "labels"), ([0, 1], ["high", 1], "scores"), ([0, 1], [[0, 1], [1, 2]], "scores")],
)
def test_what_is_no_row_of_numbers_is_refused(labels: Any, scores: Any, what: str) -> None:
    with pytest.raises(ScoreError, match=f"{what} are no row of numbers"):
        frame_metrics(labels, scores, ["a", "a"])


def test_a_frame_must_name_its_clip() -> None:
    with pytest.raises(ScoreError, match="1 frames name no clip"):
        frame_metrics([0, 1], [0, 1], pd.Series(["a", None]))


def test_clips_have_one_name_each() -> None:
    found = frame_metrics([1, 0, 0, 1], [3, 1, 2, 4], np.array([1, "1", "b", 2], dtype=object))
    assert found.clips["clip"].tolist() == ["1", "2", "b"]
    assert found.clips["frames"].tolist() == [2, 1, 1]
    with pytest.raises(ScoreError, match=r"clip names have the shape \(2, 2\)"):
        frame_metrics([1, 0], [1, 2], [["a", "b"], ["c", "d"]])


frames = st.lists(st.tuples(st.integers(0, 1), st.integers(-4, 4)), min_size=2, max_size=40).filter(
    lambda items: 0 < sum(label for label, _ in items) < len(items)
)
"""Labels of both classes with scores that are often equal."""


@settings(max_examples=30, deadline=None)
@given(frames)
def test_scikit_learn_agrees(items: list[tuple[int, int]]) -> None:
    labels, scores = [label for label, _ in items], [score for _, score in items]
    found = metrics([*labels], [*scores])
    assert found.auc == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert found.ap == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(found.roc[["fpr", "tpr"]].to_numpy(), np.column_stack([fpr, tpr]), atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(frames)
def test_negated_scores_turn_the_curve_round(items: list[tuple[int, int]]) -> None:
    labels, scores = [label for label, _ in items], [score for _, score in items]
    up, down = metrics([*labels], [*scores]), metrics([*labels], [-score for score in scores])
    assert up.auc is not None
    assert up.eer is not None
    assert down.auc == pytest.approx(1 - up.auc)
    assert down.eer == pytest.approx(1 - up.eer)
    # A rank statistic: any growing function of the scores gives the same.
    assert metrics([*labels], [np.exp(score) for score in scores]).auc == pytest.approx(up.auc)


@pytest.mark.oracle
def test_reference_figures(shared: Path) -> None:
    with np.load(shared / "oracles" / "metrics_oracle.npz") as oracle:
        truth, second, scores, video = (oracle[name] for name in ("y", "y2", "score_abnormal_high", "video"))
    found = frame_metrics(truth, scores, video)
    assert found.auc == pytest.approx(0.7334765017117958, abs=1e-12)
    assert found.eer == pytest.approx(0.31933884297520665, abs=1e-12)
    other = frame_metrics(second, scores, video)
    assert other.auc == pytest.approx(0.6748407238296843, abs=1e-12)
    assert other.macro == pytest.approx(0.7313336807772202, abs=1e-12)
    assert other.macro_sentinel == pytest.approx(0.7927315612709568, abs=1e-12)
    assert found.decidability == pytest.approx(0.8861640772339694, abs=1e-12)


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("name", "raw", "smoothed"),
    [
        ("ShanghaiTech", 0.5714483459650523, 0.5876480523808623),
        ("ShanghaiTech_HR", 0.5680607584774071, 0.5827940373808075),
    ],
)
def test_reference_areas_of_a_whole_test_set(shared: Path, name: str, raw: float, smoothed: float) -> None:
    with np.load(shared / "oracles" / "stgnf_scoring_oracle.npz") as oracle:
        abnormal = 1 - oracle[f"{name}_gt_normal1"]
        clips = np.repeat(np.arange(len(oracle[f"{name}_lens"])), oracle[f"{name}_lens"])
        # Scores there are high where it is normal.
        found = [frame_metrics(abnormal, -oracle[f"{name}_frame_{kind}"], clips).auc for kind in ("raw", "smoothed")]
    assert found == [pytest.approx(raw, abs=1e-12), pytest.approx(smoothed, abs=1e-12)]
