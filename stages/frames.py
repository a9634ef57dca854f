"""Stage `frames`: video → frame cache, for the window specs that hold whole frames; unchanged clips are not done again.

A clip is decoded once, frame by frame, and each frame that a sample time falls on is shrunk and appended to an array on
disk, so that neither a long clip nor many of them need memory. Training reads windows from it as views.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from stages.core.cutting import frame_entries
from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import DatasetError, SchemaError
from stages.core.frame_cache import VERSION, FramesParams, Pixels, about_file, described, pixels_file
from stages.core.incremental import Digests, say_kept
from stages.core.params import load_section
from stages.core.paths import Project
from stages.core.progress import bar, log
from stages.core.storage import atomic_file, sha256_text, sweep, write_text
from stages.core.windows import FrameParams, SegmentParams, WindowSpec
from stages.pose.video import frames

INDEX = "windows.json"
"""Which window specs there are frames of, and in what form."""


@dataclass(frozen=True)
class Job:
    """One clip to be done.

    Args:
        clip: its name.
        video: its file.
        frames: how many clips.csv declares.
        numbers: the frames wanted, rising.
        shape: `(S, C, H, W)` of what is written.
        key: hash of all it depends on.
    """

    clip: str
    video: Path
    frames: int
    numbers: Sequence[int]
    shape: tuple[int, int, int, int]
    key: str


def run(project: Project, dataset: str) -> None:
    """Write the frames of every clip, for every window spec that is cut and holds frames.

    Raises:
        ParamsError: a section is wrong.
        DatasetError: clips have frames of several sizes, and the spec keeps the videos' own.
        VideoError: a clip cannot be read, or decodes to another number of frames than declared.
        StorageError: the disk is full.
    """
    params = load_section(project, "frames", FramesParams)
    data = load_dataset(project, dataset)
    root = project.frames(dataset, "")
    root.mkdir(parents=True, exist_ok=True)
    wanted = dict(_specs(project, data))
    _forget(root, wanted)
    for window, (spec, form) in wanted.items():
        _run_spec(project, data, project.frames(dataset, window), spec, form, params)
    # Also where there is nothing to keep: DVC warns of an empty folder each time a stage reads it.
    write_text(root / INDEX, json.dumps({window: form.model_dump() for window, (_, form) in wanted.items()}, indent=2))


def _specs(project: Project, data: Dataset) -> Iterator[tuple[str, tuple[WindowSpec, FrameParams]]]:
    """Window specs that are cut from the dataset and hold frames, by name."""
    for window in load_section(project, "segment", SegmentParams).windows:
        spec = load_section(project, f"windows.{window}", WindowSpec)
        if spec.frames is not None and spec.cuts(data.description.task, filmed=data.filmed):
            yield window, (spec, spec.frames)


def _run_spec(
    project: Project, data: Dataset, folder: Path, spec: WindowSpec, form: FrameParams, params: FramesParams
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    jobs, kept = _outstanding(project, data, folder, spec, form, params)
    _forget_clips(folder, set(data.clips["clip"]))
    say_kept(kept, "frames")
    for job in bar(jobs, what=f"frames, {data.name}, {folder.name}", unit=" clips") if jobs else ():
        with atomic_file(pixels_file(folder, job.clip)) as temporary:
            _write(temporary, job, form, params)
        about = {"key": job.key, "shape": job.shape, "version": VERSION}
        write_text(about_file(folder, job.clip), json.dumps(about, indent=2, sort_keys=True))


def _outstanding(
    project: Project, data: Dataset, folder: Path, spec: WindowSpec, form: FrameParams, params: FramesParams
) -> tuple[list[Job], list[str]]:
    """Clips whose frames are missing or were made from something else, and those that are kept."""
    digests, jobs, kept = Digests(project, data.name), list[Job](), list[str]()
    sizes = _sizes(data, form)
    for clip, count, fps in zip(*(data.clips[name] for name in ("clip", "frames", "fps")), strict=True):
        video = data.video(clip) or data.file(clip)  # a spec with frames is cut from filmed data alone
        numbers = frame_entries(count, spec, fps).keypoints.astype(int).flatten().tolist()
        shape = (len(numbers), form.channels, *sizes[clip])
        source = digests.of(clip, str(video.relative_to(data.folder.resolve()))) or "missing"
        recipe = (form.model_dump_json(), params.model_dump_json(), f"{spec.step(fps):.9g}", str(count), str(shape))
        key = sha256_text("frames", str(VERSION), clip, *recipe, source)
        if _made_with(folder, clip) == key:
            kept.append(clip)
        else:
            jobs.append(Job(clip, video, count, numbers, shape, key))
    return jobs, kept


def _made_with(folder: Path, clip: str) -> str | None:
    """The key of a clip's frames; None when they are missing or their description cannot be read."""
    if not pixels_file(folder, clip).is_file():
        return None
    try:
        return str(described(about_file(folder, clip)).get("key"))
    except SchemaError:
        return None


