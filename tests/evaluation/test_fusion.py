"""Parts of a detector joined into one score, on sums that can be done by hand."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from stages.core.errors import ScoreError
from stages.evaluation.aggregate import person_scores
from stages.evaluation.fusion import PUBLISHED, Term, min_max, plan
from stages.evaluation.protocol import Rules
from tests.evaluation.windows import clips, row, table

ITAE = ("reconstruction", "static", "dynamic")
MGENET = ("motion", "appearance", "scene")


def parts(**scores: list[float]) -> pd.DataFrame:
    """A detector's parts: score i of each is for frame i of clip a, the last for frame 0 of clip b."""
    rows = [
        row(score, 0, frame=0, clip="b", part=part)
        if place == len(found) - 1
        else row(score, 0, frame=place, part=part)
        for part, found in scores.items()
        for place, score in enumerate(found)
    ]
    return table(*rows)


def fused(scores: pd.DataFrame, **rules: object) -> list[float]:
    """Scores of clip a's frames and then of clip b's."""
    people = person_scores(scores, clips(a=4, b=4), Rules.model_validate(rules))
    return [float(score) for score in people["score"]]


def terms(*items: tuple[str, float, str]) -> tuple[Term, ...]:
    return tuple(
        Term.model_validate({"parts": tuple(names.split("+")), "weight": weight, "normalize": scope})
        for names, weight, scope in items
    )


def test_itae_adds_the_likelihood_brought_to_0_to_1_within_each_clip() -> None:
    scores = parts(reconstruction=[1, 2, 3, 4], static=[0, 2, 4, 5], dynamic=[1, 3, 1, 5])
    # static + dynamic: 1, 5, 5 in clip a, so 0, 1, 1; one frame in clip b, so 0. Weight 0.7.
    assert fused(scores) == pytest.approx([1, 2.7, 3.7, 4])


def test_mgenet_adds_three_parts_brought_to_0_to_1_over_the_split() -> None:
    scores = parts(motion=[2, 4, 6, 10], appearance=[0, 5, 10, 0], scene=[3, 3, 5, 7])
    # motion 0, 1/4, 1/2, 1; appearance 0, 1/2, 1, 0; scene 0, 0, 1/2, 1.
    assert fused(scores) == pytest.approx([0, 0.25 + 0.05, 0.5 + 0.1 + 0.05, 1 + 0.1])


def test_a_sum_may_be_of_other_parts_and_weights() -> None:
    scores = parts(motion=[2, 4, 6, 10], appearance=[0, 5, 10, 0], scene=[3, 3, 5, 7])
    chosen = terms(("motion+scene", 2.0, "none"), ("appearance", 0.5, "none"))
    # 2 × (motion + scene) + appearance / 2.
    assert fused(scores, fusion=chosen) == [10, 16.5, 27, 34]


def test_each_part_alone_may_be_judged_whatever_the_fusion() -> None:
    scores = parts(reconstruction=[1, 2, 3, 4], static=[0, 2, 4, 5], dynamic=[1, 3, 1, 5])
    assert fused(scores, part="dynamic") == [1, 3, 1, 5]
    assert fused(scores, part="static", fusion=terms(("dynamic", 1.0, "none"))) == [0, 2, 4, 5]


def test_a_detector_with_one_part_takes_no_fusion() -> None:
    assert fused(parts(score=[1, 2, 3, 4]), fusion=terms(("motion", 1.0, "split"))) == [1, 2, 3, 4]


def test_parts_are_fused_where_they_landed() -> None:
    # One part scores windows, of frames 0 to 3 and 2 to 5; the other scores frames.
    windows = [row(1, 0, part="w"), row(3, 2, part="w")]
    frames = [row(10 * frame, 0, part="f", frame=frame) for frame in range(6)]
    people = person_scores(
        table(*windows, *frames), clips(a=6), Rules(fusion=terms(("w", 1.0, "none"), ("f", 1.0, "none")))
    )
    assert people["score"].tolist() == [1, 11, 22, 32, 43, 53]


def test_where_a_part_is_missing_there_is_no_fused_score_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scores = table(row(1, 0, part="w"), *[row(10, 0, part="f", frame=frame) for frame in range(6)])
    rules = Rules(fusion=terms(("w", 1.0, "none"), ("f", 1.0, "none")))
    with caplog.at_level(logging.INFO, "normotion"):
        people = person_scores(scores, clips(a=6), rules)
    assert people["frame"].tolist() == [0, 1, 2, 3]
    assert "2 scores of a person in a frame lack some of the fused parts" in caplog.text


