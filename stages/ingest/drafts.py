"""A tracked dataset that is being rearranged for an experiment, and its writer; the original is only read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import yaml

from stages.core.dataset import CLIPS, LABELS, UNKNOWN, Dataset, load_dataset
from stages.core.errors import DatasetError, SchemaError
from stages.core.paths import Project, clip_file
from stages.core.progress import log
from stages.core.schemas import REGIONS, TRACKS, Rows
from stages.core.seeding import stream
from stages.core.storage import atomic_folder, sha256_file, sha256_text, share, write_text
from stages.core.tables import read, write
from stages.core.truth import REGIONS_FILE


@dataclass(frozen=True)
class Jitter:
    """Gaussian noise that is added to every keypoint.

    Args:
        sigma: standard deviation in heights of the person's box.
        seed: of the noise; each clip has a stream of its own.
    """

    sigma: float
    seed: int


@dataclass(frozen=True)
class Draft:
    """Clips and labels as they shall be, and where each clip's tracks come from.

    Args:
        project: where the originals lie.
        data: the original dataset.
        clips: rows of clips.csv.
        labels: rows of labels.csv, those of `unknown` among them.
        sources: by clip, the file its TRACKS come from.
        jitter: what is added to the keypoints, if anything.
        footage: by clip, the file its frames are seen in; empty where a clip has none.
    """

    project: Project
    data: Dataset
    clips: pd.DataFrame
    labels: pd.DataFrame
    sources: Mapping[str, Path] = field(default_factory=dict)
    jitter: Jitter | None = None
    footage: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, project: Project, dataset: str) -> Self:
        """A dataset as it is.

        Raises:
            DatasetError: there is none of that name, or its files contradict one another.
        """
        data = load_dataset(project, dataset)
        labels = pd.concat([data.labels, data.unknown]).sort_index()
        sources = {clip: clip_file(project.tracks(dataset), clip) for clip in data.clips["clip"]}
        seen = {str(clip): data.video(clip) for clip in data.clips["clip"]} if data.filmed else {}
        footage = {clip: path for clip, path in seen.items() if path is not None}
        return cls(project, data, data.clips, labels, sources, footage=footage)

    def split(self, split: str) -> list[str]:
        """Names of the clips of one split."""
        return [str(clip) for clip in self.clips["clip"][self.clips["split"] == split]]

    def abnormal(self, split: str) -> list[str]:
        """Names of the clips of one split in which something abnormal is labelled, or said to happen."""
        called = set(self.clips["clip"][pd.to_numeric(self.clips["abnormal"], errors="coerce") == 1])
        return [clip for clip in self.split(split) if clip in self._labelled() | called]

    def without(self, clips: set[str]) -> Draft:
        """The draft without some clips and their labels."""
        return replace(
            self,
            clips=self.clips[~self.clips["clip"].isin(clips)],
            labels=self.labels[~self.labels["clip"].isin(clips)],
        )

    def unlabelled(self, clips: set[str]) -> Draft:
        """The draft in which nobody knows what happens in some clips: every frame of them is `unknown`."""
        mine = self.clips["clip"].isin(clips)
        rows = self.clips[mine]
        unknown = {"clip": rows["clip"], "start_frame": 0, "end_frame": rows["frames"] - 1, "label": UNKNOWN}
        others = self.labels[~self.labels["clip"].isin(clips)]
        columns = {"abnormal": self.clips["abnormal"].mask(mine), "kind": self.clips["kind"].mask(mine)}
        labels = _joined(others, pd.DataFrame(unknown, columns=list(LABELS)))
        return replace(self, clips=self.clips.assign(**columns), labels=labels)

    def joined(self, other: Draft) -> Draft:
        """Both drafts' clips, whose names must differ.

        Raises:
            DatasetError: a clip is in both.
        """
        if twice := sorted(set(self.clips["clip"]) & set(other.clips["clip"])):
            raise DatasetError(f"clip {twice[0]!r} would be there twice", fix="rename it in one of the datasets")
        clips, labels = _joined(self.clips, other.clips), _joined(self.labels, other.labels)
        sources, footage = {**self.sources, **other.sources}, {**self.footage, **other.footage}
        return replace(self, clips=clips, labels=labels, sources=sources, footage=footage)

    def renamed(self, affix: str) -> Draft:
        """The draft with other names of its clips: `affix` with the old name in place of `{}`."""
        names = {clip: affix.format(clip) for clip in self.clips["clip"]}
        return replace(
            self,
            clips=self.clips.assign(clip=self.clips["clip"].map(names)),
            labels=self.labels.assign(clip=self.labels["clip"].map(names)),
            sources={name: self.sources[clip] for clip, name in names.items()},
            footage={name: self.footage[clip] for clip, name in names.items() if clip in self.footage},
        )

    def digest(self, of: Callable[[Path], str] = sha256_file, *, footage: bool = False) -> str:
        """A hash of all that `write` would write: equal drafts, however they came about, have equal ones.

        Args:
            of: hashes a file; TRACKS are the larger part, so that a caller with many drafts remembers theirs.
            footage: as of `write`.

        Raises:
            SchemaError: TRACKS of a clip are missing.
        """
        files = [self.sources[clip] for clip in self.clips["clip"]]
        if missing := [path for path in files if not path.is_file()]:
            raise SchemaError(
                f"there are no tracks of {len(missing)} clips", where=str(missing[0]), fix="make them: `dvc repro`"
            )
        regions = self.data.folder / REGIONS_FILE
        tables = [self.clips[list(CLIPS)].to_csv(index=False), self.labels[list(LABELS)].to_csv(index=False)]
        files += [self.footage[clip] for clip in self.clips["clip"] if footage and clip in self.footage]
        texts = [self.data.name, repr(self.data.description), repr(self.jitter), *tables, *map(of, files)]
        return sha256_text(*texts, of(regions) if regions.is_file() else "")

    def write(self, target: Project, *, footage: bool = False) -> Dataset:
        """Write raw files and TRACKS into another project, under the same name.

        Tracks that are as they were are linked, all others written.

        Args:
            target: the other project.
            footage: take the videos along, as further names of the same files; otherwise they stay where they are.

        Raises:
            DatasetError: the whole contradicts itself, or keypoints to be moved are not measured in px.
            SchemaError: TRACKS of a clip are missing.
            StorageError: the disk is full.
        """
        name = self.data.name
        with atomic_folder(target.raw(name)) as folder:
            self._write_raw(folder, footage=footage)
        with atomic_folder(target.tracks(name)) as folder:
            for clip in self.clips["clip"]:
                self._write_tracks(str(clip), clip_file(folder, str(clip)))
        return load_dataset(target, name)

    def _labelled(self) -> set[str]:
        return set(self.labels["clip"][~self.labels["label"].isin([UNKNOWN])])

    def _write_raw(self, folder: Path, *, footage: bool) -> None:
        test = set(self.split("test"))
        about = self.data.description.model_dump()
        about["subsets"] = {subset: [c for c in clips if c in test] for subset, clips in about["subsets"].items()}
        write_text(folder / "dataset.yaml", yaml.safe_dump(about, sort_keys=False, allow_unicode=True))
        clips = self._with_footage(folder) if footage else self.clips
        write_text(folder / "clips.csv", clips[list(CLIPS)].to_csv(index=False))
        write_text(folder / "labels.csv", self.labels[list(LABELS)].to_csv(index=False))
        if (path := self.data.folder / REGIONS_FILE).is_file():
            regions = read(path, REGIONS)
            told = regions.frame["clip"].isin(self._labelled())
            write(folder / REGIONS_FILE, REGIONS, Rows(regions.frame[told], meta=regions.meta))

    def _with_footage(self, folder: Path) -> pd.DataFrame:
        """The clips, their videos beside them under their own names: two datasets may call theirs the same."""
        (folder / "videos").mkdir()
        names = {clip: f"videos/{clip}{path.suffix}" for clip, path in self.footage.items()}
        for clip in self.clips["clip"]:
            if clip in names:
                share(self.footage[clip], folder / names[clip])
        column = "path" if self.data.description.modality == "video" else "video"
        found = self.clips["clip"].map(names)
        return self.clips.assign(**{column: found.where(found.notna(), self.clips[column])})

    def _write_tracks(self, clip: str, path: Path) -> None:
        source = self.sources[clip]
        if source.stem == clip and self.jitter is None:
            path.symlink_to(source.resolve(strict=True))
            return
        rows = read(source, TRACKS)
        meta = {key: value for key, value in rows.meta.items() if key != "key"}
        values = rows.arrays if self.jitter is None else _moved(rows, clip, self.jitter, str(source))
        write(path, TRACKS, Rows(rows.frame.assign(clip=clip), values, meta))


def people_in_frames(draft: Draft, clip: str) -> tuple[int, int]:
    """How many people in frames a clip's tracks hold, and how many of them while something abnormal is labelled.

    A clip that is called abnormal, nobody saying when, counts as abnormal from end to end.
    """
    frames = read(draft.sources[clip], TRACKS).frame["frame"].to_numpy(dtype=np.int64)
    rows = draft.labels[(draft.labels["clip"] == clip) & ~draft.labels["label"].isin([UNKNOWN])]
    if rows.empty:
        return len(frames), len(frames) if clip in draft.abnormal("train") else 0
    ends = zip(rows["start_frame"], rows["end_frame"], strict=True)
    inside = np.any([(frames >= start) & (frames <= end) for start, end in ends], axis=0)
    return len(frames), int(inside.sum())


def _moved(rows: Rows, clip: str, jitter: Jitter, where: str) -> Any:
    if rows.meta["units"] != "px":
        raise DatasetError(
            f"keypoints in {rows.meta['units']} cannot be moved by heights of a box, which is in px", where=where
        )
    values = rows.arrays.copy()
    height = rows.frame["h"].to_numpy(dtype=np.float32)[:, None, None]
    noise = stream(jitter.seed, "keypoint noise", clip).standard_normal(values[..., :2].shape, dtype=np.float32)
    values[..., :2] += np.float32(jitter.sigma) * height * noise
    log.debug("%s: keypoints of %d people moved", clip, len(rows))
    return values


def _joined(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Rows of both; columns as objects, since what is empty in one table has no type of its own."""
    return pd.concat([first.astype(object), second.astype(object)], ignore_index=True)
