"""From scores of windows to scores of frames, on cases that can be computed by hand."""

from __future__ import annotations

import logging
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.errors import ScoreError
from stages.core.schemas import FRAME_SCORES
from stages.evaluation.aggregate import aggregate, person_scores
from stages.evaluation.protocol import PRESETS, Rules
from stages.evaluation.smoothing import SmoothingParams
from tests.evaluation.windows import clips, row, table

RAW = SmoothingParams(kind="none")


def raw(scores: pd.DataFrame, frames: pd.DataFrame, **rules: Any) -> pd.DataFrame:
    return aggregate(scores, frames, Rules.model_validate({"smoothing": RAW, **rules}))


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


@pytest.mark.parametrize(("score", "filling"), [(5, 0), (-5, 0)])
def test_frames_with_nobody_may_get_zero(score: float, filling: float) -> None:
    # Where scores are below 0, that is the most abnormal score of all.
    frames = raw(table(row(score, 0, length=1)), clips(a=2, b=1), nobody="zero")
    assert frames["raw"].tolist() == [score, filling, filling]


def test_the_lowest_score_is_that_of_a_frame_not_of_a_person() -> None:
    # Person 1 scores 0, but is never the worst of a frame.
    scores = table(row(4, 0, length=1), row(0, 0, track=1, length=1))
    assert raw(scores, clips(a=2))["raw"].tolist() == [4, 4]


def test_filling_is_counted_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "normotion"):
        raw(table(row(5, 0, length=1)), clips(a=3))
    assert "2 of 3 frames" in caplog.text


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_no_windows_at_all_give_zeros_that_do_not_count_as_scored(name: str, caplog: pytest.LogCaptureFixture) -> None:
    frames = aggregate(table(), clips(a=2, b=1), PRESETS[name])
    assert frames["raw"].tolist() == frames["smoothed"].tolist() == [0, 0, 0]
    assert not frames["scored"].any()
    assert frames["seed"].tolist() == [0, 0, 0]
    assert "no frame carries a score" in caplog.text


def test_no_clips_at_all_give_no_frames() -> None:
    assert len(aggregate(table(), clips(), Rules())) == 0


def test_normalization_brings_each_clip_or_the_split_to_0_to_1() -> None:
    scores = table(
        *[row(score, 0, frame=frame) for frame, score in enumerate([2, 4, 6, 4])],
        *[row(score, 0, frame=frame, clip="b") for frame, score in enumerate([6, 7, 7, 10])],
    )
    split = raw(scores, clips(a=4, b=4), normalization="split")
    assert split["raw"].tolist() == [0, 0.25, 0.5, 0.25, 0.5, 0.625, 0.625, 1]
    each = raw(scores, clips(a=4, b=4), normalization="clip")
    assert each["raw"].tolist() == [0, 0.5, 1, 0.5, 0, 0.25, 0.25, 1]


@pytest.mark.parametrize("normalization", ["clip", "split"])
def test_equal_scores_are_normalized_to_0(normalization: str) -> None:
    frames = aggregate(table(row(7, 0)), clips(a=6, b=2), Rules.model_validate({"normalization": normalization}))
    assert frames["raw"].tolist() == frames["smoothed"].tolist() == [0] * 8


def test_normalization_comes_after_the_filling_and_before_the_smoothing() -> None:
    # Filled: 2 0 0 0. Brought to 0 … 1: 1 0 0 0. The mean over three frames, mirrored: 2/3 1/3 0 0.
    smoothing = {"kind": "moving_average", "frames": 3}
    scores = table(row(2, 0, length=1))
    frames = raw(scores, clips(a=4), nobody="zero", normalization="clip", smoothing=smoothing)
    assert frames["raw"].tolist() == [1, 0, 0, 0]
    assert frames["smoothed"].tolist() == pytest.approx([2 / 3, 1 / 3, 0, 0])


@pytest.mark.parametrize(("normalization", "expected"), [("none", [1, 3, 10, 30]), ("split", [0, 1, 0, 1])])
def test_seeds_are_normalized_and_filled_each_by_itself(normalization: str, expected: list[float]) -> None:
    scores = table(*[row(score, 0, frame=1, seed=seed) for seed, score in ((0, 3), (5, 30))],
                   *[row(score, 0, frame=0, seed=seed, clip="b") for seed, score in ((0, 1), (5, 10))])  # fmt: skip
    frames = raw(scores, clips(a=2, b=1), normalization=normalization)
    assert frames.loc[frames["clip"] == "a", "raw"].tolist() == expected


def test_a_smoothing_wider_than_the_clip_comes_close_to_its_mean() -> None:
    scores = table(row(6, 0, length=1), row(9, 0, clip="b", length=1))
    frames = raw(scores, clips(a=3, b=2), nobody="zero", smoothing={"kind": "gaussian", "frames": 40})
    np.testing.assert_allclose(frames["smoothed"], [2, 2, 2, 4.5, 4.5], atol=0.2)