def test_persons_are_fused_each_by_themselves() -> None:
    rows = [row(score, 0, track=track, part=part) for part, track, score in
            [("w", 0, 1), ("w", 1, 2), ("f", 0, 30), ("f", 1, 40)]]  # fmt: skip
    rules = Rules(fusion=terms(("w", 1.0, "none"), ("f", 1.0, "none")))
    people = person_scores(table(*rows), clips(a=4), rules)
    assert people.groupby("track")["score"].unique().map(list).tolist() == [[31], [42]]


def test_seeds_are_normalized_each_by_itself() -> None:
    rows = [
        row(score, 0, seed=seed, frame=frame, part=part)
        for part in ("w", "f")
        for seed, found in ((0, [0, 1]), (1, [0, 100]))
        for frame, score in enumerate(found)
    ]
    rules = Rules(fusion=terms(("w", 1.0, "split"), ("f", 1.0, "clip")))
    assert person_scores(table(*rows), clips(a=2), rules)["score"].tolist() == [0, 2, 0, 2]


def test_an_unknown_part_is_refused() -> None:
    scores = parts(motion=[1, 2], appearance=[3, 4])
    with pytest.raises(ScoreError, match=r"\['appearance', 'motion'\], asked was 'flow', 'scene'"):
        fused(scores, fusion=terms(("motion+scene", 1.0, "none"), ("flow", 1.0, "none")))
    with pytest.raises(ScoreError, match="asked was 'flow'"):
        fused(scores, part="flow")


def test_of_several_parts_that_no_paper_joins_one_must_be_named() -> None:
    with pytest.raises(ScoreError, match=r"\['a', 'b'\], and nothing says") as caught:
        fused(parts(a=[1, 2], b=[3, 4]))
    assert "evaluate.fusion" in caught.value.fix


def test_no_scores_at_all_ask_for_no_part() -> None:
    assert fused(table(), part="motion") == []
    assert fused(table(), fusion=terms(("motion", 1.0, "none"))) == []


def test_the_published_fusion_is_that_of_the_parts() -> None:
    assert plan(ITAE, None, None) == PUBLISHED["itae"]
    assert plan(MGENET, None, None) == PUBLISHED["mgenet"]
    assert plan(["score"], None, None) == (Term(parts=("score",)),)
    assert plan([], None, None) == ()


def test_terms_are_said_in_words() -> None:
    assert " + ".join(map(str, PUBLISHED["itae"])) == "reconstruction + 0.7 × minmax_clip(static + dynamic)"
    assert str(Term(parts=("a", "b"), weight=2)) == "2 × (a + b)"
    assert str(Term(parts=("a", "b"))) == "a + b"


@pytest.mark.parametrize("weight", [-1.0, float("inf"), float("nan")])
def test_a_weight_that_makes_no_sense_is_refused(weight: float) -> None:
    with pytest.raises(ValidationError):
        Term(parts=("a",), weight=weight)


def test_a_term_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError):
        Term(parts=())


def test_min_max_is_of_each_group_and_0_where_all_are_equal() -> None:
    values = np.array([1.0, 3.0, 2.0, 5.0, 5.0, 7.0])
    group = np.array([0, 0, 0, 2, 2, 1])
    assert min_max(values, group).tolist() == [0, 1, 0.5, 0, 0, 0]
    assert min_max(values, None).tolist() == values.tolist()
    assert min_max(values[:0], group[:0]).tolist() == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.floats(-1e6, 1e6)), min_size=1, max_size=20))
def test_min_max_keeps_the_order_and_the_limits(items: list[tuple[int, float]]) -> None:
    group, values = (np.array(column) for column in zip(*items, strict=True))
    found = min_max(values.astype(np.float64), group)
    assert found.min() >= 0
    assert found.max() <= 1
    for one in np.unique(group):
        order = np.argsort(values[group == one])
        assert (np.diff(found[group == one][order]) >= 0).all()


def test_a_fusion_by_name_is_for_detectors_of_its_parts() -> None:
    """Ped2's weight for ITAE; a detector of other parts takes its own paper's sum."""
    assert plan(ITAE, None, "itae_ped2")[1].weight == 0.3
    assert plan(ITAE, None, "itae_avenue")[1].weight == 0.1
    assert plan(MGENET, None, "itae_ped2") == PUBLISHED["mgenet"]
    assert plan(["score"], None, "itae_ped2") == (Term(parts=("score",)),)
    with pytest.raises(ScoreError, match="nothing says which is judged"):
        plan(["a", "b"], None, "itae_ped2")
