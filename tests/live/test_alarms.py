"""Alarms as they happen against those of a whole recording."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stages.evaluation.alarms import levels, runs
from stages.evaluation.conformal import Tail
from stages.evaluation.footage import footage
from stages.live.alarms import Alarms
from stages.live.judged import Event, Judged


def ring(scores: np.ndarray, alarms: Alarms, fps: float = 10.0) -> list[Event]:
    frames = [Judged(number, number / fps, (), score, score, 3) for number, score in enumerate(scores.tolist())]
    return [event for judged in frames for event in alarms.see(judged)] + alarms.finish()


@pytest.mark.parametrize("seed", range(20))
def test_alarms_are_those_of_the_recording(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.convolve(rng.normal(size=400), np.ones(4) / 4, mode="same")
    merge, least = rng.choice([0, 0.25, 0.5, 2]), rng.choice([0, 0.3, 0.5])
    table = pd.DataFrame({"clip": "a", "frame": range(400), "seed": 0, "smoothed": scores, "track": 3, "label": 0})
    found = footage(table, pd.DataFrame({"clip": ["a"], "camera": ["c"], "fps": [10.0]}))
    first, stop = runs(levels(found.score, found, merge, least) > 0.5, found.clip)
    events = ring(scores, Alarms(0.5, merge_seconds=merge, least_seconds=least, fps=10.0))
    assert [(event.start_frame, event.end_frame) for event in events] == list(zip(first, stop - 1, strict=True))
    for event in events:
        assert event.peak_score == scores[event.start_frame : event.end_frame + 1].max()


def test_what_an_event_tells() -> None:
    scores = np.array([0, 0, 2, 3, 2, 0, 0, 0, 0, 0.0])
    alarms = Alarms(1.0, merge_seconds=0.2, least_seconds=0.2, fps=10.0, tail=Tail.of(np.arange(4.0)))
    (event,) = ring(scores, alarms)
    assert (event.start_seconds, event.end_seconds) == pytest.approx((0.2, 0.5))
    assert (event.peak_frame, event.track) == (3, 3)
    assert event.p == pytest.approx(2 / 5)


def test_it_rings_when_long_enough() -> None:
    alarms = Alarms(1.0, merge_seconds=0.5, least_seconds=0.3, fps=10.0)
    told = []
    for number, score in enumerate([0, 2, 2, 2, 0, 0]):
        alarms.see(Judged(number, number / 10, (), score, score, None))
        told.append(alarms.ringing)
    assert told == [False, False, False, True, True, True]
    assert alarms.peak is not None
    assert alarms.peak.number == 1
