"""Scores in a few lines of Python: of a table of tracks, or of a video.

>>> import normotion
>>> model = normotion.load_model()
>>> model.card.detector
'stg_nf'
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.errors import DatasetError
from stages.evaluation.aggregate import aggregate
from stages.live.engine import Engine
from stages.live.judged import Event, Judged
from stages.live.judging import finder, judging
from stages.live.model import Model
from stages.live.source import open_source
from stages.live.tables import event_rows, frame_rows
from stages.live.threshold import choose_threshold
from stages.live.tracks_scorer import TracksScorer
from stages.pose.base import Estimator

FRAME_COLUMNS = ("frame", "seconds", "raw", "smoothed", "scored", "track", "p", "alarm")
"""Of `Result.frames`."""


@dataclass(frozen=True, eq=False)
class Result:
    """What was found.

    Args:
        frames: a row per frame: frame, seconds, raw, smoothed (higher = more abnormal), scored (whether anybody was),
            track (the most abnormal person), p (share of normal footage as high), alarm (whether one rings).
        events: a row per alarm: start_frame, end_frame, start_seconds, end_seconds, peak_frame, peak_score, threshold,
            track, p.
    """

    frames: pd.DataFrame
    events: pd.DataFrame


def load_model(folder: str | Path | None = None, *, device: str = "auto") -> Model:
    """Load a model that `normotion pack` made, or the one that comes with the package.

    Raises:
        ModelError: the folder holds none.
    """
    return Model.load(Path(folder), device=device) if folder else Model.shipped(device=device)


def score_tracks(
    tracks: pd.DataFrame, *, fps: float, model: Model | None = None, threshold: float | None = None
) -> Result:
    """Score people who were found and tracked by whatever means.

    Args:
        tracks: a row per person and frame, in any order: track and frame (whole numbers from 0) and keypoints, a list
            of 17 × (x, y, confidence) in px, COCO's joints in their order.
        fps: frames per second of the video.
        model: the package's own without it.
        threshold: over which alarms ring; that of the model's normal footage without it.

    Raises:
        DatasetError, SchemaError, ScoreError: as `TracksScorer.score`.
    """
    chosen = model or load_model()
    if not {"track", "frame", "keypoints"} <= set(tracks.columns):
        raise DatasetError(
            f"the table has the columns {', '.join(map(str, tracks.columns))}",
            where="the table of tracks",
            fix="give it track, frame and keypoints",
        )
    scores = TracksScorer(chosen.detector, chosen.card).score(tracks.assign(clip="clip", fps=float(fps)))
    count = int(tracks["frame"].max()) + 1 if len(tracks) else 0
    clips = pd.DataFrame({"clip": ["clip"], "frames": [count], "fps": [float(fps)]})
    frames = aggregate(scores[scores["part"] == chosen.part], clips, chosen.card.rules)
    columns = (frames[name].to_numpy(dtype=np.float64) for name in ("frame", "raw", "smoothed"))
    worst = [None if pd.isna(track) else int(track) for track in frames["track"].tolist()]
    judged = [
        Judged(int(number), number / fps, (), raw, smoothed, track)
        for number, raw, smoothed, track in zip(*(column.tolist() for column in columns), worst, strict=True)
    ]
    return _result(judged, chosen, fps, threshold)


def score_video(
    video: str | Path, *, model: Model | None = None, threshold: float | None = None, every: int = 1,
    find: Estimator | None = None,
) -> Result:  # fmt: skip
    """Find people in a video, follow and score them.

    Args:
        video: a file, or whatever `normotion run` takes.
        model: the package's own without it.
        threshold: over which alarms ring; that of the model's normal footage without it.
        every: look at every n-th frame.
        find: finds the people; the model's own networks without it.

    Raises:
        VideoError: it cannot be read to its end.
    """
    chosen = model or load_model()
    source = open_source(str(video))
    engine = Engine(chosen, fps=source.fps, size=source.size, every=every)
    judged = list(judging(source, engine, find or finder(chosen), every=every))
    if source.trouble is not None:
        raise source.trouble
    return _result(judged, chosen, source.fps, threshold)


def _result(judged: list[Judged], model: Model, fps: float, threshold: float | None) -> Result:
    alarms = choose_threshold(model, given=threshold).alarms(model, fps)
    events = [event for frame in judged for event in alarms.see(frame)] + alarms.finish()
    return Result(frame_table(judged, model, events), event_rows(events))


def frame_table(judged: list[Judged], model: Model, events: list[Event]) -> pd.DataFrame:
    """A row per frame; see `Result`."""
    rows = frame_rows("", model.card.seed, judged, model.reference.tail)
    number = rows["frame"].to_numpy()
    rings = np.zeros(len(number), dtype=bool)
    for event in events:
        rings |= (event.start_frame <= number) & (number <= event.end_frame)
    seconds = np.array([one.seconds for one in judged], dtype=np.float64)
    return rows.assign(seconds=seconds, alarm=rings)[list(FRAME_COLUMNS)]
