"""From frame scores to what an operator sees: alarms with a start, an end and a person, and how many of them are right.

An alarm is true when it overlaps a labelled interval; several in one interval are each true and find it once. Labelled
intervals of a clip that overlap or touch are one. Delay runs from an interval's start to the first frame in it that
belongs to an alarm: one that already rings at the start has a delay of 0, and what `least_seconds` and smoothing cost a
live camera on top is not in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.evaluation.alarms import Bools, Floats, Ints, levels, runs
from stages.evaluation.calibrate import Calibration
from stages.evaluation.footage import Footage, footage
from stages.evaluation.landing import NOBODY

COLUMNS = (
    "clip", "camera", "start_frame", "end_frame", "start_seconds", "end_seconds", "peak_frame", "peak_score",
    "threshold", "track", "p", "labelled",
)  # fmt: skip
"""Of the table of events; frames are 0-based, `end_frame` is the last one, `end_seconds` is when that one ends."""


@dataclass(frozen=True, eq=False)
class Events:
    """What `find_events` found.

    Args:
        table: one row per alarm, by clip and start, with `COLUMNS`. `p`: share of normal clips of the camera, this one
            counted among them, whose highest score is as high as the peak. `labelled`: 1 true, 0 false; null where
            nobody knows: it overlaps no labelled interval, and the label at its peak is unknown.
        intervals: one row per labelled interval: clip, start_frame, end_frame, delay_seconds (NaN where not found).
        normal_hours: of the footage that is labelled normal.
        ready: whether there was a threshold for any clip; without one there are neither alarms nor figures.
    """

    table: pd.DataFrame
    intervals: pd.DataFrame
    normal_hours: float
    ready: bool

    def json(self) -> dict[str, float | int | None]:
        """Figures.

        Returns:
            precision: share of the alarms of known truth that are true; recall: share of the labelled intervals that
            are found; delay_seconds: median over those; false_per_hour: false alarms per hour of normal footage; None
            where there is nothing to divide by; normal_hours: what that rests on. Counts: events, true, false,
            labelled (intervals), found.
        """
        true, false = (int(self.table["labelled"].eq(value).sum()) for value in (1, 0))
        delays = self.intervals["delay_seconds"].dropna()
        return {
            "precision": _share(true, true + false),
            "recall": _share(len(delays), len(self.intervals)) if self.ready else None,
            "delay_seconds": float(delays.median()) if len(delays) else None,
            "events": len(self.table),
            "true": true,
            "false": false,
            "labelled": len(self.intervals),
            "found": len(delays),
            "false_per_hour": _share(false, self.normal_hours) if self.ready else None,
            "normal_hours": self.normal_hours,
        }


def find_events(frames: pd.DataFrame, clips: pd.DataFrame, calibration: Calibration) -> Events:
    """Ring the alarms of some footage and hold them against its labels.

    Args:
        frames: rows of FRAME_SCORES: clip, frame, seed, smoothed, track, label. Seeds are joined by their mean.
        clips: clip, camera, fps of at least its clips.
        calibration: thresholds per camera, and what an alarm is.

    Raises:
        ScoreError, DatasetError: as `footage`.
    """
    found, params = footage(frames, clips), calibration.params
    known = [calibration.of(str(camera)) for camera in found.camera]
    threshold = np.array([np.inf if camera is None else camera.threshold.value for camera in known], dtype=np.float64)
    ringing = levels(found.score, found, params.merge_seconds, params.least_seconds) > threshold[found.clip]
    first, stop = runs(ringing, found.clip)
    peak = _peaks(found.score, first, stop)
    table = _table(found, first, stop, peak)
    table["threshold"] = threshold[found.clip[peak]]
    table["p"] = _p(found, peak, calibration)
    table["labelled"] = _labelled(found, first, stop, peak)
    hours = float(found.hours(found.label == 0).sum())
    return Events(table[list(COLUMNS)], _intervals(found, ringing), hours, calibration.joined is not None)


def _peaks(score: Floats, first: Ints, stop: Ints) -> Ints:
    """The first of the highest frames of each stretch, `(events,)`."""
    length = stop - first
    event = np.repeat(np.arange(len(first)), length)
    place = np.arange(length.sum()) + np.repeat(first - np.cumsum(length) + length, length)
    order = np.lexsort((place, -score[place], event))
    return np.asarray(place[order][np.cumsum(length) - length])


def _table(found: Footage, first: Ints, stop: Ints, peak: Ints) -> pd.DataFrame:
    clip, last = found.clip[peak], stop - 1
    track = pd.Series(found.track[peak]).astype("Int32")
    return pd.DataFrame(
        {
            "clip": found.clips["clip"].to_numpy(dtype=object)[clip],
            "camera": found.camera[clip],
            "start_frame": found.frame[first],
            "end_frame": found.frame[last],
            "start_seconds": found.frame[first] / found.fps[clip],
            "end_seconds": (found.frame[last] + 1) / found.fps[clip],
            "peak_frame": found.frame[peak],
            "peak_score": found.score[peak],
            "track": track.mask(track == NOBODY),
        }
    )


def _p(found: Footage, peak: Ints, calibration: Calibration) -> Floats:
    result = np.full(len(peak), np.nan)
    camera = found.camera[found.clip[peak]]
    for name in sorted(set(camera)):
        known = calibration.of(str(name))
        if known is not None:
            result[camera == name] = known.clips.p(found.score[peak[camera == name]])
    return result


def _labelled(found: Footage, first: Ints, stop: Ints, peak: Ints) -> pd.Series[Any]:
    abnormal = np.append(0, np.cumsum(found.label == 1))
    true = abnormal[stop] > abnormal[first]
    return pd.Series(true.astype(np.int8)).astype("Int8").mask(~true & np.isnan(found.label[peak]))


def _intervals(found: Footage, ringing: Bools) -> pd.DataFrame:
    """Labelled intervals and when each was found."""
    start, stop = runs(found.label == 1, found.clip)
    alarms = np.append(np.flatnonzero(ringing), len(ringing))
    alarm = alarms[np.searchsorted(alarms, start)]  # the first frame of an alarm from the interval's start on
    clip = found.clip[start]
    return pd.DataFrame(
        {
            "clip": found.clips["clip"].to_numpy(dtype=object)[clip],
            "start_frame": found.frame[start],
            "end_frame": found.frame[stop - 1],
            "delay_seconds": np.where(alarm < stop, (alarm - start) / found.fps[clip], np.nan),
        }
    )


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
