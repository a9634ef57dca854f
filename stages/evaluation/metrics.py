"""Frame-level figures: micro and macro area under the ROC curve, average precision, equal error rate, decidability.

Micro figures join the frames of all clips; macro ones average the clips' own. Definitions: ROC and average precision
as in scikit-learn; the rest in `ranking`, which computes all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from stages.core.errors import ScoreError
from stages.evaluation.curves import Floats
from stages.evaluation.ranking import FIGURES as FIGURES
from stages.evaluation.ranking import Ranking

DIGITS = 6
"""Digits that figures are written with: finer than any sampling error, coarser than an operating system's libm."""

COUNTS = ("frames", "abnormal", "unknown")


@dataclass(frozen=True, eq=False)
class FrameMetrics:
    """What `frame_metrics` found. All figures are None, with the reason, where the known labels are of one class.

    Args:
        auc: micro area under the ROC curve, 0.5 is chance and what equal scores give.
        ap: average precision; chance, and what equal scores give, is the share of abnormal frames.
        eer: equal error rate, lower is better; 0.5 for equal scores.
        decidability: distance of the class means in pooled deviations; None also where neither class varies.
        macro: mean AUC of the clips that hold both classes; None also where there are none.
        macro_sentinel: mean AUC of all clips by UBnormal's convention, see `Ranking.macro_sentinel`; higher than
            `macro`, so never to be compared with it.
        frames: frames with a known label.
        abnormal: those of them that are abnormal.
        unknown: frames without a label, left out of every figure.
        two_class: clips that hold both classes.
        reason: why the figures are undefined; empty where they are not.
        clips: one row per clip: clip, frames, abnormal, unknown, auc (NaN where undefined), reason.
        roc: fpr, tpr, threshold of every corner of the ROC curve, from (0, 0) to (1, 1); empty where undefined.
        pr: recall, precision, threshold of the same thresholds; precision is 1 where nothing alarms.
    """

    auc: float | None
    ap: float | None
    eer: float | None
    decidability: float | None
    macro: float | None
    macro_sentinel: float | None
    frames: int
    abnormal: int
    unknown: int
    two_class: int
    reason: str
    clips: pd.DataFrame
    roc: pd.DataFrame
    pr: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """One row per clip and one, `all`, for all of them joined."""
        joined = {name: getattr(self, name) for name in (*COUNTS, "auc", "ap", "eer", "reason")}
        return pd.concat([self.clips, pd.DataFrame([{"clip": "all", **joined}])], ignore_index=True)

    def json(self) -> dict[str, Any]:
        """Plain values, rounded, None where undefined."""
        per_clip = zip(self.clips["clip"], self.clips["auc"], strict=True)
        return {
            **{name: rounded(getattr(self, name)) for name in FIGURES},
            **{name: getattr(self, name) for name in (*COUNTS, "two_class", "reason")},
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
        clips: `(frames,)`, the clip each frame belongs to; 1 and "1" are the same one.

    The three are taken in their order: an index that pandas gave them plays no part.

    Returns:
        Figures; None, with the reason, where the known labels are of one class only.

    Raises:
        ScoreError: the three differ in length or are no rows; a score is missing, NaN or infinite; a label is neither
            0, 1 nor unknown; a frame names no clip.
    """
    table = checked(labels, scores, clips)
    names, ranking = rank(table)
    figures = {name: _known(values[0]) for name, values in ranking.figures(np.ones((1, len(names)))).items()}
    abnormal, normal = int(ranking.abnormal.sum()), int(ranking.normal.sum())
    reason = undefined(abnormal, normal)
    roc, precision = _curves(ranking, empty=bool(reason))
    return FrameMetrics(
        **figures,
        frames=abnormal + normal,
        abnormal=abnormal,
        unknown=len(table) - abnormal - normal,
        two_class=int((~np.isnan(ranking.clip_auc)).sum()),
        reason=reason,
        clips=_clips(table, names, ranking),
        roc=roc,
        pr=precision,
    )


def checked(labels: ArrayLike, scores: ArrayLike, clips: ArrayLike) -> pd.DataFrame:
    """Clip (as text), label (NaN unknown) and score of each frame, known to be sound.

    Raises:
        ScoreError: as `frame_metrics`.
    """
    label, score = _numbers(labels, "labels"), _numbers(scores, "scores")
    clip = np.atleast_1d(np.asarray(clips, dtype=object))
    if clip.ndim != 1:
        raise ScoreError(f"clip names have the shape {clip.shape}", fix="give one name per frame")
    if not len(label) == len(score) == len(clip):
        raise ScoreError(
            f"{len(label)} labels, {len(score)} scores and {len(clip)} clip names: one of each per frame is needed",
            fix="give one of each per frame",
        )
    _refuse(~np.isfinite(score), "scores are NaN or infinite", clip, "score anew with a detector that was trained")
    _refuse(
        ~(np.isnan(label) | (label == 0) | (label == 1)),
        "labels are neither 1 (abnormal), 0 (normal) nor unknown",
        clip,
        "write 1 for abnormal, 0 for normal and NaN or null for unknown",
    )
    _refuse(pd.isna(clip), "frames name no clip", clip, "name the clip of each frame")
    return pd.DataFrame({"clip": clip, "label": label, "score": score}).astype({"clip": str})


def rank(table: pd.DataFrame) -> tuple[list[str], Ranking]:
    """Names of all clips, sorted, and the ranking of the frames whose label is known.

    Args:
        table: `clip`, `label` (1, 0 or NaN) and `score` per frame, as `checked` gives it.
    """
    codes, names = pd.factorize(table["clip"], sort=True)
    known = table["label"].notna().to_numpy()
    truth = table["label"].to_numpy()[known] == 1
    ranking = Ranking(truth, table["score"].to_numpy()[known], codes[known].astype(np.int64), len(names))
    return [str(name) for name in names], ranking


def undefined(abnormal: int, normal: int) -> str:
    """Why this many frames of each class give no figure, or nothing."""
    if not abnormal + normal:
        return "no frame has a known label"
    if not abnormal or not normal:
        return f"all {abnormal + normal} frames with a known label are {'abnormal' if abnormal else 'normal'}"
    return ""


def _numbers(values: ArrayLike, what: str) -> Floats:
    """One per frame, NaN where missing."""
    try:
        row = pd.Series(values, dtype="Float64")
    except (ValueError, TypeError) as error:
        raise ScoreError(f"{what} are no row of numbers: {error}", fix="give one number per frame") from error
    return np.asarray(row.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


def _refuse(bad: NDArray[np.bool_], what: str, clip: NDArray[np.object_], fix: str) -> None:
    if bad.any():
        first = int(bad.argmax())
        where = f"frame {first} of those given, clip {clip[first]!r}"
        raise ScoreError(f"{int(bad.sum())} {what}", where=where, fix=fix)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _clips(table: pd.DataFrame, names: list[str], ranking: Ranking) -> pd.DataFrame:
    abnormal, normal = ranking.abnormal.astype(int), ranking.normal.astype(int)
    lengths = table["clip"].value_counts().reindex(names).to_numpy(dtype=int)
    return pd.DataFrame(
        {
            "clip": names,
            "frames": abnormal + normal,
            "abnormal": abnormal,
            "unknown": lengths - abnormal - normal,
            "auc": ranking.clip_auc,
            "reason": [undefined(*counts) for counts in zip(abnormal, normal, strict=True)],
        }
    )


def _curves(ranking: Ranking, *, empty: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """ROC and precision-recall curve with their start, whose threshold no score reaches."""
    if empty:
        columns = ["fpr", "tpr", "threshold"], ["recall", "precision", "threshold"]
        roc, precision = (pd.DataFrame(columns=names, dtype=np.float64) for names in columns)
        return roc, precision
    threshold, hits, alarms = ranking.counts()
    threshold = np.append(np.inf, threshold)
    recall: Floats = np.append(0.0, hits / hits[-1])
    return (
        pd.DataFrame({"fpr": np.append(0.0, alarms / alarms[-1]), "tpr": recall, "threshold": threshold}),
        pd.DataFrame({"recall": recall, "precision": np.append(1.0, hits / (hits + alarms)), "threshold": threshold}),
    )
