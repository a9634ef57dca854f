"""Retraining, from new footage to a champion: look, rebuild, log, compare, promote or keep, report.

What each step does is here; `flows.py` shows the same steps to Prefect.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines import drifting, log_runs, new_clips
from pipelines.champions import first_seed
from pipelines.judging import Decision, judge
from pipelines.locks import log_lock
from pipelines.rebuild import rebuild, start
from pipelines.records import Record
from pipelines.tracking import Tracking
from stages.core.params import load_section
from stages.core.paths import Project
from stages.core.pipelines_params import PipelinesParams, RetrainParams
from stages.core.progress import log
from stages.core.storage import write_text
from stages.pose.drift import Shift

Bring = Callable[[Sequence[str]], object]
"""Brings stages up to date, all of them where none is named; raises where it fails."""
Runs = list[tuple[Record, Any]]
Step = Callable[[str, Callable[[], Any]], Any]
"""Does a named step, and returns or raises what it does."""


@dataclass(frozen=True)
class Report:
    """What a retraining did.

    Args:
        new: names of the clips not learned from before, by dataset.
        shifts: how far their poses lie apart from the others', by dataset.
        reason: why nothing was rebuilt; empty where it was.
        decisions: what became of each newly trained model.
    """

    new: dict[str, list[str]] = field(default_factory=dict)
    shifts: dict[str, dict[str, Shift]] = field(default_factory=dict)
    reason: str = ""
    decisions: list[Decision] = field(default_factory=list)


def run(project: Project) -> None:
    """Retrain once, without Prefect: `normotion retrain`.

    Raises:
        NormotionError: as the steps; what was finished is kept, and the same command goes on from there.
    """
    params = load_section(project, "pipelines", PipelinesParams)
    with start(project, params) as runner:

        def bring(targets: Sequence[str]) -> None:
            rebuild(runner, params.jobs, targets).demand()

        report = retrain(project, params.retrain, bring)
    log.info("%s", markdown(report, params.retrain))


def plainly(_: str, work: Callable[[], Any]) -> Any:
    """A step that nobody watches."""
    return work()


def retrain(project: Project, params: RetrainParams, bring: Bring, step: Step = plainly) -> Report:
    """The steps, in order.

    Args:
        project: where; its lock must be held.
        params: of the retraining.
        bring: as `Bring`.
        step: as `Step`.
    """
    new = step("look for new clips", lambda: look(project, params))
    if reason := idle(project, params, new, bring):
        report = Report(new, reason=reason)
    else:
        bring(())
        shifts = {dataset: drifting.drift(project, dataset, clips) for dataset, clips in new.items()}
        runs = step("log runs", lambda: log_runs.run(project))
        report = Report(new, shifts, decisions=step("judge", lambda: decide(project, params, runs)))
        forget(project)
    write_text(project.root / "reports" / "retrain.md", markdown(report, params))
    return report


def look(project: Project, params: RetrainParams) -> dict[str, list[str]]:
    """Enter new clips, and name them with those that an earlier, unfinished retraining entered."""
    waiting = _waiting(project)
    found = new_clips.enter(project) if params.add == "train" else {}
    for dataset, clips in found.items():
        waiting[dataset] = sorted({*waiting.get(dataset, ()), *clips})
    if found:
        write_text(_memory(project), json.dumps(waiting, indent=1, sort_keys=True))
    return waiting


def idle(project: Project, params: RetrainParams, new: dict[str, list[str]], bring: Bring) -> str:
    """Why nothing has to be rebuilt; empty where it has. To tell drift, new clips are extracted and tracked."""
    if params.trigger == "always":
        return ""
    if not new:
        return "there are no new clips"
    if params.trigger == "new_clips":
        return ""
    bring(["track"])
    for dataset, clips in new.items():
        if drifting.drifted(drifting.drift(project, dataset, clips), params.drift):
            return ""
    return "the poses of the new clips are like those learned from"


def decide(project: Project, params: RetrainParams, runs: Runs) -> list[Decision]:
    """Judge the model of each dataset and detector.

    Raises:
        PipelineError: MLflow does not answer.
    """
    with log_lock(project):
        tracking = Tracking(project)
        decisions = [judge(project, tracking, run, params) for run in first_seed(runs).values()]
    for found in decisions:
        log.info("%s on %s: %s (%s)", found.detector, found.dataset, found.verdict, found.reason)
    return decisions


def forget(project: Project) -> None:
    """The new clips are learned from: they are new no more."""
    _memory(project).unlink(missing_ok=True)


def markdown(report: Report, params: RetrainParams) -> str:
    """The report for people: reports/retrain.md, and Prefect's artifact."""
    lines = ["# Retraining", ""]
    clips = [f"- {dataset}: {', '.join(names)}" for dataset, names in report.new.items()]
    lines += ["New clips:" if clips else "No new clips.", *clips, ""]
    if report.reason:
        return "\n".join([*lines, f"Nothing was rebuilt: {report.reason}.", ""])
    rows = [row for dataset, shifts in report.shifts.items() for row in drifting.table(dataset, shifts, params.drift)]
    if rows:
        head = [
            "| dataset | poses' | learned from | new | KS distance | p (Holm) | drifted |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [*head, *rows, ""]
    lines += ["| dataset | detector | AUC | verdict | version | why |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {found.dataset} | {found.detector} | {found.auc} | {found.verdict} | {found.version} | {found.reason} |"
        for found in report.decisions
    ]
    return "\n".join([*lines, ""])


def _waiting(project: Project) -> dict[str, list[str]]:
    try:
        return dict(json.loads(_memory(project).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


def _memory(project: Project) -> Any:
    """Where clips are remembered that were entered and not learned from yet."""
    return project.root / ".normotion" / "new-clips.json"
