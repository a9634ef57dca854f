"""Paired comparisons and the leaderboard's mark, by hand and by how often they err among equals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from stages.core.errors import ScoreError
from stages.evaluation.comparison import Comparison, against_best, paired
from stages.evaluation.uncertainty import BootstrapParams, Floats, Replicates, draw

MANY = 1_000_000


def replicates(values: Floats, clips: int = MANY, draws: str = "same") -> Replicates:
    return Replicates({"auc": np.asarray(values, dtype=np.float64)}, clips, draws)


def compared(a: Floats, b: Floats, clips: int = MANY) -> Comparison:
    found = paired(replicates(a, clips), replicates(b, clips), "auc")
    assert found is not None
    return found


def test_the_difference_is_taken_draw_by_draw() -> None:
    a = np.random.default_rng(0).normal(0.8, 0.1, 999)
    # b is worse by 0.01 under every draw, though both swing by 0.1: the p-value is the least there is, 2 / (999 + 1).
    found = compared(a, a - 0.01)
    assert (found.difference, found.low, found.high) == pytest.approx((0.01, 0.01, 0.01))
    assert found.p == pytest.approx(0.002, rel=1e-3)
    # The same replicates in another order cannot be told apart.
    assert compared(a, np.random.default_rng(1).permutation(a)).p > 0.5


def test_p_is_twice_the_smaller_side_counted_with_one_more() -> None:
    # Of 99 differences 4 are not above zero: 2 × (1 + 4) / (1 + 99).
    difference = np.append(np.full(95, 1.0), [-1, -1, -1, 0])
    assert compared(difference, np.zeros(99)).p == pytest.approx(0.1, rel=1e-3)
    assert compared(np.zeros(99), difference).p == pytest.approx(0.1, rel=1e-3)
    assert compared(np.zeros(99), difference).difference == pytest.approx(-92 / 99)


def test_equal_detectors_have_a_p_of_one() -> None:
    found = compared(np.ones(10), np.ones(10))
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_few_clips_make_p_larger() -> None:
    a = np.arange(999.0) + 1
    # p 0.002 is 3.0902 deviations; of 10 clips √(9/10) × 3.0902 = 2.9317 of Student's t with 9 degrees: 0.01672.
    assert compared(a, np.zeros(999), clips=10).p == pytest.approx(0.01672, abs=1e-4)
    # With five clips not even that tells two detectors apart.
    assert compared(a, np.zeros(999), clips=5).p > 0.05


def test_the_interval_leaves_out_zero_where_p_is_small() -> None:
    generator = np.random.default_rng(3)
    for shift in np.linspace(0, 0.6, 13):
        found = compared(generator.normal(shift, 0.2, 4000), np.zeros(4000), clips=12)
        if abs(found.p - 0.05) > 0.01:
            assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_undefined_replicates_are_left_out() -> None:
    a = np.append(np.full(95, 1.0), np.full(5, np.nan))
    found = paired(replicates(a), replicates(np.zeros(100)), "auc")
    assert found is not None
    assert found.difference == 1
    a[:6] = np.nan
    assert paired(replicates(a), replicates(np.zeros(100)), "auc") is None
    assert paired(replicates(np.array([])), replicates(np.array([])), "auc") is None


def test_a_figure_that_one_lacks_is_not_compared() -> None:
    assert paired(replicates(np.ones(9)), replicates(np.ones(9)), "rbdc") is None


def test_other_draws_are_refused() -> None:
    with pytest.raises(ScoreError, match="not drawn alike"):
        paired(replicates(np.ones(9)), replicates(np.ones(9), draws="other"), "auc")


def tied(best: Replicates, others: Mapping[str, Replicates]) -> set[str]:
    """Entries that cannot be told from the best at 5 %, or not be compared."""
    compared = against_best(best, others, "auc")
    return {name for name, found in compared.items() if found is None or found.p >= 0.05}


def test_the_mark_of_a_leaderboard() -> None:
    generator = np.random.default_rng(0)
    best = generator.normal(0.9, 0.02, 999)
    others = {
        "close": replicates(best - generator.normal(0.001, 0.01, 999)),
        "far": replicates(best - generator.normal(0.2, 0.01, 999)),
        "same": replicates(best),
        "always worse": replicates(best - 0.001),
        "undefined": replicates(np.full(999, np.nan)),
    }
    assert tied(replicates(best), others) == {"close", "same", "undefined"}
    assert tied(replicates(best), {}) == set()
    only = {"undefined": others["undefined"]}
    assert tied(replicates(best), only) == {"undefined"}


def test_p_against_the_best_is_never_below_that_of_the_pair() -> None:
    generator = np.random.default_rng(0)
    best = replicates(generator.normal(0.3, 0.1, 999))
    others = {str(place): replicates(generator.normal(0, 0.1, 999)) for place in range(5)}
    together = against_best(best, others, "auc")
    for name, other in others.items():
        found, alone = together[name], paired(best, other, "auc")
        assert found is not None
        assert alone is not None
        assert (found.difference, found.low, found.high) == (alone.difference, alone.low, alone.high)
        assert found.p > alone.p


def test_the_best_is_compared_on_replicates_defined_for_all() -> None:
    best = np.zeros(100)
    tenths = [np.where(np.arange(100) // 10 == tenth, np.nan, -1.0 - tenth) for tenth in range(10)]
    two = {str(tenth): replicates(tenths[tenth]) for tenth in range(2)}
    assert tied(replicates(best), two) == set()
    # Each of ten lacks another tenth: each pair can be compared, but not all of them at once.
    ten = {str(tenth): replicates(tenths[tenth]) for tenth in range(10)}
    assert [found.p for found in against_best(replicates(best), ten, "auc").values() if found] == [1] * 10


def test_among_equals_the_best_is_rarely_told_from_any() -> None:
    """Six equal detectors on 20 clips; the best is chosen by the very figures it is compared by."""
    generator, wrong = np.random.default_rng(0), 0
    weights = draw([str(clip) for clip in range(20)], BootstrapParams()) / 20
    for _ in range(200):
        clips = generator.normal(size=(6, 20))
        order = np.argsort(-clips.mean(axis=1))
        best, *others = (replicates(weights @ clips[entry], clips=20) for entry in order)
        wrong += len(tied(best, {str(place): other for place, other in enumerate(others)})) < 5
    # 5 % ± three standard errors of 200 trials.
    assert wrong / 200 < 0.096
