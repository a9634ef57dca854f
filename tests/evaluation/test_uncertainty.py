"""Draws, intervals and stored replicates on cases that can be computed by hand, and how often intervals hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import ScoreError
from stages.core.params import parse
from stages.core.schemas import REPLICATES
from stages.core.tables import read, write
from stages.evaluation.ranking import Ranking
from stages.evaluation.uncertainty import (
    BootstrapParams,
    Floats,
    Replicates,
    bootstrap,
    digest,
    draw,
    interval,
    percentiles,
    why_none,
)

NAMES = [f"clip{place:02d}" for place in range(20)]


def mean_of(values: Floats) -> Floats:
    """Means of as many clips as there are values, each drawn anew."""
    return draw(NAMES[: len(values)], BootstrapParams()) @ values / len(values)


def test_each_draw_holds_as_many_clips_as_there_are() -> None:
    weights = draw(NAMES, BootstrapParams(replicates=50))
    assert weights.shape == (50, 20)
    assert (weights.sum(axis=1) == 20).all()
    assert (weights == np.round(weights)).all()
    # A clip is drawn once on average; that some are left out and some come twice is the point.
    assert (weights == 0).any()
    assert (weights > 1).any()


def test_draws_depend_on_clips_seed_and_nothing_else() -> None:
    weights = draw(NAMES, BootstrapParams())
    assert (weights == draw(NAMES, BootstrapParams(confidence=0.5, least_clips=2))).all()
    assert (weights != draw(NAMES, BootstrapParams(seed=1))).any()
    assert (weights != draw([*NAMES[1:], "other"], BootstrapParams())).any()


def test_the_order_of_clips_does_not_matter() -> None:
    weights = draw(["a", "b", "c"], BootstrapParams())
    assert (draw(["c", "a", "b"], BootstrapParams()) == weights[:, [2, 0, 1]]).all()
    assert digest(["c", "a", "b"], BootstrapParams()) == digest(["a", "b", "c"], BootstrapParams())


def test_what_was_drawn_from_is_told_by_its_digest() -> None:
    same = digest(["a", "b"], BootstrapParams())
    assert same == digest(["a", "b"], BootstrapParams(confidence=0.5))
    changed = [
        digest(["a", "c"], BootstrapParams()),
        digest(["ab"], BootstrapParams()),
        digest(["a", "b"], BootstrapParams(seed=1)),
        digest(["a", "b"], BootstrapParams(replicates=9)),
    ]
    assert len({same, *changed}) == 5


def test_no_clips_give_empty_draws() -> None:
    assert draw([], BootstrapParams(replicates=3)).shape == (3, 0)


def test_a_clip_named_twice_is_refused() -> None:
    with pytest.raises(ScoreError, match="named twice"):
        draw(["a", "a"], BootstrapParams())


def test_a_replicate_is_the_mean_over_seeds_of_the_same_draw() -> None:
    def figures(per_clip: list[float]) -> Mapping[str, Floats]:
        return {"auc": np.array([[2, 0], [1, 1]]) @ np.array(per_clip) / 2}

    seen = []

    def seed(per_clip: list[float], weights: Floats) -> Mapping[str, Floats]:
        seen.append(weights)
        return figures(per_clip)

    weights = np.array([[2.0, 0], [1, 1]])
    found = bootstrap([lambda w: seed([0.0, 1], w), lambda w: seed([1.0, np.nan], w)], weights)
    # Clip a twice: (0 + 1) / 2, if the second seed's clip b is not asked for; 0 × NaN is NaN, so both are undefined.
    assert np.isnan(found["auc"]).all()
    assert all(given is weights for given in seen)
    # (0 + 1) / 2 for clip a twice, (1/2 + 1) / 2 for both.
    assert bootstrap([lambda _: figures([0, 1]), lambda _: figures([1, 1])], weights)["auc"].tolist() == [0.5, 0.75]
    assert bootstrap([], weights) == {}


def test_a_ranking_gives_replicates() -> None:
    # Two clips, each with one abnormal and one normal frame; in a they are in order, in b reversed, all of b below a.
    # a twice: AUC 1, b twice: 0, both: pairs a-a 1, a-b 1, b-a 0, b-b 0: 0.5.
    ranking = Ranking(np.array([True, False, True, False]), np.array([4.0, 3, 1, 2]), np.array([0, 0, 1, 1]), 2)
    found = bootstrap([ranking.figures], np.array([[2.0, 0], [0, 2], [1, 1]]))
    assert found["auc"].tolist() == [1, 0, 0.5]


def test_interval_of_many_clips_is_that_of_percentiles() -> None:
    values = np.arange(1001) / 1000
    # 2.5 % and 97.5 % of 0 … 1; with 10⁶ clips Student's t is the normal.
    assert percentiles(values, 1_000_000, 0.95) == pytest.approx((0.025, 0.975), abs=1e-4)
    assert percentiles(np.append(values, np.nan), 1_000_000, 0.5) == pytest.approx((0.25, 0.75), abs=1e-4)


def test_few_clips_widen_the_interval() -> None:
    # 10 clips: √(10/9) × 2.2622 = 2.3845 deviations, below which 0.855 % of a normal distribution lie.
    assert percentiles(np.arange(1001) / 1000, 10, 0.95) == pytest.approx((0.00855, 0.99145), abs=1e-5)
    few, many = (percentiles(np.arange(1001) / 1000, clips, 0.9) for clips in (5, 50))
    assert few[0] < many[0] < many[1] < few[1]


def test_there_is_no_interval_of_few_clips() -> None:
    params, values = BootstrapParams(least_clips=5), np.linspace(0, 1, 100)
    assert interval(values, 4, params) is None
    assert why_none(values, 4, params) == "4 clips are too few for an interval, which takes 5"
    assert interval(values, 5, params) is not None
    assert why_none(values, 5, params) == ""


def test_there_is_no_interval_where_a_tenth_is_undefined() -> None:
    values = np.linspace(0, 1, 100)
    values[:11] = np.nan
    assert interval(values, 20, BootstrapParams()) is None
    assert why_none(values, 20, BootstrapParams()).startswith("the figure is defined in 89% of the replicates")
    values[0] = 0
    assert interval(values, 20, BootstrapParams()) is not None


def test_a_constant_figure_has_an_interval_of_no_width() -> None:
    assert interval(np.full(1000, 0.5), 20, BootstrapParams()) == (0.5, 0.5)


def test_intervals_hold_the_true_mean_as_often_as_they_say() -> None:
    generator = np.random.default_rng(0)
    ends = [interval(mean_of(generator.normal(size=12)), 12, BootstrapParams()) for _ in range(400)]
    held = np.mean([low <= 0 <= high for low, high in (found for found in ends if found is not None)])
    # 95 % ± three standard errors of 400 trials; plain percentiles hold it in 90 %.
    assert 0.917 < held < 0.983


def test_stored_replicates_come_back(tmp_path: Path) -> None:
    figures = {"smoothed/auc": np.array([0.5, np.nan, 0.25]), "raw/auc": np.array([0.1, 0.2, 0.3])}
    given = Replicates(figures, 12, "abc")
    write(tmp_path / "replicates.parquet", REPLICATES, given.rows())
    found = Replicates.of(read(tmp_path / "replicates.parquet", REPLICATES))
    assert (found.clips, found.draws) == (12, "abc")
    for name, values in figures.items():
        np.testing.assert_array_equal(found.figures[name], values)


def test_no_figures_are_stored_as_an_empty_table() -> None:
    assert len(Replicates({}, 0, "").rows()) == 0


@pytest.mark.parametrize(
    "wrong", [{"replicates": 0}, {"confidence": 1}, {"confidence": 0}, {"seed": -1}, {"least_clips": 1}, {"clips": 5}]
)
def test_params_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    problems, params = parse(wrong, "evaluate.bootstrap", BootstrapParams)
    assert params is None
    assert problems[0].startswith(f"evaluate.bootstrap.{next(iter(wrong))}")
