"""Thresholds from normal footage by hand, what they promise, and footage that cannot carry a promise."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import ScoreError
from stages.core.params import parse
from stages.evaluation.calibrate import Calibration, CalibrationParams, Camera, calibrate
from stages.evaluation.uncertainty import BootstrapParams
from tests.evaluation.footages import filmed, scored

PLAIN = CalibrationParams(false_alarms_per_hour=1.0, merge_seconds=0.0, least_seconds=0.0)
HOUR = 3600


def hour(*peaks: float) -> list[float]:
    """An hour at a frame a second, at rest but for a second at each height, ten seconds apart."""
    scores = [0.0] * HOUR
    scores[10 : 10 * len(peaks) + 1 : 10] = peaks
    return scores


def calibrated(scores: dict[str, list[float]], target: float = 1.0, **params: float) -> Calibration:
    asked = PLAIN.model_copy(update={"false_alarms_per_hour": target, **params})
    return calibrate(scored(scores), filmed(dict.fromkeys(scores, "gate")), asked, BootstrapParams())


def camera(found: Calibration, name: str = "gate") -> Camera:
    known = found.of(name)
    assert known is not None
    return known


def test_the_next_alarm_sets_the_threshold() -> None:
    # Three an hour are allowed in one hour: the third highest peak sets the threshold, two ring over it.
    found = camera(calibrated({"a": hour(5, 9, 7, 6, 8)}, target=3)).threshold
    assert (found.value, found.alarms, found.hours, found.reason) == (7, 2, 1, "")
    # 6.296 is the 95 % bound of a rate of which two were counted.
    assert found.at_most == pytest.approx(6.2958, abs=1e-4)


def test_one_expected_alarm_allows_none() -> None:
    found = camera(calibrated({"a": hour(5, 9, 7)}, target=1)).threshold
    assert (found.value, found.alarms, found.reason) == (9, 0, "")


def test_too_short_footage_is_said_and_bounded_by_the_rule_of_three() -> None:
    found = camera(calibrated({"a": hour(5, 9, 7)}, target=0.5)).threshold
    assert (found.value, found.alarms, found.interval) == (9, 0, None)
    assert found.at_most == pytest.approx(3, abs=0.005)
    assert found.reason == (
        "1 h of normal footage are too short for a target of 0.5 per hour: "
        "the threshold is the lowest without a false alarm, which promises at most 3 per hour"
    )


def test_events_close_together_are_one_and_short_ones_none() -> None:
    # Peaks ten seconds apart: nine seconds of rest between them.
    assert camera(calibrated({"a": hour(9, 8, 7, 6)}, target=2, merge_seconds=9)).threshold.value == 8
    # Merged, they are a single alarm down to 6, so there are never two.
    merged = camera(calibrated({"a": hour(9, 8, 7, 6)}, target=2, merge_seconds=9.5)).threshold
    assert merged.reason.startswith("normal footage never gives that many alarms")
    # An alarm of a second is none where two seconds are asked for: only rest is left.
    assert camera(calibrated({"a": hour(9, 8, 7)}, target=1, least_seconds=2)).threshold.value == 0


def test_each_camera_has_its_own_threshold_and_one_without_footage_that_of_all() -> None:
    clips = filmed({"a": "gate", "b": "yard"})
    found = calibrate(scored({"a": hour(5), "b": hour(9)}), clips, PLAIN, BootstrapParams())
    assert [camera(found, name).threshold.value for name in ("gate", "yard")] == [5, 9]
    # Joined: two hours, two alarms an hour and camera expected, so the second highest sets it.
    assert camera(found, "hall").threshold.value == 5
    plain = found.summary(["hall", "gate"])
    assert list(plain["cameras"]) == ["gate", "hall"]
    assert [row["pooled"] for row in plain["cameras"].values()] == [False, True]
    assert plain["cameras"]["gate"]["threshold"] == 5
    assert (plain["target"], plain["reason"]) == (1, "")


def test_frames_not_labelled_normal_are_left_out(said: pytest.LogCaptureFixture) -> None:
    frames = scored({"a": hour(5, 9), "b": hour(99)}, {"b": [None] * HOUR})
    frames.loc[20, "label"] = 1  # the peak of 9
    found = calibrate(frames, filmed({"a": "gate", "b": "gate"}), PLAIN, BootstrapParams())
    assert camera(found).threshold.value == 5
    assert camera(found).threshold.hours == pytest.approx((HOUR - 1) / HOUR)
    assert camera(found).clips.count == 1
    assert said.record_tuples == [
        ("normotion", logging.INFO, "3601 of 7200 frames to calibrate on are not labelled normal: left out")
    ]


@pytest.mark.parametrize("labels", [[None, None], [1, 1]])
def test_without_normal_footage_there_is_a_reason(labels: list[float | None]) -> None:
    clips = filmed({"a": "gate"})
    for frames in (scored({"a": [1, 2]}, {"a": labels}), scored({"a": [1]}).iloc[:0]):
        found = calibrate(frames, clips, PLAIN, BootstrapParams())
        assert (found.of("gate"), found.cameras) == (None, {})
        assert found.summary(["gate"]) == {
            "target": 1.0,
            "reason": "there is no normal footage to calibrate on",
            "cameras": {},
        }


def test_equal_scores_ring_no_alarm() -> None:
    found = camera(calibrated({"a": [2.0] * HOUR}, target=1)).threshold
    assert (found.value, found.alarms, found.reason) == (2, 0, "")


def test_clips_shorter_than_an_alarm_still_give_a_threshold() -> None:
    found = camera(calibrated({"a": [1.0], "b": [3.0]}, target=9000, least_seconds=60)).threshold
    # Two frames are two seconds, in which five alarms are expected, but only two can ring.
    assert (found.value, found.alarms) == (1, 1)
    assert found.reason.startswith("normal footage never gives that many alarms: 1 ring in 0.00056 h")


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ScoreError, match="NaN or infinite"):
        calibrated({"a": [1.0, np.nan]})


def test_the_interval_comes_from_drawing_clips_anew() -> None:
    generator = np.random.default_rng(0)
    clips = {f"{place:02d}": hour(*generator.exponential(size=5)) for place in range(30)}
    few, many = (camera(calibrated(dict(list(clips.items())[:count]), target=2)).threshold for count in (5, 30))
    assert few.interval is None
    assert many.interval is not None
    assert many.interval[0] < many.value < many.interval[1]


def test_a_threshold_keeps_its_promise_on_new_footage() -> None:
    """False alarms of new footage are as many as asked for on average, and rarely more than the bound."""
    generator, rates, kept = np.random.default_rng(0), [], []
    asked, clips = PLAIN.model_copy(update={"false_alarms_per_hour": 4.0}), filmed({"a": "gate"}, fps=80 / HOUR)
    for _ in range(100):
        footage = np.zeros(80)  # an hour of 80 frames
        footage[::2] = generator.exponential(size=40)
        found = camera(calibrate(scored({"a": footage.tolist()}), clips, asked, BootstrapParams())).threshold
        # The true rate of forty independent peaks an hour is known: 40 × P(exponential > value).
        rates.append(40 * np.exp(-found.value))
        kept.append(rates[-1] <= found.at_most)
    assert np.mean(rates) == pytest.approx(4, abs=0.6)
    assert 0.88 < np.mean(kept) < 1


def test_a_threshold_of_many_clips_has_an_interval() -> None:
    clips = {f"{place:02d}": hour(*range(place + 1)) for place in range(12)}
    found = camera(calibrated(clips, target=3)).threshold
    assert found.interval is not None
    assert found.interval[0] <= found.value <= found.interval[1]


def test_a_bound_of_a_few_seconds_is_told_without_an_exponent() -> None:
    # Eight seconds without an alarm: ln 20 in 8 / 3600 hours.
    reason = camera(calibrated({"a": [1.0] * 8}, target=1)).threshold.reason
    assert reason.endswith("promises at most 1,348 per hour")


def test_p_values_come_with_it() -> None:
    found = camera(calibrated({"a": hour(5), "b": hour(9)}))
    # Of the two clips one reaches 7; of the 7200 frames one does.
    assert found.clips.p([7]).tolist() == [2 / 3]
    assert found.frames.p([7]).tolist() == [2 / 7201]


def test_seeds_are_joined_before_counting() -> None:
    frames = pd.concat([scored({"a": hour(5, 9)}), scored({"a": hour(7, 1)}, seed=1)])
    found = calibrate(frames, filmed({"a": "gate"}), PLAIN, BootstrapParams())
    assert camera(found).threshold.value == 6  # means 6 and 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"false_alarms_per_hour": 0},
        {"false_alarms_per_hour": -1},
        {"merge_seconds": -1},
        {"least_seconds": -0.1},
        {"false_alarms": 1},
    ],
)
def test_params_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    problems, params = parse(wrong, "evaluate.calibration", CalibrationParams)
    assert params is None
    assert problems[0].startswith(f"evaluate.calibration.{next(iter(wrong))}")
