"""A raw dataset as people write it: dataset.yaml, clips.csv and labels.csv, read once and checked whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from pydantic import Field

from stages.core.errors import DatasetError
from stages.core.params import Section, nearest, parse
from stages.core.paths import NAME, Project, inside

SPLITS = ("train", "validation", "test")
CLIPS = {
    "clip": True, "split": True, "path": True, "camera": True, "scene": True, "fps": True, "width": True,
    "height": True, "frames": True, "kind": False, "abnormal": False, "video": False,
}  # fmt: skip
"""Columns of clips.csv and whether each is required."""
LABELS = {
    "clip": True, "start_frame": True, "end_frame": True, "label": False, "track": False, "kind": False, "x": False,
    "y": False, "w": False, "h": False,
}  # fmt: skip
"""Columns of labels.csv and whether each is required."""
UNKNOWN = "unknown"
"""What `label` says of an interval whose truth is not known; 1, or nothing, says abnormal."""


class Description(Section):
    """dataset.yaml.

    Args:
        name: one line that says what the footage shows.
        source: where it comes from.
        licence: under what terms.
        modality: `video`, or `poses` for imported ones.
        task: `frames`: some frames are abnormal; `actions`: each clip shows one action, its class in the column `kind`,
            and which are normal is said by the splits of splits.yaml (stages/core/action_splits.py).
        subsets: by name, the test clips that a published subset of the data leaves out: `HR: [01_0130, …]`.
    """

    name: str
    source: str
    licence: str
    modality: Literal["video", "poses"] = "video"
    task: Literal["frames", "actions"] = "frames"
    subsets: dict[str, list[str]] = Field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """A dataset whose three files agree with one another.

    Args:
        name: its folder's name.
        folder: `data/raw/<name>`.
        description: dataset.yaml.
        clips: clips.csv, one row per clip, sorted by clip, optional columns present (null where not given).
        labels: labels.csv, one row per abnormal interval, optional columns present.
        unknown: the rows of labels.csv whose `label` is `unknown`: intervals in which nobody knows, or may know.
    """

    name: str
    folder: Path
    description: Description
    clips: pd.DataFrame
    labels: pd.DataFrame
    unknown: pd.DataFrame

    def split(self, split: str) -> pd.DataFrame:
        """Clips of one split."""
        return self.clips[self.clips["split"] == split].reset_index(drop=True)

    def clip(self, clip: str) -> pd.Series[Any]:
        """The row of one clip."""
        return self.clips.iloc[self._rows[clip]]

    def file(self, clip: str) -> Path:
        """Absolute path of the file a clip is made from: its video, or the poses that came with it."""
        return inside(self.folder, str(self.clip(clip)["path"]))

    def video(self, clip: str) -> Path | None:
        """Absolute path of a clip's footage; None where poses came without it."""
        if self.description.modality == "video":
            return self.file(clip)
        beside = self.clip(clip)["video"]
        return None if pd.isna(beside) else inside(self.folder, str(beside))

    @property
    def filmed(self) -> bool:
        """Whether every clip has footage."""
        return self.description.modality == "video" or bool(self.clips["video"].notna().all())

    def frame_labels(self, clip: str) -> NDArray[np.float32]:
        """Truth per frame, `(frames,)`: 1 abnormal, 0 normal, NaN unknown.

        A clip with intervals is abnormal inside them and normal outside. A clip without intervals is normal, unless
        clips.csv calls it abnormal as a whole (then which frames is unknown). Intervals of `unknown` have the last
        word.
        """
        row, stretches = self.clip(clip), self._stretches[clip]
        called = not pd.isna(row["abnormal"]) and row["abnormal"] == 1
        whole = called and not any(value == 1 for _, _, value in stretches)
        truth = np.full(int(row["frames"]), np.nan if whole else 0, dtype=np.float32)
        for start, end, value in stretches:
            truth[start : end + 1] = value
        return truth

    @cached_property
    def _rows(self) -> dict[str, int]:
        """Where each clip stands in `clips`: looked up, it costs the same however many there are."""
        return {str(clip): row for row, clip in enumerate(self.clips["clip"])}

    @cached_property
    def _stretches(self) -> defaultdict[str, list[tuple[int, int, float]]]:
        """By clip, first and last frame of each interval and the truth in it; those of `unknown` last."""
        found = defaultdict(list)
        for intervals, value in ((self.labels, 1.0), (self.unknown, np.nan)):
            columns = (intervals[name] for name in ("clip", "start_frame", "end_frame"))
            for clip, start, end in zip(*columns, strict=True):
                found[str(clip)].append((int(start), int(end), value))
        return found


