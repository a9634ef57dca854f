"""Stage `extract`: video → POSES, one Parquet file per clip; clips that have not changed are not done again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import DatasetError
from stages.core.incremental import made_with, tidy
from stages.core.params import load_section
from stages.core.paths import Project, clip_file
from stages.core.progress import bar, log
from stages.core.schemas import POSES, ROWS_PER_GROUP, VERSION
from stages.core.skeleton import COCO17
from stages.core.storage import sha256_file, sha256_text
from stages.core.tables import Pieces, writing
from stages.pose.estimators import Estimator, ExtractParams, People, estimator, fingerprint, people
from stages.pose.video import demand, frames

NOBODY = People(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, len(COCO17), 3), np.float32))


@dataclass(frozen=True)
class Job:
    """One clip to be done.

    Args:
        clip: its name.
        label: the name behind "clip k of n", for the log.
        video: its file.
        frames: how many frames clips.csv declares.
        output: the POSES file to write.
        source: sha256 of the video's bytes.
        key: hash of everything the poses depend on.
    """

    clip: str
    label: str
    video: Path
    frames: int
    output: Path
    source: str
    key: str


def run(project: Project, dataset: str) -> None:
    """Write POSES of every clip of a dataset.

    A clip whose file was made from the same bytes with the same parameters, weights and code is skipped, so an
    interrupted run goes on where it stopped. Files of clips that are no longer listed are removed.

    Raises:
        ParamsError: the `extract` section is not valid.
        DatasetError: the dataset's files contradict one another, or it holds no video.
        VideoError: a clip is missing, unreadable, or decodes to another number of frames than declared; clips done
            before it stay.
        BackendError: onnxruntime, OpenCV or weights are missing.
        StorageError: the disk is full.
    """
    params = load_section(project, "extract", ExtractParams)
    data = load_dataset(project, dataset)
    if data.description.modality != "video":
        raise DatasetError(
            f"the dataset holds {data.description.modality}, and extract.backend {params.backend!r} reads video",
            where=str(data.folder / "dataset.yaml"),
            fix="take it out of `datasets` in params.yaml",
        )
    folder = project.poses(dataset)
    tidy(folder, data.clips["clip"])
    if jobs := list(_outstanding(data, folder, fingerprint(params))):
        find = estimator(params)
        log.info(f"estimating poses with {find.version.partition(',')[0]}")
        for job in jobs:
            _extract(job, find, params)


def _outstanding(data: Dataset, folder: Path, recipe: str) -> Iterator[Job]:
    """Clips whose poses are missing or were made from something else."""
    for number, (clip, count) in enumerate(zip(data.clips["clip"], data.clips["frames"], strict=True), start=1):
        video, output = demand(data.video(clip)), clip_file(folder, clip)
        source = sha256_file(video)
        key = sha256_text(POSES.name, str(VERSION), recipe, clip, str(count), source)
        label = f"clip {number} of {len(data.clips)}: {clip}"
        if made_with(output, POSES) == key:
            log.info(f"{label} is unchanged, its poses are kept")
        else:
            yield Job(clip, label, video, int(count), output, source, key)


def _extract(job: Job, find: Estimator, params: ExtractParams) -> None:
    meta = {
        "layout": COCO17.name,
        "coordinates": "xy",
        "units": "px",
        "channels": "x,y,confidence",
        "backend": params.backend,
        "backend_version": find.version,
        "source_sha256": job.source,
        "strong": str(params.strong),
        "key": job.key,
    }
    with (
        writing(job.output, POSES, meta) as pieces,
        closing(frames(job.video, expected=job.frames)) as images,
        closing(people(find, images, params.threads)) as found,
    ):
        _collect(job, bar(found, what=job.label, total=job.frames, unit=" frames"), pieces)


def _collect(job: Job, found: Iterator[tuple[int, People]], pieces: Pieces) -> None:
    """Write people as they come, a row group at a time, and say what was dropped."""
    counts: Counter[str] = Counter()
    waiting: list[tuple[int, People]] = []
    rows = 0
    for index, crowd in found:
        counts += Counter(poses=len(crowd), junk=crowd.junk, doubted=crowd.doubted, duplicates=crowd.duplicates)
        if len(crowd):
            waiting.append((index, crowd))
            rows += len(crowd)
        if rows >= ROWS_PER_GROUP:
            pieces.append(*_table(job.clip, waiting))
            waiting, rows = [], 0
    pieces.append(*_table(job.clip, waiting))
    log.info(
        f"{job.clip}: {counts['poses']} poses in {job.frames} frames; {counts['doubted']} without a body made weak, "
        f"dropped {counts['junk']} weak ones without a body and {counts['duplicates']} that held somebody found already"
    )
    if not counts["poses"]:
        log.warning(f"{job.clip}: nobody was found in it, its table of poses is empty")


def _table(clip: str, found: list[tuple[int, People]]) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    """Rows and keypoints of POSES, also when nobody was found."""
    crowds = [NOBODY, *(crowd for _, crowd in found)]
    frame = pd.DataFrame(np.concatenate([crowd.boxes for crowd in crowds]), columns=["x", "y", "w", "h"])
    frame["clip"] = clip
    frame["frame"] = np.repeat([0, *(index for index, _ in found)], [len(crowd) for crowd in crowds])
    frame["score"] = np.concatenate([crowd.scores for crowd in crowds])
    frame["track"] = pd.array([pd.NA] * len(frame), dtype="Int32")
    return frame, np.concatenate([crowd.keypoints for crowd in crowds])
