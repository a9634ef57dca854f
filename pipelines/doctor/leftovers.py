"""Files that nobody will come back for: of writers that are gone, and of detectors that were removed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from pipelines.doctor.finding import Finding
from pipelines.records import listed_runs, read_lock
from stages.core.errors import NormotionError
from stages.core.paths import Project
from stages.core.storage import sweep


def temporary(project: Project) -> Iterator[Finding]:
    """Half-written files and folders whose writer is gone."""
    for folder in ("data", "reports", ".normotion"):
        for path in sweep(project.root / folder):
            yield Finding(f"{path.relative_to(project.root)} was never finished", done="removed")


def orphans(project: Project) -> Iterator[Finding]:
    """Outputs of runs that params.yaml lists no more: removed where DVC has them still, told of where not."""
    try:
        listed = {(run.dataset, run.detector) for run in listed_runs(project)}
        known = {out["path"] for stage in read_lock(project).values() for out in stage.get("outs", ())}
    except NormotionError:
        return
    for path in sorted(_of_runs(project)):
        if (path.parent.name, path.stem if path.is_file() else path.name) in listed:
            continue
        name = path.relative_to(project.root).as_posix()
        what = f"{name} is of a run that params.yaml does not list"
        if name in known:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            yield Finding(what, done="removed; listing the run again and `normotion repro` brings it back")
        else:
            yield Finding(what, fix="remove it, or list the run in params.yaml")


def _of_runs(project: Project) -> Iterator[Path]:
    for kind in ("models", "scores"):
        yield from (path for path in (project.root / "data" / kind).glob("*/*") if path.is_dir())
    for kind in ("metrics", "frame_scores", "replicates", "events"):
        yield from (path for path in (project.root / "reports" / kind).glob("*/*") if path.is_file())
    yield from (path for path in (project.root / "reports" / "plots").glob("*/*") if path.is_dir())
