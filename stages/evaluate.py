"""Scores of windows → scores of frames, figures, alarms and plots, for one detector on one dataset."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import DatasetError
from stages.core.params import load_section
from stages.core.paths import Project, clip_file
from stages.core.progress import bar, log
from stages.core.schemas import FRAME_SCORES, REPLICATES, SCORES, TRACKS, Rows
from stages.core.storage import atomic_folder, write_text
from stages.core.tables import read, write
from stages.core.truth import frame_kinds, kinds, regions
from stages.evaluation.aggregate import aggregate, person_scores
from stages.evaluation.calibrate import Calibration, calibrate
from stages.evaluation.conformal import frame_p
from stages.evaluation.curves import Floats
from stages.evaluation.detections import boxes, detections
from stages.evaluation.events import find_events
from stages.evaluation.metrics import FrameMetrics
from stages.evaluation.params import EvaluateParams
from stages.evaluation.protocol import Rules
from stages.evaluation.summary import alone, calibration, protocols, summary
from stages.evaluation.trial import KINDS, Trial
from stages.show.palette import style
from stages.show.timeline import axis, curve, draw_timeline, truth

POINTS = 500
"""Points of each written curve: steps of 0.2 %, finer than a screen shows."""
CURVES = {"roc": ("fpr", "tpr"), "pr": ("recall", "precision")}
"""Written curves, with what they run along and what is read off."""


def run(project: Project, dataset: str, detector: str) -> None:
    """Judge one detector's scores of a dataset's test split.

    Raises:
        ParamsError: the `evaluate` section is wrong.
        DatasetError: the dataset is wrong, or has no test clips.
        ScoreError: the scores are not finite or do not fit the clips.
    """
    params = load_section(project, "evaluate", EvaluateParams).on(dataset)
    data = load_dataset(project, dataset)
    if data.split("test").empty:
        raise DatasetError(
            "no clip is in the split `test`",
            where=str(data.folder / "clips.csv"),
            fix="give some clips the split `test`",
        )
    scores, normal = (read(project.scores(dataset, detector, split), SCORES) for split in ("test", "validation"))
    frames, quiet = judge(scores.frame, data, params, "test"), judge(normal.frame, data, params, "validation")
    parts = sorted(scores.frame["part"].unique())
    found = calibrated(quiet, data, params, parts)
    if found.reason:
        log.info("%s: no thresholds for alarms: %s", dataset, found.reason)
    known = quiet if found.joined else quiet.iloc[:0]
    frames["p"] = pd.Series(frame_p(frames, known, data.clips), index=frames.index).astype("Float32")
    unit = scores.meta.get("unit", "")
    write(project.frame_scores(dataset, detector), FRAME_SCORES, Rows(frames, meta={"unit": unit}))
    events = find_events(frames, data.clips, found)
    write_text(project.events(dataset, detector), events.table.to_csv(index=False, float_format="%.6g"))
    trial = put_on_trial(project, data, scores.frame, frames, params)
    write(project.replicates(dataset, detector), REPLICATES, trial.replicates.rows())
    figures = {
        **summary(trial, len(scores.frame[["clip", "track", "start_frame"]].drop_duplicates())),
        "rules": params.rules(parts),
        "protocols": compared(scores.frame, data, params, parts),
        "parts": each_alone(scores.frame, data, params, parts),
        "calibration": calibration(found, events, sorted(data.split("test")["camera"].unique())),
    }
    write_text(project.metrics(dataset, detector), json.dumps(figures, indent=2, sort_keys=True, allow_nan=False))
    log.info("%s on %s: AUC %s raw, %s smoothed", detector, dataset, figures["raw"]["auc"], figures["smoothed"]["auc"])
    with atomic_folder(project.plots(dataset, detector)) as folder:
        for name in CURVES:
            drawn(trial, name).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        if params.timelines:
            draw_timelines(folder, data, frames, detector, unit)


def judge(scores: pd.DataFrame, data: Dataset, rules: Rules, split: str) -> pd.DataFrame:
    """FRAME_SCORES of a split; figures are taken from these float32 values, as a reader of the file would."""
    clips = data.split(split)
    frames = aggregate(scores, clips, rules)
    labels = [data.frame_labels(clip) for clip in clips["clip"]]
    label = np.tile(np.concatenate(labels), frames["seed"].nunique()) if labels else np.empty(0)
    frames["label"] = pd.Series(label, index=frames.index).astype("Int8")
    frames["p"] = pd.Series(np.nan, index=frames.index).astype("Float32")
    return frames.astype({"raw": np.float32, "smoothed": np.float32})[FRAME_SCORES.names()]


def calibrated(quiet: pd.DataFrame, data: Dataset, params: EvaluateParams, parts: Sequence[str]) -> Calibration:
    """Thresholds from normal footage; none where the rules make the scores of two recordings incomparable."""
    if reason := params.relative(parts):
        return Calibration(params.calibration, {}, None, reason)
    return calibrate(quiet, data.clips, params.calibration, params.bootstrap)


def put_on_trial(
    project: Project, data: Dataset, scores: pd.DataFrame, frames: pd.DataFrame, params: EvaluateParams
) -> Trial:
    """Gather what figures are taken from."""
    clips = data.split("test")
    names = [str(clip) for clip in clips["clip"]]
    wanted = regions(data)
    found = {}
    if wanted is not None:
        people = person_scores(scores, clips, params)
        located = boxes(read(clip_file(project.tracks(data.name), clip), TRACKS).frame for clip in names)
        found = {int(str(seed)): detections(rows, located) for seed, rows in people.groupby("seed")}
    return Trial(
        frames=frames.merge(clips[["clip", "scene", "camera"]], on="clip", how="left"),
        kinds={kind: np.concatenate([frame_kinds(data, clip, kind) for clip in names]) for kind in _kinds(data)},
        subsets=data.description.subsets,
        detections=found,
        regions=None if wanted is None else wanted[wanted["clip"].isin(names)],
        lengths=dict(zip(names, clips["frames"].astype(int), strict=True)),
        params=params,
    )


def compared(
    scores: pd.DataFrame, data: Dataset, params: EvaluateParams, parts: Sequence[str]
) -> dict[str, dict[str, object]]:
    """The same scores, of the same part or fusion, under published protocols."""
    rules: dict[str, Rules] = {name: params.under(name) for name in params.compare}
    frames = {name: judge(scores, data, each, "test") for name, each in rules.items()}
    return protocols(frames, {name: each.rules(parts) for name, each in rules.items()})


def each_alone(
    scores: pd.DataFrame, data: Dataset, params: EvaluateParams, parts: Sequence[str]
) -> dict[str, dict[str, object]]:
    """Each of a detector's several parts judged by itself; nothing for a detector of one."""
    if len(parts) < 2:
        return {}
    return alone({part: judge(scores, data, params.alone(part), "test") for part in parts})


