"""Scores of normal footage, recording by recording, kept so that an interrupted calibration goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from stages.core.errors import VideoError
from stages.core.progress import bar, log
from stages.core.schemas import FRAME_SCORES
from stages.core.storage import sha256_text
from stages.core.tables import read
from stages.live.engine import Engine
from stages.live.judging import judging
from stages.live.model import Model
from stages.live.source import open_source
from stages.live.tables import frame_rows, write_frames
from stages.pose.base import Estimator


def scored(
    videos: Sequence[Path], model: Model, find: Estimator, folder: Path, *, every: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judge every recording, or take what an earlier call kept of it.

    Args:
        videos: files that are there, each once.
        model: judges them.
        find: finds people.
        folder: where scores are kept; a file each, named after what decides them.
        every: look at every n-th frame.

    Returns:
        FRAME_SCORES of all, labelled normal; and clip and fps of each. Clips are named as `videos` are, whatever an
        earlier call named them.

    Raises:
        VideoError: a recording cannot be opened. One that breaks off counts as far as it goes, with a warning.
    """
    tables, clips = [], []
    for number, video in enumerate(videos, start=1):
        name = str(video)
        kept = folder / f"{_key(video, model, every)}.parquet"
        if not kept.is_file():
            _judge(video, name, model, find, kept, every, f"{number} of {len(videos)}: {video.name}")
        rows = read(kept, FRAME_SCORES)
        tables.append(rows.frame.assign(clip=name))
        clips.append((name, float(rows.meta["fps"])))
    return pd.concat(tables, ignore_index=True), pd.DataFrame(clips, columns=["clip", "fps"])


def _key(video: Path, model: Model, every: int) -> str:
    """By size and time: hashing a week of footage takes as long as reading it."""
    found = video.stat()
    return sha256_text(str(video.resolve()), str(found.st_size), str(found.st_mtime_ns), model.digest, str(every))[:32]


def _judge(video: Path, name: str, model: Model, find: Estimator, kept: Path, every: int, what: str) -> None:
    source = open_source(str(video))
    engine = Engine(model, fps=source.fps, size=source.size, every=every)
    judged = list(bar(judging(source, engine, find, every=every), what=what, total=source.frames, unit=" frames"))
    if not judged:
        raise source.trouble or VideoError("the recording holds no frame", where=name)
    if source.trouble is not None:
        log.warning(f"{video.name} breaks off after {len(judged)} frames, which count: {source.trouble.what}")
    rows = frame_rows(name, model.card.seed, judged, None, label=0)
    write_frames(kept, rows, unit=model.detector.unit, fps=source.fps)
