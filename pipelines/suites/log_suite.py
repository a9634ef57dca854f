"""What a suite measured, into MLflow as the runs of the DAG are: flat, whole, and once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.locks import log_lock
from pipelines.log_runs import git_tags
from pipelines.records import Record, numbers, texts
from pipelines.suites.plan import Job
from pipelines.tracking import Tracking
from stages.core.paths import Project
from stages.core.progress import log
from stages.core.storage import sha256_text


@dataclass(frozen=True)
class SuiteRecord(Record):
    """One variant of a suite with one seed.

    Args:
        suite: its name.
        variant: its label.
    """

    suite: str
    variant: str

    @property
    def name(self) -> str:
        """What the run is called in MLflow."""
        return f"{self.suite}/{self.variant}/{super().name}"

    @property
    def tags(self) -> dict[str, str]:
        """By which it is found."""
        named = {"suite": self.suite, "variant": self.variant, "dataset": self.dataset, "detector": self.detector}
        return {**named, "seed": str(self.seed), "data.key": self.data, "mlflow.source.name": "normotion"}


def log_outcomes(project: Project, suite: str, measured: Sequence[tuple[Job, Path]]) -> None:
    """Log each seed of each job that is not logged yet.

    Args:
        project: where.
        suite: the jobs'.
        measured: jobs and the files that say what they measured.

    Raises:
        PipelineError: MLflow cannot be used.
    """
    with log_lock(project):
        tracking = Tracking(project)
        tracking.sweep()
        tags, count = git_tags(project), 0
        for job, path in measured:
            outcome = json.loads(path.read_text(encoding="utf-8"))
            for record in records(suite, job, outcome):
                if tracking.find(record.key) is None:
                    tracking.write(record, {**tags, **record.tags}, [(path, "")])
                    count += 1
    log.info("%s: %d runs logged to MLflow (`normotion mlflow`)", suite, count)


def records(suite: str, job: Job, outcome: Mapping[str, Any]) -> Iterator[SuiteRecord]:
    """One record per seed of a job."""
    for seed, own in outcome["metrics"]["seeds"].items():
        fit = dict(outcome["fits"].get(seed, {}))
        curves = {f"train/{name}": curve for name, curve in fit.pop("curves", {}).items()}
        common = {name: outcome["metrics"].get(name, {}) for name in ("coverage", "counts")}
        metrics = numbers({**own, **common, "train": fit})
        key = sha256_text(suite, job.variant.label, job.key, seed)
        yield SuiteRecord(
            job.dataset, job.detector, int(seed), key, job.data_key, _params(suite, job, seed), metrics, curves,
            suite, job.variant.label,
        )  # fmt: skip


def _params(suite: str, job: Job, seed: str) -> dict[str, str]:
    """What steered the job, by dotted name, as MLflow takes it."""
    sections = {
        "windows": {window: job.params["windows"][window] for window in job.windows},
        "detectors": {job.detector: job.params["detectors"][job.detector]},
        **{name: job.params.get(name) or {} for name in ("normalize", "train", "score", "evaluate")},
    }
    about = {
        "suite": suite,
        "variant": job.variant.label,
        "dataset": job.dataset,
        "detector": job.detector,
        "seed": seed,
    }
    about |= {"edits": ", ".join(map(repr, job.variant.edits)), "train_on": job.trained_on}
    return {**about, **texts(sections)}
