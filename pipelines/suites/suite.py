"""`normotion suite`: run an ablation suite; what is finished is kept, so that an interrupted one goes on."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.locks import run_lock
from pipelines.suites.log_suite import log_outcomes
from pipelines.suites.plan import Job, plan
from pipelines.suites.registry import SUITES, suite
from pipelines.suites.sandbox import Sandbox, suites_folder
from pipelines.suites.variants import Suite
from stages.core.errors import NormotionError, PipelineError, SchemaError
from stages.core.params import TrainParams, load_section
from stages.core.paths import Project
from stages.core.progress import log
from stages.core.storage import write_text
from stages.show.suite_result import Interval, Point, Result, read

DATASET = "simulated"
"""What suites are run on unless told otherwise: it has abnormal training clips and several scenes."""
OUTCOME = "outcome.json"
"""What a finished job measured, in a folder of its key."""


def run(project: Project, *names: str, dataset: str = DATASET, detector: tuple[str, ...] = (), seeds: str = "") -> None:
    """Run suites, or list them when none is named.

    Args:
        project: where.
        names: of the suites.
        dataset: what is tested on.
        detector: which are run; none: the suite's own.
        seeds: e.g. `0,1,2`; empty: those of params.yaml.

    Raises:
        PipelineError: no such suite, seeds that are none, another run is at work, variants failed, or MLflow could not
            be used. What was measured is in reports/suites all the same.
        NormotionError: the dataset or params.yaml are wrong.
    """
    if not names:
        list_suites()
        return
    chosen, numbers = [suite(name) for name in names], _seeds(project, seeds)
    failed: list[str] = []
    with run_lock(project):
        for each in chosen:
            failed += _run_one(project, each, dataset, detector or each.detectors, numbers)
    if failed:
        listed = "".join(f"\n  - {line}" for line in failed)
        raise PipelineError(
            f"{len(failed)} variants failed; the others are in reports/suites:{listed}",
            fix="mend what they say and run the same command: finished variants are kept",
        )


def list_suites() -> None:
    """Say which suites there are, and what each answers."""
    log.info("Suites, run by `normotion suite NAME`:")
    for each in SUITES.values():
        log.info("  %-15s %s\n  %-15s %s; detectors: %s", each.name, each.question, "", each.source,
                 ", ".join(each.detectors))  # fmt: skip


def result_file(project: Project, suite_name: str, dataset: str) -> Path:
    """A suite's result on one dataset, kept in git."""
    return project.suites / f"{suite_name}-{dataset}.json"


def outcome_file(project: Project, job: Job) -> Path:
    """What a finished job measured; suites share it, so that their common baseline runs once."""
    return suites_folder(project) / job.key / OUTCOME


def _run_one(
    project: Project, chosen: Suite, dataset: str, detectors: Sequence[str], seeds: Sequence[int]
) -> list[str]:
    """Run what is not finished, write the result after each job, and log it; says what failed."""
    jobs = plan(project, chosen, dataset, detectors, seeds)
    others = _others(project, chosen, dataset, detectors, seeds)
    target = result_file(project, chosen.name, dataset)
    points = _finished(project, [*jobs, *others], target)
    write = functools.partial(_write, target, chosen, dataset, seeds, [*jobs, *others])
    waiting = [job for job in jobs if (job.variant.label, job.detector) not in points]
    log.info("%s on %s: %d runs, %d of them finished", chosen.name, dataset, len(jobs), len(jobs) - len(waiting))
    write(points)
    number = 0
    for _, group in itertools.groupby(waiting, key=lambda job: job.data_key):
        alike = list(group)
        for job in alike:
            number += 1
            log.info("%s %d of %d: %s, %s", chosen.name, number, len(waiting), job.variant.label, job.detector)
            points[job.variant.label, job.detector] = _measure(project, job)
            write(points)
        Sandbox(project, alike[0]).remove()
    _log(project, chosen, jobs)
    mine = [points[job.variant.label, job.detector] for job in jobs]
    return [f"{chosen.name}, {point.variant}, {point.detector}: {point.reason}" for point in mine if point.reason]


