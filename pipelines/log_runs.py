"""After the DAG: every run into MLflow, once, tied to the commit, dvc.lock and data it came from."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines import coarse_runs, lineage, registry, spool, view
from pipelines.environment import HOST, mlflow_settings, require, tool_environment, tracking_uri
from pipelines.locks import log_lock
from pipelines.records import Record, read_records
from pipelines.test_set import TEST, digest_of_test
from pipelines.tracking import Tracking, UnavailableError, base_url
from stages.core.errors import NormotionError, PipelineError
from stages.core.params import load_section
from stages.core.paths import Project, seed_folder
from stages.core.pipelines_params import PipelinesParams
from stages.core.progress import log
from stages.core.storage import sha256_file


def run(project: Project) -> list[tuple[Record, Any]]:
    """Log what is not logged yet and write reports/lineage.html: `normotion log`.

    Doing it twice changes nothing: a run is known by the sha256 of its entries in dvc.lock and its seed. Where the
    server does not answer, runs are put aside with their files, and written the next time.

    Returns:
        The records and MLflow's runs of them.

    Raises:
        PipelineError: nothing was built yet, or MLflow cannot be used. The data are complete all the same.
    """
    base = base_url(load_section(project, "pipelines", PipelinesParams).mlflow_port)
    records = read_records(project)
    with log_lock(project):
        try:
            tracking = Tracking(project)
            _clear(project, tracking)
            runs = [(record, _ensure(project, tracking, record)) for record in records]
        except UnavailableError:
            _put_aside(project, records)
            raise
        lineage.write_page(project, runs, base)
        coarse_runs.log_all(project, git_tags(project))
    log.info("%d runs in MLflow (`normotion mlflow`); reports/lineage.html tells where each figure is from", len(runs))
    log.info("as a table: %s", view.url(base, tracking.experiment))
    if runs:
        log.info("side by side: %s", tracking.compare_url(base, [run.info.run_id for _, run in runs]))
    return runs


def serve(project: Project) -> None:
    """Open MLflow's pages on this machine until Ctrl-C: `normotion mlflow`."""
    require("mlflow", "tracking")
    port = load_section(project, "pipelines", PipelinesParams).mlflow_port
    with log_lock(project):
        tracking = Tracking(project)
        runs = [run.info.run_id for record in _known(project) if (run := tracking.find(record.key))]
    log.info("MLflow: %s", view.url(base_url(port), tracking.experiment))
    if runs:
        log.info("this project's runs side by side: %s", tracking.compare_url(base_url(port), runs))
    command = [
        "ui",
        "--backend-store-uri",
        tracking_uri(project),
        "--host",
        HOST,
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    os.chdir(project.root)
    os.execve(sys.executable, [sys.executable, "-m", "mlflow", *command], {**tool_environment(), **mlflow_settings()})  # noqa: S606 our own command


def _clear(project: Project, tracking: Tracking) -> None:
    """Remove what a killed writer began, and write what was put aside."""
    if swept := tracking.sweep():
        log.info("removed %d MLflow runs that were never finished", swept)
    for spooled in spool.waiting(project):
        if tracking.find(spooled.record.key) is None:
            tracking.write(spooled.record, spooled.tags, spooled.artifacts)
            log.info("logged %s, which was put aside", spooled.record.name)
        spooled.done()


def _put_aside(project: Project, records: Sequence[Record]) -> None:
    for record in records:
        with _prepared(project, record) as (tags, artifacts):
            spool.put(project, record, tags, artifacts)
    log.warning("%d runs are put aside in .normotion/spool until MLflow answers", len(records))


def _ensure(project: Project, tracking: Tracking, record: Record) -> Any:
    """MLflow's run of this record, written if it is not there."""
    found = tracking.find(record.key)
    if found is None:
        with _prepared(project, record) as (tags, artifacts):
            found = tracking.write(record, tags, artifacts)
        log.info("logged %s", record.name)
    return found


@contextmanager
def _prepared(project: Project, record: Record) -> Iterator[tuple[dict[str, str], spool.Artifacts]]:
    """A run's tags and files; what is made for it alone goes when the context ends."""
    tags = git_tags(project) | _tags(project, record)
    with tempfile.TemporaryDirectory() as folder:
        yield tags, [*_artifacts(project, record), *_pyfunc(project, record, Path(folder))]


def git_tags(project: Project) -> dict[str, str]:
    """The commit the project stands at and whether tracked files differ from it."""
    commit = _git(project, "rev-parse", "--verify", "-q", "HEAD")
    if not commit:
        return {"git.commit": "none", "git.dirty": "unknown"}
    dirty = bool(_git(project, "status", "--porcelain", "--untracked-files=no"))
    return {"git.commit": commit, "git.dirty": str(dirty).lower(), "mlflow.source.git.commit": commit}


def _tags(project: Project, record: Record) -> dict[str, str]:
    return {
        "dataset": record.dataset,
        "detector": record.detector,
        "seed": str(record.seed),
        "auc": headline(record),
        "data.md5": record.data,
        TEST: digest_of_test(project, record.dataset),
        "dvc.lock.sha256": sha256_file(project.root / "dvc.lock"),
        "mlflow.source.name": "normotion",
        "mlflow.source.type": "PROJECT",
    }


def headline(record: Record) -> str:
    """Smoothed AUC of this seed and, of all seeds together, its interval: `0.756 [0.677, 0.827]`."""
    found = {name: record.metrics.get(f"smoothed/auc{name}") for name in ("", "_low", "_high")}
    if found[""] is None:
        return "undefined"
    interval = f" [{found['_low']:.3f}, {found['_high']:.3f}]" if found["_low"] is not None else ""
    return f"{found['']:.3f}{interval}"


def _artifacts(project: Project, record: Record) -> list[tuple[Path, str]]:
    """What goes with a run; what a project does not make is left out."""
    model = seed_folder(project.model(record.dataset, record.detector), record.seed)
    wanted = [
        (model, "model"),
        (project.metrics(record.dataset, record.detector), "metrics"),
        (project.plots(record.dataset, record.detector), "plots"),
        (project.replicates(record.dataset, record.detector), "replicates"),
        *((project.raw(record.dataset) / name, "data") for name in ("clips.csv", "labels.csv")),
        (project.report / "index.html", "report"),
        *((project.root / name, "") for name in ("dvc.yaml", "dvc.lock", "params.yaml")),
    ]
    missing = [str(path.relative_to(project.root)) for path, _ in wanted if not path.exists()]
    if missing:
        log.warning("%s: not attached, because they do not exist: %s", record.name, ", ".join(missing))
    return [(path, folder) for path, folder in wanted if path.exists()]


def _pyfunc(project: Project, record: Record, folder: Path) -> list[tuple[Path, str]]:
    """The run's model as MLflow loads, registers and serves it; none where it cannot be made, which is no obstacle."""
    try:
        registry.save_pyfunc(project, record.dataset, record.detector, record.seed, folder / "pyfunc")
    except NormotionError as error:
        log.warning("%s: no MLflow model attached: %s", record.name, error.what)
        return []
    return [(folder / "pyfunc", "pyfunc")]


def _known(project: Project) -> list[Record]:
    """The records, or none where nothing was built yet: the page of older runs opens all the same."""
    try:
        return read_records(project)
    except PipelineError as error:
        log.warning("%s", error.what)
        return []


def _git(project: Project, *words: str) -> str:
    """What git says; empty where there is no git or no repository."""
    try:
        done = subprocess.run(["git", *words], cwd=project.root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
