"""Whether the poses of new footage are like those learned from: a camera was moved, a lens is dirty, it is winter.

Each figure's two distributions are compared by the two-sample Kolmogorov-Smirnov test (Massey, "The Kolmogorov-Smirnov
Test for Goodness of Fit", 1951), p-values corrected by Holm's method ("A Simple Sequentially Rejective Multiple Test
Procedure", 1979).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from stages.core.schemas import Rows

Floats = NDArray[np.float64]

SLICE = 5.0
"""Seconds of footage whose share of frames with people is one value of `coverage`."""
LEAST = 8
"""Values that each side needs; with fewer the test says nothing."""


@dataclass(frozen=True)
class Sample:
    """What is compared, of one or more clips.

    Args:
        confidence: `(tracks,)` mean confidence of a track's joints.
        speed: `(tracks,)` median speed of its box's centre, body heights per second.
        height: `(tracks,)` median height of its box, share of the frame's.
        coverage: `(slices,)` share of frames with a tracked person, in each `SLICE` seconds.
    """

    confidence: Floats
    speed: Floats
    height: Floats
    coverage: Floats


@dataclass(frozen=True)
class Shift:
    """How far one figure's distributions lie apart.

    Args:
        statistic: the largest distance between the two distribution functions, in [0, 1].
        p: Holm's, of no difference.
        before: median of what was learned from.
        now: of what is new.
    """

    statistic: float
    p: float
    before: float
    now: float


def sample(clip: pd.Series[Any], tracks: Iterable[Rows]) -> Sample:
    """Of one clip.

    Args:
        clip: its row of clips.csv: fps, height and frames are used.
        tracks: its TRACKS, row group by row group.
    """
    fps, height, frames = (float(clip[name]) for name in ("fps", "height", "frames"))
    table = pd.concat([_people(rows) for rows in tracks] or [_NOBODY], ignore_index=True)
    table = table.sort_values(["track", "frame"], ignore_index=True)
    step = table.groupby("track")[["cx", "cy", "frame"]].diff()
    with np.errstate(divide="ignore", invalid="ignore"):
        table["speed"] = np.hypot(step["cx"], step["cy"]) / table["h"] * fps / step["frame"]
    by_track = table.groupby("track")
    seen = np.zeros(int(frames), dtype=bool)
    seen[table["frame"].to_numpy(dtype=int)] = True
    size = max(1, round(SLICE * fps))
    slices = [seen[start : start + size].mean() for start in range(0, len(seen), size)]
    speed = by_track["speed"].median().to_numpy(dtype=float)
    return Sample(
        by_track["confidence"].mean().to_numpy(dtype=float),
        speed[np.isfinite(speed)],
        by_track["h"].median().to_numpy(dtype=float) / height,
        np.asarray(slices, dtype=float),
    )


def join(samples: Iterable[Sample]) -> Sample:
    """Of several clips together."""
    found = list(samples)
    names = ("confidence", "speed", "height", "coverage")
    return Sample(*(np.concatenate([getattr(part, name) for part in found] or [np.zeros(0)]) for name in names))


def compare(before: Sample, now: Sample) -> dict[str, Shift]:
    """Compare each figure that both sides have values enough for; its name, then how far they lie apart."""
    found: dict[str, Shift] = {}
    for name in ("confidence", "speed", "height", "coverage"):
        a, b = getattr(before, name), getattr(now, name)
        if min(len(a), len(b)) >= LEAST:
            test = stats.ks_2samp(a, b)
            found[name] = Shift(float(test.statistic), float(test.pvalue), float(np.median(a)), float(np.median(b)))
    return _corrected(found)


def _corrected(shifts: Mapping[str, Shift]) -> dict[str, Shift]:
    """Holm's p-values: the smallest times their number, the next times one less, never falling."""
    found: dict[str, Shift] = {}
    least = 0.0
    for rank, name in enumerate(sorted(shifts, key=lambda name: shifts[name].p)):
        least = min(1.0, max(least, shifts[name].p * (len(shifts) - rank)))
        shift = shifts[name]
        found[name] = Shift(shift.statistic, least, shift.before, shift.now)
    return {name: found[name] for name in shifts}


_NOBODY = pd.DataFrame({name: np.zeros(0) for name in ("track", "frame", "cx", "cy", "h", "confidence")})


def _people(rows: Rows) -> pd.DataFrame:
    table = rows.frame
    confidence = rows.arrays[..., -1].mean(axis=1)
    return pd.DataFrame(
        {
            "track": table["track"], "frame": table["frame"], "cx": table["x"] + table["w"] / 2,
            "cy": table["y"] + table["h"] / 2, "h": table["h"], "confidence": confidence,
        }
    )  # fmt: skip
