"""The writer of data-set folders: clips in, `data/raw/<dataset>` out, whole and checked or not at all."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import ArrayLike

from stages.core.action_splits import SPLITS_FILE, draft_splits
from stages.core.dataset import CLIPS, UNKNOWN, Description, load_dataset
from stages.core.errors import DatasetError, SchemaError
from stages.core.paths import NAME, Project, clip_file
from stages.core.progress import bar, log
from stages.core.schemas import POSES, Rows
from stages.core.storage import atomic_folder, sweep, write_text
from stages.core.tables import writing
from stages.ingest.source import Clip, Interval

ORDER = tuple(name for name in CLIPS if name != "video")
"""Columns of clips.csv, as written: what is imported holds poses or footage, not the one beside the other."""


@dataclass(frozen=True)
class Summary:
    """What a data-set folder holds.

    Args:
        splits: clips of each split.
        frames: of all clips.
        poses: people in frames, of all clips.
        intervals: abnormal ones in labels.csv.
        copied: videos that could not be hard-linked and were copied.
    """

    splits: Mapping[str, int]
    frames: int
    poses: int
    intervals: int
    copied: int

    @property
    def clips(self) -> int:
        """How many there are."""
        return sum(self.splits.values())

    def __str__(self) -> str:
        splits = ", ".join(f"{count} {split}" for split, count in sorted(self.splits.items()))
        poses = f", {self.poses} poses" if self.poses else ""
        return f"{self.clips} clips ({splits}), {self.frames} frames{poses}, {self.intervals} abnormal intervals"


def write_folder(
    target: Path,
    description: Description,
    clips: Iterable[Clip],
    *,
    link: bool = True,
    replace: bool = False,
    named: Mapping[str, Sequence[str]] | None = None,
) -> Summary:
    """Write a data-set folder: dataset.yaml, clips.csv, labels.csv, and `poses/` or `videos/`.

    Clips are taken one at a time, so memory is bounded by a clip. The folder appears when all of them are written and
    `load_dataset` accepts the whole; whatever goes wrong before, nothing is left behind and an old folder stays.

    Args:
        target: `data/raw/<dataset>`.
        description: dataset.yaml; its modality says whether clips must bring poses or a video.
        clips: in any order, each name once.
        link: hard-link videos where the file system can, else copy them; False copies always.
        replace: put the new folder in an old one's place; its splits.yaml, which people write, stays.
        named: of a data set of actions, classes that belong together, by name; random splits are added.

    Raises:
        DatasetError: the target exists, a clip is named twice, badly, or breaks while it is read, its poses are not in
            order or lie outside it, or the folder as a whole contradicts itself.
        StorageError: the disk is full.
    """
    if target.exists() and not replace:
        raise DatasetError(
            f"there is a data set {target.name!r} already",
            where=str(target),
            fix="choose another name or add --replace",
        )
    if not NAME.fullmatch(target.name):
        raise DatasetError(f"a data set cannot be called {target.name!r}", fix="use letters, digits, '.', '_' and '-'")
    sweep(target.parent)  # what an import that was killed left behind
    with atomic_folder(target) as folder:
        writer = _Writer(folder, description, link)
        for clip in bar(clips, what=f"writing {target.name}", unit=" clips"):
            writer.add(clip)
        writer.finish()
        if description.task == "actions" or (target / SPLITS_FILE).is_file():
            writer.split(target, named or {})
        _check(folder, target)
    if writer.copied:
        log.info(f"{target.name}: {writer.copied} videos were copied, they could not be linked")
    return writer.summary()


def intervals(mask: ArrayLike, *, abnormal: int = 1, kind: str | None = None) -> tuple[Interval, ...]:
    """The abnormal stretches of a clip.

    Args:
        mask: `(frames,)` of 0 and 1, or of booleans.
        abnormal: the value that means abnormal.
        kind: what happens in all of them.

    Raises:
        DatasetError: the mask has another shape or other values, NaN for instance.
    """
    values = np.asarray(mask)
    if values.ndim != 1 or values.dtype.kind not in "biuf" or not np.isin(values, (0, 1)).all():
        raise DatasetError(
            f"a mask must hold 0 or 1 for each frame, got {values.dtype} of shape {values.shape}",
            fix="leave a clip without mask out, or say in clips.csv that it is abnormal as a whole",
        )
    edges = np.flatnonzero(np.diff(values == abnormal, prepend=False, append=False))
    return tuple(Interval(int(start), int(stop) - 1, kind=kind) for start, stop in edges.reshape(-1, 2))


class _Writer:
    """Adds clips to a folder that nobody sees yet."""

    def __init__(self, folder: Path, description: Description, link: bool) -> None:
        self._folder, self._description, self._link = folder, description, link
        self._clips: list[dict[str, Any]] = []
        self._labels: list[dict[str, Any]] = []
        self._names: set[str] = set()
        self._poses = self.copied = 0

    def add(self, clip: Clip) -> None:
        if clip.name in self._names:
            raise DatasetError(f"two clips are called {clip.name!r}", fix="rename one of them in the source")
        if not NAME.fullmatch(clip.name):
            raise DatasetError(
                f"a clip cannot be called {clip.name!r}", fix="use letters, digits, '.', '_' and '-' for file names"
            )
        self._names.add(clip.name)
        path = self._write_poses(clip) if self._description.modality == "poses" else self._take_video(clip)
        self._clips.append({"clip": clip.name, "path": path} | {name: getattr(clip, name, None) for name in ORDER[3:]})
        self._clips[-1]["split"] = clip.split
        for label in clip.labels:
            row = {"clip": clip.name, "start_frame": label.start, "end_frame": label.end}
            state = UNKNOWN if label.unknown else None
            self._labels.append({**row, "label": state, "track": label.track, "kind": label.kind})

    def finish(self) -> None:
        clips = pd.DataFrame(self._clips, columns=list(ORDER)).sort_values("clip")
        labels = pd.DataFrame(self._labels, columns=["clip", "start_frame", "end_frame", "label", "track", "kind"])
        labels = labels.sort_values(["clip", "start_frame", "end_frame"], kind="stable")
        labels["track"] = labels["track"].astype("Int32")
        clips["abnormal"] = clips["abnormal"].astype("Int8")
        unused = [name for name in ("label", "track", "kind") if labels[name].isna().all()]
        write_text(self._folder / "clips.csv", clips.to_csv(index=False))
        write_text(self._folder / "labels.csv", labels.drop(columns=unused).to_csv(index=False))
        said = self._description
        unsaid = {name for name, usual in (("subsets", {}), ("task", "frames")) if getattr(said, name) == usual}
        text = yaml.safe_dump(said.model_dump(exclude=unsaid), sort_keys=False, allow_unicode=True, width=120)
        write_text(self._folder / "dataset.yaml", text)

    def split(self, old: Path, named: Mapping[str, Sequence[str]]) -> None:
        """Write splits.yaml, or keep the one there is.

        Raises:
            DatasetError: fewer than two classes have clips in both train and test.
        """
        if (old / SPLITS_FILE).is_file():
            shutil.copyfile(old / SPLITS_FILE, self._folder / SPLITS_FILE)
            log.info(f"{old.name}: its {SPLITS_FILE} is kept")
            return
        train, test = (
            {row["kind"] for row in self._clips if row["split"] == split and row["kind"]} for split in ("train", "test")
        )
        if len(train & test) < 2:
            raise DatasetError(
                f"splits need two classes of actions with clips in train and in test, here are {len(train & test)}",
                fix="import clips of more classes, or people: who is learned from is not judged",
            )
        write_text(self._folder / SPLITS_FILE, draft_splits(train & test, named))

    def summary(self) -> Summary:
        splits = Counter(str(row["split"]) for row in self._clips)
        frames = sum(int(row["frames"]) for row in self._clips)
        abnormal = sum(row["label"] != UNKNOWN for row in self._labels)
        return Summary(dict(splits), frames, self._poses, abnormal, self.copied)

    def _write_poses(self, clip: Clip) -> str:
        if clip.poses is None:
            raise DatasetError(f"clip {clip.name!r} brings no poses, and the data set is to hold poses")
        path, last = clip_file(self._folder / "poses", clip.name), 0
        pieces = clip.poses()
        first = next(pieces, None)
        if first is None:
            raise DatasetError(f"clip {clip.name!r} gives no table of poses, not even an empty one")
        try:
            with writing(path, POSES, first.meta) as out:
                for piece in _chain(first, pieces):
                    last = _verify(clip, piece, last)
                    out.append(piece.frame, piece.values)
                    self._poses += len(piece)
        except SchemaError as error:
            where = error.where.replace(f"{self._folder}/", "")
            raise DatasetError(f"clip {clip.name!r}: {error.what}", where=where, fix="mend the source") from error
        return f"poses/{path.name}"

    def _take_video(self, clip: Clip) -> str:
        if clip.video is None or not clip.video.is_file():
            raise DatasetError(f"clip {clip.name!r} has no video", where=str(clip.video or ""))
        path = self._folder / "videos" / f"{clip.name}{clip.video.suffix.lower()}"
        path.parent.mkdir(exist_ok=True)
        if self._link:
            self.copied += not _linked(clip.video, path)
        else:
            shutil.copyfile(clip.video, path)
        return f"videos/{path.name}"


def _chain(first: Rows, rest: Iterable[Rows]) -> Iterable[Rows]:
    yield first
    yield from rest


def _verify(clip: Clip, piece: Rows, last: int) -> int:
    """Refuse poses that are not the clip's, not in order, or of one person twice; returns the last frame."""
    table = piece.frame
    frames = table["frame"].to_numpy(dtype=np.int64)
    if not len(frames):
        return last
    problem = ""
    if (table["clip"] != clip.name).any():
        problem = "it holds poses of another clip"
    elif frames.min() < 0 or frames.max() >= clip.frames:
        beyond = int(((frames < 0) | (frames >= clip.frames)).sum())
        problem = f"{beyond} poses lie outside its {clip.frames} frames (frames {frames.min()} to {frames.max()})"
    elif frames[0] < last or (np.diff(frames) < 0).any():
        problem = "its poses are not in the order of frames"
    elif len(twice := _twice(table)):
        problem = f"person {twice.iloc[0]['track']} is twice in frame {twice.iloc[0]['frame']}"
    if problem:
        raise DatasetError(f"clip {clip.name!r}: {problem}", fix="mend the source, or its stated length")
    return int(frames[-1])


def _twice(table: pd.DataFrame) -> pd.DataFrame:
    named = table.loc[table["track"].notna(), ["frame", "track"]]
    return named[named.duplicated()]


def _linked(source: Path, path: Path) -> bool:
    """Hard-link, never symbolic: a link that leaves the folder is refused by every reader."""
    try:
        os.link(source.resolve(), path)
    except OSError:
        shutil.copyfile(source, path)
        return False
    return True


@dataclass(frozen=True)
class _Sketch(Project):
    """A project whose raw data lie directly in its root."""

    def raw(self, dataset: str) -> Path:
        return self.root / dataset


def _check(folder: Path, target: Path) -> None:
    try:
        load_dataset(_Sketch(folder.parent), folder.name)
    except DatasetError as error:
        raise DatasetError(error.what, where=str(target), fix="mend the source; nothing was written") from error
