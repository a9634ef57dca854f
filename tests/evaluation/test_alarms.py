"""Levels, stretches and the lowest threshold, by hand and against going through every threshold one by one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stages.evaluation.alarms import Floats, Rises, levels, lowest, rises, runs
from stages.evaluation.footage import Footage, footage
from tests.evaluation.footages import filmed, scored

FPS = 2.0
CLIPS = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=25), min_size=1, max_size=3)
SECONDS = st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5, 4.0])


def film(*clips: list[float]) -> Footage:
    lengths = [len(clip) for clip in clips]
    frame = np.concatenate([np.arange(length) for length in lengths])
    score = np.concatenate([np.array(clip, dtype=np.float64) for clip in clips])
    names = {str(place): "gate" for place in range(len(clips))}
    clip = np.repeat(np.arange(len(clips)), lengths)
    return Footage(filmed(names, fps=FPS), clip, frame, score, np.zeros_like(frame), np.zeros_like(score))


def plainly(flag: NDArray[np.bool_], merge: float, least: float) -> NDArray[np.bool_]:
    """One clip's frames of alarms at one threshold: gaps filled one after the other, then short stretches dropped."""
    over = np.flatnonzero(flag)
    alarm = flag.copy()
    for last, following in pairwise(over):
        alarm[last:following] |= (following - last - 1) / FPS < merge
    edges = np.flatnonzero(np.diff(np.concatenate([[0], alarm.astype(int), [0]])))
    for first, stop in zip(edges[::2], edges[1::2], strict=True):
        alarm[first:stop] = (stop - first) / FPS >= least
    return alarm


def level(found: Footage, merge: float = 0.0, least: float = 0.0) -> Floats:
    return levels(found.score, found, merge, least)


def test_levels_are_scores_where_nothing_is_merged_or_too_short() -> None:
    assert level(film([3, 1, 2], [5])).tolist() == [3, 1, 2, 5]


def test_a_gap_is_filled_up_to_the_lower_of_its_sides() -> None:
    # Two frames a second: the gap of one frame lasts half a second, that of two frames a whole one, which is no less.
    assert level(film([3, 0, 2, 0, 0, 2]), merge=1.0).tolist() == [3, 2, 2, 0, 0, 2]
    assert level(film([3, 0, 2, 0, 0, 2]), merge=1.1).tolist() == [3, 2, 2, 2, 2, 2]


def test_gaps_at_the_ends_and_between_clips_are_no_gaps() -> None:
    assert level(film([0, 3], [3, 0]), merge=60).tolist() == [0, 3, 3, 0]


def test_a_short_stretch_is_lowered_to_where_it_is_long_enough() -> None:
    # One second is two frames: the peak of one frame at 5 counts from 2 downwards, the clip of one frame never.
    assert level(film([0, 5, 2, 0], [9]), least=1.0).tolist() == [0, 2, 2, 0, -np.inf]


def test_gaps_are_filled_before_short_stretches_are_dropped() -> None:
    assert level(film([4, 0, 4, 0, 0]), merge=1.0, least=1.5).tolist() == [4, 4, 4, 0, 0]


def test_clips_of_other_rates_have_their_own_frames() -> None:
    clips = filmed({"a": "gate", "b": "gate"}).assign(fps=[1.0, 4.0])
    found = footage(scored({"a": [2, 0, 2], "b": [2, 0, 2]}), clips)
    assert levels(found.score, found, 1.0, 0.0).tolist() == [2, 0, 2, 2, 2, 2]


@given(CLIPS, SECONDS, SECONDS)
@settings(max_examples=100, deadline=None)
def test_levels_say_at_every_threshold_what_an_alarm_is(clips: list[list[float]], merge: float, least: float) -> None:
    found = film(*clips)
    heights = level(found, merge, least)
    for threshold in range(-1, 6):
        flags = [np.array(clip) > threshold for clip in clips]
        expected = np.concatenate([plainly(flag, merge, least) for flag in flags])
        assert (heights > threshold).tolist() == expected.tolist()


def test_runs_end_with_their_clip() -> None:
    flag, clip = np.array([True, True, False, True, True, False]), np.array([0, 0, 0, 0, 1, 1])
    first, stop = runs(flag, clip)
    assert (first.tolist(), stop.tolist()) == ([0, 3, 4], [2, 4, 5])


@pytest.mark.parametrize("flag", [[], [False], [False, False]])
def test_nothing_flagged_is_no_run(flag: list[bool]) -> None:
    first, stop = runs(np.array(flag, dtype=bool), np.zeros(len(flag), dtype=np.int64))
    assert (len(first), len(stop)) == (0, 0)


def test_rises_go_from_a_valley_to_a_peak() -> None:
    found = rises(np.array([1.0, 3, 3, 2, 4, 0, 7, 7]), np.array([0, 0, 0, 0, 0, 0, 1, 1]))
    assert found.clip.tolist() == [0, 0, 1]
    assert found.low.tolist() == [-np.inf, 2, -np.inf]
    assert found.high.tolist() == [3, 4, 7]
    assert found.of(np.array([False, True])).high.tolist() == [7]


def test_no_rise_where_no_alarm_may_be() -> None:
    assert len(rises(np.full(3, -np.inf), np.zeros(3, dtype=np.int64)).clip) == 0


@given(CLIPS, st.integers(0, 4))
@settings(max_examples=100, deadline=None)
def test_the_lowest_threshold_is_that_of_going_down_step_by_step(clips: list[list[float]], allowed: int) -> None:
    found = film(*clips)
    value, alarms, crossed = lowest(
        rises(found.score, found.clip), np.ones((1, len(clips))), np.array([float(allowed)])
    )
    counts = {threshold: len(runs(found.score > threshold, found.clip)[0]) for threshold in range(5, -2, -1)}
    assert alarms[0] == counts[int(value[0])] <= allowed
    too_many = [threshold for threshold, count in counts.items() if count > allowed]
    assert crossed[0] == bool(too_many)
    if too_many:
        assert value[0] == too_many[0] + 1


def test_clips_count_as_often_as_they_are_drawn() -> None:
    # Peaks 5 and 3 in clip a, 4 in clip b. Of a twice, the two alarms over 4 are already one too many.
    found = Rises(np.array([0, 0, 1]), np.array([-np.inf, 1, -np.inf]), np.array([5.0, 3, 4]))
    value, alarms, crossed = lowest(found, np.array([[1.0, 1], [2, 0], [0, 2]]), np.array([1.0, 1, 1]))
    assert value.tolist() == [4, 5, 4]
    assert alarms.tolist() == [1, 0, 0]
    assert crossed.tolist() == [True, True, True]


def test_an_alarm_that_never_ends_does_not_count_as_few() -> None:
    # Five peaks over 1 join at 1 into one alarm: below 1, one alarm is allowed again, and rings for ever.
    found = film([9, 1, 8, 1, 7, 1, 6, 1, 5])
    value, alarms, _ = lowest(rises(found.score, found.clip), np.ones((1, 1)), np.array([1.0]))
    assert (value[0], alarms[0]) == (8, 1)
    # Where ten may ring there are never too many: all five ring over 1, which is the most.
    value, alarms, crossed = lowest(rises(found.score, found.clip), np.ones((1, 1)), np.array([10.0]))
    assert (value[0], alarms[0], crossed[0]) == (1, 5, False)
