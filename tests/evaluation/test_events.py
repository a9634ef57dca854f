"""Alarms and what they are worth, on clips of a few frames at one frame a second."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from stages.evaluation.calibrate import Calibration, CalibrationParams, Camera, Threshold
from stages.evaluation.conformal import Tail
from stages.evaluation.events import COLUMNS, Events, find_events
from tests.evaluation.footages import filmed, scored

PLAIN = CalibrationParams(merge_seconds=0.0, least_seconds=0.0)


def ringing_over(value: float, params: CalibrationParams = PLAIN) -> Calibration:
    """Every camera rings over `value`; its normal clips reached 1, 2 and 3."""
    joined = Camera(Threshold(value, 1.0, 0, 3.0, None, ""), Tail.of([1, 2, 3]), Tail.of([1, 2, 3]))
    return Calibration(params, {}, joined)


def found(
    scores: Sequence[float],
    labels: Sequence[float | None] | None = None,
    params: CalibrationParams = PLAIN,
    fps: float = 1.0,
) -> Events:
    frames = scored({"a": scores}, None if labels is None else {"a": labels}, track=4)
    return find_events(frames, filmed({"a": "gate"}, fps=fps), ringing_over(1, params))


def test_an_event_is_told_whole() -> None:
    table = found([0, 2, 2.5, 1, 2.5], [0, 0, 1, 0, 0], fps=2.0).table
    assert tuple(table.columns) == COLUMNS
    first, second = table.to_dict("records")
    # Frames 1 and 2 at two a second ring from half a second to one and a half; of the clips only one reached 2.5.
    assert first == {
        "clip": "a",
        "camera": "gate",
        "start_frame": 1,
        "end_frame": 2,
        "start_seconds": 0.5,
        "end_seconds": 1.5,
        "peak_frame": 2,
        "peak_score": 2.5,
        "threshold": 1,
        "track": 4,
        "p": 0.5,
        "labelled": 1,
    }
    assert (second["start_frame"], second["end_frame"], second["labelled"]) == (4, 4, 0)


def test_a_score_at_the_threshold_rings_no_alarm() -> None:
    assert found([1, 1, 1]).table.empty
    assert len(found([1, 1.01, 1]).table) == 1


def test_the_first_of_equal_peaks_counts() -> None:
    assert found([2, 3, 3]).table["peak_frame"].tolist() == [1]


def test_gaps_join_within_a_clip_alone() -> None:
    params = CalibrationParams(merge_seconds=9.0, least_seconds=2.0)
    frames = scored({"a": [0, 2, 0, 2], "b": [2, 0, 0, 0]})
    table = find_events(frames, filmed({"a": "gate", "b": "gate"}), ringing_over(1, params)).table
    assert table[["clip", "start_frame", "end_frame"]].to_numpy().tolist() == [["a", 1, 3]]


def test_cameras_ring_over_their_own_thresholds() -> None:
    calibration = ringing_over(1)
    own = Camera(Threshold(5.0, 1.0, 0, 3.0, None, ""), Tail.of([]), Tail.of([9.0]))
    calibration = Calibration(PLAIN, {"yard": own}, calibration.joined)
    frames = scored({"a": [2, 0, 2], "b": [2, 0, 6]})
    table = find_events(frames, filmed({"a": "gate", "b": "yard"}), calibration).table
    assert table[["clip", "start_frame", "threshold"]].to_numpy().tolist() == [["a", 0, 1], ["a", 2, 1], ["b", 2, 5]]
    assert table["p"].tolist() == [0.75, 0.75, 1]


def test_figures_of_three_alarms_and_three_intervals() -> None:
    # Two alarms in the first interval, the second of them two frames long, one outside any, none in the other two.
    scores = [0, 2, 0, 2, 2, 0, 2, 0, 0, 0, 0.0]
    labels = [0, 1, 1, 1, 0, 0, 0, 0, 1, 0, 1]
    figures = found(scores, labels).json()
    assert (figures["events"], figures["true"], figures["labelled"], figures["found"]) == (3, 2, 3, 1)
    assert (figures["precision"], figures["recall"]) == (2 / 3, 1 / 3)
    assert figures["delay_seconds"] == 0
    # One false alarm in six normal seconds.
    assert figures["false_per_hour"] == pytest.approx(3600 / 6)
    assert figures["false"] == 1
    assert figures["normal_hours"] == pytest.approx(6 / 3600)


def test_delay_runs_to_the_first_alarm_in_the_interval() -> None:
    late = found([0, 0, 0, 2, 0], [0, 1, 1, 1, 0], fps=2.0)
    assert late.intervals[["start_frame", "end_frame", "delay_seconds"]].to_numpy().tolist() == [[1, 3, 1.0]]
    # One that rings already when the interval starts has found it at once.
    assert found([2, 2, 0, 2], [0, 1, 1, 1]).json()["delay_seconds"] == 0
    # One that starts as the interval ends has not found it.
    after = found([0, 0, 2], [0, 1, 0])
    assert np.isnan(after.intervals["delay_seconds"]).all()
    assert after.json()["recall"] == 0


def test_an_alarm_in_the_next_clip_finds_nothing() -> None:
    frames = scored({"a": [0, 0], "b": [2, 2]}, {"a": [0, 1], "b": [1, 0]})
    events = find_events(frames, filmed({"a": "gate", "b": "gate"}), ringing_over(1))
    assert events.intervals["clip"].tolist() == ["a", "b"]
    assert events.intervals["delay_seconds"].isna().tolist() == [True, False]


def test_an_alarm_over_two_intervals_finds_both() -> None:
    events = found([2, 2, 2, 2], [1, 0, 1, 0])
    assert (len(events.table), events.json()["found"]) == (1, 2)


def test_unknown_frames_neither_help_nor_harm() -> None:
    # The first alarm peaks where nobody knows, the second where all is normal, the third touches an interval.
    events = found([2, 3, 0, 2, 3, 0, 3, 2], [0, None, None, None, 0, 0, None, 1])
    assert events.table["labelled"].isna().tolist() == [True, False, False]
    figures = events.json()
    assert (figures["events"], figures["true"], figures["precision"]) == (3, 1, 0.5)
    assert figures["false_per_hour"] == pytest.approx(3600 / 3)


def test_without_labels_there_are_alarms_and_no_figures() -> None:
    figures = found([0, 2, 0], [None, None, None]).json()
    undefined = {"precision": None, "recall": None, "delay_seconds": None, "false_per_hour": None}
    assert figures == {**undefined, "events": 1, "true": 0, "false": 0, "labelled": 0, "found": 0, "normal_hours": 0}


def test_without_normal_footage_there_are_no_alarms_and_no_figures() -> None:
    frames = scored({"a": [0, 2]}, {"a": [0, 1]})
    events = find_events(frames, filmed({"a": "gate"}), Calibration(PLAIN, {}, None, "none"))
    assert events.table.empty
    assert tuple(events.table.columns) == COLUMNS
    undefined = {"precision": None, "recall": None, "delay_seconds": None, "false_per_hour": None}
    assert events.json() == {
        **undefined,
        "events": 0,
        "true": 0,
        "false": 0,
        "labelled": 1,
        "found": 0,
        "normal_hours": 1 / 3600,
    }


def test_no_frames_are_no_events() -> None:
    empty = find_events(scored({"a": [1]}).iloc[:0], filmed({"a": "gate"}), ringing_over(1))
    assert (len(empty.table), len(empty.intervals), empty.normal_hours) == (0, 0, 0)
    assert empty.json()["recall"] is None


def test_one_frame_can_be_an_event() -> None:
    events = found([2], [1])
    assert (len(events.table), events.json()["recall"]) == (1, 1)


def test_a_frame_with_nobody_has_no_track() -> None:
    frames = pd.concat([scored({"a": [2, 0]}, track=None), scored({"a": [2, 0]}, seed=1, track=None)])
    table = find_events(frames, filmed({"a": "gate"}), ringing_over(1)).table
    assert table["track"].isna().tolist() == [True]
    assert str(table["track"].dtype) == "Int32"
