"""The whole graph brought up to date, several stages at a time where it allows: `normotion repro`."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TextIO

from pipelines import gpus
from pipelines.dag import Stage, read_dag, wanted
from pipelines.freshness import Freshness
from pipelines.runner import RESUME, Runner, Say
from stages.compute import elsewhere
from stages.core.errors import NormotionError, PipelineError
from stages.core.params import load_section
from stages.core.paths import Project
from stages.core.pipelines_params import PipelinesParams
from stages.core.progress import log


@dataclass(frozen=True)
class Outcome:
    """What became of each stage.

    Args:
        done: names of those that were run or looked at, and landed.
        fresh: of those that nothing changed for.
        failed: by name, why.
        missed: of those that need a failed one.
    """

    done: list[str] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)
    failed: dict[str, NormotionError] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)

    def demand(self) -> None:
        """Raise where anything failed.

        Raises:
            PipelineError: names what failed, why, and what was not reached.
        """
        if not self.failed:
            return
        reasons = "\n".join(f"{error.what}\n{error.where}" for error in self.failed.values())
        missed = f"; not reached: {', '.join(self.missed)}" if self.missed else ""
        raise PipelineError(
            f"failed: {', '.join(self.failed)}{missed}",
            where=reasons,
            fix=next(iter(self.failed.values())).fix if len(self.failed) == 1 else RESUME,
        )


def repro(project: Project, *targets: str, jobs: str | None = None) -> None:
    """Rebuild what changed, then log the runs.

    Args:
        project: where.
        targets: stages to bring up to date, with what they need; none means all.
        jobs: how many may run at a time; None takes `pipelines.jobs`.

    Raises:
        PipelineError: a stage failed or did not land, or the runs could not be logged (then the data are complete).
    """
    from pipelines import log_runs

    params = load_section(project, "pipelines", PipelinesParams)
    with start(project, params) as runner:
        rebuild(runner, _number(jobs) if jobs else params.jobs, targets).demand()
    log_runs.run(project)


def start(project: Project, params: PipelinesParams, *, bounded: bool = False) -> Runner:
    """A runner with the project's demand for room and GPUs, this machine's or a cluster's.

    Args:
        project: where.
        params: of its pipelines.
        bounded: whether the deadline holds: for what a clock starts, and nobody watches.
    """
    deadline = params.deadline * 3600 if bounded and params.deadline else None
    if params.engine == "ray":
        cluster = {elsewhere.ADDRESS: params.address, elsewhere.GPUS: str(params.gpus or 0)}
        return Runner(project, deadline, params.least_free, environment=cluster)
    return Runner(project, deadline, params.least_free, gpus.count() if params.gpus is None else params.gpus)


def rebuild(runner: Runner, jobs: int, targets: Sequence[str] = ()) -> Outcome:
    """Bring all stages, or `targets` and what they need, up to date; a failed one stops those below, no others.

    Args:
        runner: at work, that is, inside its context.
        jobs: stages that run at the same time where the graph allows it.
        targets: names of stages, or of families such as `train`.

    Raises:
        PipelineError: the graph cannot be read, or there is no such target.
    """
    stages = wanted(read_dag(runner.project), targets)
    freshness = Freshness(runner)
    begun = time.monotonic()
    outcome = walk(stages, lambda stage: bring(runner, freshness, stage), jobs)
    log.info(
        "%d stages brought up to date, %d unchanged, %d failed, %d not reached, after %s",
        len(outcome.done), len(outcome.fresh), len(outcome.failed), len(outcome.missed),
        clock(time.monotonic() - begun),
    )  # fmt: skip
    return outcome


def walk(stages: Sequence[Stage], work: Callable[[Stage], bool], jobs: int) -> Outcome:
    """Do stages in parallel, each after all it needs.

    Args:
        stages: each after those it needs.
        work: does one; returns whether there was anything to do, and raises where it fails.
        jobs: how many at a time.
    """
    outcome = Outcome()
    waiting = {stage.name: stage for stage in stages}
    at_work: dict[Future[bool], str] = {}
    with ThreadPoolExecutor(jobs, thread_name_prefix="stage") as pool:
        while waiting or at_work:
            for stage in _ready(waiting, at_work.values(), outcome):
                at_work[pool.submit(work, stage)] = stage.name
            if not at_work:
                break
            for future in wait(at_work, return_when=FIRST_COMPLETED).done:
                _note(future, at_work.pop(future), outcome)
    return outcome


def bring(runner: Runner, freshness: Freshness, stage: Stage, say: Say | None = None) -> bool:
    """Bring a stage up to date, unless nothing changed for it; returns whether it was looked at.

    Raises:
        PipelineError: as `Runner.run`.
    """
    if freshness.holds(stage):
        return False
    told(runner, stage, say)
    freshness.ran(stage)
    return True


def told(runner: Runner, stage: Stage, say: Say | None = None) -> None:
    """Run a stage; what it prints goes to the log under its name, and to `.normotion/logs` with the time.

    Raises:
        PipelineError: as `Runner.run`.
    """
    begun = time.monotonic()
    tell = say or partial(log.info, "[%s] %s", stage.name)
    with _record(runner.project, stage.name) as record:

        def note(line: str) -> None:
            record.write(f"{time.strftime('%H:%M:%S')} {line}\n")
            record.flush()
            tell(line)

        try:
            runner.run(stage, note)
        except NormotionError as error:
            note(f"failed after {clock(time.monotonic() - begun)}: {error.what}")
            raise
        note(f"done after {clock(time.monotonic() - begun)}")


def clock(seconds: float) -> str:
    """A duration as people read it: `12.3 s`, `4 min 05 s`, `2 h 07 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def log_file(project: Project, stage: str) -> Path:
    """Where the last run of a stage is told."""
    return project.root / ".normotion" / "logs" / f"{stage.replace('/', '_')}.log"


def _ready(waiting: dict[str, Stage], at_work: Collection[str], outcome: Outcome) -> list[Stage]:
    """Take out of `waiting` those whose upstream is done, and return them; what needs a failed one is missed."""
    ready: list[Stage] = []
    for name, stage in list(waiting.items()):
        if {*outcome.failed, *outcome.missed}.intersection(stage.upstream):
            outcome.missed.append(waiting.pop(name).name)
        elif not {*waiting, *at_work, *(other.name for other in ready)}.intersection(stage.upstream):
            ready.append(waiting.pop(name))
    return ready


def _note(future: Future[bool], name: str, outcome: Outcome) -> None:
    error = future.exception()
    if error is None:
        (outcome.done if future.result() else outcome.fresh).append(name)
    elif isinstance(error, NormotionError):
        outcome.failed[name] = error
    else:
        raise error


@contextmanager
def _record(project: Project, stage: str) -> Iterator[TextIO]:
    path = log_file(project, stage)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        yield stream


def _number(jobs: str) -> int:
    if not jobs.isdecimal() or int(jobs) < 1:
        raise PipelineError(f"--jobs takes a whole number from 1, not {jobs!r}", fix="e.g. `normotion repro -j 2`")
    return int(jobs)
