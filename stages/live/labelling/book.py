"""The clips that are labelled, and the file their labels are in: asked and changed by several browser tabs at once."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stages.core.errors import DatasetError, StorageError
from stages.core.params import Section
from stages.core.storage import atomic_file
from stages.live.labelling.sheet import Interval, Sheet
from stages.live.labelling.traces import Traces
from stages.live.sharing import alone


@dataclass(frozen=True)
class LabelledClip:
    """A clip that may be labelled.

    Args:
        name: as in labels.csv.
        video: its footage.
        fps: frames per second.
        frames: how many there are.
        width: of a frame, px.
        height: of a frame, px.
        even: whether a frame's number follows from its time; else a browser's clock does not tell it.
        called_normal: clips.csv calls the whole clip normal, which an abnormal interval would contradict.
        kind: what clips.csv says happens in it; empty where it says nothing.
    """

    name: str
    video: Path
    fps: float
    frames: int
    width: int
    height: int
    even: bool = True
    called_normal: bool = False
    kind: str = ""


class Change(Section):
    """What a page wants a clip's labels to be.

    Args:
        version: of those that it had when its user began to change them.
        intervals: all of the clip's.
    """

    version: str
    intervals: list[Interval]


class ConflictError(DatasetError):
    """A clip's rows are no more what the page that wants to change them had."""


class Book:
    """Clips and their labels.

    Args:
        path: labels.csv; it appears with the first change.
        clips: in the order in which they are labelled.
        traces: their scores.
    """

    def __init__(self, path: Path, clips: Sequence[LabelledClip], traces: Traces | None = None) -> None:
        self.path = path
        self.clips = tuple(clips)
        self.traces = traces or Traces()
        self.changes = 0
        self._lock = threading.Lock()
        self._kept = False
        self._closed = False

    @property
    def backup(self) -> Path:
        """Where the file stays as it was before this session's first change."""
        return self.path.with_name(f"{self.path.name}.bak")

    def sheet(self) -> Sheet:
        """The file as it is now.

        Raises:
            DatasetError: it is damaged; names the line.
        """
        return Sheet.read(self.path)

    def demand_sound(self) -> None:
        """Read the file once, and hold the clips' rows against their lengths.

        Raises:
            DatasetError: it is damaged, or a row contradicts a clip.
        """
        sheet = self.sheet()
        for clip in self.clips:
            for interval in sheet.intervals(clip.name):
                if interval.end >= clip.frames:
                    raise DatasetError(
                        f"{self.path.name}: {clip.name}: {interval.problem(clip.frames)}",
                        where=str(self.path),
                        fix="mend the row; it was not touched. Perhaps it is about another clip of that name",
                    )

    def labels(self, clip: LabelledClip) -> tuple[str, list[Interval]]:
        """A clip's labels and their version.

        Raises:
            DatasetError: the file is damaged.
        """
        sheet = self.sheet()
        return sheet.version(clip.name), sheet.intervals(clip.name)

    def change(self, clip: LabelledClip, change: Change) -> str:
        """Write a clip's labels, and return their new version. Rows of other clips stay as they are by then.

        Raises:
            ConflictError: the clip's rows are of another version.
            DatasetError: an interval is impossible, or the file was damaged meanwhile.
            StorageError: it cannot be written.
        """
        with self._lock, alone(self.path.parent):
            if self._closed:
                raise StorageError("normotion was stopped", where=str(self.path), fix="start `normotion label` again")
            sheet = self.sheet()
            before = sheet.intervals(clip.name)
            if sheet.version(clip.name) != change.version:
                raise ConflictError(
                    "another tab or program changed this clip's labels", where=str(self.path), fix="read them again"
                )
            for interval in change.intervals:
                if interval not in before and (problem := _problem(clip, interval)):
                    raise DatasetError(problem, where=clip.name, fix="change the interval; the file was not touched")
            after = sheet.with_intervals(clip.name, change.intervals)
            if after.text != sheet.text:
                self._keep()
                with atomic_file(self.path) as temporary:
                    temporary.write_bytes(after.text.encode("utf-8"))
                self.changes += 1
            return after.version(clip.name)

    def kinds(self) -> list[str]:
        """Kinds to choose from: the file's, the most frequent first, then what clips.csv says happens in the clips."""
        called = [clip.kind for clip in self.clips if clip.kind]
        return list(dict.fromkeys([*self.sheet().kinds(), *called]))

    def close(self) -> None:
        """Wait for a change that is being written; nothing is written after it."""
        with self._lock:
            self._closed = True

    def _keep(self) -> None:
        if not self._kept and self.path.exists():
            with atomic_file(self.backup) as temporary:
                shutil.copyfile(self.path, temporary)
        self._kept = True


def _problem(clip: LabelledClip, interval: Interval) -> str:
    if clip.called_normal and not interval.unknown:
        return f"clips.csv calls {clip.name} normal (abnormal 0); empty that cell before you mark something in it"
    return interval.problem(clip.frames)
