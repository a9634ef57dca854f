"""Clips' files against what clips.csv declares: what `check` may vouch for, and every mistake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core.dataset import Dataset
from stages.core.errors import DatasetError, NormotionError, SchemaError, VideoError
from stages.core.paths import inside
from stages.core.progress import log
from stages.core.schemas import POSES
from stages.core.skeleton import COCO17
from stages.core.storage import sha256_file
from stages.core.tables import read_meta
from stages.pose.given import given
from stages.pose.video import CheckParams, VideoInfo, count, probe

Form = tuple[str, str, str]
"""What poses are: layout, coordinates, units."""
ESTIMATED: Form = (COCO17.name, "xy", "px")
"""What every backend gives."""


@dataclass(frozen=True)
class Vouched:
    """A dataset's files after they were looked into.

    Args:
        clips: path and sha256 of every clip's file, and its camera.
        forms: what the poses are, with a clip of each kind; one kind of coordinates and units alone.
    """

    clips: Mapping[str, Mapping[str, str]]
    forms: Mapping[Form, str]


def check_files(datasets: Iterable[Dataset], limits: CheckParams) -> dict[str, Vouched]:
    """Hold each clip's file against what clips.csv declares.

    Raises:
        DatasetError: a file is missing, unreadable, too large or not as declared; lists all of them, of all datasets.
    """
    vouched: dict[str, Vouched] = {}
    problems: dict[Path, list[str]] = {}
    for data in datasets:
        vouched[data.name], found = _look_into(data, limits)
        if found:
            problems[data.folder / "clips.csv"] = found
    if problems:
        listed = "\n".join(f"  - {problem}" for found in problems.values() for problem in found)
        raise DatasetError(
            f"{sum(map(len, problems.values()))} of the clips' files are not as declared:\n{listed}",
            where=", ".join(map(str, problems)),
            fix="mend the files or the rows of clips.csv, then run `normotion check`",
        )
    return vouched


def _look_into(data: Dataset, limits: CheckParams) -> tuple[Vouched, list[str]]:
    """What may be said of a dataset's files, and what is wrong with them, as sentences."""
    problems: list[str] = []
    digests: dict[str, dict[str, str]] = {}
    forms: dict[Form, str] = {}
    for _, row in data.clips.iterrows():
        try:
            path = inside(data.folder, row["path"])
            form = _poses(path, row) if data.description.modality == "poses" else ESTIMATED
            footage = data.video(row["clip"])
            problems += [f"{row['clip']}: {text}" for text in (_video(footage, row, limits) if footage else ())]
            digests[row["clip"]] = {
                "path": str(row["path"]),
                "sha256": sha256_file(path),
                "camera": str(row["camera"]),
            }
            if footage and footage != path:
                digests[row["clip"]] |= {"video": str(row["video"]), "video_sha256": sha256_file(footage)}
            forms.setdefault(form, row["clip"])
        except (DatasetError, VideoError) as error:
            problems.append(_told(row["clip"], error, row["path"]))
        except OSError as error:
            problems.append(f"{row['clip']}: {row['path']} cannot be read: {error.strerror}")
    if len({form[1:] for form in forms}) > 1:
        listed = ", ".join(f"{coordinates} in {units} ({clip})" for (_, coordinates, units), clip in forms.items())
        problems.append(f"the clips' poses differ: {listed}; put clips of one kind into one dataset")
    return Vouched(digests, forms), problems


def _told(clip: str, error: NormotionError, path: str) -> str:
    """One line for a clip's error: what, where within its file, and the way out."""
    place = error.where.rpartition(f"{Path(path).name}, ")[2] if f"{Path(path).name}, " in error.where else ""
    return f"{clip}: {error.what}" + (f", {place}" if place else "") + (f" ({error.fix})" if error.fix else "")


def _video(path: Path, row: Any, limits: CheckParams) -> list[str]:
    found = probe(path)
    problems = limits.problems(found)
    if not problems and found.frames != row["frames"]:
        # Headers lie, and not every tool can mend them: what can be decoded is what counts.
        decoded = count(path)
        if decoded == row["frames"]:
            log.warning(f"{row['clip']}: its header claims {found.frames} frames, {decoded} can be decoded as declared")
        else:
            problems.append(f"clips.csv says frames {row['frames']}, the file says {found.frames} and holds {decoded}")
    return [*problems, *_differences(row, found)]


def _poses(path: Path, row: Any) -> Form:
    try:
        for _ in given(path, row["clip"], int(row["frames"])):
            pass
        meta = read_meta(path, POSES)
    except SchemaError as error:
        raise DatasetError(error.what, where=error.where, fix="`normotion import` it again") from error
    return meta["layout"], meta["coordinates"], meta["units"]


def _differences(declared: Any, found: VideoInfo) -> list[str]:
    """What clips.csv says of a clip's measures against what its file's header says."""
    pairs = {"width": found.width, "height": found.height, "fps": found.fps}
    return [
        f"clips.csv says {name} {declared[name]:g}, the file says {value:g}"
        for name, value in pairs.items()
        if abs(float(declared[name]) - value) > 0.01
    ]