def _sizes(data: Dataset, form: FrameParams) -> dict[str, tuple[int, int]]:
    """Height and width of each clip's frames.

    Raises:
        DatasetError: the videos' own are to be kept, and differ.
    """
    own = zip(data.clips["clip"], data.clips["height"], data.clips["width"], strict=True)
    found = {clip: (form.height or int(height), form.width or int(width)) for clip, height, width in own}
    distinct = {size: clip for clip, size in found.items()}
    if len(distinct) > 1:
        listed = ", ".join(f"{width} × {height} ({clip})" for (height, width), clip in distinct.items())
        raise DatasetError(
            f"videos of several sizes: {listed}",
            where=str(data.folder / "clips.csv"),
            fix="give `frames` of the window spec a height and a width, to which all are brought",
        )
    return found


def _write(path: Path, job: Job, form: FrameParams, params: FramesParams) -> None:
    """Append the wanted frames of one clip to an array on disk."""
    header = {"descr": "|u1", "fortran_order": False, "shape": job.shape}
    with path.open("wb") as out:
        np.lib.format.write_array_header_1_0(out, header)
        written = _pour(out, _shrunk(job, form, params))
    log.info(f"{job.clip}: {written} of {job.frames} frames, {job.shape[3]} × {job.shape[2]} px, {form.colour}")


def _pour(out: IO[bytes], pictures: Iterator[Pixels]) -> int:
    written = 0
    for picture in pictures:
        out.write(np.ascontiguousarray(picture).tobytes())
        written += 1
    return written


def _shrunk(job: Job, form: FrameParams, params: FramesParams) -> Iterator[Pixels]:
    """The wanted frames as `(C, H, W)`, in order."""
    import cv2

    how = cv2.INTER_AREA if params.interpolation == "area" else cv2.INTER_LINEAR
    size, wanted = (job.shape[3], job.shape[2]), set(job.numbers)
    colour = cv2.COLOR_BGR2GRAY if form.colour == "grey" else cv2.COLOR_BGR2RGB
    with closing(frames(job.video, expected=job.frames)) as decoded:
        for number, frame in decoded:
            if number in wanted:
                picture = cv2.resize(cv2.cvtColor(frame, colour), size, interpolation=how)
                yield picture.reshape(*picture.shape[:2], form.channels).transpose(2, 0, 1).astype(np.uint8)


def _forget(root: Path, wanted: Collection[str]) -> None:
    """Remove frames of specs that are no longer cut."""
    for path in sorted(root.iterdir()):
        if path.name not in {*wanted, INDEX}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            log.info(f"{path.name}: no window spec with frames any more, its frames are removed")


def _forget_clips(folder: Path, clips: Collection[str]) -> None:
    """Remove frames of clips that are no longer listed."""
    for path in sorted(folder.iterdir()):
        if path.stem not in clips:
            path.unlink()
            log.info(f"{path.stem}: no longer in clips.csv, its frames are removed")
