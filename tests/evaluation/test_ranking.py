"""Figures under weighted clips: on cases that can be computed by hand, and against clips written down as often."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from stages.core.errors import ScoreError
from stages.evaluation import ranking as module
from stages.evaluation.ranking import FIGURES, Ranking

Item = tuple[int, float, int]
"""Label, score and clip of a frame."""

# Clip 0: labels 1, 0 in order; clip 1: the two reversed; clip 2: all normal.
FRAMES: list[Item] = [(1, 3.0, 0), (0, 2.0, 0), (1, 1.0, 1), (0, 4.0, 1), (0, 0.0, 2)]


def ranking(items: list[Item], clips: int = 3) -> Ranking:
    labels, scores, clip = (np.array(column) for column in zip(*items, strict=True))
    return Ranking(labels == 1, scores.astype(float), clip.astype(np.int64), clips)


def figures(items: list[Item], *weights: list[float]) -> dict[str, list[float]]:
    found = ranking(items, len(weights[0])).figures(np.array(weights, dtype=float))
    return {name: values.tolist() for name, values in found.items()}


def test_figures_of_every_clip_alone_and_of_all() -> None:
    found = figures(FRAMES, [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1])
    # All: pairs (abnormal, normal) 3 > 2, 3 > 0, 1 > 0 of six; the clip of one class has no figure.
    np.testing.assert_allclose(found["auc"], [3 / 6, 1, 0, np.nan])
    # All: labels from the top 0 1 0 1 0, so precision 1/2 and 2/4 where recall grows.
    np.testing.assert_allclose(found["ap"], [1 / 2, 1, 1 / 2, np.nan])
    np.testing.assert_allclose(found["eer"], [1 / 2, 0, 1, np.nan])
    # The mean of clips 0 and 1; no weight on either leaves nothing to average.
    np.testing.assert_allclose(found["macro"], [1 / 2, 1, 0, np.nan])


def test_decidability_is_the_distance_in_deviations() -> None:
    # Abnormal 4 and 6: mean 5, variance 1. Normal 0, 3, 3: mean 2, variance 2. |5 − 2| ÷ √((1 + 2) ÷ 2).
    found = figures([(1, 4.0, 0), (1, 6.0, 1), (0, 0.0, 0), (0, 3.0, 1), (0, 3.0, 0)], [1, 1])
    assert found["decidability"] == [pytest.approx(3 / np.sqrt(1.5))]


def test_decidability_needs_something_that_varies() -> None:
    # 0.1 has no exact binary form: sums of it must not pass for a deviation.
    constant = [(0, 0.1, clip) for clip in (0, 1, 2)] + [(1, 0.7, clip) for clip in (0, 1, 2)]
    assert np.isnan(figures([*constant, (1, 0.9, 3)], [1, 2, 4, 0])["decidability"]).all()


def test_the_sentinel_convention_by_hand() -> None:
    found = ranking(FRAMES).macro_sentinel(np.array([[1.0, 0, 0], [0, 1, 0], [1, 1, 1], [0, 0, 1]]))
    # Clip 0 scaled: abnormal 1, normal 0, and the two that join: ties 1 = 1 and 0 = 0 cost nothing, as all pairs
    # are of unequal class with 1 > 0: area 1.
    # Clip 1: abnormal 0, normal 1, joined by abnormal 1 and normal 0. Pairs: 0 > 1 no, 0 = 0 half, 1 = 1 half, 1 > 0.
    # Clip 2: one normal frame, equal to what joins: 1 of (1 > 0), half of the equal one, halved: (1 + 1/2) ÷ 2.
    np.testing.assert_allclose(found[:3], [1, 1 / 2, (1 + 1 / 2 + 3 / 4) / 3])
    # A set of one class has no figure, though the convention would make one up.
    assert np.isnan(found[3])


def test_counts_and_areas_of_clips() -> None:
    found = ranking([*FRAMES, (1, 4.0, 1)], 4)
    # From the top: 4 twice (one of each class), 3, 2, 1, 0.
    assert [column.tolist() for column in found.counts()] == [[4, 3, 2, 1, 0], [1, 2, 2, 3, 3], [1, 1, 2, 2, 3]]
    assert (found.abnormal.tolist(), found.normal.tolist()) == ([1, 2, 0, 0], [1, 1, 1, 0])
    # Clip 1: of its two pairs one is lost, one a tie; clip 2 is of one class, clip 3 empty.
    np.testing.assert_array_equal(found.clip_auc, [1, 1 / 4, np.nan, np.nan])


def test_clips_without_frames_count_for_nothing() -> None:
    alone, beside = figures(FRAMES, [1, 1, 1]), figures(FRAMES, [1, 1, 1, 5])
    assert alone == beside


def test_nothing_to_rank_gives_no_figure() -> None:
    empty = Ranking(np.zeros(0, bool), np.zeros(0), np.zeros(0, np.int64), 2)
    found = empty.figures(np.ones((3, 2)))
    assert set(found) == set(FIGURES)
    assert all(np.isnan(values).all() and values.shape == (3,) for values in found.values())


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([[1.0, 1.0]], "not one per clip"),
        ([1.0, 1.0, 1.0], "not one per clip"),
        ([[1.0, -1.0, 1.0]], "negative, NaN"),
        ([[1.0, np.nan, 1.0]], "negative, NaN"),
    ],
)
def test_weights_that_make_no_sense_are_refused(weights: list[list[float]], message: str) -> None:
    with pytest.raises(ScoreError, match=message):
        ranking(FRAMES).figures(np.array(weights))


def test_scores_at_the_ends_of_the_number_range() -> None:
    # Their difference overflows and their squares do so twice.
    found = figures([(1, 1.7e308, 0), (1, 1.6e308, 0), (0, -1.7e308, 0), (0, 0.0, 0)], [1])
    assert found["auc"] == [1]
    # Halved and shifted: 1 and 33/34 against 0 and 1/2.
    variances = (1 - 33 / 34) ** 2 / 4 + (1 / 2) ** 2 / 4
    assert found["decidability"] == [pytest.approx((67 / 68 - 1 / 4) / np.sqrt(variances / 2))]


frames = st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 3), st.integers(0, 3)), min_size=1, max_size=40)
"""Few distinct scores, so that many are equal; some clips of one class, some empty."""
weightings = st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(frames, weightings)
def test_a_weight_is_the_clip_written_down_as_often(items: list[Item], weights: list[list[int]]) -> None:
    found = ranking(items, 4).figures(np.array(weights, dtype=float))
    for row, weight in enumerate(weights):
        copies = [(clip, copy) for clip in range(4) for copy in range(weight[clip])]
        written = [
            (label, score, number) for number, (clip, _) in enumerate(copies) for label, score, c in items if c == clip
        ]
        if not written:
            assert all(np.isnan(values[row]) for values in found.values())
            continue
        expected = ranking(written, len(copies)).figures(np.ones((1, len(copies))))
        for name in FIGURES:
            np.testing.assert_allclose(found[name][row], expected[name][0], rtol=0, atol=1e-12, err_msg=name)


@settings(max_examples=60, deadline=None)
@given(frames, weightings)
def test_scikit_learn_agrees_with_weighted_frames(items: list[Item], weights: list[list[int]]) -> None:
    found = ranking(items, 4).figures(np.array(weights, dtype=float))
    for row, weight in enumerate(weights):
        copied = [(label, score) for label, score, clip in items for _ in range(weight[clip])]
        if len({label for label, _ in copied}) == 2:
            assert found["auc"][row] == pytest.approx(roc_auc_score(*zip(*copied, strict=True)), abs=1e-12)
            assert found["ap"][row] == pytest.approx(average_precision_score(*zip(*copied, strict=True)), abs=1e-12)
        else:
            assert all(np.isnan(found[name][row]) for name in FIGURES)


def drawn(items: list[Item], weight: list[int], label: int) -> list[float]:
    return [score for truth, score, clip in items for _ in range(weight[clip]) if truth == label]


@settings(max_examples=60, deadline=None)
@given(frames, weightings)
def test_decidability_is_that_of_all_frames_joined(items: list[Item], weights: list[list[int]]) -> None:
    found = ranking(items, 4).decidability(np.array(weights, dtype=float))
    for row, weight in enumerate(weights):
        abnormal, normal = drawn(items, weight, 1), drawn(items, weight, 0)
        if not abnormal or not normal or len(set(abnormal)) == len(set(normal)) == 1:
            assert np.isnan(found[row])
        else:
            deviation = np.sqrt((np.var(abnormal) + np.var(normal)) / 2)
            assert found[row] == pytest.approx(abs(np.mean(abnormal) - np.mean(normal)) / deviation, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(frames)
def test_the_sentinel_convention_as_it_is_written(items: list[Item]) -> None:
    areas = []
    for clip in range(4):
        labels, scores = [f[0] for f in items if f[2] == clip], np.array([f[1] for f in items if f[2] == clip])
        if len(set(scores.tolist())) > 1:
            scaled = (scores - scores.min()) / np.ptp(scores)
            areas.append(float(roc_auc_score([0, *labels, 1], [0, *scaled, 1])))
        elif labels:  # as equal as each to what joins: half of every pair but the joining two's
            wins = sum(labels) * labels.count(0) / 2 + len(labels) / 2 + 1
            areas.append(wins / ((sum(labels) + 1) * (labels.count(0) + 1)))
    if len({label for label, _, _ in items}) == 2:
        found = ranking(items, 4).macro_sentinel(np.ones((1, 4)))
        assert found[0] == pytest.approx(np.mean(areas), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(frames, weightings)
def test_a_growing_function_of_the_scores_changes_no_rank_figure(items: list[Item], weights: list[list[int]]) -> None:
    weighted = np.array(weights, dtype=float)
    straight = ranking(items, 4).figures(weighted)
    bent = ranking([(label, float(np.exp(score) - 7), clip) for label, score, clip in items], 4).figures(weighted)
    for name in set(FIGURES) - {"decidability"}:
        np.testing.assert_array_equal(straight[name], bent[name])
    shifted = ranking([(label, 3.0 * score + 5, clip) for label, score, clip in items], 4).figures(weighted)
    np.testing.assert_allclose(straight["decidability"], shifted["decidability"], rtol=1e-9)


def turned(items: list[Item]) -> list[Item]:
    return [(label, -score, clip) for label, score, clip in items]


@settings(max_examples=30, deadline=None)
@given(frames, weightings)
def test_negated_scores_turn_the_curve_round(items: list[Item], weights: list[list[int]]) -> None:
    up, down = (ranking(each, 4).figures(np.array(weights, dtype=float)) for each in (items, turned(items)))
    for name in ("auc", "eer", "macro"):
        np.testing.assert_allclose(up[name], 1 - down[name], atol=1e-12)


def several_thousand(clips: int, seed: int) -> tuple[Ranking, NDArray[np.float64]]:
    random = np.random.default_rng(seed)
    clip, truth = random.integers(0, clips, 4000), random.random(4000) < 0.4
    scores = (random.normal(size=4000) + truth).round(2)
    weights = random.multinomial(clips, np.full(clips, 1 / clips), size=50)
    return Ranking(truth, scores, clip, clips), weights.astype(np.float64)


def test_results_do_not_depend_on_how_many_are_weighed_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, weights = several_thousand(20, seed=1)
    expected = whole.figures(weights)
    monkeypatch.setattr(module, "CELLS", 1000)
    fresh, _ = several_thousand(20, seed=1)
    # With few weightings the area is taken from the curve, with many from pairs: whole counts either way.
    single = [fresh.figures(row[None]) for row in weights]
    for name in FIGURES:
        np.testing.assert_allclose(expected[name], fresh.figures(weights)[name], rtol=1e-13)
        np.testing.assert_allclose(expected[name], [float(found[name][0]) for found in single], rtol=1e-13)


def test_areas_from_pairs_of_clips_and_from_the_curve_are_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    found, weights = several_thousand(20, seed=2)
    from_pairs = found.auc(weights)
    monkeypatch.setattr(module, "MANY_CLIPS", 0)
    np.testing.assert_array_equal(from_pairs, found.auc(weights))


@pytest.mark.oracle
def test_reference_figures(shared: Path) -> None:
    with np.load(shared / "oracles" / "metrics_oracle.npz") as oracle:
        truth, second, scores, video = (oracle[name] for name in ("y", "y2", "score_abnormal_high", "video"))
    clips = int(video.max()) + 1
    found = Ranking(truth == 1, scores, video, clips).figures(np.ones((1, clips)))
    assert found["decidability"][0] == pytest.approx(0.8861640772339694, abs=1e-12)
    other = Ranking(second == 1, scores, video, clips).figures(np.ones((1, clips)))
    assert other["macro_sentinel"][0] == pytest.approx(0.7927315612709568, abs=1e-12)
