"""A trial's figures as they are written: one mapping of plain values, None with a reason where undefined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stages.evaluation.calibrate import Calibration
from stages.evaluation.events import Events
from stages.evaluation.metrics import FrameMetrics, frame_metrics, rounded
from stages.evaluation.ranking import FIGURES
from stages.evaluation.trial import KINDS, REGIONAL, Trial, deviation, mean

BINS = 40
"""Of a histogram of scores."""


def summary(trial: Trial, windows: int) -> dict[str, Any]:
    """Figures of the test split.

    Args:
        trial: what they are taken from.
        windows: how many windows were scored.

    Returns:
        `raw` and `smoothed`: `FIGURES`, means over seeds; `raw_sd`, `smoothed_sd`: deviations, with several seeds
        alone; `raw_interval`, `smoothed_interval`: ends, None where there is no interval; `regions`: RBDC and TBDC;
        `kinds`, `scenes`, `cameras`, `subsets`: AUC of parts, as `Trial.parts`; `coverage`: shares of frames, of
        labelled abnormal frames and of abnormal regions that carry a score; `counts`; `clips`: AUC of each clip, None
        where it is of one class; `seeds`: each seed's figures; `bootstrap`: what intervals rest on; `undefined`: why a
        figure is None.
    """
    first = next(iter(trial.metrics.values()))["raw"]
    several = KINDS if len(trial.seeds) > 1 else ()
    return {
        **{kind: {name: mean(values) for name, values in trial.over_seeds(kind)} for kind in KINDS},
        **{f"{kind}_sd": {name: deviation(values) for name, values in trial.over_seeds(kind)} for kind in several},
        **{f"{kind}_interval": {name: trial.ends(f"{kind}/{name}") for name in FIGURES} for kind in KINDS},
        "regions": _regions(trial),
        "kinds": trial.parts(lambda each: each.by_kind(trial.kinds)),
        "scenes": trial.parts(lambda each: each.by("scene")),
        "cameras": trial.parts(lambda each: each.by("camera")),
        "subsets": trial.parts(lambda each: each.without(trial.subsets)),
        "coverage": _coverage(trial),
        "counts": _counts(trial, first, windows),
        "clips": {clip: {kind: _clip_auc(trial, kind, clip) for kind in KINDS} for clip in first.clips["clip"]},
        "seeds": {str(seed): _seed(trial, seed) for seed in trial.seeds},
        "bootstrap": _bootstrap(trial),
        "undefined": [f"{row['clip']}: {row['reason']}" for _, row in first.table().iterrows() if row["reason"]],
    }


def protocols(frames: Mapping[str, pd.DataFrame], rules: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
    """AUC of the same scores under other protocols, raw and smoothed.

    Args:
        frames: by protocol, rows of FRAME_SCORES.
        rules: by protocol, its sentences.
    """
    return {name: {**_aucs(table), "rules": list(rules[name])} for name, table in frames.items()}


def alone(frames: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, Any]]:
    """AUC of each part of a detector, raw and smoothed, and how its raw scores are distributed.

    Args:
        frames: by part, rows of FRAME_SCORES.
    """
    return {part: {**_aucs(table), "histogram": histogram(table)} for part, table in frames.items()}


def histogram(frames: pd.DataFrame) -> dict[str, Any]:
    """Shares of normal and of abnormal frames by raw score, all seeds together.

    Args:
        frames: rows of FRAME_SCORES; those that no score landed on are left out.

    Returns:
        `low`, `high`: ends of the bins, 0.5 and 99.5 percentile, beyond which the outer bins count; `normal`,
        `abnormal`: the share in each of `BINS` bins of equal width, empty where there is no such frame.
    """
    seen = frames[frames["scored"].to_numpy(dtype=bool)]
    if seen.empty:
        return {"low": None, "high": None, "normal": [], "abnormal": []}
    low, high = (float(end) for end in np.percentile(seen["raw"], [0.5, 99.5]))
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    shares = {}
    for name, label in (("normal", 0), ("abnormal", 1)):
        of_class = seen["raw"][seen["label"].eq(label).fillna(value=False)]
        counts = np.histogram(of_class.clip(edges[0], edges[-1]), edges)[0]
        shares[name] = [rounded(float(share)) for share in counts / len(of_class)] if len(of_class) else []
    return {"low": rounded(edges[0]), "high": rounded(edges[-1]), **shares}


def calibration(found: Calibration, events: Events, cameras: Sequence[str]) -> dict[str, Any]:
    """Thresholds of each camera, and what alarms they would have raised."""
    figures = {name: rounded(value) if isinstance(value, float) else value for name, value in events.json().items()}
    rows = found.summary(cameras)
    for row in rows["cameras"].values():
        row |= {name: rounded(row[name]) for name in ("threshold", "hours", "at_most")}
        row["interval"] = None if row["interval"] is None else [rounded(end) for end in row["interval"]]
    return {**rows, "events": figures}


def _aucs(frames: pd.DataFrame) -> dict[str, float | None]:
    seeds = [rows for _, rows in frames.groupby("seed")]
    return {
        kind: mean([frame_metrics(rows["label"], rows[kind], rows["clip"]).auc for rows in seeds]) for kind in KINDS
    }


def _regions(trial: Trial) -> dict[str, Any]:
    boxes = list(trial.boxes.values())
    values = {name: [_known(each.whole()[name]) for each in boxes] for name in REGIONAL}
    one = boxes[0] if boxes else None
    return {
        **{name: mean(values[name]) for name in REGIONAL},
        **({"sd": {name: deviation(values[name]) for name in REGIONAL}} if len(boxes) > 1 else {}),
        "interval": {name: trial.ends(f"regions/{name}") for name in REGIONAL},
        "regions": int(one.regions.sum()) if one else 0,
        "tracks": int(one.tracks.sum()) if one else 0,
        "detections": len(next(iter(trial.detections.values()), ())),
        "reason": trial.why_no_regions,
    }


def _coverage(trial: Trial) -> dict[str, float | None]:
    scored, abnormal = trial.frames["scored"], trial.frames["label"].eq(1).fillna(value=False)
    found = [float(each.found.sum() / each.regions.sum()) for each in trial.boxes.values()]
    return {
        "frames": rounded(float(scored.mean())),
        "abnormal": rounded(float(scored[abnormal].mean())) if abnormal.any() else None,
        **({"regions": rounded(float(np.mean(found)))} if found else {}),
    }


def _counts(trial: Trial, first: FrameMetrics, windows: int) -> dict[str, int]:
    return {
        "clips": len(trial.clips),
        "two_class": first.two_class,
        "frames": sum(trial.lengths.values()),
        "abnormal": first.abnormal,
        "unknown": first.unknown,
        "windows": windows,
    }


def _seed(trial: Trial, seed: int) -> dict[str, Any]:
    metrics = trial.metrics[seed]
    figures = {kind: {name: rounded(getattr(metrics[kind], name)) for name in FIGURES} for kind in KINDS}
    boxes = trial.boxes.get(seed)
    return {**figures, "regions": {name: rounded(value) for name, value in boxes.whole().items()}} if boxes else figures


def _bootstrap(trial: Trial) -> dict[str, Any]:
    params = trial.params.bootstrap
    values = trial.replicates.figures["smoothed/auc"]
    return {
        "replicates": params.replicates,
        "confidence": params.confidence,
        "least_clips": params.least_clips,
        "clips": len(trial.clips),
        "defined": rounded(float(np.mean(~np.isnan(values)))),
        "reason": trial.why_no_interval(),
    }


def _clip_auc(trial: Trial, kind: str, clip: str) -> float | None:
    tables = [metrics[kind].clips for metrics in trial.metrics.values()]
    return mean([float(table.loc[table["clip"] == clip, "auc"].iloc[0]) for table in tables])


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