def load_dataset(project: Project, name: str) -> Dataset:
    """Read and check a dataset's three files; the videos themselves are `check`'s affair.

    Raises:
        DatasetError: anything is missing or contradictory; lists every problem found.
    """
    folder = project.raw(name)
    if not folder.is_dir():
        known = sorted(path.name for path in folder.parent.glob("*") if path.is_dir())
        raise DatasetError(
            f"no dataset {name!r}; {nearest(name, known)}",
            where=str(folder),
            fix="make the folder (`normotion simulate` makes the simulated one), or mend `datasets` in params.yaml",
        )
    problems: list[str] = []
    description = _description(folder, problems)
    clips = _table(folder / "clips.csv", CLIPS, problems)
    labels = _table(folder / "labels.csv", LABELS, problems)
    if not problems:
        problems += _clip_problems(clips, folder)
    if not problems:
        clips = clips.astype({"frames": int, "width": int, "height": int, "fps": float})
        problems += _label_problems(labels, clips)
    if not problems and description:
        problems += _subset_problems(description, clips)
        problems += _action_problems(clips, labels) if description.task == "actions" else []
    if problems or description is None:
        raise DatasetError(_list(problems), where=str(folder), fix="mend the files named and run `normotion check`")
    labels = labels.astype({"start_frame": int, "end_frame": int})
    unknown = labels["label"].isin([UNKNOWN])
    clips = clips.sort_values("clip", ignore_index=True)
    return Dataset(name, folder, description, clips, labels[~unknown], labels[unknown])


def _list(problems: list[str]) -> str:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return f"{count} in the dataset:\n" + "\n".join(f"  - {problem}" for problem in problems)


def _description(folder: Path, problems: list[str]) -> Description | None:
    path = folder / "dataset.yaml"
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        problems.append("dataset.yaml is missing")
        return None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problems.append(f"dataset.yaml is not valid YAML: {error}")
        return None
    found, description = parse(raw, "dataset.yaml", Description)
    problems.extend(found)
    return description


def _table(path: Path, columns: dict[str, bool], problems: list[str]) -> pd.DataFrame:
    try:
        texts = ("clip", "path", "camera", "scene", "kind", "label", "video")
        table = pd.read_csv(path, dtype=dict.fromkeys(texts, str))
    except FileNotFoundError:
        problems.append(f"{path.name} is missing")
        return pd.DataFrame(columns=list(columns))
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, ValueError) as error:
        problems.append(f"{path.name} cannot be read as CSV: {error}")
        return pd.DataFrame(columns=list(columns))
    for unknown in sorted(set(table.columns) - set(columns)):
        problems.append(f"{path.name}: unknown column {unknown!r}; {nearest(unknown, list(columns))}")
    for column, required in columns.items():
        if column not in table.columns:
            if required:
                problems.append(f"{path.name}: column {column!r} is missing")
            table[column] = pd.NA
        elif required and table[column].isna().any():
            problems.append(f"{path.name}: {column!r} is empty in line {int(table[column].isna().argmax()) + 2}")
    return table


