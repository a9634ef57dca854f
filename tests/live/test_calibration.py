"""Thresholds of one's own cameras: rates as people write them, stretches to draw from, files of another model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import ModelError, ParamsError
from stages.evaluation.calibrate import CalibrationParams
from stages.live.calibration import Calibration, blocks, per_hour, threshold_of
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


def test_long_footage_is_cut_into_stretches_that_keep_every_frame() -> None:
    frames, clips = footage(2, [1.0])
    cut, pieces = blocks(frames, clips)
    assert len(cut) == len(frames)
    assert len(pieces) == 20
    assert cut.groupby("clip")["frame"].apply(lambda each: (np.diff(each) == 1).all()).all()
    assert len(blocks(*footage(0.01, [1.0]))[1]) == 1


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
