"""Every rule from windows to frames, on cases that can be computed by hand."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stages.core.errors import ScoreError
from stages.core.schemas import FRAME_SCORES
from stages.evaluation.aggregate import EvaluateParams, SmoothingParams, aggregate, person_scores
from stages.evaluation.metrics import frame_metrics

RAW = SmoothingParams(kind="none")


def row(score: float, start: float, **other: Any) -> dict[str, Any]:
    """A window of 4 samples, one per frame, of person 0 in clip a."""
    default = {"clip": "a", "track": 0, "step": 1.0, "length": 4, "frame": None, "part": "score", "seed": 0}
    return {**default, "start_frame": start, "score": score, **other}


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    columns = ["clip", "track", "start_frame", "step", "length", "frame", "part", "seed", "score"]
    return pd.DataFrame(list(rows), columns=columns).astype({"track": "Int32", "frame": "Int32"})


def clips(**frames: int) -> pd.DataFrame:
    return pd.DataFrame({"clip": list(frames), "frames": list(frames.values()), "fps": 10.0})


def landed(scores: pd.DataFrame, landing: str, frames: int = 8) -> dict[int, float]:
    """Frame → score of clip a where only one person is."""
    params = EvaluateParams.model_validate({"landing": landing})
    people = person_scores(scores, clips(a=frames), params)
    return dict(zip(people["frame"].tolist(), people["score"].tolist(), strict=True))


def raw(scores: pd.DataFrame, frames: pd.DataFrame, **params: Any) -> pd.DataFrame:
    return aggregate(scores, frames, EvaluateParams.model_validate({"smoothing": RAW, **params}))


@pytest.mark.parametrize(
    ("landing", "expected"),
    [
        ("start", {0: 1.0, 2: 4.0}),
        # Sample 4 // 2 = 2 of each window.
        ("centre", {2: 1.0, 4: 4.0}),
        # Frames 2 and 3 are in both windows: (1 + 4) / 2.
        ("all_mean", {0: 1.0, 1: 1.0, 2: 2.5, 3: 2.5, 4: 4.0, 5: 4.0}),
        ("all_max", {0: 1.0, 1: 1.0, 2: 4.0, 3: 4.0, 4: 4.0, 5: 4.0}),
    ],
)
def test_where_a_windows_score_lands(landing: str, expected: dict[int, float]) -> None:
    assert landed(table(row(1, 0), row(4, 2)), landing) == expected


@pytest.mark.parametrize(
    ("landing", "frames"),
    [("start", [3, 4, 5]), ("centre", [6, 7, 8]), ("all_mean", list(range(3, 9))), ("all_max", list(range(3, 9)))],
)
def test_a_sample_stands_for_all_frames_up_to_the_next(landing: str, frames: list[int]) -> None:
    # Samples at frames 3 and 6 of a clip with 30 frames/s, windows at 10 samples/s: three frames each.
    assert list(landed(table(row(1, 3, step=3.0, length=2)), landing, frames=20)) == frames


def test_samples_at_a_broken_step_leave_no_gap_and_no_overlap() -> None:
    # 25 frames/s, 10 samples/s: samples begin at 0, 2.5, 5, 7.5 and end at 10; rounded 0, 2, 5, 8, 10.
    singles = table(*[row(sample, sample * 2.5, step=2.5, length=1) for sample in range(4)])
    found = landed(singles, "start", frames=10)
    assert found == {0: 0, 1: 0, 2: 1, 3: 1, 4: 1, 5: 2, 6: 2, 7: 2, 8: 3, 9: 3}


def test_a_window_that_outlasts_its_clip_is_cut_off_at_its_end() -> None:
    # Samples at 0, 3, 6; the last stands for frames 6, 7 and 8, of which the clip has two.
    assert list(landed(table(row(1, 0, step=3.0, length=3)), "all_mean", frames=8)) == list(range(8))


@pytest.mark.parametrize("landing", ["start", "centre", "all_mean", "all_max"])
def test_a_score_per_frame_lands_on_its_own_frame(landing: str) -> None:
    rows = table(*[row(10 + frame, 2, length=3, frame=frame) for frame in (2, 3, 4)])
    assert landed(rows, landing) == {2: 12, 3: 13, 4: 14}


def test_a_score_per_frame_stands_for_its_sample_too() -> None:
    # Sample 1 of a window from frame 0 on, at 2.5 frames per sample: frames 2, 3, 4 (2.5 rounds to 2, 5 stays).
    assert landed(table(row(7, 0, step=2.5, frame=2)), "all_mean") == {2: 7, 3: 7, 4: 7}


def test_scores_per_frame_of_overlapping_windows_are_joined() -> None:
    rows = table(row(1, 0, frame=3), row(5, 2, frame=3))
    assert landed(rows, "all_mean") == {3: 3}
    assert landed(rows, "all_max") == {3: 5}


def test_a_frame_is_as_abnormal_as_its_worst_person() -> None:
    scores = table(row(1, 0, track=4, length=2), row(3, 1, track=2, length=2))
    frames = raw(scores, clips(a=3))
    assert frames["raw"].tolist() == [1, 3, 3]
    assert frames["track"].tolist() == [4, 2, 2]


def test_of_equally_abnormal_persons_the_lowest_id_is_named() -> None:
    assert raw(table(row(1, 0, track=9), row(1, 0, track=3)), clips(a=4))["track"].tolist() == [3] * 4


def test_scores_of_whole_frames_have_no_person() -> None:
    frames = raw(table(row(2, 0, track=None)), clips(a=4))
    assert frames["raw"].tolist() == [2] * 4
    assert frames["track"].isna().all()
    assert frames["scored"].all()


def test_a_whole_frame_score_and_a_person_meet_as_two_persons() -> None:
    frames = raw(table(row(2, 0, track=None), row(5, 2, track=1, length=2)), clips(a=4))
    assert frames["raw"].tolist() == [2, 2, 5, 5]
    assert frames["track"].isna().tolist() == [True, True, False, False]


def test_frames_with_nobody_get_the_lowest_score_of_the_split() -> None:
    scores = table(row(5, 0, length=1), row(3, 0, clip="b", length=1))
    frames = raw(scores, clips(a=2, b=2, c=1))
    assert frames["raw"].tolist() == [5, 3, 3, 3, 3]
    assert frames["scored"].tolist() == [True, False, True, False, False]
    assert frames["track"].isna().tolist() == [False, True, False, True, True]


def test_frames_with_nobody_may_get_the_lowest_score_of_their_clip() -> None:
    scores = table(row(5, 0, length=1), row(3, 0, clip="b", length=1))
    frames = raw(scores, clips(a=2, b=2, c=1), nobody="clip_lowest")
    # Clip c has no score of its own and falls back on the split's.
    assert frames["raw"].tolist() == [5, 5, 3, 3, 3]


def test_the_lowest_score_is_that_of_a_frame_not_of_a_person() -> None:
    # Person 1 scores 0, but is never the worst of a frame.
    scores = table(row(4, 0, length=1), row(0, 0, track=1, length=1))
    assert raw(scores, clips(a=2))["raw"].tolist() == [4, 4]


def test_filling_is_counted_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "normotion"):
        raw(table(row(5, 0, length=1)), clips(a=3))
    assert "2 of 3 frames" in caplog.text


def test_no_windows_at_all_give_zeros_that_do_not_count_as_scored(caplog: pytest.LogCaptureFixture) -> None:
    frames = aggregate(table(), clips(a=2, b=1), EvaluateParams())
    assert frames["raw"].tolist() == frames["smoothed"].tolist() == [0, 0, 0]
    assert not frames["scored"].any()
    assert frames["seed"].tolist() == [0, 0, 0]
    assert "no frame carries a score" in caplog.text


def test_seeds_do_not_mix() -> None:
    scores = table(row(1, 0, length=2), row(7, 0, seed=3, length=1))
    frames = raw(scores, clips(a=2))
    assert frames[["seed", "frame", "raw"]].to_numpy().tolist() == [[0, 0, 1], [0, 1, 1], [3, 0, 7], [3, 1, 7]]


def test_the_result_is_a_frame_scores_table_but_for_the_label() -> None:
    frames = raw(table(row(1, 0)), clips(a=4))
    assert set(frames.columns) == set(FRAME_SCORES.names()) - {"label"}


def test_clips_come_sorted_whatever_their_order() -> None:
    frames = raw(table(row(1, 0, length=1), row(2, 0, clip="b", length=1)), clips(b=1, a=1))
    assert frames[["clip", "raw"]].to_numpy().tolist() == [["a", 1], ["b", 2]]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.floats(-100, 100), min_size=6, max_size=6),
    st.sampled_from(["none", "gaussian", "cascade"]),
    st.sampled_from(["start", "centre", "all_mean", "all_max"]),
)
def test_no_clip_leaks_into_another(values: list[float], kind: str, landing: str) -> None:
    """Clip b keeps its frame scores whatever happens in clip a."""
    params = EvaluateParams.model_validate(
        {"landing": landing, "nobody": "clip_lowest", "smoothing": {"kind": kind, "seconds": 0.4}}
    )
    fixed = [row(score, 2 * place, clip="b") for place, score in enumerate([1.0, 5.0, 2.0])]
    other = [row(score, place) for place, score in enumerate(values)]
    both = aggregate(table(*other, *fixed), clips(a=12, b=9), params)
    alone = aggregate(table(*fixed), clips(b=9), params)
    pd.testing.assert_frame_equal(both[both["clip"] == "b"].reset_index(drop=True), alone)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 8), st.floats(-9, 9)), min_size=1, max_size=20))
def test_scores_do_not_depend_on_the_order_of_rows(items: list[tuple[int, int, float]]) -> None:
    rows = [row(score, start, track=track) for track, start, score in items]
    forward, backward = raw(table(*rows), clips(a=12)), raw(table(*rows[::-1]), clips(a=12))
    np.testing.assert_allclose(forward["raw"], backward["raw"], atol=1e-12)
    # Against the rule as one would write it with loops: mean per person, worst person per frame.
    for frame in range(12):
        means = [
            np.mean(found)
            for track in range(4)
            if (found := [score for who, start, score in items if who == track and start <= frame < start + 4])
        ]
        assert forward["scored"][frame] == bool(means)
        if means:
            assert forward["raw"][frame] == pytest.approx(max(means))


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(ScoreError, match="1 scores are NaN") as caught:
        raw(table(row(1, 0), row(float("nan"), 2)), clips(a=8))
    assert "window at frame 2" in caught.value.where


def test_a_score_of_an_unknown_clip_is_refused() -> None:
    with pytest.raises(ScoreError, match=r"not in the test split: \['z'\]"):
        raw(table(row(1, 0, clip="z")), clips(a=8))


@pytest.mark.parametrize("start", [8.0, -1.0])
def test_a_score_outside_its_clip_is_refused(start: float) -> None:
    with pytest.raises(ScoreError, match="outside their clip of 8 frames"):
        raw(table(row(1, start)), clips(a=8))


def test_of_several_parts_one_must_be_named() -> None:
    scores = table(row(1, 0, part="static"), row(5, 0, part="dynamic"))
    with pytest.raises(ScoreError, match=r"\['dynamic', 'static'\], asked was None"):
        raw(scores, clips(a=4))
    with pytest.raises(ScoreError, match="asked was 'sum'"):
        raw(scores, clips(a=4), part="sum")
    assert raw(scores, clips(a=4), part="static")["raw"].tolist() == [1] * 4


@pytest.mark.parametrize("kind", ["none", "gaussian", "cascade"])
def test_the_rules_are_said_in_words(kind: str) -> None:
    params = EvaluateParams.model_validate({"smoothing": {"kind": kind, "seconds": 0.25}})
    assert len(params.rules()) == 4
    assert ("0.25 s" in params.rules()[3]) == (kind == "gaussian")


def published(shared: Path, frames: str) -> tuple[pd.DataFrame, NDArray[np.float64], Any]:
    """Frame scores of the reference windows by the published rules, labels, and the reference itself."""
    with np.load(shared / "oracles" / "stgnf_scoring_oracle.npz") as file:
        oracle = dict(file)
    meta = oracle["meta"]
    names = [f"{scene:02d}_{clip:04d}" for scene, clip in meta[:, :2]]
    scores = pd.DataFrame(
        {
            "clip": names, "track": meta[:, 2], "start_frame": meta[:, 3].astype(float), "step": 1.0, "length": 24,
            "frame": pd.array([None] * len(meta), dtype="Int32"), "part": "score", "seed": 0,
            "score": -oracle["seg_scores"],
        }
    )  # fmt: skip
    dropped = ["01_0130", "01_0135", "01_0136", "06_0144", "06_0145", "12_0152"] if frames.endswith("HR") else []
    listed = [name for name in oracle["clip_names"].tolist() if name not in dropped]
    split = pd.DataFrame({"clip": listed, "frames": oracle[f"{frames}_lens"], "fps": 24.0})
    params = EvaluateParams(landing="centre", nobody="lowest", smoothing=SmoothingParams(kind="cascade"))
    found = aggregate(scores[scores["clip"].isin(listed)], split, params)
    return found, 1 - oracle[f"{frames}_gt_normal1"], oracle


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("frames", "smoothed", "plain"),
    [
        ("ShanghaiTech", 0.5876480523808623, 0.5714483459650523),
        ("ShanghaiTech_HR", 0.5827940373808075, 0.5680607584774071),
    ],
)
def test_the_published_rules_give_the_published_frames(
    shared: Path, frames: str, smoothed: float, plain: float
) -> None:
    found, labels, oracle = published(shared, frames)
    np.testing.assert_allclose(found["raw"], -oracle[f"{frames}_frame_raw"], atol=1e-12)
    np.testing.assert_allclose(found["smoothed"], -oracle[f"{frames}_frame_smoothed"], atol=1e-12)
    assert frame_metrics(labels, found["smoothed"], found["clip"]).auc == pytest.approx(smoothed, abs=1e-12)
    assert frame_metrics(labels, found["raw"], found["clip"]).auc == pytest.approx(plain, abs=1e-12)
