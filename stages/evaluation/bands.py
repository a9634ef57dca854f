"""Bands around ROC and precision-recall curves: where a curve lies when the clips are drawn anew.

The draws are those of the intervals (`uncertainty.draw`), so that a band and the interval of the area below its curve
rest on the same clips. Bands are pointwise, up and down at each place along the axis: vertical averaging of Fawcett,
"An introduction to ROC analysis", 2006, section 8.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.evaluation.curves import Floats
from stages.evaluation.uncertainty import BootstrapParams, draw, percentiles, why_none

PLACES = 101
"""Places along the axis at which a band is known: steps of 1 %."""
THRESHOLDS = 2000
"""Distinct scores that are gone through, evenly by rank where there are more: finer than is drawn."""
CURVES = ("roc", "pr")


@dataclass(frozen=True, eq=False)
class Band:
    """Where a curve lies.

    Args:
        along: `(PLACES,)` false positive rate or recall, 0 … 1.
        low: `(PLACES,)` lower end of true positive rate or precision.
        high: `(PLACES,)` upper end.
    """

    along: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Bands:
    """The bands of one detector.

    Args:
        curves: by name, `roc` and `pr`; empty where there are none.
        reason: why there are none; empty where there are.
    """

    curves: dict[str, Band] = field(default_factory=dict)
    reason: str = ""


def bands(frames: pd.DataFrame, params: BootstrapParams, kind: str = "smoothed") -> Bands:
    """Bands of one detector's curves, of the mean over its seeds.

    Args:
        frames: rows of FRAME_SCORES of the test split, all clips and seeds.
        params: how clips are drawn and how wide the bands are.
        kind: column of the scores.
    """
    clips = sorted(frames["clip"].astype(str).unique())
    weights = draw(clips, params)
    grid = np.linspace(0, 1, PLACES)
    seeds = [_replicates(rows, clips, kind, weights, grid) for _, rows in frames.groupby("seed", sort=True)]
    if not seeds:
        return Bands(reason="nothing was scored")
    drawn = {name: np.mean([found[name] for found in seeds], axis=0) for name in CURVES}
    if reason := why_none(drawn["roc"][:, 0], len(clips), params):
        return Bands(reason=reason)
    return Bands({name: _band(values, grid, len(clips), params.confidence) for name, values in drawn.items()})


def _band(values: Floats, grid: Floats, clips: int, confidence: float) -> Band:
    ends = np.array([percentiles(column, clips, confidence) for column in values.T])
    return Band(grid, ends[:, 0], ends[:, 1])


def _replicates(rows: pd.DataFrame, clips: list[str], kind: str, weights: Floats, grid: Floats) -> dict[str, Floats]:
    """Each draw's curves at the places of the grid, `(B, PLACES)` each; NaN where a draw holds one class alone."""
    hits, alarms = _reached(rows[rows["label"].notna()], clips, kind)
    found = {name: np.full((len(weights), len(grid)), np.nan) for name in CURVES}
    for place, weight in enumerate(weights):  # a draw at a time: all of them would take gigabytes of a large dataset
        caught, false = weight @ hits, weight @ alarms
        if not len(caught) or not caught[-1] or not false[-1]:
            continue
        recall = np.append(0.0, caught / caught[-1])
        every = caught + false
        precision = np.append(1.0, np.divide(caught, every, out=np.ones_like(caught), where=every > 0))
        found["roc"][place] = np.interp(grid, np.append(0.0, false / false[-1]), recall)
        found["pr"][place] = np.interp(grid, recall, precision)
    return found


def _reached(rows: pd.DataFrame, clips: list[str], kind: str) -> tuple[Floats, Floats]:
    """Abnormal and normal frames of each clip that reach each threshold, from the highest, `(clips, thresholds)`."""
    scores = rows[kind].to_numpy(dtype=np.float64)
    clip = pd.Index(clips).get_indexer(pd.Index(rows["clip"].astype(str)))
    abnormal = rows["label"].to_numpy(dtype=np.float64) == 1
    distinct = np.unique(scores)[::-1]
    if len(distinct) > THRESHOLDS:
        distinct = distinct[np.unique(np.linspace(0, len(distinct) - 1, THRESHOLDS).round().astype(int))]
    first = np.searchsorted(-distinct, -scores)  # the highest threshold that a frame reaches; the lowest one all reach
    cell, shape = clip * len(distinct) + first, (len(clips), len(distinct))
    hits, alarms = (np.bincount(cell[chosen], minlength=shape[0] * shape[1]) for chosen in (abnormal, ~abnormal))
    return _cumulated(hits.reshape(shape)), _cumulated(alarms.reshape(shape))


def _cumulated(counts: NDArray[np.int64]) -> Floats:
    return np.asarray(np.cumsum(counts, axis=1), dtype=np.float64)
