"""Footage cut at holes and into blocks, and intervals from drawing blocks anew, on cases by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import ScoreError
from stages.evaluation.alarms import levels, lowest, rises
from stages.evaluation.calibrate import CalibrationParams
from stages.evaluation.footage import footage
from stages.live.calibration import threshold_of
from stages.live.stretches import Stretches, ends, peaks, stretches


def recording(scores: list[float] | np.ndarray, clip: str = "a.mp4") -> pd.DataFrame:
    count = len(scores)
    return pd.DataFrame(
        {"clip": clip, "frame": np.arange(count), "seed": 0, "smoothed": scores, "track": 1, "label": 0}
    )


def rates(**fps: float) -> pd.DataFrame:
    return pd.DataFrame({"clip": [f"{name}.mp4" for name in fps], "fps": list(fps.values())})


def cut_at(*frames: int) -> Stretches:
    rows = recording([0.0] * 400)
    return stretches(rows[~rows["frame"].isin(frames)], rates(a=1.0))


def test_recordings_are_cut_where_frames_are_missing() -> None:
    found = cut_at(100, 101, 300)
    assert found.frames.groupby("clip")["frame"].agg(["min", "max"]).to_numpy().tolist() == [
        [0, 99], [102, 299], [301, 399]
    ]  # fmt: skip
    assert found.clips["clip"].tolist() == ["00000000 a.mp4", "00000001 a.mp4", "00000002 a.mp4"]
    assert found.clips["fps"].tolist() == [1.0] * 3


def test_blocks_are_of_equal_footage_and_reach_over_holes() -> None:
    """A minute at least; the 40 s that are left at the end are a block of their own."""
    assert np.bincount(cut_at().block).tolist() == [60] * 6 + [40]
    assert np.bincount(cut_at(*range(30, 330)).block).tolist() == [60, 40]


def test_each_recording_has_blocks_of_its_own() -> None:
    rows = pd.concat([recording([0.0] * 90), recording([0.0] * 40, "b.mp4")])
    found = stretches(rows, rates(a=1.0, b=0.5))  # 40 frames at one in two seconds are 80 s
    assert np.bincount(found.block).tolist() == [60, 30, 30, 10]
    assert found.clips["fps"].tolist() == [1.0, 0.5]


def test_long_footage_makes_twenty_blocks() -> None:
    assert np.bincount(stretches(recording([0.0] * 7200), rates(a=1.0)).block).tolist() == [360] * 20


def test_a_frame_that_comes_twice_is_no_new_stretch() -> None:
    rows = recording([0.0] * 10)
    found = stretches(pd.concat([rows, rows]), rates(a=1.0))
    with pytest.raises(ScoreError, match="each once"):
        footage(found.frames, found.clips)


def test_where_alarms_peak() -> None:
    level = np.array([0.0, 2, 2, 1, 3, 0, 5, 5, 4.0])
    clip = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])
    assert peaks(level, clip).tolist() == [1, 4, 6]
    assert level[peaks(level, clip)].tolist() == rises(level, clip).high.tolist() == [2, 3, 5]


def test_every_block_once_gives_the_threshold_itself() -> None:
    """Alarms of a walk at random, many of which lie over borders of blocks and some at holes."""
    params = CalibrationParams(false_alarms_per_hour=6)
    for seed in range(5):
        walk = np.random.default_rng(seed).normal(size=14400)
        rows = recording(np.convolve(walk, np.ones(8), "same"))
        cut = stretches(rows[(rows["frame"] // 1000) % 4 != 2], rates(a=2.0))
        found = footage(cut.frames, cut.clips)
        level = levels(found.score, found, params.merge_seconds, params.least_seconds)
        alarms = rises(level, found.clip)._replace(clip=cut.block[peaks(level, found.clip)])
        hours = len(cut.frames) / 2 / 3600
        value, count, _ = lowest(alarms, np.ones((1, cut.block.max() + 1)), np.array([np.floor(6 * hours) - 1]))
        whole = threshold_of(cut.frames.assign(clip="a.mp4"), rates(a=2.0), params)
        assert (value[0], count[0]) == (whole.threshold, whole.alarms)
        assert whole.low is not None
        assert whole.high is not None
        assert whole.low < whole.threshold < whole.high


def test_where_borders_fall_does_not_move_the_interval() -> None:
    """Peaks of 0.8 s, one to a block: in its middle, or half in the next block, which makes the same draws."""
    found = []
    for begin in (1800, 3596):
        scores = np.zeros(72000)
        for block in range(19):
            scores[block * 3600 + begin :][:8] = 1 + block
        found.append(ends(stretches(recording(scores), rates(a=10.0)), CalibrationParams(false_alarms_per_hour=2)))
    assert found[0] is not None
    assert found[0] == found[1]


@pytest.mark.parametrize(("count", "target"), [(7200, 0.4), (500, 100.0)])
def test_too_little_footage_has_no_interval(count: int, target: float) -> None:
    """Two hours at 0.4 an hour expect less than one alarm; 500 s make nine blocks."""
    scores = np.tile([0.0] * 45 + [1.0] * 5, count // 50)
    cut = stretches(recording(scores), rates(a=1.0))
    assert ends(cut, CalibrationParams(false_alarms_per_hour=target)) is None


def test_clips_shorter_than_an_alarm_have_no_interval() -> None:
    rows = pd.concat([recording([1.0], f"{name}.mp4") for name in "abcdefghijkl"])
    cut = stretches(rows, rates(**dict.fromkeys("abcdefghijkl", 10.0)))
    assert ends(cut, CalibrationParams(false_alarms_per_hour=1e5)) is None
