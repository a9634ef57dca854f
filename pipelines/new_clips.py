"""Videos that were put into a dataset's folder and stand in no clips.csv yet: found, probed, entered."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pandas as pd

from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import DatasetError, NormotionError
from stages.core.params import read_params
from stages.core.paths import Project
from stages.core.progress import bar, log
from stages.core.storage import write_text

VIDEOS = frozenset({".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".ts", ".mpg", ".mpeg"})
"""Endings of files that are taken for videos."""
QUIET = 60.0
"""Seconds a file must not have changed: a camera or a copy may still be writing it."""


def enter(project: Project, quiet: float = QUIET) -> dict[str, list[str]]:
    """Enter new videos into clips.csv as normal footage to learn from.

    They lie in `videos` of a dataset's folder, or in a folder `videos/CAMERA`; without one they are of the dataset's
    only camera. What cannot be read or told is named in the log and left.

    Args:
        project: whose listed datasets are looked through; simulated ones and imported poses are not.
        quiet: seconds a file must not have changed.

    Returns:
        Names of the new clips by dataset, for those that got any.

    Raises:
        DatasetError: a dataset contradicts itself.
        StorageError: clips.csv cannot be written.
    """
    found: dict[str, list[str]] = {}
    for name in read_params(project).get("datasets") or []:
        folder = project.raw(str(name)) / "videos"
        if not folder.is_dir() or name == "simulated":
            continue
        data = load_dataset(project, str(name))
        if data.description.modality != "video":
            continue  # its videos stand beside poses that came from elsewhere
        rows = _rows(data, _unlisted(data, folder, quiet))
        if rows:
            _append(data.folder / "clips.csv", rows)
            found[data.name] = [str(row["clip"]) for row in rows]
            log.info("%s: %d new clips: %s", data.name, len(rows), ", ".join(found[data.name]))
    return found


def _unlisted(data: Dataset, folder: Path, quiet: float) -> list[Path]:
    listed = {data.file(clip) for clip in data.clips["clip"]}
    files = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in VIDEOS and path.is_file()]
    inside = [path for path in files if path.resolve().is_relative_to(data.folder.resolve())]
    new = [path for path in inside if path.resolve() not in listed]
    settled = [path for path in new if time.time() - path.stat().st_mtime >= quiet]
    if len(settled) < len(new):
        log.info("%s: %d videos may still be being written; they wait", data.name, len(new) - len(settled))
    return settled


def _rows(data: Dataset, videos: list[Path]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    taken = set(data.clips["clip"])
    for path in bar(videos, what=f"probing new videos of {data.name}", unit=" videos") if videos else ():
        try:
            row = _row(data, path, taken)
        except NormotionError as error:
            log.warning("%s is left out: %s", path, error.what)
            continue
        taken.add(str(row["clip"]))
        rows.append(row)
    return rows


def _row(data: Dataset, path: Path, taken: set[str]) -> dict[str, object]:
    from stages.pose.video import count, probe

    info = probe(path)
    camera, scene = _place(data, path)
    return {
        "clip": _name(path, taken), "split": "train", "path": path.relative_to(data.folder).as_posix(),
        "camera": camera, "scene": scene, "fps": info.fps, "width": info.width, "height": info.height,
        "frames": count(path), "abnormal": 0,
    }  # fmt: skip


def _place(data: Dataset, path: Path) -> tuple[str, str]:
    """Camera and scene: those of the folder's name, or of the dataset where it has one camera alone."""
    beside = path.parent.relative_to(data.folder / "videos").as_posix()
    cameras = data.clips.drop_duplicates("camera").set_index("camera")["scene"]
    if beside != ".":
        return beside, str(cameras.get(beside, beside))
    if len(cameras) == 1:
        return str(cameras.index[0]), str(cameras.iloc[0])
    raise DatasetError(
        "the dataset has several cameras, and nothing says which one filmed it; move it to videos/CAMERA/"
    )


def _name(path: Path, taken: set[str]) -> str:
    """A clip's name: the file's, as far as it may be one, with a number where it is taken."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", path.stem).strip("._-") or "clip"
    number = 2
    name = plain
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    return name


def _append(table: Path, rows: list[dict[str, object]]) -> None:
    """Add rows, in the columns that are there; what stood there stays letter by letter."""
    text = table.read_text(encoding="utf-8")
    columns = list(pd.read_csv(table, nrows=0).columns)
    added = pd.DataFrame(rows, columns=columns).to_csv(index=False, header=False)
    write_text(table, (text if text.endswith("\n") else f"{text}\n") + added)
