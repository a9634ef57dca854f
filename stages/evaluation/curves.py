"""Figures of ROC and precision-recall curves, many curves at a time.

Curves are given as `hits` and `alarms`, `(thresholds, B)`: abnormal and normal frames, each counted as often as its
weight says, that reach each threshold, from the highest threshold down. Both end above 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def area(hits: Floats, alarms: Floats) -> Floats:
    """Area under the ROC curve, which joins its points by straight lines."""
    twice = hits + np.concatenate([np.zeros((1, hits.shape[1])), hits[:-1]])
    return np.asarray(_sums(np.diff(alarms, axis=0, prepend=0.0), twice) / (2 * hits[-1] * alarms[-1]))


def average_precision(hits: Floats, alarms: Floats) -> Floats:
    """Precision at each threshold weighted by the recall it adds."""
    caught = hits + alarms
    precision = np.divide(hits, caught, out=np.zeros_like(hits), where=caught > 0)
    return np.asarray(_sums(np.diff(hits, axis=0, prepend=0.0), precision) / hits[-1])


def equal_error_rate(hits: Floats, alarms: Floats) -> Floats:
    """False positive rate where the curve, which never falls, crosses the falling diagonal, found by halving."""
    columns, positives, negatives = np.arange(hits.shape[1]), hits[-1], alarms[-1]

    def gap(row: Ints) -> Floats:
        """Normal × abnormal × (FPR + TPR − 1) at a threshold; −1 is above all scores."""
        place = np.maximum(row, 0), columns
        found = hits[place] * negatives + alarms[place] * positives
        return np.asarray(np.where(row < 0, 0, found) - positives * negatives)

    before, after = np.full(len(columns), -1), np.full(len(columns), len(hits) - 1)
    while (after - before > 1).any():
        middle = (before + after) // 2
        high = gap(middle) >= 0
        before, after = np.where(high, before, np.maximum(before, middle)), np.where(high, middle, after)
    share = gap(before) / (gap(before) - gap(after))
    first = np.where(before < 0, 0.0, alarms[np.maximum(before, 0), columns])
    return np.asarray((first + share * (alarms[after, columns] - first)) / negatives)


def _sums(one: Floats, other: Floats) -> Floats:
    """Sum of products over thresholds, `(B,)`."""
    return np.asarray(np.einsum("ij,ij->j", one, other))
