"""What `normotion label VIDEO` means: a file, a folder of files, or a dataset of the project."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import DatasetError, VideoError
from stages.core.params import nearest
from stages.core.paths import NAME, Project
from stages.core.progress import log
from stages.core.storage import write_text
from stages.live.labelling.book import Book, LabelledClip
from stages.live.labelling.sheet import HEADER
from stages.live.labelling.traces import Traces, given
from stages.pose.container import frame_times
from stages.pose.video import demand, probe

VIDEOS = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".wmv")
"""Endings of what is taken from a folder."""
LABELS_FILE = "labels.csv"
OFF = 0.4
"""Share of a frame's time by which frames may be early or late before their number no longer follows from it."""


def find(
    project: Project, video: str, *, dataset: str | None, clip: str | None, scores: str | None, out: str | None
) -> Book:
    """Find the clips to label, their scores, and the file the labels are in.

    Args:
        project: whose datasets are meant; any folder does where VIDEO is a file or folder.
        video: a file, a folder, or a dataset's name.
        dataset: the dataset that a file belongs to.
        clip: what a file's clip is called, or which of several is first.
        scores: a FRAME_SCORES table.
        out: the file of labels, where not the usual one.

    Raises:
        DatasetError: there is nothing to label, or labels.csv is damaged.
        VideoError: a file is no video.
    """
    path = Path(video)
    whole = dataset or (video if _is_dataset(project, video) and not path.is_file() else None)
    if whole is not None:
        book = _of_dataset(project, whole, path if dataset else None, clip, scores)
    elif path.is_dir():
        book = _of_files(path / LABELS_FILE, _videos(path), None, scores)
        book = Book(book.path, _from(book.clips, clip), book.traces)
    elif path.is_file():
        _hint(project, path)
        book = _of_files(path.parent / LABELS_FILE, [path], clip, scores)
    else:
        raise _nothing(project, video)
    if out is not None:
        book = Book(Path(out), book.clips, book.traces)
    book.demand_sound()
    return book


def _is_dataset(project: Project, name: str) -> bool:
    return bool(NAME.fullmatch(name)) and (project.raw(name) / "clips.csv").is_file()


def _nothing(project: Project, video: str) -> DatasetError | VideoError:
    known = sorted(path.parent.name for path in project.raw("x").parent.glob("*/clips.csv"))
    if known and NAME.fullmatch(video) and not Path(video).suffix:
        return DatasetError(
            f"no file, folder or dataset {video!r}; {nearest(video, known)}",
            where=str(project.root),
            fix="name a video, a folder of videos, or a dataset in data/raw",
        )
    return VideoError(f"no such file: {video}", where=str(Path(video).absolute()), fix="mend the path")


def _hint(project: Project, path: Path) -> None:
    """A file of a dataset has its labels elsewhere than beside it."""
    raw = project.raw("x").parent.resolve()
    if path.resolve().is_relative_to(raw):
        name = path.resolve().relative_to(raw).parts[0]
        log.info(f"{path.name} lies in the dataset {name}; `normotion label {name}` edits that one's {LABELS_FILE}")


def _videos(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in VIDEOS and path.is_file())
    if not found:
        raise DatasetError("no videos in the folder", where=str(folder), fix=f"put some there: {', '.join(VIDEOS)}")
    return found


def _of_files(labels: Path, files: list[Path], name: str | None, scores: str | None) -> Book:
    clips, broken = [], list[VideoError]()
    for file in files:
        try:
            clips.append(_of_file(file, name))
        except VideoError as error:
            if len(files) == 1:
                raise
            broken.append(error)
            log.warning(f"left out: {error}")
    if not clips:
        raise broken[0]
    names = [clip.name for clip in clips]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DatasetError(f"two files would both be clip {twice[0]}", where=str(files[0].parent), fix="rename one")
    return Book(labels, clips, _beside(files, scores))


