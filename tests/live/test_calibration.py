"""Thresholds of one's own cameras: rates as people write and read them, what is promised, files of another model."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import ModelError, ParamsError
from stages.evaluation.calibrate import CalibrationParams
from stages.live.calibration import Calibration, CameraThreshold, keep, per_hour, rate, threshold_of
from stages.live.threshold import choose_threshold
from tests.live.people import model


@pytest.mark.parametrize(
    ("text", "rate"), [("1/day", 1 / 24), ("2/hour", 2), ("0.5/h", 0.5), (" 3 / Week ", 3 / 168), (".5/d", 0.5 / 24)]
)
def test_rates_as_people_write_them(text: str, rate: float) -> None:
    assert per_hour(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["", "1", "0/day", "-1/day", "1/year of light", "day", "1/day/camera"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ParamsError, match="no rate of false alarms"):
        per_hour(text)


@pytest.mark.parametrize(
    ("per_hour", "words"),
    [
        (1 / 24, "1 false alarm a day"), (2 / 24, "2 false alarms a day"), (1, "1 false alarm an hour"),
        (215.7, "216 false alarms an hour"), (2000, "2,000 false alarms an hour"), (3 / 168, "3 false alarms a week"),
        (1.5 / 730, "1.5 false alarms a month"), (0.25 / 730, "0.25 false alarms a month"),
    ],
)  # fmt: skip
def test_rates_as_people_read_them(per_hour: float, words: str) -> None:
    assert rate(per_hour) == words


def footage(hours: float, peaks: list[float], fps: float = 2.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One recording of quiet scores, with peaks of 1 s spread over it."""
    count = int(hours * 3600 * fps)
    scores = np.zeros(count)
    for place, peak in enumerate(peaks):
        at = int((place + 0.5) * count / len(peaks))
        scores[at : at + int(fps)] = peak
    frames = {"clip": "day.mp4", "frame": np.arange(count), "seed": 0, "smoothed": scores, "track": 1, "label": 0}
    return pd.DataFrame(frames), pd.DataFrame({"clip": ["day.mp4"], "fps": [fps]})


def test_the_threshold_lets_as_many_ring_as_was_asked_for() -> None:
    """Of ten peaks in ten hours, two an hour allow all; one every two hours allows four, so the fifth sets it."""
    frames, clips = footage(10, [float(peak) for peak in range(1, 11)])
    found = threshold_of(frames, clips, CalibrationParams(false_alarms_per_hour=0.5))
    assert (found.threshold, found.alarms) == (6.0, 4)
    assert found.hours == pytest.approx(10)
    assert found.at_most > 0.5
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.threshold <= found.high


def test_too_little_footage_says_so() -> None:
    frames, clips = footage(0.5, [1.0, 2.0])
    found = threshold_of(frames, clips, CalibrationParams(false_alarms_per_hour=1 / 24))
    assert found.threshold == 2.0
    assert found.low is None
    assert "too short for a target" in found.reason


def test_an_alarm_on_a_border_of_blocks_counts() -> None:
    """Two hours make blocks of 3600 frames; 0.8 s around a border would be 0.4 s in each, which is no alarm.

    One alarm may ring in two hours at one per hour: the second highest peak sets the threshold.
    """
    frames, clips = footage(2, [], fps=10)
    scores = np.zeros(len(frames))
    for begin, height in ((3 * 3600 - 4, 5.0), (1000, 3.0), (20000, 2.0)):
        scores[begin : begin + 8] = height
    found = threshold_of(frames.assign(smoothed=scores), clips, CalibrationParams(false_alarms_per_hour=1))
    assert (found.threshold, found.alarms) == (3.0, 1)


