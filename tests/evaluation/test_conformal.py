"""P-values by hand, how much thinning costs, and that they keep their promise where scores are exchangeable."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.evaluation.conformal import Tail, frame_p
from tests.evaluation.footages import filmed, scored


def test_p_counts_the_normal_scores_that_are_as_high() -> None:
    # 5 is above all, 3 has two as high, 2.5 the same two, 0 has all four: one more each, of five.
    assert Tail.of([1, 3, 2, 4]).p([5, 3, 2.5, 0]).tolist() == [0.2, 0.6, 0.6, 1]


def test_equal_scores_are_as_high() -> None:
    assert Tail.of([1, 1, 1]).p([1, 2]).tolist() == [1, 0.25]


def test_without_normal_scores_nothing_is_rare() -> None:
    assert Tail.of([]).p([1, 2]).tolist() == [1, 1]


def test_of_one_score_half_is_the_least() -> None:
    assert Tail.of([1]).p([2, 1, 0]).tolist() == [0.5, 1, 1]


@given(st.lists(st.integers(0, 9), max_size=99), st.integers(-1, 10))
@settings(max_examples=100, deadline=None)
def test_up_to_a_hundred_scores_nothing_is_thinned(normal: list[int], score: int) -> None:
    assert Tail.of(normal).p([score])[0] == (1 + sum(each >= score for each in normal)) / (1 + len(normal))


def test_many_scores_are_thinned_by_one_part_in_a_hundred() -> None:
    normal = np.random.default_rng(0).normal(size=200_000)
    tail, asked = Tail.of(normal), np.linspace(-5, 5, 301)
    exact = (1 + (normal >= asked[:, None]).sum(axis=1)) / (1 + len(normal))
    assert len(tail.scores) < 1000
    assert (tail.p(asked) >= exact).all()
    assert (tail.p(asked) <= 1.0101 * exact).all()


@pytest.mark.parametrize("count", [5, 40])
def test_of_exchangeable_scores_few_are_rare(count: int) -> None:
    """At most a share alpha of normal scores has p ≤ alpha, and hardly fewer where alpha is reachable."""
    generator, trials = np.random.default_rng(count), 4000
    scores = generator.exponential(size=(trials, count + 1))
    p = np.array([Tail.of(row[1:]).p(row[:1])[0] for row in scores])
    for alpha in (0.05, 0.1, 0.2, 0.5):
        error = 3 * np.sqrt(alpha / trials)
        reachable = np.floor(alpha * (count + 1)) / (count + 1)
        assert reachable - error < (p <= alpha).mean() < alpha + error


def test_frames_of_a_clip_break_the_promise_and_highest_scores_of_clips_keep_it() -> None:
    """Frames of a clip share what is odd about it; taken for exchangeable, whole clips look rare."""
    generator, rare_frames, rare_clips = np.random.default_rng(0), 0, 0
    for _ in range(300):
        clips = generator.normal(size=(20, 1)) + 0.3 * generator.normal(size=(20, 50))
        rare_frames += Tail.of(clips[1:]).p(clips[0]).min() <= 0.1
        rare_clips += Tail.of(clips[1:].max(axis=1)).p([clips[0].max()])[0] <= 0.1
    assert rare_frames / 300 > 0.15
    assert rare_clips / 300 < 0.1 + 3 * np.sqrt(0.09 / 300)


CAMERAS = filmed({"n": "gate", "m": "yard", "a": "gate", "b": "yard", "c": "hall"})


def test_frames_are_held_against_their_own_camera() -> None:
    normal = scored({"n": [1, 2, 3], "m": [11, 12, 13]})
    frames = scored({"a": [2.5], "b": [2.5], "c": [2.5]})
    # Gate: one of three is as high; yard: all; hall has none of its own: four of all six.
    assert frame_p(frames, normal, CAMERAS).tolist() == [0.5, 1, 5 / 7]


def test_frames_are_held_against_their_own_seed() -> None:
    normal = pd.concat([scored({"n": [1, 2, 3]}), scored({"n": [4, 5, 6]}, seed=1)])
    frames = pd.concat([scored({"a": [2.5]}, seed=1), scored({"a": [2.5]}), scored({"a": [9]}, seed=2)])
    # In the order given, whatever the index; seed 2 has no normal footage.
    assert frame_p(frames, normal, CAMERAS)[:2].tolist() == [1, 0.5]
    assert np.isnan(frame_p(frames, normal, CAMERAS)[2])


def test_frames_not_labelled_normal_do_not_count() -> None:
    normal = scored({"n": [1, 2, 3, 4]}, {"n": [0, 1, None, 0]})
    assert frame_p(scored({"a": [2.5]}), normal, CAMERAS).tolist() == [2 / 3]


def test_without_normal_footage_there_is_no_p() -> None:
    assert np.isnan(frame_p(scored({"a": [1, 2]}), scored({"n": [1]}).iloc[:0], CAMERAS)).all()
    assert len(frame_p(scored({"a": [1]}).iloc[:0], scored({"n": [1]}), CAMERAS)) == 0
