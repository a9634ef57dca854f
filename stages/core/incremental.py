"""Work done clip by clip and kept: what is up to date is skipped, what is no longer listed is removed.

A per-clip table carries in its metadata a `key`, the hash of all it depends on. DVC keeps such folders across runs
(`persist: true`), so whoever writes them looks after them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from stages.core.errors import SchemaError
from stages.core.paths import clip_file
from stages.core.progress import log
from stages.core.schemas import Schema
from stages.core.storage import sweep
from stages.core.tables import read_meta


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
