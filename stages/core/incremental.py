"""Work done clip by clip and kept: what is up to date is skipped, what is no longer listed is removed.

A per-clip table carries in its metadata a `key`, the hash of all it depends on. DVC keeps such folders across runs
(`persist: true`), so whoever writes them looks after them. All of it costs the same per clip however many there are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from stages.core.errors import NormotionError, SchemaError
from stages.core.paths import Project, clip_file
from stages.core.progress import log
from stages.core.schemas import Schema
from stages.core.storage import sha256_file, sweep, write_text
from stages.core.tables import read_meta

NAMED = 10
"""Unchanged clips that are named in the log one by one; of more than that the number is said."""


def tidy(folder: Path, clips: Iterable[str]) -> None:
    """Remove half-written files, and tables of clips that are not among `clips`; says which."""
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    listed = {clip_file(folder, clip) for clip in clips}
    for path in sorted(set(folder.glob("*.parquet")) - listed):
        path.unlink()
        log.info(f"{path.stem}: no longer in clips.csv, its {folder.parent.name} are removed")


def made_with(path: Path, schema: Schema) -> str | None:
    """The key of a table; None when it is missing or unreadable and has to be made in any case."""
    try:
        return read_meta(path, schema).get("key")
    except SchemaError:
        return None


def say_kept(clips: Sequence[str], what: str) -> None:
    """Log which clips are unchanged and keep their tables.

    Args:
        clips: their names.
        what: the tables, e.g. `poses`.
    """
    if len(clips) > NAMED:
        log.info(f"{len(clips)} clips are unchanged, their {what} are kept")
        return
    for clip in clips:
        log.info(f"{clip} is unchanged, its {what} are kept")


class Digests:
    """The sha256 of each clip's file: as `check` wrote it down, or hashed again where that cannot be relied upon.

    DVC runs `check` before any other stage, and then its word is good. A stage started by hand may find files that are
    younger than it, or none of it at all; those are hashed.

    Args:
        project: where.
        dataset: whose clips.
    """

    def __init__(self, project: Project, dataset: str) -> None:
        self._folder = project.raw(dataset)
        self._vouched: Mapping[str, Mapping[str, str]] = {}
        self._since = 0
        path = project.checked(dataset)
        if path.is_file():
            self._vouched = json.loads(path.read_text(encoding="utf-8"))["clips"]
            self._since = path.stat().st_mtime_ns

    def of(self, clip: str, relative: str) -> str | None:
        """The sha256 of a clip's file; None when there is no such file.

        Args:
            clip: its name.
            relative: its file, as in clips.csv.
        """
        path = self._folder / relative
        if not path.is_file():
            return None
        status = path.stat()
        changed = max(status.st_mtime_ns, status.st_ctime_ns)  # the latter betrays a copy that kept its old date
        vouched = self._vouched.get(clip, {})
        if changed < self._since and vouched.get("path") == relative:
            return vouched["sha256"]
        return sha256_file(path)


def quarantine(folder: Path) -> Path:
    """The file that says which clips the last run set aside, and why; there is none when all are done."""
    return folder / "quarantine.json"


def set_aside(folder: Path, troubles: Mapping[str, NormotionError]) -> None:
    """Write down which clips were set aside, or remove the record when none were.

    Args:
        folder: of the per-clip tables.
        troubles: by clip, why it could not be done.
    """
    path = quarantine(folder)
    if not troubles:
        path.unlink(missing_ok=True)
        return
    reasons = {
        clip: {"reason": trouble.what, "where": trouble.where, "fix": trouble.fix} for clip, trouble in troubles.items()
    }
    write_text(path, json.dumps(reasons, indent=2, sort_keys=True, ensure_ascii=False))