def _measure(project: Project, job: Job) -> Point:
    """Run one job; a failure becomes a point with its reason."""
    if job.problem:
        log.warning("  cannot be run: %s", job.problem)
        return point(job, {}, job.problem)
    try:
        outcome = Sandbox(project, job).measure(job)
    except NormotionError as error:
        log.warning("  failed: %s", error.what)
        return point(job, {}, error.what)
    write_text(outcome_file(project, job), json.dumps(outcome, indent=2, sort_keys=True, allow_nan=False))
    found = point(job, outcome)
    log.info("  AUC %s raw, %s smoothed, after %.0f s", found.raw, found.smoothed, found.seconds)
    return found


def point(job: Job, outcome: Mapping[str, Any], reason: str = "") -> Point:
    """The figures of a job that are shown."""
    metrics = outcome.get("metrics", {})

    def auc(kind: str) -> Any:
        return (metrics.get(kind) or {}).get("auc")

    def ends(kind: str) -> Interval | None:
        found = auc(kind)
        return None if found is None else (float(found[0]), float(found[1]))

    return Point(
        variant=job.variant.label,
        value=job.variant.value,
        detector=job.detector,
        baseline=job.baseline,
        raw=auc("raw"),
        smoothed=auc("smoothed"),
        raw_sd=auc("raw_sd"),
        smoothed_sd=auc("smoothed_sd"),
        raw_interval=ends("raw_interval"),
        smoothed_interval=ends("smoothed_interval"),
        seconds=outcome.get("seconds", 0.0),
        key=job.key,
        reason=reason,
    )


def _finished(project: Project, jobs: Iterable[Job], target: Path) -> dict[tuple[str, str], Point]:
    """Points of jobs that need not be run: measured here before, or in the result that came with git."""
    known = {found.key: found for found in _previous(target) if not found.reason}
    points = {}
    for job in jobs:
        if not job.key:
            continue
        path = outcome_file(project, job)
        if path.is_file():
            points[job.variant.label, job.detector] = point(job, json.loads(path.read_text(encoding="utf-8")))
        elif job.key in known:
            points[job.variant.label, job.detector] = known[job.key]
    return points


def _previous(target: Path) -> tuple[Point, ...]:
    try:
        return read(target).points if target.is_file() else ()
    except SchemaError as error:
        log.warning("%s; it is written anew", error.what)
        return ()


def _others(project: Project, chosen: Suite, dataset: str, detectors: Sequence[str], seeds: Sequence[int]) -> list[Job]:
    """Jobs of detectors that an earlier result holds and this run does not ask for; their valid points stay."""
    found = {point.detector for point in _previous(result_file(project, chosen.name, dataset))}
    try:
        return plan(project, chosen, dataset, sorted(found - set(detectors)), seeds)
    except NormotionError as error:
        log.warning("earlier results of other detectors are dropped: %s", error.what)
        return []


def _write(
    target: Path,
    chosen: Suite,
    dataset: str,
    seeds: Sequence[int],
    jobs: Sequence[Job],
    points: Mapping[tuple[str, str], Point],
) -> None:
    """The result as far as it is known, in the order of the axis."""
    labels = list(dict.fromkeys(job.variant.label for job in jobs))
    detectors = sorted({job.detector for job in jobs})
    ordered = [points[label, name] for label in labels for name in detectors if (label, name) in points]
    result = Result(
        suite=chosen.name,
        question=chosen.question,
        source=chosen.source,
        axis=chosen.axis,
        scale=chosen.scale,
        dataset=dataset,
        seeds=tuple(seeds),
        points=tuple(ordered),
    )
    write_text(target, json.dumps(result.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False))


def _log(project: Project, chosen: Suite, jobs: Sequence[Job]) -> None:
    measured = [(job, path) for job in jobs if job.key and (path := outcome_file(project, job)).is_file()]
    try:
        log_outcomes(project, chosen.name, measured)
    except PipelineError as error:
        raise PipelineError(
            error.what,
            where=error.where,
            fix=f"the figures are in reports/suites; `normotion suite {chosen.name}` logs them when MLflow answers",
        ) from error


def _seeds(project: Project, text: str) -> tuple[int, ...]:
    if not text:
        return load_section(project, "train", TrainParams).seeds
    words = text.replace(",", " ").split()
    if not words or not all(word.isdigit() for word in words):
        raise PipelineError(f"seeds are whole numbers, got {text!r}", fix="e.g. --seeds 0,1,2")
    return tuple(dict.fromkeys(int(word) for word in words))
