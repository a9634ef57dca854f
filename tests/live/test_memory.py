"""A camera has no end: what an engine holds does not grow with the hours."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pytest

from stages.live.alarms import Alarms
from stages.live.engine import Engine
from tests.live.people import SIZE, crowd, model

LAP = 90
"""Frames after which the walkers of tests.live.people begin anew, as somebody else."""


@pytest.mark.slow
def test_memory_stays_flat_while_people_come_and_go() -> None:
    engine = Engine(model(), fps=10.0, size=SIZE)
    alarms = Alarms(0.12, merge_seconds=2.0, least_seconds=0.5, fps=10.0)
    rng = np.random.default_rng(0)
    rang, held = 0, []
    tracemalloc.start()
    try:
        for number in range(50 * LAP):
            people = crowd(number, 10.0, rng, miss=0.02)
            if number % 1000 < 20:  # they shake, and it rings
                people.keypoints[..., :2] += rng.normal(0, 12, people.keypoints[..., :2].shape).astype(np.float32)
            if number % 2000 in range(500, 530):  # the camera is away
                continue
            rang += sum(len(alarms.see(judged)) for judged in engine.see(number, people))
            if number % LAP == LAP - 1 and number > 15 * LAP:
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0] / 1e6)
    finally:
        tracemalloc.stop()
    assert engine.windows > 6_000
    assert rang >= 4
    # Laps differ by who is missed and what rings. Numbers alone, kept of every frame, would be 0.3 MB more.
    assert np.median(held[-10:]) - np.median(held[:10]) < 0.1, held
