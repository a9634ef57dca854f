"""Pose files in a recipe: one file, one clip; repairs of all of them are told together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from stages.core.errors import DatasetError
from stages.core.progress import log
from stages.core.schemas import Rows
from stages.ingest.files import Files, open_files
from stages.ingest.formats import tracked_person
from stages.ingest.formats.base import Given, Recording
from stages.ingest.people import tables
from stages.ingest.recipes.base import files
from stages.ingest.source import Clip

Reader = Callable[[Files, Given], Iterator[Recording]]
"""A format's `read`."""


class PoseFiles:
    """Reads pose files of one format, a clip at a time, and counts what had to be repaired.

    Args:
        read: the format's reader.
        given: what the files do not say.
    """

    def __init__(self, read: Reader, given: Given | None = None) -> None:
        self._read, self._given = read, given or Given()
        self._repairs: Counter[str] = Counter()

    def recording(self, path: Path) -> Recording:
        """What one file holds.

        Raises:
            DatasetError: it is broken, or holds no clip.
        """
        found = next(self._read(open_files(path), self._given), None)
        if found is None:
            raise DatasetError("the file holds no clip", where=str(path), fix="download it again")
        self._repairs += Counter(found.people.repairs)
        return found

    def tell(self, dataset: str) -> None:
        """Log what was repaired in all files read so far."""
        if self._repairs:
            listed = ", ".join(f"{count} {what}" for what, count in sorted(self._repairs.items()))
            log.info(f"{dataset}: of the people read, {listed}")


def pose_files(folder: Path) -> dict[str, Path]:
    """Tracked-person files of a folder by clip, sorted."""
    ending = tracked_person.SUFFIX.removesuffix(".json")
    return {stem.removesuffix(ending): path for stem, path in files(folder, f"*{tracked_person.SUFFIX}").items()}


def seen(found: Recording) -> int:
    """Frames from the clip's first to the last in which somebody is."""
    return int(found.people.frame[-1]) + 1 if len(found.people) else 1


def posed(found: Recording, **clip: Any) -> Clip:
    """A clip that brings the poses of a recording; the rest of it as `Clip` has it."""
    name = clip["name"]

    def pieces() -> Iterator[Rows]:
        return tables(name, found.people, found.meta)

    return Clip(**clip, poses=pieces)
