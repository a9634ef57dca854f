"""Frame-level figures of one ranking under many weightings of its clips at once.

Scores are sorted once. Repeating or leaving out whole clips, as a bootstrap over clips does, then only changes what
each clip counts: every figure takes `weights`, `(B, clips)`, and gives `(B,)`; a weight of 2 is the clip written down
twice, 0 the clip left out. Figures are NaN where the weighted frames are of one class.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import ScoreError
from stages.evaluation import curves
from stages.evaluation.curves import Floats, Ints

Bools = NDArray[np.bool_]

FIGURES = ("auc", "ap", "eer", "decidability", "macro", "macro_sentinel")

CELLS = 2**18
"""Thresholds × weightings held at a time: 2 MB per array, which stays in a processor's cache."""

MANY_CLIPS = 512
"""More are not compared two by two: that takes clips² × thresholds steps."""

ROUNDING = 1e-12
"""Deviation, as a share of the range of all scores, up to which scores count as equal."""


class Runs(NamedTuple):
    """Frames of one clip with equal scores, taken together; each `(runs,)`."""

    clip: Ints
    score: Floats
    abnormal: Floats
    normal: Floats

    def take(self, order: Ints) -> Runs:
        """The same in another order."""
        return Runs(self.clip[order], self.score[order], self.abnormal[order], self.normal[order])