def _clip_problems(clips: pd.DataFrame, folder: Path) -> list[str]:
    problems = []
    if clips.empty:
        problems.append("clips.csv lists no clips")
    for column in ("fps", "width", "height", "frames"):
        numbers = pd.to_numeric(clips[column], errors="coerce")
        for line in np.flatnonzero(~(numbers > 0)).tolist():
            problems.append(
                f"clips.csv line {line + 2}: {column} must be a positive number, got {clips[column][line]!r}"
            )
    known = {"0", "1", "0.0", "1.0", "nan", "<NA>"}  # a column with empty cells is read as floats
    stays = _stays_inside(folder)
    for line, row in enumerate(clips.itertuples(), start=2):
        if not NAME.fullmatch(str(row.clip)):
            problems.append(f"clips.csv line {line}: clip name {row.clip!r} must be letters, digits, '.', '_' and '-'")
        if row.split not in SPLITS:
            problems.append(f"clips.csv line {line}: split {row.split!r}; {nearest(str(row.split), list(SPLITS))}")
        if str(row.abnormal) not in known:
            problems.append(f"clips.csv line {line}: abnormal must be 0, 1 or empty, got {row.abnormal!r}")
        beside = [] if str(row.video) in {"nan", "<NA>"} else [row.video]
        for path in (row.path, *beside):
            try:
                stays(str(path))
            except DatasetError as error:
                problems.append(f"clips.csv line {line}: {error.what}")
    problems += [f"clips.csv: clip {clip!r} is listed twice" for clip in clips["clip"][clips["clip"].duplicated()]]
    return problems


def _stays_inside(folder: Path) -> Callable[[str], None]:
    """`inside`, which looks at each folder but once: ten thousand clips lie in few."""
    known: set[Path] = set()

    def demand(relative: str) -> None:
        path = Path(relative)
        plain = path.name != ".." and not (folder / path).is_symlink()
        if plain and path.parent in known:
            return
        inside(folder, relative)
        if plain:
            known.add(path.parent)

    return demand


def _subset_problems(description: Description, clips: pd.DataFrame) -> list[str]:
    test = clips["clip"][clips["split"] == "test"].tolist()
    return [
        f"dataset.yaml: subsets.{name} leaves out {clip!r}, which is no test clip; {nearest(clip, test)}"
        for name, without in description.subsets.items()
        for clip in without
        if clip not in test
    ]


def _action_problems(clips: pd.DataFrame, labels: pd.DataFrame) -> list[str]:
    problems = [
        f"clips.csv: {clip!r} has no kind, and in a dataset of task actions every clip shows one"
        for clip in clips["clip"][clips["kind"].isna()]
    ]
    if clips["abnormal"].notna().any() or len(labels):
        problems.append(
            "clips.csv or labels.csv call something abnormal; in a dataset of task actions splits.yaml does"
        )
    return problems


def _label_problems(labels: pd.DataFrame, clips: pd.DataFrame) -> list[str]:
    frames = dict(zip(clips["clip"], clips["frames"], strict=True))
    normal = set(clips["clip"][pd.to_numeric(clips["abnormal"], errors="coerce") == 0])
    problems = []
    for line, row in enumerate(labels.itertuples(), start=2):
        where = f"labels.csv line {line}"
        if str(row.label) not in {"1", UNKNOWN, "nan", "<NA>"}:
            problems.append(f"{where}: label must be 1, {UNKNOWN} or empty (which means 1), got {row.label!r}")
        if row.clip not in frames:
            problems.append(f"{where}: unknown clip {row.clip!r}; {nearest(str(row.clip), list(frames))}")
            continue
        if row.clip in normal and str(row.label) != UNKNOWN:
            problems.append(f"{where}: an abnormal interval of {row.clip!r}, which clips.csv calls normal (abnormal 0)")
        try:
            start, end = int(row.start_frame), int(row.end_frame)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            problems.append(f"{where}: start_frame and end_frame must be whole numbers")
            continue
        if start < 0 or end < start:
            problems.append(f"{where}: interval {start}–{end} is empty or negative (end_frame is inclusive)")
        elif end >= frames[str(row.clip)]:
            last = frames[str(row.clip)] - 1
            problems.append(f"{where}: interval {start}–{end} reaches past {row.clip!r}, whose last frame is {last}")
    return problems