def drawn(trial: Trial, name: str) -> pd.DataFrame:
    """A curve of `CURVES` for plotting, with `kind`: the mean over seeds at equal places; empty where undefined."""
    along, read_off = CURVES[name]
    grid = np.linspace(0, 1, POINTS - 1)
    pieces = []
    for kind in KINDS:
        values = [_sampled(metrics[kind], name, grid) for metrics in trial.metrics.values() if not metrics[kind].reason]
        if values:
            piece = pd.DataFrame({along: grid, read_off: np.mean(values, axis=0), "kind": kind})
            start = pd.DataFrame({along: [0.0], read_off: [0.0], "kind": [kind]})
            pieces.append(pd.concat([start, piece]) if name == "roc" else piece)
    table = pd.concat(pieces) if pieces else pd.DataFrame(columns=[along, read_off, "kind"])
    return table.round({along: 6, read_off: 6})


def draw_timelines(folder: Path, data: Dataset, frames: pd.DataFrame, detector: str, unit: str) -> None:
    """One PNG per test clip."""
    ends = axis(frames)
    groups = frames.groupby("clip")
    for clip, rows in bar(groups, what=f"timelines of {detector}", total=groups.ngroups, unit="clip"):
        shown = curve(rows, detector, style(0), ends)
        draw_timeline(folder / f"timeline-{clip}.png", truth(data, str(clip)), shown, unit)


def _sampled(metrics: FrameMetrics, name: str, grid: Floats) -> Floats:
    along, read_off = CURVES[name]
    table: pd.DataFrame = getattr(metrics, name)
    return np.asarray(np.interp(grid, table[along], table[read_off]))


def _kinds(data: Dataset) -> list[str]:
    """Kinds that happen in the test split."""
    test = set(data.split("test")["clip"])
    return [kind for kind in kinds(data) if test.intersection(data.labels["clip"][data.labels["kind"] == kind])]
