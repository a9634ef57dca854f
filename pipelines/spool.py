"""Runs put aside while the MLflow server does not answer, and written when it does: the next rebuild loses none.

A run lies in `.normotion/spool/<key>`: what is logged as run.json, and copies of its files. Git is told to ignore the
folder, and DVC with it: a copy of dvc.yaml is no stage of the project.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines.records import Record
from stages.core.paths import Project
from stages.core.progress import log
from stages.core.storage import atomic_folder, write_text

Artifacts = Sequence[tuple[Path, str]]
"""Files and folders, and the folder of the run each goes into ("" is its top)."""

_RUN = "run.json"


@dataclass(frozen=True)
class Spooled:
    """A run that waits.

    Args:
        folder: where it lies.
        record: what is logged.
        tags: beside those of the record.
        artifacts: its copied files.
    """

    folder: Path
    record: Record
    tags: Mapping[str, str]
    artifacts: Artifacts

    def done(self) -> None:
        """Forget it: it was written."""
        shutil.rmtree(self.folder, ignore_errors=True)


def put(project: Project, record: Record, tags: Mapping[str, str], artifacts: Artifacts) -> None:
    """Put a run aside, with copies of its files; one that is there already stays as it is.

    Raises:
        StorageError: the disk is full.
    """
    folder = _root(project) / record.key
    if folder.exists():
        return
    write_text(_root(project) / ".gitignore", "*")
    with atomic_folder(folder) as out:
        places = []
        for number, (path, place) in enumerate(artifacts):
            target = out / str(number) / path.name
            target.parent.mkdir()
            shutil.copytree(path, target) if path.is_dir() else shutil.copy2(path, target)
            places.append([f"{number}/{path.name}", place])
        write_text(out / _RUN, json.dumps({"record": asdict(record), "tags": dict(tags), "artifacts": places}))


def waiting(project: Project) -> Iterator[Spooled]:
    """The runs put aside, oldest first; one that cannot be read is named in the log and left."""
    folders = [path for path in _root(project).glob("*") if (path / _RUN).is_file()]
    for folder in sorted(folders, key=lambda path: path.stat().st_mtime):
        try:
            raw = json.loads((folder / _RUN).read_text(encoding="utf-8"))
            artifacts = [(folder / path, place) for path, place in raw["artifacts"]]
            yield Spooled(folder, Record(**raw["record"]), raw["tags"], artifacts)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("%s: a run that was put aside cannot be read (%s); remove the folder", folder, error)


def _root(project: Project) -> Path:
    return project.root / ".normotion" / "spool"
