"""Which of two detectors is better on the same clips, and which of a leaderboard's entries are no worse than its best.

Both are judged on the same drawn clips: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 16.
Several comparisons at once: Westfall and Young, "Resampling-Based Multiple Testing", 1993, section 2.5 (the largest of
all differences, each in its deviations).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import ScoreError
from stages.evaluation.uncertainty import LEAST_DEFINED, Replicates, percentiles

Floats = NDArray[np.float64]

SAME = 1e-12
"""Deviation of a difference that is rounding alone: entries that never differ, or always by as much."""


@dataclass(frozen=True)
class Comparison:
    """A figure of one detector less that of another, on the same drawn clips.

    Args:
        difference: mean over the replicates.
        low: lower end of its interval.
        high: upper end.
        p: two-sided p-value of no difference, in (0, 1].
    """

    difference: float
    low: float
    high: float
    p: float


def paired(a: Replicates, b: Replicates, figure: str, confidence: float = 0.95) -> Comparison | None:
    """Compare two detectors on the same test clips, `a` less `b`.

    Every replicate draws the same clips for both, so what is hard in a clip for both cancels. The p-value is twice
    the smaller share of replicates on either side of no difference, counted with one more, so that none is below
    `2 / (B + 1)`; then it is made larger as intervals are made wider, so that the two agree.

    Args:
        a: replicates of one detector.
        b: of the other.
        figure: which one, e.g. `smoothed/auc`.
        confidence: of the interval.

    Returns:
        None where fewer than nine tenths of the replicates are defined for both, or one has no such figure.

    Raises:
        ScoreError: the two were drawn from other clips, or otherwise.
    """
    _demand_alike(a, b)
    if figure not in a.figures or figure not in b.figures:
        return None
    difference = a.figures[figure] - b.figures[figure]
    known = difference[~np.isnan(difference)]
    if not len(known) or len(known) < LEAST_DEFINED * len(difference):
        return None
    sides = min(int((known <= 0).sum()), int((known >= 0).sum()))
    p = min(1.0, 2 * (1 + sides) / (1 + len(known)))
    return Comparison(float(known.mean()), *percentiles(known, a.clips, confidence), _for_few(p, a.clips))


def against_best(
    best: Replicates, others: Mapping[str, Replicates], figure: str, confidence: float = 0.95
) -> dict[str, Comparison | None]:
    """Compare a leaderboard's best entry with each other one, allowing for its being chosen by these very figures.

    Chance makes the best of equals look better than the rest. A p-value here is the share of replicates in which the
    largest difference of any two entries, less its mean and in its own deviations, reaches the one in question.

    Args:
        best: replicates of the entry that comes first.
        others: of the other entries, by name.
        figure: the one that the leaderboard is ordered by.
        confidence: of the intervals, which are those of `paired`.

    Returns:
        By name as in `others`, with corrected p-values; None as in `paired`.

    Raises:
        ScoreError: as `paired`.
    """
    compared = {name: paired(best, other, figure, confidence) for name, other in others.items()}
    known = {name: found for name, found in compared.items() if found is not None}
    if not known:
        return compared
    values = np.array([entry.figures[figure] for entry in (best, *(others[name] for name in known))])
    together = values[:, ~np.isnan(values).any(axis=0)]
    corrected = [max(known[name].p, _for_few(p, best.clips)) for name, p in zip(known, _largest(together), strict=True)]
    return compared | {name: replace(known[name], p=p) for name, p in zip(known, corrected, strict=True)}


def _demand_alike(a: Replicates, b: Replicates) -> None:
    if a.draws != b.draws:
        raise ScoreError(
            "the two detectors' replicates were not drawn alike: other test clips, seed or number of replicates",
            fix="evaluate both on the same clips with the same `bootstrap` parameters: `dvc repro`",
        )


def _largest(values: Floats) -> Floats:
    """P-values of the first entry of `(entries, B)` against each other one, `(entries - 1,)`; 1 where B is 0."""
    if not values.shape[1]:
        return np.ones(len(values) - 1)
    differences = values[:, None] - values  # (entries, entries, B)
    mean, deviation = differences.mean(axis=2), np.maximum(differences.std(axis=2), SAME)
    largest = np.abs((differences - mean[..., None]) / deviation[..., None]).max(axis=(0, 1))
    reached = (largest >= np.abs(mean / deviation)[0, 1:, None]).sum(axis=1)
    return np.asarray((1 + reached) / (1 + values.shape[1]))


def _for_few(p: float, clips: int) -> float:
    """The p-value at which the widened interval touches 0, from that of the plain one."""
    from scipy.special import ndtri, stdtr

    few = max(clips, 2)
    return float(2 * stdtr(few - 1, np.sqrt((few - 1) / few) * ndtri(p / 2)))
