"""Scores of windows → scores of frames, figures, and plots, for one detector on one dataset."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import DatasetError
from stages.core.params import load_section
from stages.core.paths import Project
from stages.core.progress import bar, log
from stages.core.schemas import FRAME_SCORES, SCORES, Rows
from stages.core.storage import atomic_folder, write_text
from stages.core.tables import read, write
from stages.evaluation.aggregate import EvaluateParams, aggregate
from stages.evaluation.metrics import FIGURES, FrameMetrics, frame_metrics, rounded
from stages.show.palette import style
from stages.show.timeline import axis, curve, draw_timeline, truth

KINDS = ("raw", "smoothed")

ROC_POINTS = 500
"""Points of each written ROC curve: steps of 0.2 % false alarms, finer than a screen shows."""

Found = Mapping[int, Mapping[str, FrameMetrics]]
"""Metrics per seed and kind."""


def run(project: Project, dataset: str, detector: str) -> None:
    """Judge one detector's scores of a dataset's test split.

    Raises:
        ParamsError: the `evaluate` section is wrong.
        DatasetError: the dataset is wrong, or has no test clips.
        ScoreError: the scores are not finite or do not fit the clips.
    """
    params = load_section(project, "evaluate", EvaluateParams)
    data = load_dataset(project, dataset)
    if data.split("test").empty:
        raise DatasetError(
            "no clip is in the split `test`",
            where=str(data.folder / "clips.csv"),
            fix="give some clips the split `test`",
        )
    scores = read(project.scores(dataset, detector), SCORES)
    frames = judge(scores.frame, data, params)
    unit = scores.meta.get("unit", "")
    write(project.frame_scores(dataset, detector), FRAME_SCORES, Rows(frames, meta={"unit": unit}))
    found = measure(frames)
    figures = summary(found, frames, scores.frame, params)
    write_text(project.metrics(dataset, detector), json.dumps(figures, indent=2, sort_keys=True, allow_nan=False))
    log.info("%s on %s: AUC %s raw, %s smoothed", detector, dataset, figures["raw"]["auc"], figures["smoothed"]["auc"])
    with atomic_folder(project.plots(dataset, detector)) as folder:
        roc(found).to_csv(folder / "roc.csv", index=False, lineterminator="\n")
        draw_timelines(folder, data, frames, detector, unit)


def judge(scores: pd.DataFrame, data: Dataset, params: EvaluateParams) -> pd.DataFrame:
    """FRAME_SCORES of the test split; figures are taken from these float32 values, as a reader of the file would."""
    clips = data.split("test")
    frames = aggregate(scores, clips, params)
    labels = np.concatenate([data.frame_labels(clip) for clip in clips["clip"]])
    frames["label"] = pd.Series(np.tile(labels, frames["seed"].nunique())).astype("Int8")
    return frames.astype({"raw": np.float32, "smoothed": np.float32})[FRAME_SCORES.names()]


def measure(frames: pd.DataFrame) -> dict[int, dict[str, FrameMetrics]]:
    """Metrics per seed, raw and smoothed."""
    return {
        int(str(seed)): {kind: frame_metrics(rows["label"], rows[kind], rows["clip"]) for kind in KINDS}
        for seed, rows in frames.groupby("seed")
    }


def summary(found: Found, frames: pd.DataFrame, scores: pd.DataFrame, params: EvaluateParams) -> dict[str, Any]:
    """What is written as metrics.

    Returns:
        `raw` and `smoothed`: auc, ap, eer, means over seeds; `raw_sd` and `smoothed_sd`: their standard deviations,
        only with several seeds; `coverage`: share of frames, and of labelled abnormal frames, that carry a score;
        `counts`; `clips`: AUC of each clip, None where it is of one class; `seeds`: each seed's figures; `rules`: how
        frames got their scores; `undefined`: why a figure is None.
    """
    first = next(iter(found.values()))["raw"]
    one = frames[frames["seed"] == frames["seed"].iloc[0]]
    spread = {f"{kind}_sd": _over_seeds(found, kind, _deviation) for kind in KINDS} if len(found) > 1 else {}
    return {
        **{kind: _over_seeds(found, kind, _mean) for kind in KINDS},
        **spread,
        "coverage": {
            "frames": rounded(float(frames["scored"].mean())),
            "abnormal": rounded(float(frames.loc[frames["label"].eq(1).fillna(value=False), "scored"].mean())),
        },
        "counts": {
            "clips": one["clip"].nunique(),
            "frames": len(one),
            "abnormal": first.abnormal,
            "unknown": first.unknown,
            "windows": len(scores[["clip", "track", "start_frame"]].drop_duplicates()),
        },
        "clips": {clip: {kind: _clip_auc(found, kind, clip) for kind in KINDS} for clip in first.clips["clip"]},
        "seeds": {
            str(seed): {kind: {name: rounded(getattr(metrics[kind], name)) for name in FIGURES} for kind in KINDS}
            for seed, metrics in found.items()
        },
        "rules": params.rules(),
        "undefined": [f"{row['clip']}: {row['reason']}" for _, row in first.table().iterrows() if row["reason"]],
    }


def roc(found: Found) -> pd.DataFrame:
    """ROC curves for plotting: fpr, tpr (mean over seeds at equal fpr), kind; empty where undefined."""
    grid = np.linspace(0, 1, ROC_POINTS - 1)
    pieces = []
    for kind in KINDS:
        curves = [metrics[kind].roc for metrics in found.values() if not metrics[kind].reason]
        if curves:
            tpr = np.mean([np.interp(grid, curve["fpr"], curve["tpr"]) for curve in curves], axis=0)
            piece = pd.DataFrame({"fpr": np.append(0, grid), "tpr": np.append(0, tpr), "kind": kind})
            pieces.append(piece.round({"fpr": 6, "tpr": 6}))
    return pd.concat(pieces) if pieces else pd.DataFrame(columns=["fpr", "tpr", "kind"])


def draw_timelines(folder: Path, data: Dataset, frames: pd.DataFrame, detector: str, unit: str) -> None:
    """One PNG per test clip."""
    ends = axis(frames)
    groups = frames.groupby("clip")
    for clip, rows in bar(groups, what=f"timelines of {detector}", total=groups.ngroups, unit="clip"):
        drawn = curve(rows, detector, style(0), ends)
        draw_timeline(folder / f"timeline-{clip}.png", truth(data, str(clip)), drawn, unit)


def _over_seeds(found: Found, kind: str, statistic: Any) -> dict[str, float | None]:
    return {name: statistic([getattr(metrics[kind], name) for metrics in found.values()]) for name in FIGURES}


def _clip_auc(found: Found, kind: str, clip: str) -> float | None:
    tables = [metrics[kind].clips for metrics in found.values()]
    return _mean([float(table.loc[table["clip"] == clip, "auc"].iloc[0]) for table in tables])


def _mean(values: list[float | None]) -> float | None:
    return None if None in values else rounded(float(np.mean(np.array(values, dtype=np.float64))))


def _deviation(values: list[float | None]) -> float | None:
    return None if None in values else rounded(float(np.std(np.array(values, dtype=np.float64), ddof=1)))
