"""Stage `track`: POSES → TRACKS, one Parquet file per clip; clips whose poses have not changed are not done again.

Ids that came with the poses are kept, unless `track.given` says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import DatasetError, SchemaError
from stages.core.incremental import Digests, made_with, say_kept, tidy
from stages.core.params import load_section
from stages.core.paths import Project, clip_file
from stages.core.progress import bar, log
from stages.core.schemas import POSES, TRACKS, VERSION, Rows
from stages.core.storage import sha256_file, sha256_text
from stages.core.tables import read, write
from stages.pose.correspondences import Correspondences
from stages.pose.parallel import cores
from stages.pose.poseflow import Matcher, Tracker, TrackParams, regions
from stages.pose.tracks import Crowds, Tracked, demand, fingerprint, given, track
from stages.pose.video import frames


@dataclass(frozen=True)
class Job:
    """One clip to be done.

    Args:
        clip: its name.
        fps: its frames per second.
        size: width and height of its frames in px.
        frames: its length.
        poses: its POSES.
        video: its file; None in a data set of poses.
        output: the TRACKS file to write.
        key: hash of everything the tracks depend on.
    """

    clip: str
    fps: float
    size: tuple[int, int]
    frames: int
    poses: Path
    video: Path | None
    output: Path
    key: str


def run(project: Project, dataset: str) -> None:
    """Write TRACKS of every clip of a dataset.

    A clip whose file was made from the same poses (and the same video, where images are compared) with the same
    parameters and code is skipped. Files of clips that are no longer listed are removed. The poses of one clip are held
    in memory as a whole, about 1.5 kB each: a day with five people in view at 10 frames/s takes some 7 GB.

    Raises:
        ParamsError: the `track` section is not valid.
        DatasetError: the dataset's files contradict one another; a pose lies outside its clip or is not finite; ids
            that came with the poses are incomplete or not unique; or there is no way to track what is there.
        SchemaError: a POSES table is missing or of another version; clips done before it stay.
        VideoError: a video that is needed is missing, unreadable or too short.
        StorageError: the disk is full.
    """
    params = load_section(project, "track", TrackParams)
    data = load_dataset(project, dataset)
    tidy(project.tracks(dataset), data.clips["clip"])
    recipe, digests, kept = fingerprint(params), Digests(project, dataset), []
    clips = [clip for _, clip in data.clips.iterrows()]
    for clip in bar(clips, what=f"tracking {dataset}", unit=" clips"):
        job = _job(project, data, clip, digests if params.matches == "orb" else None, recipe)
        if made_with(job.output, TRACKS) == job.key:
            kept.append(job.clip)
        else:
            _track(job, params)
    say_kept(kept, "tracks")


def _job(project: Project, data: Dataset, clip: Any, digests: Digests | None, recipe: str) -> Job:
    """What there is to do about a clip; `digests` are given where the videos matter."""
    source = clip_file(project.poses(data.name), clip["clip"])
    facts = [sha256_file(source) if source.is_file() else "missing"]
    facts += [str(clip[column]) for column in ("clip", "fps", "width", "height", "frames")]
    video = data.folder / clip["path"] if data.description.modality == "video" else None
    if digests is not None and video is not None:
        facts.append(digests.of(clip["clip"], clip["path"]) or "missing")
    return Job(
        clip=clip["clip"],
        fps=clip["fps"],
        size=(int(clip["width"]), int(clip["height"])),
        frames=int(clip["frames"]),
        poses=source,
        video=video,
        output=clip_file(project.tracks(data.name), clip["clip"]),
        key=sha256_text(TRACKS.name, str(VERSION), recipe, *facts),
    )


def _track(job: Job, params: TrackParams) -> None:
    poses = read(job.poses, POSES)
    every = int(_number(poses, "every", 1, job))
    demand(poses, clip=job.clip, frames=job.frames, every=every, where=str(job.poses))
    tracked = given(poses, str(job.poses)) if params.given == "keep" else None
    tracker = "poseflow" if tracked is None else "given"
    if tracked is None:
        _demand_plane(poses, job)
        tracked = _poseflow(job, Crowds.of(poses, job.frames, every), params, _number(poses, "strong", 0, job))
    frame = poses.frame.iloc[tracked.rows].assign(frame=tracked.frames, track=tracked.ids)
    meta = {**poses.meta, "tracker": tracker, "key": job.key}
    write(job.output, TRACKS, Rows(frame, poses.arrays[tracked.rows], meta))
    _tell(job, len(poses), tracked, tracker)


def _poseflow(job: Job, crowds: Crowds, params: TrackParams, strong: float) -> Tracked:
    """Track a clip as if the frames that were looked at were all it has."""
    with _matching(job, crowds, params) as matcher:
        tracker = Tracker(params, fps=job.fps / crowds.every, size=job.size, strong=strong, matcher=matcher)
        return track(tracker, crowds)


@contextmanager
def _matching(job: Job, crowds: Crowds, params: TrackParams) -> Iterator[Matcher | None]:
    """The cue of image points, where it is asked for."""
    if params.matches == "none":
        yield None
        return
    if job.video is None:
        raise DatasetError(
            f"track.matches is {params.matches!r}, and the data set of {job.clip!r} holds poses, no video",
            where=str(job.poses),
            fix="set `track.matches: none`, or give the poses ids where they come from",
        )

    def people(look: int) -> Any:
        rows = crowds.rows(look)
        return regions(params, job.size, crowds.boxes[rows], crowds.keypoints[rows])

    with closing(frames(job.video, expected=job.frames, every=crowds.every)) as images:
        looks = ((number // crowds.every, image) for number, image in images)
        with Correspondences(looks, people, params.orb, threads=cores()) as matcher:
            yield matcher


def _demand_plane(poses: Rows, job: Job) -> None:
    """Refuse poses that PoseFlow cannot compare with one another; an empty clip leaves nothing to compare."""
    coordinates, units = poses.meta["coordinates"], poses.meta["units"]
    if len(poses) and (coordinates != "xy" or units != "px"):
        raise DatasetError(
            f"the poses of {job.clip!r} are {coordinates} in {units} without ids, and PoseFlow takes xy in px",
            where=str(job.poses),
            fix="import them with ids, and leave `track.given` at keep",
        )


def _number(poses: Rows, name: str, otherwise: float, job: Job) -> float:
    """A number that the backend left in the metadata; one that does not say is sure of everybody in each frame."""
    text = poses.meta.get(name, otherwise)
    try:
        return float(text)
    except ValueError as error:
        raise SchemaError(f"metadata `{name}` is {text!r}, no number", where=str(job.poses)) from error


def _tell(job: Job, people: int, tracked: Tracked, tracker: str) -> None:
    what = f"{job.clip}: {people} poses in {job.frames} frames make {len(np.unique(tracked.ids))} tracks"
    if tracker == "given":
        log.info(f"{what}, as their source gave them")
        return
    copied = f", {tracked.copied} copied into empty frames" if tracked.copied else ""
    log.info(f"{what}; of the weak ones {tracked.continued} continue a track and {tracked.dropped} are dropped{copied}")