def test_what_was_not_recorded_does_not_count() -> None:
    """Of two hours, the middle one is missing."""
    frames, clips = footage(2, [1.0, 2.0])
    hour = 3600 * 2
    seen = frames[(frames["frame"] < hour // 2) | (frames["frame"] >= hour * 3 // 2)]
    found = threshold_of(seen, clips, CalibrationParams(false_alarms_per_hour=1))
    assert found.hours == pytest.approx(1)
    assert found.threshold == 2.0


def test_footage_that_is_not_called_normal_is_refused() -> None:
    frames, clips = footage(0.1, [1.0])
    with pytest.raises(ParamsError, match="no normal footage"):
        threshold_of(frames.assign(label=1), clips, CalibrationParams())


GATE = CameraThreshold(
    threshold=3.0, low=None, high=None, hours=80.0, alarms=2, at_most=1.89 / 24, reason="", target=1 / 24, count=1,
    ranks=(1,), scores=(1.0,),
)  # fmt: skip
SHORT = "0.014 h of normal footage are too short for a target of 0.0416667 per hour: the threshold is …"
NEVER = "normal footage never gives that many alarms: 2 ring in 80 h"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "1 false alarm a day asked for, 80 h of normal footage promise at most 1.89 false alarms a day (95 %)"),
        (
            {"hours": 0.0139, "at_most": 215.5, "reason": SHORT},
            (
                "1 false alarm a day asked for, for which 0.0139 h of normal footage are too short: they promise at "
                "most 216 false alarms an hour (95 %)"
            ),
        ),
        (
            {"target": 10.0, "reason": NEVER},
            (
                "10 false alarms an hour asked for, 80 h of normal footage promise at most 1.89 false alarms a day "
                "(95 %); normal footage never gives that many alarms"
            ),
        ),
        (
            {"target": None, "hours": 0.0139, "at_most": 215.5, "reason": SHORT},
            (
                "0.0139 h of normal footage promise at most 216 false alarms an hour (95 %); 0.014 h of normal "
                "footage are too short for a target of 0.0416667 per hour"
            ),
        ),
    ],
)
def test_what_is_promised_is_told(changes: dict[str, object], words: str) -> None:
    assert GATE.model_copy(update=changes).promise == words


def test_a_threshold_says_what_its_own_calibration_promised(tmp_path: Path) -> None:
    """The rate at which `hall` was calibrated says nothing of `gate`."""
    path = tmp_path / "calibration.json"
    keep(path, "gate", GATE, model(), CalibrationParams(false_alarms_per_hour=1 / 24))
    hall = GATE.model_copy(update={"target": 10.0})
    keep(path, "hall", hall, model(), CalibrationParams(false_alarms_per_hour=10))
    chosen = choose_threshold(model(), calibration=path, camera="gate")
    assert chosen.origin == f"calibrated for gate: {GATE.promise}"
    assert "10 false alarms an hour asked for" in choose_threshold(model(), calibration=path, camera="hall").origin


def test_a_file_without_targets_still_says_what_it_promises(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    keep(path, "gate", GATE, model(), CalibrationParams(false_alarms_per_hour=10))
    old = json.loads(path.read_text())
    del old["cameras"]["gate"]["target"]
    path.write_text(json.dumps(old))
    assert choose_threshold(model(), calibration=path).origin == (
        "calibrated for gate: 80 h of normal footage promise at most 1.89 false alarms a day (95 %)"
    )


@pytest.mark.parametrize("given", [float("nan"), float("inf"), float("-inf")])
def test_a_threshold_that_is_not_finite_is_refused(given: float) -> None:
    with pytest.raises(ParamsError, match="finite number"):
        choose_threshold(model(), given=given)


def test_cameras_are_put_into_a_file_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    other = threading.Thread(target=keep, args=(path, "hall", GATE, model(), CalibrationParams()))
    other.start()
    other.join(0.3)
    assert other.is_alive()
    assert not path.exists()
    os.close(held)
    other.join(10)
    assert set(Calibration.load(path, model()).cameras) == {"hall"}


def saved(path: Path) -> Calibration:
    frames, clips = footage(2, [1.0, 2.0])
    params = CalibrationParams()
    found = threshold_of(frames, clips, params)
    file = Calibration(detector="restless", model="digest", alarms=params, cameras={"gate": found})
    file.save(path)
    return file


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    wanted = saved(tmp_path / "calibration.json")
    found = Calibration.load(tmp_path / "calibration.json", model())
    assert found == wanted
    assert found.of(None, tmp_path)[0] == "gate"
    with pytest.raises(ParamsError, match=r"no camera 'door' was calibrated"):
        found.of("door", tmp_path)


def test_a_calibration_of_another_model_is_refused(tmp_path: Path) -> None:
    saved(tmp_path / "calibration.json")
    with pytest.raises(ModelError, match="of another model"):
        Calibration.load(tmp_path / "calibration.json", replace(model(), digest="other"))


@pytest.mark.parametrize("text", ["", "{}", "[1, 2]", '{"format": 2}'])
def test_what_is_no_calibration_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError, match="no calibration"):
        Calibration.load(path, model())
    with pytest.raises(ParamsError, match="no calibration"):
        Calibration.load(tmp_path / "absent.json", model())