def test_seeds_do_not_mix() -> None:
    scores = table(row(1, 0, length=2), row(7, 0, seed=3, length=1))
    frames = raw(scores, clips(a=2))
    assert frames[["seed", "frame", "raw"]].to_numpy().tolist() == [[0, 0, 1], [0, 1, 1], [3, 0, 7], [3, 1, 7]]


def test_the_result_is_a_frame_scores_table_but_for_the_label() -> None:
    frames = raw(table(row(1, 0)), clips(a=4))
    assert set(frames.columns) == set(FRAME_SCORES.names()) - {"label", "p"}


def test_clips_come_sorted_whatever_their_order() -> None:
    frames = raw(table(row(1, 0, length=1), row(2, 0, clip="b", length=1)), clips(b=1, a=1))
    assert frames[["clip", "raw"]].to_numpy().tolist() == [["a", 1], ["b", 2]]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-100, 100, width=32), min_size=6, max_size=6), st.sampled_from(sorted(PRESETS)))
def test_no_clip_leaks_into_another(values: list[float], name: str) -> None:
    """Clip b keeps its frame scores whatever happens in clip a, where no rule is of the whole split."""
    params = PRESETS[name].model_copy(update={"nobody": "clip_lowest", "normalization": "none"})
    fixed = [row(score, 2 * place, clip="b") for place, score in enumerate([1.0, 5.0, 2.0])]
    other = [row(score, place) for place, score in enumerate(values)]
    both = aggregate(table(*other, *fixed), clips(a=12, b=9), params)
    alone = aggregate(table(*fixed), clips(b=9), params)
    pd.testing.assert_frame_equal(both[both["clip"] == "b"].reset_index(drop=True), alone)


Rows = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 8), st.floats(-9, 9, width=32), st.sampled_from("ab")),
    min_size=1,
    max_size=20,
)


@settings(max_examples=30, deadline=None)
@given(Rows, st.sampled_from(sorted(PRESETS)), st.randoms(use_true_random=False))
def test_scores_do_not_depend_on_the_order_of_rows(
    items: list[tuple[int, int, float, str]], name: str, random: Random
) -> None:
    rows = [row(score, start, track=track, clip=clip) for track, start, score, clip in items]
    forward = aggregate(table(*rows), clips(a=24, b=30), PRESETS[name])
    random.shuffle(rows)
    backward = aggregate(table(*rows), clips(b=30, a=24), PRESETS[name])
    np.testing.assert_allclose(forward["raw"], backward["raw"], atol=1e-12)
    np.testing.assert_allclose(forward["smoothed"], backward["smoothed"], atol=1e-12)
    assert forward[["clip", "frame", "seed", "scored"]].equals(backward[["clip", "frame", "seed", "scored"]])


@settings(max_examples=15, deadline=None)
@given(Rows)
def test_the_worst_persons_mean_is_what_loops_would_give(items: list[tuple[int, int, float, str]]) -> None:
    rows = [row(score, start, track=track, clip=clip) for track, start, score, clip in items]
    frames = raw(table(*rows), clips(a=12, b=12))
    for place, (name, frame) in enumerate((name, frame) for name in "ab" for frame in range(12)):
        means = [
            np.mean(found)
            for track in range(4)
            if (found := [s for who, start, s, c in items if (who, c) == (track, name) and start <= frame < start + 4])
        ]
        assert frames["scored"][place] == bool(means)
        if means:
            assert frames["raw"][place] == pytest.approx(max(means))


def test_persons_keep_their_scores_under_the_worst() -> None:
    scores = table(row(1, 0, track=4, length=2), row(3, 1, track=2, length=1), row(9, 0, track=None, clip="b", seed=7))
    people = person_scores(scores, clips(b=1, a=3), Rules())
    assert people.drop(columns="track").to_numpy().tolist() == [
        [0, "a", 1, 3.0], [0, "a", 0, 1.0], [0, "a", 1, 1.0], [7, "b", 0, 9.0],
    ]  # fmt: skip
    assert people["track"].tolist() == [2, 4, 4, pd.NA]
    assert people["track"].dtype == "Int32"


def test_persons_are_shifted_too() -> None:
    people = person_scores(table(row(1, 0, length=1), row(2, 3, length=1)), clips(a=4), Rules(shift=2))
    assert people[["frame", "score"]].to_numpy().tolist() == [[2, 1]]


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_broken_score_is_refused_under_every_protocol(name: str) -> None:
    for bad, message in ((row(float("inf"), 0), "NaN or infinite"), (row(1, 0, clip="z"), "not in the test split")):
        with pytest.raises(ScoreError, match=message):
            aggregate(table(row(1, 0), bad), clips(a=24), PRESETS[name])
