"""UBnormal: 29 virtual scenes, 543 clips, some of them with fog, smoke or fire in the picture.

Acsintoae et al., "UBnormal: New Benchmark for Supervised Open-Set Video Anomaly Detection", CVPR 2022
(https://github.com/lilygeorgescu/UBnormal, which publishes clips, annotations and split lists); poses tracked by
AlphaPose and masks of the test frames were published with STG-NF (https://github.com/orhir/STG-NF).

    pose/train, pose/abnormal_train, pose/validation, pose/test    <clip>_alphapose_tracked_person.json each
    **/<clip>_tracks.txt                                           labels, in any folder

A clip is called `<normal|abnormal>_scene_<S>_scenario_<N>`, with a part number, `fog`, `smoke` or `fire` after it: the
whole name is the clip. Two kinds of file are called `<clip>_tracks.txt`. Those of the test clips are NumPy arrays
whatever their name says, a number per frame, **1 normal**. Those of the annotations are text, a line
`id,first,last` per abnormal object, frames 0-based and inclusive. A test clip goes by its array, others by their lines.

Complete are 186 normal and 82 abnormal training clips, 26 normal and 38 abnormal validation clips, and 53 normal and
158 abnormal test clips of 92,640 frames, 53.6 % of them abnormal. Published figures without supervision learn from the
186 alone. Clips have 30 frames/s and 720 px of height; poses were found in pictures 1080 px wide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from stages.core.dataset import Description
from stages.core.errors import DatasetError
from stages.core.progress import log
from stages.ingest.formats import tracked_person
from stages.ingest.recipes.base import Checklist, Options, chosen, described, is_array, lines, masked
from stages.ingest.recipes.poses import PoseFiles, pose_files, posed, seen
from stages.ingest.source import Clip, Interval

ADDRESS = "https://github.com/lilygeorgescu/UBnormal (annotations), https://github.com/orhir/STG-NF (poses, test masks)"
FPS, WIDTH, HEIGHT = 30.0, 1080, 720
FOLDERS = {"train": ("train", "abnormal_train"), "validation": ("validation",), "test": ("test",)}
"""Folders of poses of each split."""
COMPLETE = {"train": 186, "validation": 64, "test": 211}
ABNORMAL_TRAIN = 82
NAMES = re.compile(r"(normal|abnormal)_scene_(\d+)_scenario_?\d+(?:_\d+)?(?:_(fog|smoke|fire))?")
"""What a clip is called; one of them lacks the last underscore."""


class UBnormalOptions(Options):
    """What the recipe may be told.

    Args:
        abnormal_training: take the 82 abnormal training clips along, labelled. A detector that is not supervised would
            learn from their normal frames too, which published figures do not.
        scenes: only these are taken; none: all. Table 4 of MGENet (Yang et al., ACM MM 2024) is of 1, 3, 4, 5, 11, 20
            and 21.
        moved: a CSV file with the columns `clip` and `split`, for clips that are taken for another split than
            published; in `train` they are taken for normal. In that table, test clips that show running or jumping
            alone move to `train` in streets and stations; which those are is not published.
    """

    abnormal_training: bool = Field(default=False, description="take the abnormal training clips along: true or false")
    scenes: tuple[int, ...] = Field(default=(), description="only these scenes, such as [1, 3, 4, 5, 11, 20, 21]")
    moved: str | None = Field(default=None, description="a CSV file of clips and their other splits: clip,split")


OPTIONS = described(UBnormalOptions)


def clips(source: Path, **options: object) -> tuple[Description, Iterator[Clip]]:
    """See `Recipe`."""
    chose = chosen(UBnormalOptions, options)
    about = Description(
        name="UBnormal, people in virtual scenes", source=ADDRESS, licence="CC BY-NC-ND 4.0", modality="poses"
    )
    wanted = Checklist(source, ADDRESS, partial=chose.partial)
    poses = _poses(source, abnormal_training=chose.abnormal_training)
    arrays, texts = _labels(source)
    for split, paths in poses.items():
        more = ABNORMAL_TRAIN if split == "train" and chose.abnormal_training else 0
        wanted.count(f"{split} clips", len(paths), COMPLETE[split] + more)
    wanted.labels(f"{clip}_tracks.txt (an array)" for clip in poses["test"].keys() - arrays.keys())
    others = poses["train"].keys() | poses["validation"].keys()
    wanted.labels(f"{clip}_tracks.txt" for clip in others - texts.keys() if clip.startswith("abnormal"))
    wanted.clips("test clips", arrays.keys() - poses["test"].keys())
    wanted.settle()
    moved = _moved(Path(chose.moved), {clip for paths in poses.values() for clip in paths}) if chose.moved else {}
    return about, _rearranged(_posed(poses, arrays, texts), chose.scenes, moved)


def _rearranged(found: Iterator[Clip], scenes: tuple[int, ...], moved: dict[str, str]) -> Iterator[Clip]:
    """Clips of the scenes asked for, some of them in another split."""
    for clip in found:
        if scenes and int(clip.scene) not in scenes:
            continue
        split = moved.get(clip.name, clip.split)
        normal = split == "train" != clip.split
        yield replace(clip, split=split, labels=() if normal else clip.labels)


def _moved(path: Path, known: set[str]) -> dict[str, str]:
    """Splits of clips that a file moves.

    Raises:
        DatasetError: the file cannot be read, or names a clip or split that is not there.
    """
    head, *rows = ([word.strip() for word in line.split(",")] for line in lines(path))
    for row in [head, *rows]:
        right = row == ["clip", "split"] if row is head else len(row) == 2 and row[0] in known and row[1] in FOLDERS
        if not right:
            raise DatasetError(
                f"{','.join(row)!r} names no clip and split: columns are clip,split, splits {', '.join(FOLDERS)}",
                where=str(path),
                fix="mend the line",
            )
    return {row[0]: row[1] for row in rows}


def _poses(source: Path, *, abnormal_training: bool) -> dict[str, dict[str, Path]]:
    """Pose files by split and clip."""
    found = {
        split: {clip: path for folder in folders for clip, path in pose_files(source / "pose" / folder).items()}
        for split, folders in FOLDERS.items()
    }
    if not abnormal_training:
        found["train"] = {clip: path for clip, path in found["train"].items() if not clip.startswith("abnormal")}
    return found


def _posed(poses: dict[str, dict[str, Path]], arrays: dict[str, Path], texts: dict[str, Path]) -> Iterator[Clip]:
    reader = PoseFiles(tracked_person.read)
    size: dict[str, Any] = {"fps": FPS, "width": WIDTH, "height": HEIGHT}
    for split, paths in poses.items():
        for name, path in paths.items():
            scene, kind = _read_name(name, path)
            found = reader.recording(path)
            if split == "test":
                frames, labels = masked(arrays[name], abnormal=0)
            else:
                labels = _intervals(texts[name]) if name.startswith("abnormal") else ()
                frames = max([seen(found), *(interval.end + 1 for interval in labels)])
            place: dict[str, Any] = {"camera": scene, "scene": scene, "kind": kind, **size}
            yield posed(found, name=name, split=split, frames=frames, labels=labels, **place)
    guessed = len(poses["train"]) + len(poses["validation"])
    log.info(f"UBnormal: {guessed} clips are taken to end with their last pose or label, no file says when")
    reader.tell("UBnormal")


def _labels(source: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Label files by clip: arrays, and texts."""
    arrays: dict[str, Path] = {}
    texts: dict[str, Path] = {}
    for path in sorted(source.rglob("*_tracks.txt")):
        if not path.name.startswith("."):
            (arrays if is_array(path) else texts)[path.name.removesuffix("_tracks.txt")] = path
    return arrays, texts


def _read_name(name: str, path: Path) -> tuple[str, str | None]:
    """Scene, and what is in the air."""
    if not (match := NAMES.fullmatch(name)):
        raise DatasetError(
            f"{name!r} is not the name of a clip of UBnormal",
            where=str(path),
            fix="names are <normal|abnormal>_scene_<S>_scenario_<N>, with _fog, _smoke or _fire after it",
        )
    return match[2], match[3]


def _intervals(path: Path) -> tuple[Interval, ...]:
    """Lines `id,first,last`; some files write the numbers as floats."""
    found = []
    for number, line in enumerate(lines(path), start=1):
        words = [_whole(word) for word in line.split(",")]
        if len(words) != 3 or not -1 < words[1] <= words[2]:
            what = f"line {number} is {line!r}, not id,first,last"
            raise DatasetError(what, where=str(path), fix="download it again")
        found.append(Interval(words[1], words[2]))
    return tuple(sorted(found, key=lambda interval: (interval.start, interval.end)))


def _whole(word: str) -> int:
    """A whole number, -1 for anything else."""
    try:
        return int(float(word)) if float(word).is_integer() else -1
    except (ValueError, OverflowError):
        return -1
