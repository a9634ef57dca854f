"""Frame-level figures: area under the ROC curve, average precision, equal error rate.

Micro figures join the frames of all clips; the AUC of each clip alone stands beside. Definitions: ROC and average
precision as in scikit-learn (precision at each threshold weighted by the recall it adds); the equal error rate where
the ROC curve, linearly interpolated, meets false positive rate = 1 − true positive rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from stages.core.errors import ScoreError

Floats = NDArray[np.float64]

DIGITS = 6
"""Digits that figures are written with: finer than any sampling error, coarser than an operating system's libm."""

FIGURES = ("auc", "ap", "eer")


@dataclass(frozen=True, eq=False)
class FrameMetrics:
    """What `frame_metrics` found.

    Args:
        auc: micro area under the ROC curve, 0.5 is chance; None where it is undefined.
        ap: average precision; chance is the share of abnormal frames.
        eer: equal error rate, lower is better.
        frames: frames with a known label.
        abnormal: those of them that are abnormal.
        unknown: frames without a label, left out of every figure.
        reason: why the figures are undefined; empty where they are not.
        clips: one row per clip: clip, frames, abnormal, unknown, auc (NaN where undefined), reason.
        roc: fpr, tpr, threshold of every corner of the ROC curve, from (0, 0) to (1, 1); empty where undefined.
    """

    auc: float | None
    ap: float | None
    eer: float | None
    frames: int
    abnormal: int
    unknown: int
    reason: str
    clips: pd.DataFrame
    roc: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """One row per clip and one, `all`, for all of them joined."""
        joined = {name: getattr(self, name) for name in ("frames", "abnormal", "unknown", "auc", "ap", "eer", "reason")}
        return pd.concat([self.clips, pd.DataFrame([{"clip": "all", **joined}])], ignore_index=True)

    def json(self) -> dict[str, Any]:
        """Plain values, rounded, None where undefined."""
        per_clip = zip(self.clips["clip"], self.clips["auc"], strict=True)
        return {
            **{name: rounded(getattr(self, name)) for name in FIGURES},
            **{name: getattr(self, name) for name in ("frames", "abnormal", "unknown", "reason")},
            "clips": {clip: rounded(auc) for clip, auc in per_clip},
        }


def rounded(value: float | None) -> float | None:
    """A figure as it is written; None for None and NaN."""
    return None if value is None or np.isnan(value) else round(float(value), DIGITS)


def frame_metrics(labels: ArrayLike, scores: ArrayLike, clips: ArrayLike) -> FrameMetrics:
    """Compare frame scores with the truth.

    Args:
        labels: `(frames,)`, 1 abnormal, 0 normal, NaN or null unknown (left out).
        scores: `(frames,)`, finite, higher = more abnormal.
        clips: `(frames,)`, the clip each frame belongs to.

    Returns:
        Figures; None, with the reason, where the known labels are of one class only.

    Raises:
        ScoreError: the three differ in length, a score is NaN or infinite, or a label is neither 0, 1 nor unknown.
    """
    table = _joined(labels, scores, clips)
    known = table[table["label"].notna()]
    truth, values = known["label"].to_numpy() == 1, known["score"].to_numpy()
    reason = _undefined(truth)
    curve = _curve(truth, values) if not reason else None
    return FrameMetrics(
        auc=_auc(curve) if curve is not None else None,
        ap=_average_precision(truth, values) if not reason else None,
        eer=_equal_error_rate(curve) if curve is not None else None,
        frames=len(known),
        abnormal=int(truth.sum()),
        unknown=len(table) - len(known),
        reason=reason,
        clips=pd.DataFrame([_clip(str(clip), rows) for clip, rows in table.groupby("clip")], columns=list(_CLIP)),
        roc=curve if curve is not None else pd.DataFrame(columns=["fpr", "tpr", "threshold"], dtype=np.float64),
    )


_CLIP = ("clip", "frames", "abnormal", "unknown", "auc", "reason")


def _joined(labels: ArrayLike, scores: ArrayLike, clips: ArrayLike) -> pd.DataFrame:
    label = pd.Series(labels, dtype="Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    score, clip = np.asarray(scores, dtype=np.float64), np.asarray(clips, dtype=object)
    if not len(label) == len(score) == len(clip):
        raise ScoreError(
            f"{len(label)} labels, {len(score)} scores and {len(clip)} clip names: one of each per frame is needed"
        )
    bad = ~np.isfinite(score)
    if bad.any():
        first = int(bad.argmax())
        raise ScoreError(
            f"{int(bad.sum())} scores are NaN or infinite", where=f"frame {first} of those given, clip {clip[first]!r}"
        )
    strange = ~(np.isnan(label) | (label == 0) | (label == 1))
    if strange.any():
        raise ScoreError(
            f"{int(strange.sum())} labels are neither 1 (abnormal), 0 (normal) nor unknown",
            where=f"frame {int(strange.argmax())} of those given",
        )
    return pd.DataFrame({"clip": clip, "label": label, "score": score})


def _undefined(truth: NDArray[np.bool_]) -> str:
    """Why there is no ROC curve, or nothing."""
    if not len(truth):
        return "no frame has a known label"
    if truth.all() or not truth.any():
        return f"all {len(truth)} frames with a known label are {'abnormal' if truth.all() else 'normal'}"
    return ""


def _clip(clip: str, rows: pd.DataFrame) -> dict[str, Any]:
    known = rows[rows["label"].notna()]
    truth = known["label"].to_numpy() == 1
    reason = _undefined(truth)
    auc = np.nan if reason else _auc(_curve(truth, known["score"].to_numpy()))
    counts = len(known), int(truth.sum()), len(rows) - len(known)
    return dict(zip(_CLIP, (clip, *counts, auc, reason), strict=True))


def _counts(truth: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Threshold, true and false positives at every distinct score, from the highest down."""
    order = np.argsort(-scores, kind="stable")
    sorted_scores = scores[order]
    last = np.flatnonzero(np.append(np.diff(sorted_scores) != 0, True))
    hits = np.cumsum(truth[order])[last].astype(np.float64)
    return sorted_scores[last], hits, last + 1 - hits


def _curve(truth: NDArray[np.bool_], scores: Floats) -> pd.DataFrame:
    """ROC curve with its start at (0, 0), whose threshold no score reaches."""
    threshold, hits, alarms = _counts(truth, scores)
    return pd.DataFrame(
        {
            "fpr": np.append(0.0, alarms / alarms[-1]),
            "tpr": np.append(0.0, hits / hits[-1]),
            "threshold": np.append(np.inf, threshold),
        }
    )


def _auc(curve: pd.DataFrame) -> float:
    return float(np.trapezoid(curve["tpr"], curve["fpr"]))


def _average_precision(truth: NDArray[np.bool_], scores: Floats) -> float:
    _, hits, alarms = _counts(truth, scores)
    return float(np.sum(np.diff(hits, prepend=0.0) * hits / (hits + alarms)) / hits[-1])


def _equal_error_rate(curve: pd.DataFrame) -> float:
    """Where the interpolated curve crosses the falling diagonal; the curve never falls, so it does so once."""
    fpr, tpr = curve["fpr"].to_numpy(), curve["tpr"].to_numpy()
    gap = fpr + tpr - 1
    after = int(np.argmax(gap >= 0))
    share = gap[after - 1] / (gap[after - 1] - gap[after])
    return float(fpr[after - 1] + share * (fpr[after] - fpr[after - 1]))
