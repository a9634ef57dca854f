"""Locks between processes of one project. The system drops them when their holder ends, however that happens."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from stages.core.errors import PipelineError
from stages.core.paths import Project

PROBE = 0.5
"""Seconds after which a lock that is held is held by a run, and not by `is_at_work`."""


@contextlib.contextmanager
def run_lock(project: Project) -> Iterator[None]:
    """Hold the project for one rebuild, so that the clock and a person cannot overlap.

    Raises:
        PipelineError: another rebuild holds it, or the project has no DVC repository.
    """
    with _held(_folder(project) / "normotion.lock", wait=False):
        yield


def is_at_work(project: Project) -> bool:
    """Whether a rebuild holds the project now."""
    try:
        with run_lock(project):
            return False
    except PipelineError:
        return True


@contextlib.contextmanager
def log_lock(project: Project) -> Iterator[None]:
    """Hold the project's MLflow database while it is created, migrated or searched before writing; waits its turn.

    Raises:
        PipelineError: the project has no DVC repository.
    """
    with _held(_folder(project) / "mlflow.lock", wait=True):
        yield


def _folder(project: Project) -> Path:
    """DVC's folder for what is not versioned."""
    if not (project.root / ".dvc").is_dir():
        raise PipelineError("no DVC repository here", where=str(project.root), fix="git init && dvc init")
    folder = project.root / ".dvc" / "tmp"
    folder.mkdir(exist_ok=True)
    return folder


@contextlib.contextmanager
def _held(path: Path, *, wait: bool) -> Iterator[None]:
    """The file stays when the lock goes: removing it would let two holders lock two files of one name."""
    with path.open("a+", encoding="utf-8") as stream:
        _take(stream, path, wait=wait)
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        yield


def _take(stream: TextIO, path: Path, *, wait: bool) -> None:
    """Lock the file; without `wait` only for the moment that somebody may need who asks whether it is locked."""
    end = time.monotonic() + PROBE
    while not _taken(stream, wait=wait):
        if time.monotonic() > end:
            stream.seek(0)
            holder = stream.read().strip() or "unknown"
            raise PipelineError(
                f"another run is at work in this project (process {holder})",
                where=str(path),
                fix="wait until it is done, or stop it, and start again",
            )
        time.sleep(0.05)


def _taken(stream: TextIO, *, wait: bool) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