class Ranking:
    """Frames in the order of their scores, ready to be weighted clip by clip.

    Args:
        truth: `(N,)`, whether the frame is abnormal.
        scores: `(N,)`, finite, higher = more abnormal.
        clip: `(N,)`, the clip each frame belongs to, 0 … clips − 1.
        clips: how many clips there are; some may have no frame here.

    Attributes:
        abnormal: `(clips,)`, abnormal frames of each clip.
        normal: `(clips,)`, normal frames of each clip.
        clip_auc: `(clips,)`, AUC of each clip alone; NaN where it is of one class or empty.
    """

    def __init__(self, truth: Bools, scores: Floats, clip: Ints, clips: int) -> None:
        self.clips = clips
        runs = _runs(truth, scores, clip)
        descending = np.argsort(-runs.score, kind="stable")
        self._ranked = runs.take(descending)
        self._last = np.flatnonzero(_ends(self._ranked.score))
        self.abnormal, self.normal = (_per_clip(runs.clip, counts, clips) for counts in (runs.abnormal, runs.normal))
        self.clip_auc, self._sentinel = _areas(runs, self.abnormal, self.normal)
        scaled = _scaled(scores)
        self._moments = [_moments(truth == abnormal, scaled, clip, clips) for abnormal in (True, False)]

    def figures(self, weights: Floats) -> dict[str, Floats]:
        """Every figure of `FIGURES`, each `(B,)`; the sorted frames are gone through once.

        Args:
            weights: `(B, clips)`, finite, ≥ 0: how many times each clip counts.

        Raises:
            ScoreError: the weights have another shape, or one is negative, NaN or infinite.
        """
        along = self._along(weights, curves.average_precision, curves.equal_error_rate)
        rest = (self.decidability(weights), self.macro(weights), self.macro_sentinel(weights))
        return dict(zip(FIGURES, (self.auc(weights), *along, *rest), strict=True))

    def auc(self, weights: Floats) -> Floats:
        """Micro area under the ROC curve, `(B,)`: share of (abnormal, normal) pairs in order, equal scores half.

        Many weightings of few clips are counted from the pairs in order between any two clips.
        """
        if self.clips > min(len(weights), MANY_CLIPS):
            return self._along(weights, curves.area)[0]
        weights = checked_weights(weights, self.clips)
        wins = ((weights @ self._wins) * weights).sum(axis=1)
        return ratio(wins, (weights @ self.abnormal) * (weights @ self.normal))

    def average_precision(self, weights: Floats) -> Floats:
        """Precision at each threshold weighted by the recall it adds, `(B,)`; chance: share of abnormal frames."""
        return self._along(weights, curves.average_precision)[0]

    def equal_error_rate(self, weights: Floats) -> Floats:
        """Where the ROC curve, linearly interpolated, has FPR = 1 − TPR, `(B,)`; lower is better."""
        return self._along(weights, curves.equal_error_rate)[0]

    def decidability(self, weights: Floats) -> Floats:
        """Distance of the class means in pooled deviations, |μ₁ − μ₀| ÷ √((σ₁² + σ₀²) ÷ 2), `(B,)`.

        Population variances; Daugman, "Biometric decision landscapes", 2000. NaN also where neither class varies, that
        is by more than rounding.
        """
        weights = checked_weights(weights, self.clips)
        (mean1, variance1), (mean0, variance0) = (moments.over(weights) for moments in self._moments)
        deviation = np.sqrt((variance1 + variance0) / 2)
        return ratio(np.abs(mean1 - mean0), np.where(deviation > ROUNDING, deviation, 0))

    def macro(self, weights: Floats) -> Floats:
        """Mean of the AUC of the clips that hold both classes, `(B,)`; NaN where no such clip has weight."""
        return _mean(self.clip_auc, checked_weights(weights, self.clips))

    def macro_sentinel(self, weights: Floats) -> Floats:
        """Mean AUC over the clips that have frames, `(B,)`, by the convention of UBnormal's evaluation script.

        Each clip's scores are scaled to 0 … 1; then a normal frame of score 0 and an abnormal one of score 1 join it,
        so that clips of one class are defined, too. This raises the figure. In a clip of equal scores, which cannot
        be scaled, each frame counts as equal to the one that joins.
        """
        weights = checked_weights(weights, self.clips)
        return np.where(self._both(weights), _mean(self._sentinel, weights), np.nan)

    def counts(self) -> tuple[Floats, Floats, Floats]:
        """Distinct scores, from the highest down, and how many abnormal and normal frames reach each."""
        hits, alarms = self._cumulated(np.ones((1, self.clips)))
        return self._ranked.score[self._last], hits[:, 0], alarms[:, 0]

    @cached_property
    def _wins(self) -> Floats:
        """Pairs of an abnormal frame of one clip and a lower normal one of another, `(clips, clips)`; equals half."""
        group: Ints = np.searchsorted(self._last, np.arange(len(self._ranked.score)))  # number of the distinct score
        above, wins = np.zeros(self.clips), np.zeros((self.clips, self.clips))
        block = max(1, CELLS // max(1, self.clips))
        for start in range(0, len(self._last), block):
            runs = slice(*np.searchsorted(group, (start, start + block)))
            cell = (group[runs] - start) * self.clips + self._ranked.clip[runs]
            shape = (min(block, len(self._last) - start), self.clips)
            abnormal, normal = (
                _per_clip(cell, counts[runs], shape[0] * shape[1]).reshape(shape)
                for counts in (self._ranked.abnormal, self._ranked.normal)
            )
            higher = above + np.cumsum(normal, axis=0)
            above = higher[-1]
            wins += abnormal.T @ (self.normal - higher + normal / 2)
        return wins

    def _along(self, weights: Floats, *statistics: Callable[[Floats, Floats], Floats]) -> list[Floats]:
        """Each statistic of each weighting's curve, a block of weightings at a time."""
        weights = checked_weights(weights, self.clips)
        found = [np.full(len(weights), np.nan) for _ in statistics]
        defined = np.flatnonzero(self._both(weights))
        block = max(1, CELLS // max(1, len(self._ranked.clip)))
        for start in range(0, len(defined), block):
            rows = defined[start : start + block]
            hits, alarms = self._cumulated(weights[rows])
            for values, statistic in zip(found, statistics, strict=True):
                values[rows] = statistic(hits, alarms)
        return found

    def _cumulated(self, weights: Floats) -> tuple[Floats, Floats]:
        """Weighted abnormal and normal frames at or above each distinct score, `(thresholds, B)`."""
        each = np.take(np.ascontiguousarray(weights.T), self._ranked.clip, axis=0)  # (runs, B)
        counted = (np.cumsum(each * counts[:, None], axis=0) for counts in (self._ranked.abnormal, self._ranked.normal))
        hits, alarms = (c if len(self._last) == len(c) else c[self._last] for c in counted)
        return hits, alarms

    def _both(self, weights: Floats) -> Bools:
        """Whether both classes have weight, `(B,)`."""
        return np.asarray((weights @ self.abnormal > 0) & (weights @ self.normal > 0))


def checked_weights(weights: Floats, clips: int) -> Floats:
    """The weights as float64, `(B, clips)`.

    Raises:
        ScoreError: they have another shape, or one is negative, NaN or infinite.
    """
    weights = np.asarray(weights, dtype=np.float64)
    if weights.ndim != 2 or weights.shape[1] != clips:
        raise ScoreError(
            f"weights of shape {weights.shape} are not one per clip: (weightings, {clips})", fix="give one per clip"
        )
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ScoreError("a clip's weight is negative, NaN or infinite", fix="give weights ≥ 0")
    return weights


class Moments(NamedTuple):
    """Frames, mean and sum of squared deviations of one class in each clip, `(clips,)`; mean 0 where it is absent."""

    frames: Floats
    mean: Floats
    squares: Floats

    def over(self, weights: Floats) -> tuple[Floats, Floats]:
        """Mean and population variance of all clips joined, `(B,)`; NaN where the class is absent."""
        frames = weights * self.frames
        total = frames.sum(axis=1)
        mean = ratio((frames * self.mean).sum(axis=1), total)
        between = frames * (self.mean - mean[:, None]) ** 2
        return mean, ratio((weights * self.squares + between).sum(axis=1), total)


def _moments(chosen: Bools, scores: Floats, clip: Ints, clips: int) -> Moments:
    """Moments of the chosen frames."""
    clip, scores = clip[chosen], scores[chosen]
    frames = _per_clip(clip, np.ones(len(clip)), clips)
    mean = _per_clip(clip, scores, clips) / np.maximum(frames, 1)
    return Moments(frames, mean, _per_clip(clip, (scores - mean[clip]) ** 2, clips))


def _per_clip(clip: Ints, values: Floats, clips: int) -> Floats:
    """Sum of each clip's values, `(clips,)`."""
    return np.bincount(clip, weights=values, minlength=clips).astype(np.float64)


def _scaled(scores: Floats) -> Floats:
    """Scores from 0 to 1, which leaves the decidability as it is; halved on the way, as a range may overflow."""
    if not len(scores) or scores.min() == scores.max():
        return np.zeros_like(scores)
    low = scores.min() / 2
    return np.asarray((scores / 2 - low) / (scores.max() / 2 - low))


def _ends(values: NDArray[Any]) -> Bools:
    """Whether the next value differs, `(len(values),)`; the last always ends."""
    return np.append(values[1:] != values[:-1], np.ones(min(1, len(values)), dtype=bool))


def _runs(truth: Bools, scores: Floats, clip: Ints) -> Runs:
    """The frames, gathered by clip and score, both rising."""
    order = np.lexsort((scores, clip))
    truth, scores, clip = truth[order], scores[order], clip[order]
    last = np.flatnonzero(_ends(scores) | _ends(clip))
    frames = np.diff(last, prepend=-1).astype(np.float64)
    abnormal = np.diff(np.cumsum(truth)[last], prepend=0).astype(np.float64)
    return Runs(clip[last], scores[last], abnormal, frames - abnormal)


def _areas(runs: Runs, abnormal: Floats, normal: Floats) -> tuple[Floats, Floats]:
    """AUC of each clip alone, and with a lowest normal and a highest abnormal frame joined to it, `(clips,)`."""
    clips = len(normal)
    before = np.cumsum(normal) - normal
    below = np.cumsum(runs.normal) - runs.normal - before[runs.clip]  # normal frames of the clip with lower scores
    wins = _per_clip(runs.clip, runs.abnormal * (below + runs.normal / 2), clips)
    last = np.flatnonzero(_ends(runs.clip))
    first = np.append(0, last[:-1] + 1)[: len(last)]
    ties = np.zeros(clips)
    ties[runs.clip[last]] = runs.normal[last] + runs.abnormal[first]
    joined = ratio(wins + abnormal + normal + 1 - ties / 2, (abnormal + 1) * (normal + 1))
    return ratio(wins, abnormal * normal), np.where(abnormal + normal > 0, joined, np.nan)


def ratio(above: Floats, below: Floats) -> Floats:
    """`above ÷ below`, NaN where that is not defined."""
    return np.asarray(np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0))


def _mean(values: Floats, weights: Floats) -> Floats:
    """Weighted mean of the values that are not NaN, `(B,)`."""
    known = ~np.isnan(values)
    return ratio((weights[:, known] * values[known]).sum(axis=1), weights[:, known].sum(axis=1))
