"""`normotion full`: every detector on every dataset, with several seeds, in a project of its own beside this one.

That project lies in `.normotion/full`. It has this one's code, data and cache, so that what both need is made once, and
parameters, dvc.lock and a report of its own; this one's stay as they are.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipelines.environment import tool_environment, tracking_uri
from pipelines.rebuild import clock
from pipelines.runner import RESUME
from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import PipelineError
from stages.core.pairs import listed
from stages.core.params import dig, read_params
from stages.core.paths import Project
from stages.core.progress import log
from stages.core.storage import atomic_folder, share, write_text
from stages.detectors.base import Modality
from stages.detectors.registry import DETECTORS, detector

SEEDS = "0,1,2"
SPENT = "spent.json"
"""Seconds of all runs of the full comparison that had something to do."""
OWN = ("dvc.lock", "params.yaml", "reports/metrics/")
"""What the other project makes itself, once it is laid out."""
LOCAL = "[core]\n    no_scm = true\n[cache]\n    dir = {}\n"
"""DVC's settings of the other project: git has no part in it, and the cache is this one's."""


def run(project: Project, *, seeds: str = SEEDS, jobs: str | None = None) -> None:
    """Bring the full comparison up to date, and put its page into reports/full.

    Args:
        project: whose data and detectors.
        seeds: e.g. `0,1,2`.
        jobs: stages at a time.

    Raises:
        PipelineError: a stage failed, or DVC or git cannot be used; what was finished is kept.
        ParamsError, DatasetError: params.yaml or a dataset is wrong.
    """
    other = Project(project.root / ".normotion" / "full")
    params = everything(project, _numbers(seeds))
    _lay_out(project, other, params["datasets"])
    write_text(other.params, yaml.safe_dump(params, sort_keys=False, allow_unicode=True))
    started = time.monotonic()
    command = [sys.executable, "-m", "pipelines", "repro", *(["-j", jobs] if jobs else [])]
    environment = {**tool_environment(), "MLFLOW_TRACKING_URI": tracking_uri(project)}
    done = subprocess.run(command, cwd=other.root, env=environment, check=False)
    spent = _spent(other) + time.monotonic() - started
    write_text(other.root / SPENT, json.dumps({"seconds": round(spent, 1)}))
    if done.returncode:
        raise PipelineError("the full comparison is not complete", where=str(other.root), fix=RESUME)
    _publish(project, other, params, spent)


def everything(project: Project, seeds: Sequence[int]) -> dict[str, Any]:
    """Parameters of this project with every pair that can be compared among its runs.

    Args:
        project: whose.
        seeds: of every detector.

    Raises:
        ParamsError, DatasetError: params.yaml or a dataset is wrong.
    """
    params = read_params(project)
    datasets = {name: load_dataset(project, name) for name in params.get("datasets") or []}
    students = [run for place, run in listed(params)[0].items() if place.startswith("students")]
    apart = {(run.dataset, run.detector) for run in students}
    runs = [
        {"dataset": name, "detector": each}
        for each in _slowest_first(params)
        for name, data in datasets.items()
        if (name, each) not in apart and suits(each, data)
    ]
    windows = dict.fromkeys(str(dig(params, f"detectors.{run['detector']}.window")) for run in runs)
    cut = dict.fromkeys([*(dig(params, "segment.windows") or []), *windows])
    return {
        **params,
        "runs": runs,
        "segment": {**(params.get("segment") or {}), "windows": list(cut)},
        "train": {**(params.get("train") or {}), "seeds": list(seeds)},
    }


def suits(name: str, data: Dataset) -> bool:
    """Whether a dataset has what a detector needs: footage, and labelled abnormal clips to learn from."""
    kind = detector(name)
    seen = kind.needs <= {Modality.POSE} or data.filmed
    train = set(data.split("train")["clip"])
    return seen and (not kind.supervised or bool(train & set(data.labels["clip"])))


def _slowest_first(params: Mapping[str, Any]) -> Iterator[str]:
    """Detectors that params.yaml sets up; the usual ones last, as they are fast."""
    named = [name for name in params.get("detectors") or {} if name in DETECTORS]
    usual = {str(run["detector"]) for run in params.get("runs") or []}
    yield from sorted(named, key=lambda name: name in usual)


def _numbers(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(",")]
    except ValueError as error:
        raise PipelineError(f"seeds are numbers, not {text!r}", fix="write e.g. --seeds 0,1,2") from error


def _lay_out(project: Project, other: Project, datasets: Sequence[str]) -> None:
    """The code as it is now, the data sets, and DVC's own folder."""
    fresh = not (other.root / "dvc.lock").is_file()
    for name in _said(project, "git", "ls-files", "-co", "--exclude-standard").splitlines():
        if fresh or not name.startswith(OWN):
            _copy(project.root / name, other.root / name)
    for name in datasets:
        source, target = project.raw(name), other.raw(name)
        if not target.exists() and source.is_dir() and name != "simulated":  # that one is a stage's
            shutil.copytree(source, target, copy_function=lambda a, b: share(Path(a), Path(b)))
    cache = _said(project, sys.executable, "-m", "dvc", "cache", "dir").strip()
    (other.root / ".dvc" / "tmp").mkdir(parents=True, exist_ok=True)
    write_text(other.root / ".dvc" / "config.local", LOCAL.format(cache))
    if fresh:  # DVC restores from its cache what a stage made elsewhere, but nothing that stages add to, such as poses
        _said(other, sys.executable, "-m", "dvc", "checkout", "-q", "--allow-missing")


def _copy(source: Path, target: Path) -> None:
    """Copy a file that is not there as it is."""
    if not source.is_file() or (target.is_file() and source.read_bytes() == target.read_bytes()):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def _said(project: Project, *command: str) -> str:
    done = subprocess.run(
        command, cwd=project.root, env=tool_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise PipelineError(f"{' '.join(command[-3:])}: {done.stderr.strip()}", where=str(project.root), fix=RESUME)
    return done.stdout


def _spent(other: Project) -> float:
    path = other.root / SPENT
    return float(json.loads(path.read_text(encoding="utf-8"))["seconds"]) if path.is_file() else 0.0


def _publish(project: Project, other: Project, params: Mapping[str, Any], spent: float) -> None:
    """Put the page and its table, with what they took, into reports/full."""
    seeds, count = len(params["train"]["seeds"]), len(params["runs"]) + len(params.get("students") or [])
    took = f"{count} pairs of dataset and detector, {seeds} seeds each, in {clock(spent)} of work."
    table = (other.report / "leaderboard.md").read_text(encoding="utf-8")
    with atomic_folder(project.root / "reports" / "full") as folder:
        shutil.copyfile(other.report / "index.html", folder / "index.html")
        write_text(folder / "leaderboard.md", f"{took}\n\n{table}")
    log.info("%s The page is reports/full/index.html", took)