def _of_file(path: Path, name: str | None) -> LabelledClip:
    info = probe(path)
    called = name or re.sub(r"[^A-Za-z0-9._-]+", "_", path.stem).lstrip("._-") or "clip"
    if not NAME.fullmatch(called):
        raise DatasetError(f"clip name {called!r} must be letters, digits, '.', '_' and '-'", fix="choose another")
    if name is None and called != path.stem:
        log.info(f"in {LABELS_FILE} {path.stem!r} is called {called}; --clip names it otherwise")
    return LabelledClip(called, path, info.fps, info.frames, info.width, info.height, _even(path, info.fps))


def _even(path: Path, fps: float) -> bool:
    """Whether frame n is shown from n ÷ rate on, as far as the container tells."""
    try:
        times = frame_times(demand(path))
    except VideoError:
        return False
    return times is None or bool(np.abs(times - np.arange(len(times)) / fps).max(initial=0) < OFF / fps)


def _beside(files: list[Path], scores: str | None) -> Traces:
    """Scores that a user names, or those that `normotion run` wrote beside a video."""
    if scores is not None:
        return given(Path(scores))
    places = (files[0].with_suffix(""), files[0].parent) if len(files) == 1 else (files[0].parent,)
    found = [place / "scores.parquet" for place in places if (place / "scores.parquet").is_file()]
    if not found:
        return Traces()
    log.info(f"shows the scores of {found[0]}")
    return given(found[0])


def _of_dataset(project: Project, name: str, file: Path | None, clip: str | None, scores: str | None) -> Book:
    labels = project.raw(name) / LABELS_FILE
    if (project.raw(name) / "clips.csv").is_file() and not labels.exists():
        write_text(labels, ",".join(HEADER))
    data = load_dataset(project, name)
    if data.description.task == "actions":
        raise DatasetError(
            f"{name} is a dataset of actions: which are normal is said by splits.yaml, and nothing by {LABELS_FILE}",
            where=str(data.folder),
        )
    clips = _filmed(data, only=file)
    files = {path.stem: path for path in sorted(project.frame_scores(name, "x").parent.glob("*.parquet"))}
    traces = given(Path(scores)) if scores is not None else Traces(files)
    return Book(labels, _from(clips, clip), traces)


def _filmed(data: Dataset, only: Path | None) -> list[LabelledClip]:
    """The clips that have footage: all, or the one of a file."""
    clips, missing = [], list[str]()
    for row in data.clips.itertuples():
        video = data.video(str(row.clip))
        if video is None or not video.is_file():
            missing.append(str(row.clip))
        elif only is None or video == only.resolve():
            clips.append(_of_row(row, video))
    if not clips and only is not None:
        raise DatasetError(
            f"{only} is the footage of no clip of {data.name}", where=str(data.folder / "clips.csv"), fix="add its row"
        )
    if not clips:
        raise DatasetError(f"no clip of {data.name} has footage to look at", where=str(data.folder), fix="put it there")
    if missing and only is None:
        log.warning(f"{len(missing)} clips without footage are left out, the first of them {missing[0]}")
    return clips


def _of_row(row: object, video: Path) -> LabelledClip:
    found = pd.Series(row._asdict())  # type: ignore[attr-defined]
    normal = not pd.isna(found["abnormal"]) and float(found["abnormal"]) == 0
    fps, kind = float(found["fps"]), "" if pd.isna(found["kind"]) else str(found["kind"])
    measures = (int(found["frames"]), int(found["width"]), int(found["height"]))
    return LabelledClip(str(found["clip"]), video, fps, *measures, _even(video, fps), normal, kind)


def _from(clips: tuple[LabelledClip, ...] | list[LabelledClip], first: str | None) -> list[LabelledClip]:
    """The clips, the named one first and those before it last."""
    names = [clip.name for clip in clips]
    if first is None:
        return list(clips)
    if first not in names:
        raise DatasetError(f"no clip {first!r}; {nearest(first, names)}", fix="leave --clip out to label all of them")
    start = names.index(first)
    return [*clips[start:], *clips[:start]]
