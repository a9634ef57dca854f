"""Stage `track`: POSES → TRACKS, one Parquet file per clip; clips whose poses have not changed are not done again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from stages.core.dataset import load_dataset
from stages.core.errors import DatasetError, SchemaError
from stages.core.incremental import made_with, tidy
from stages.core.params import load_section
from stages.core.paths import Project, clip_file
from stages.core.progress import bar, log
from stages.core.schemas import POSES, TRACKS, VERSION, Rows
from stages.core.storage import sha256_file, sha256_text
from stages.core.tables import read, read_meta, write
from stages.pose.poseflow import Tracker, TrackParams
from stages.pose.tracks import Tracked, fingerprint, track

TRACKER = "poseflow"


def run(project: Project, dataset: str) -> None:
    """Write TRACKS of every clip of a dataset.

    A clip whose file was made from the same poses with the same parameters and code is skipped. Files of clips that
    are no longer listed are removed.

    Raises:
        ParamsError: the `track` section is not valid.
        DatasetError: the dataset's files contradict one another, or poses lie past a clip's end.
        SchemaError: a POSES table is missing or of another version; clips done before it stay.
        StorageError: the disk is full.
    """
    params = load_section(project, "track", TrackParams)
    data = load_dataset(project, dataset)
    folder = project.tracks(dataset)
    tidy(folder, data.clips["clip"])
    recipe = fingerprint(params)
    clips = [clip for _, clip in data.clips.iterrows()]
    for clip in bar(clips, what=f"tracking {dataset}", unit=" clips"):
        source, output = (clip_file(place, clip["clip"]) for place in (project.poses(dataset), folder))
        meta = read_meta(source, POSES)
        key = _key(source, clip, recipe)
        if made_with(output, TRACKS) == key:
            log.info(f"{clip['clip']}: its poses are unchanged, its tracks are kept")
            continue
        tracker = Tracker(params, fps=clip["fps"], size=(clip["width"], clip["height"]), strong=_strong(meta, source))
        _track(source, clip, tracker, {**meta, "tracker": TRACKER, "key": key}, output)


def _key(source: Path, clip: Any, recipe: str) -> str:
    facts = (str(clip[column]) for column in ("clip", "fps", "width", "height", "frames"))
    return sha256_text(TRACKS.name, str(VERSION), recipe, sha256_file(source), *facts)


def _strong(meta: dict[str, str], source: Path) -> float:
    """Score from which the backend is sure of a person; one that does not say is sure of everybody."""
    try:
        return float(meta.get("strong", 0.0))
    except ValueError as error:
        raise SchemaError(f"metadata `strong` is {meta['strong']!r}, no number", where=str(source)) from error


def _track(source: Path, clip: Any, tracker: Tracker, meta: dict[str, str], output: Path) -> None:
    poses = read(source, POSES)
    numbers = poses.frame["frame"]
    if len(poses) and numbers.max() >= clip["frames"]:
        raise DatasetError(
            f"a pose is in frame {numbers.max()}, the last frame of {clip['clip']!r} is {clip['frames'] - 1}",
            where=str(source),
            fix="mend `frames` in clips.csv, or make the poses anew: `dvc repro`",
        )
    tracked = track(tracker, poses, int(clip["frames"]))
    frame = poses.frame.iloc[tracked.rows].assign(frame=tracked.frames, track=tracked.ids)
    write(output, TRACKS, Rows(frame, poses.arrays[tracked.rows], meta))
    _tell(clip, len(poses), tracked)


def _tell(clip: Any, people: int, tracked: Tracked) -> None:
    copied = f", {tracked.copied} copied into empty frames" if tracked.copied else ""
    log.info(
        f"{clip['clip']}: {people} poses in {clip['frames']} frames make {len(np.unique(tracked.ids))} tracks; of the "
        f"weak ones {tracked.continued} continue a track and {tracked.dropped} are dropped{copied}"
    )
