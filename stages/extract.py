"""Stage `extract`: video → POSES, one Parquet file per clip; clips that have not changed are not done again.

Of a data set of poses it takes over those that came with it, checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import BackendError, DatasetError, NormotionError, ParamsError, StorageError, VideoError
from stages.core.incremental import Digests, made_with, quarantine, say_kept, set_aside, tidy
from stages.core.params import load_section
from stages.core.paths import Project, clip_file
from stages.core.progress import bar, log
from stages.core.schemas import POSES, ROWS_PER_GROUP, VERSION, pose_meta
from stages.core.skeleton import COCO17
from stages.core.storage import sha256_text, sweep
from stages.core.tables import Pieces, writing
from stages.pose import given
from stages.pose.base import NOBODY, ClipEstimator, Estimator, People
from stages.pose.engines.base import Pool, here, spread
from stages.pose.engines.cluster import Cluster
from stages.pose.engines.local import Processes
from stages.pose.estimators import ExtractParams, estimator, fingerprint
from stages.pose.parallel import cores, people
from stages.pose.video import frames

EVERYBODYS = (BackendError, ParamsError, StorageError)
"""Troubles that no clip is to blame for: with the next one they would be the same."""


@dataclass(frozen=True)
class Job:
    """One clip to be done.

    Args:
        clip: its name.
        label: the name behind "clip k of n", for the log.
        file: its video, or the poses that came with it.
        frames: how many frames clips.csv declares.
        output: the POSES file to write.
        source: sha256 of the file's bytes.
        key: hash of everything the poses depend on.
    """

    clip: str
    label: str
    file: Path
    frames: int
    output: Path
    source: str
    key: str

    def __str__(self) -> str:
        return self.clip


def run(project: Project, dataset: str, *, keep_going: bool = False) -> None:
    """Write POSES of every clip of a dataset.

    A clip whose file was made from the same bytes with the same parameters, weights and code is skipped, so an
    interrupted run goes on where it stopped. Files of clips that are no longer listed are removed.

    Args:
        project: where.
        dataset: whose clips.
        keep_going: as `extract.keep_going`: set broken clips aside with their reasons, and do the others.

    Raises:
        ParamsError: the `extract` section is not valid.
        DatasetError: the dataset's files contradict one another; poses that came with it cannot be; or clips were set
            aside, which are listed.
        VideoError: a clip is missing, unreadable, or decodes to another number of frames than declared; clips done
            before it stay.
        PipelineError: a clip cost its worker process its life, time and again.
        BackendError: a package, weights or a Ray cluster is missing.
        StorageError: the disk is full.
    """
    params = load_section(project, "extract", ExtractParams)
    data = load_dataset(project, dataset)
    folder = project.poses(dataset)
    tidy(folder, data.clips["clip"])
    set_aside(folder, {})
    jobs = _outstanding(project, data, params)
    if not jobs:
        return
    troubles: dict[str, NormotionError] = {}
    try:
        with closing(_outcomes(jobs, data, params)) as outcomes:
            for job, trouble in outcomes:
                if trouble is None:
                    continue
                if isinstance(trouble, EVERYBODYS) or not (keep_going or params.keep_going):
                    raise trouble
                log.warning(f"{job.label} is set aside: {trouble.what}")
                troubles[job.clip] = trouble
    finally:
        sweep(folder)  # what workers were at when they were stopped
        set_aside(folder, troubles)
    if troubles:
        raise _incomplete(troubles, len(data.clips), folder)


def _outstanding(project: Project, data: Dataset, params: ExtractParams) -> list[Job]:
    """Clips whose poses are missing or were made from something else."""
    recipe = given.fingerprint() if data.description.modality == "poses" else fingerprint(params)
    digests, folder = Digests(project, data.name), project.poses(data.name)
    jobs, kept = [], []
    rows = zip(data.clips["clip"], data.clips["path"], data.clips["frames"], strict=True)
    for number, (clip, path, count) in enumerate(rows, start=1):
        output, source = clip_file(folder, clip), digests.of(clip, path) or "missing"
        key = sha256_text(POSES.name, str(VERSION), recipe, clip, str(count), source)
        if made_with(output, POSES) == key:
            kept.append(clip)
        else:
            label = f"clip {number} of {len(data.clips)}: {clip}"
            jobs.append(Job(clip, label, data.folder / path, int(count), output, source, key))
    say_kept(kept, folder.parent.name)
    return jobs


def _outcomes(jobs: list[Job], data: Dataset, params: ExtractParams) -> Generator[tuple[Job, NormotionError | None]]:
    """Start the engine that the params ask for; yields each clip as it is done, and why it could not be, or None."""
    poses = data.description.modality == "poses"
    if params.engine == "local" and params.workers is None:
        yield from here(_take_over if poses else _estimating(params), jobs)
        return
    threads = 1 if params.workers is None else max(cores() // params.workers, 1)
    each = params.model_copy(update={"threads": params.threads or threads})
    work = _take_over if poses else partial(_in_worker, params=each)
    pool: Pool[Job] = Cluster(work, each) if params.engine == "ray" else Processes(work, params.workers or 1)
    log.info(f"{len(jobs)} clips go to {pool.size} workers with {each.threads} threads each")
    with closing(spread(pool, jobs, params.retries)) as done:
        yield from bar(done, what=f"extracting {data.name}", total=len(jobs), unit=" clips")


def _incomplete(troubles: Mapping[str, NormotionError], clips: int, folder: Path) -> DatasetError:
    listed = "\n".join(f"  - {clip}: {trouble.what}" for clip, trouble in sorted(troubles.items()))
    return DatasetError(
        f"{len(troubles)} of {clips} clips were set aside, the others are done:\n{listed}",
        where=str(quarantine(folder)),
        fix="mend these clips, or take them out of clips.csv, then run the same command again: only they are tried",
    )


def _take_over(job: Job) -> None:
    """Check the poses that came with a clip, and write them as they are."""
    rows = given.given(job.file, job.clip, job.frames)
    first = next(rows)
    meta = {**first.meta, "imported": "yes", "source_sha256": job.source, "key": job.key}
    with writing(job.output, POSES, meta) as pieces:
        for piece in chain([first], rows):
            pieces.append(piece.frame, piece.arrays)


def _estimating(params: ExtractParams) -> Callable[[Job], None]:
    """Load the networks; gives what does one clip in this process."""
    find = estimator(params)
    log.info(f"estimating poses with {find.version.partition(',')[0]}")
    return partial(_estimate, find=find, params=params)


_load = lru_cache(maxsize=1)(estimator)


def _in_worker(job: Job, params: ExtractParams) -> None:
    """Do one clip in a process that keeps its networks from clip to clip, and has no line of the terminal to itself."""
    _estimate(job, _load(params), params, alone=False)


def _estimate(job: Job, find: Estimator | ClipEstimator, params: ExtractParams, *, alone: bool = True) -> None:
    meta = {
        **pose_meta(COCO17.name),
        "backend": params.backend,
        "backend_version": find.version,
        "source_sha256": job.source,
        "strong": str(params.strong),
        "every": str(params.every),
        "key": job.key,
    }
    with writing(job.output, POSES, meta) as pieces, closing(_look(job, find, params)) as found:
        total = len(range(0, job.frames, params.every))
        _collect(job, bar(found, what=job.label, total=total, unit=" frames") if alone else found, pieces)


def _look(job: Job, find: Estimator | ClipEstimator, params: ExtractParams) -> Generator[tuple[int, People]]:
    """Find everybody in every n-th frame."""
    if isinstance(find, ClipEstimator):
        try:
            yield from (found for found in find.clip(job.file, job.frames) if found[0] % params.every == 0)
        except BackendError as error:  # it runs, or it could not have been loaded: this clip is the matter
            where = error.where or str(job.file)
            raise VideoError(f"{params.backend} failed: {error.what}", where=where, fix=error.fix) from error
        return
    with (
        closing(frames(job.file, expected=job.frames, every=params.every)) as images,
        closing(people(find, images, params.threads)) as found,
    ):
        yield from found


def _collect(job: Job, found: Iterator[tuple[int, People]], pieces: Pieces) -> None:
    """Write people as they come, a row group at a time, and say what was dropped."""
    counts: Counter[str] = Counter()
    waiting: list[tuple[int, People]] = []
    rows = 0
    for index, crowd in found:
        counts.update(frames=1, poses=len(crowd), junk=crowd.junk, doubted=crowd.doubted, duplicates=crowd.duplicates)
        if len(crowd):
            waiting.append((index, crowd))
            rows += len(crowd)
        if rows >= ROWS_PER_GROUP:
            pieces.append(*_table(job.clip, waiting))
            waiting, rows = [], 0
    pieces.append(*_table(job.clip, waiting))
    log.info(
        f"{job.clip}: {counts['poses']} poses in {counts['frames']} frames; {counts['doubted']} without a body made "
        f"weak, dropped {counts['junk']} weak ones without a body and {counts['duplicates']} that held somebody found "
        "already"
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
