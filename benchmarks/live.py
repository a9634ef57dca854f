"""What judging a camera costs beside finding the poses, and whether memory stays where it is over a day.

    python -m benchmarks.live [--hours 24] [--people 2] [--fps 10] [--pause 0]

Made-up people walk through a frame, each in a lane, and are found again at its beginning as somebody else; one person
and frame in fifty is missed, and once an hour the camera is away for a minute. They go straight into the engine with
the model that comes with the package, on one thread, as fast as it takes them, and on into alarms.

Prints the milliseconds that a frame takes after its poses are found (tracking, cutting, scoring, landing, smoothing,
ringing) and the same per window of a person, over frames in which windows were complete: the median, and what 95 % took
at most. And before that, for each 24th of the time, frames/s, resident memory and what the engine holds.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from stages.live.alarms import Alarms
from stages.live.engine import Engine
from stages.live.model import Model
from stages.pose.base import People

SIZE = (640, 480)
LAP = 9.0
"""Seconds in which somebody crosses the frame."""
MISSED = 0.02
AWAY = 60.0
"""Seconds for which the camera is away once an hour."""
PARTS = 24
TIMED = 20_000
"""Frames over which times are told."""
BODY = np.array(
    [(0, 4), (-1, 3), (1, 3), (-2, 4), (2, 4), (-5, 12), (5, 12), (-8, 20), (8, 20), (-9, 27), (9, 27), (-3, 28),
     (3, 28), (-4, 40), (4, 40), (-5, 52), (5, 52)],
    dtype=np.float32,
)  # fmt: skip
"""A standing person of COCO-17, px."""


def walkers(seconds: float, count: int, rng: np.random.Generator) -> People:
    """Who is found at a moment."""
    lanes = np.flatnonzero(rng.random(count) >= MISSED)
    joints = np.repeat(BODY[None] * 2, len(lanes), axis=0)
    phase = 2 * np.pi * (1.0 + 0.2 * lanes[:, None]) * seconds + np.arange(len(BODY))
    joints[..., 0] += 30 + 60 * ((seconds + 2.5 * lanes[:, None]) % LAP) + 4 * np.sin(phase)
    joints[..., 1] += 20 + 300 * lanes[:, None] / max(count, 2)
    joints += rng.normal(0, 0.4, joints.shape).astype(np.float32)
    low, high = joints.min(axis=1), joints.max(axis=1)
    seen = np.full((*joints.shape[:2], 1), 0.9, dtype=np.float32)
    boxes = np.concatenate([low, high - low], axis=1).astype(np.float32)
    return People(boxes, np.full(len(lanes), 0.9, dtype=np.float32), np.concatenate([joints, seen], axis=2))


def resident() -> float:
    """MB of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def told(milliseconds: NDArray[np.float64]) -> str:
    median, most = np.percentile(milliseconds, [50, 95])
    return f"{median:.2f} ms (95 %: {most:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--people", type=int, default=2)
    parser.add_argument("--fps", type=float, default=10.0)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds with nobody after each crossing of the frame")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    model = Model.shipped(device="cpu")
    engine = Engine(model, fps=chosen.fps, size=SIZE)
    alarms = Alarms(model.reference.threshold, merge_seconds=2.0, least_seconds=0.5, fps=chosen.fps)
    rng, frames = np.random.default_rng(0), int(chosen.hours * 3600 * chosen.fps)
    took = np.full((min(frames, TIMED), 3), np.nan)  # windows, and milliseconds by the clock and of the processor
    rang, told_until, begun, part = 0, 0, time.perf_counter(), max(1, frames // PARTS)
    for number in range(frames):
        seconds = number / chosen.fps
        if seconds % 3600 < AWAY and seconds > AWAY:
            continue
        there = seconds % (LAP + chosen.pause) < LAP
        people, windows = walkers(seconds, chosen.people if there else 0, rng), engine.windows
        start = np.array([time.perf_counter(), time.thread_time()])
        for judged in engine.see(number, people):
            rang += len(alarms.see(judged))
        if number < len(took):
            spent = np.array([time.perf_counter(), time.thread_time()]) - start
            took[number] = engine.windows - windows, *(spent * 1000)
        if number // part > told_until:
            told_until = number // part
            rate = part / (time.perf_counter() - begun)
            print(
                f"{seconds / 3600:5.1f} h: {rate:6.0f} frames/s, {resident():.1f} MB, {engine.windows} windows",
                flush=True,
            )
            begun = time.perf_counter()
    took = took[np.isfinite(took[:, 0])]
    windows_of, clock, processor = took[took[:, 0] > 0].T
    for name, each in (("by the clock", clock), ("of the processor", processor)):
        print(f"{name}: {told(each)} a frame, {told(each / windows_of)} a window of a person")
    print(f"{rang} alarms")


if __name__ == "__main__":
    main()
