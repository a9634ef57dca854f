"""RBDC and TBDC on cases that can be drawn on paper, under weighted clips, and against reference curves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmarks.plain import regions as plain
from stages.core.errors import ScoreError
from stages.evaluation import regions as module
from stages.evaluation.regions import RegionParams, RegionRanking, rbdc_tbdc

BOX = ["x1", "y1", "x2", "y2"]
NEAR, FAR = [0.0, 0, 9, 9], [100.0, 0, 109, 9]
BOTH = [0.0, 0, 109, 9]
"""Covers NEAR and FAR and what lies between: 110 px wide, of which each is 10."""


def seen(*rows: tuple[str, int, list[float], float]) -> pd.DataFrame:
    """Detections: clip, frame, box, score."""
    return pd.DataFrame(
        [(clip, frame, *box, score) for clip, frame, box, score in rows], columns=["clip", "frame", *BOX, "score"]
    )


def labelled(*rows: tuple[str, int, int, list[float]]) -> pd.DataFrame:
    """Regions: clip, track, frame, box."""
    return pd.DataFrame(
        [(clip, track, frame, *box) for clip, track, frame, box in rows], columns=["clip", "track", "frame", *BOX]
    )


TWO = labelled(("a", 0, 0, NEAR), ("a", 0, 1, NEAR))
"""A track of two frames."""


def areas(detections: pd.DataFrame, regions: pd.DataFrame, frames: Any, **how: float) -> tuple[float, float]:
    found = rbdc_tbdc(detections, regions, frames, **how)
    assert found.rbdc is not None
    assert found.tbdc is not None
    return found.rbdc, found.tbdc


def test_all_found_before_any_false_alarm() -> None:
    detections = seen(("a", 0, NEAR, 3.0), ("a", 1, NEAR, 2.0), ("a", 0, FAR, 1.0))
    found = rbdc_tbdc(detections, TWO, 10)
    assert (found.rbdc, found.tbdc) == (1, 1)
    assert (found.regions, found.tracks, found.detections, found.covered, found.reason) == (2, 1, 3, 1, "")


def test_a_false_alarm_before_costs_its_share_of_the_frames() -> None:
    # Curve: one of two found, then a false alarm in 4 frames, then the other: 1/2 over 0 … 1/4, then 1, led on flat.
    detections = seen(("a", 0, NEAR, 3.0), ("b", 0, NEAR, 2.0), ("a", 1, NEAR, 1.0))
    found = rbdc_tbdc(detections, TWO, 4)
    assert found.rbdc == 1 / 2 / 4 + 3 / 4
    # With beta .1 one of two frames finds the track; with .6 both are needed.
    assert found.tbdc == 1
    assert rbdc_tbdc(detections, TWO, 4, beta=0.6).tbdc == 3 / 4
    expected = [[0, 0, 0], [0, 0.5, 1], [0.25, 0.5, 1], [0.25, 1, 1], [1, 1, 1]]
    assert found.curves[["fpr", "rbdr", "tbdr"]].to_numpy().tolist() == expected


def test_a_second_hit_is_neither_true_nor_false() -> None:
    once = seen(("a", 0, NEAR, 3.0), ("a", 0, FAR, 1.0))
    twice = seen(("a", 0, NEAR, 3.0), ("a", 0, NEAR, 2.0), ("a", 0, FAR, 1.0))
    assert areas(once, TWO, 4) == areas(twice, TWO, 4) == (1 / 2, 1)


def test_one_detection_may_find_several_regions() -> None:
    regions = labelled(("a", 0, 0, NEAR), ("a", 1, 0, FAR))
    # Overlap of BOTH with each is 100 of 1100 px², a little less than .1.
    assert areas(seen(("a", 0, BOTH, 1.0)), regions, 2) == (0, 0)
    assert areas(seen(("a", 0, BOTH, 1.0)), regions, 2, alpha=0.09) == (1, 1)


def test_edges_belong_to_boxes() -> None:
    # From 0 to 9 is 10 px; from 0 to 0 is one, so that a point has an area: 1 of 100.
    point = seen(("a", 0, [0, 0, 0, 0], 1.0))
    assert areas(point, TWO, 2, alpha=0.01) == (1 / 2, 1)
    assert areas(point, TWO, 2, alpha=0.011) == (0, 0)


def test_what_comes_after_one_false_alarm_per_frame_counts_for_nothing() -> None:
    # Two frames: the third false alarm passes the end; the hit after it lies beyond.
    alarms = [("a", 0, FAR, score) for score in (5.0, 4.0, 3.0)]
    late = rbdc_tbdc(seen(*alarms, ("a", 0, NEAR, 1.0)), TWO, 2)
    assert (late.rbdc, late.covered) == (0, 1 / 2)
    # The curve ends at exactly one false alarm per frame: nothing is led on.
    assert late.curves["fpr"].tolist() == [0, 0.5, 1]
    assert areas(seen(alarms[0], ("a", 0, NEAR, 4.5), *alarms[1:]), TWO, 2) == (1 / 4, 1 / 2)


def test_equal_scores_are_taken_by_clip_frame_and_row() -> None:
    tied = seen(("b", 0, NEAR, 1.0), ("a", 1, NEAR, 1.0), ("a", 0, FAR, 1.0), ("a", 0, NEAR, 1.0))
    # In reading order: a's frame 0 false, then hit, frame 1 hit, b's false: the first false alarm comes before all.
    assert areas(tied, TWO, 4)[0] == 3 / 4
    # The order of rows of different frames and clips does not matter.
    assert areas(tied.iloc[[2, 3, 1, 0]], TWO, 4) == areas(tied, TWO, 4)


def test_nothing_detected_and_nothing_labelled() -> None:
    none = rbdc_tbdc(seen(), TWO, 4)
    assert (none.rbdc, none.tbdc, none.covered) == (0, 0, 0)
    assert none.curves["fpr"].tolist() == [0, 1]
    for detections in (seen(), seen(("a", 0, NEAR, 1.0))):
        empty = rbdc_tbdc(detections, labelled(), 4)
        assert (empty.rbdc, empty.tbdc, empty.covered) == (None, None, None)
        assert empty.reason == "no abnormal region is labelled"
        assert empty.curves.empty


def test_detections_of_other_clips_are_false_alarms_unless_clips_are_named() -> None:
    detections = seen(("z", 0, NEAR, 2.0), ("a", 0, NEAR, 1.0))
    assert areas(detections, TWO, 4)[0] == 3 / 8
    with pytest.raises(ScoreError, match="1 boxes are in clips whose number of frames is not given") as caught:
        rbdc_tbdc(detections, TWO, {"a": 4})
    assert caught.value.where == "clip z, frame 0"


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ({"a": 1}, "1 boxes lie behind the end of their clip"),
        (1, "n_frames is 1, but boxes lie in 2 frames"),
        (0, "n_frames is 0"),
    ],
)
def test_frames_must_hold_all_boxes(frames: Any, message: str) -> None:
    with pytest.raises(ScoreError, match=message):
        rbdc_tbdc(seen(), TWO, frames)


def test_a_region_is_there_once() -> None:
    with pytest.raises(ScoreError, match="1 regions stand there twice") as caught:
        rbdc_tbdc(seen(), pd.concat([TWO, TWO.head(1)]), 4)
    assert caught.value.where == "clip a, track 0, frame 0"


@pytest.mark.parametrize("how", [{"alpha": 0.0}, {"alpha": 1.1}, {"beta": 0.0}, {"beta": float("nan")}])
def test_shares_must_be_above_nothing_and_at_most_all(how: dict[str, float]) -> None:
    with pytest.raises(ScoreError, match="alpha is|beta is"):
        rbdc_tbdc(seen(), TWO, 4, **how)
    with pytest.raises(ValidationError):
        RegionParams.model_validate(how)


@pytest.mark.parametrize(
    "frames", [None, [4, 4], 4.5, -4, float("nan"), float("inf"), {"a": 4, "b": -3}, {"a": 4, "b": None}, "many"]
)
def test_frames_are_whole_numbers(frames: Any) -> None:
    with pytest.raises(ScoreError, match="no whole number of frames"):
        rbdc_tbdc(seen(), TWO, frames)


def test_a_column_that_stands_twice_is_refused() -> None:
    with pytest.raises(ScoreError, match=r"\['score'\], or have them twice"):
        rbdc_tbdc(pd.concat([seen(), seen()[["score"]]], axis=1), TWO, 4)


def random_case(seed: int, clips: int = 4) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores are all different; boxes are on a small picture, so that many overlap."""
    random = np.random.default_rng(seed)
    truth, detections = [], []
    for clip in (f"c{number}" for number in range(clips)):
        for track in range(int(random.integers(0, 3))):
            start, end = sorted(random.integers(0, 20, 2).tolist())
            for frame in range(start, end + 1):
                truth.append((clip, track, frame, [*(corner := random.integers(0, 30, 2)), *(corner + 9)]))
        for _ in range(int(random.integers(0, 50))):
            corner = random.integers(0, 30, 2)
            detections.append((clip, int(random.integers(0, 20)), [*corner, *(corner + 9)], float(random.normal())))
    return seen(*detections), labelled(*truth)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_the_plain_form_gives_the_same(seed: int) -> None:
    detections, regions = random_case(seed)
    detections["score"] = detections["score"].round(1)  # many are equal
    if len(regions):
        assert areas(detections, regions, 80) == pytest.approx(plain.rbdc_tbdc(detections, regions, 80), abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_a_weight_is_the_clip_written_down_as_often(seed: int, weights: list[int]) -> None:
    detections, regions = random_case(seed)
    ranking = RegionRanking(detections, regions, {f"c{number}": 20 + number for number in range(4)})
    found = ranking.figures(np.array([weights], dtype=float))
    frames = {f"c{number}-{copy}": 20 + number for number in range(4) for copy in range(weights[number])}

    def written(table: pd.DataFrame) -> pd.DataFrame:
        copies = [table[table["clip"] == copy[:2]].assign(clip=copy) for copy in frames]
        return pd.concat([table.head(0), *copies], ignore_index=True)

    if frames:
        expected = rbdc_tbdc(written(detections), written(regions), frames)
        for name in ("rbdc", "tbdc"):
            value = getattr(expected, name)
            np.testing.assert_allclose(found[name], [np.nan if value is None else value], atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_a_growing_function_of_the_scores_changes_nothing(seed: int) -> None:
    detections, regions = random_case(seed)
    bent = detections.assign(score=np.exp(detections["score"].astype(float)) - 7)
    pd.testing.assert_frame_equal(rbdc_tbdc(detections, regions, 80).curves, rbdc_tbdc(bent, regions, 80).curves)


def test_figures_do_not_depend_on_how_many_are_weighed_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    detections, regions = random_case(3)
    ranking = RegionRanking(detections, regions, {f"c{number}": 20 for number in range(4)})
    weights = np.random.default_rng(0).multinomial(4, [0.25] * 4, size=30).astype(float)
    whole = ranking.figures(weights)
    monkeypatch.setattr(module, "CELLS", 64)
    for name, values in ranking.figures(weights).items():
        np.testing.assert_array_equal(values, whole[name])


def test_weights_need_the_frames_of_each_clip() -> None:
    with pytest.raises(ScoreError, match="clips cannot be weighted"):
        RegionRanking(seen(), TWO, 4).figures(np.ones((1, 1)))
    with pytest.raises(ScoreError, match="not one per clip"):
        RegionRanking(seen(), TWO, {"a": 4, "b": 4}).figures(np.ones((1, 1)))


@pytest.mark.oracle
@pytest.mark.parametrize("case", ["dense", "sparse"])
def test_reference_figures_and_curves(shared: Path, case: str) -> None:
    folder = shared / "oracles" / "rbdc"

    def table(kind: str, columns: list[str]) -> pd.DataFrame:
        files = sorted((folder / f"{case}_{kind}").glob("*.txt"))
        return pd.concat([pd.read_csv(file, names=columns).assign(clip=file.stem) for file in files])

    expected = json.loads((folder / "expected.json").read_text())[case]
    detections = table("anoms", ["frame", *BOX, "score"])
    found = rbdc_tbdc(detections, table("tracks", ["track", "frame", *BOX]), expected["num_frames"])
    assert found.rbdc == pytest.approx(expected["rbdc"], abs=1e-9)
    assert found.tbdc == pytest.approx(expected["tbdc"], abs=1e-9)
    with np.load(folder / f"{case}_curves.npz") as curves:
        for name in ("fpr", "rbdr", "tbdr"):
            np.testing.assert_allclose(found.curves[name], curves[name], atol=1e-9)
