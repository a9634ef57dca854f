"""The rebuild and the retraining as Prefect sees them: one task per DVC stage, joined as in DVC's graph.

Prefect owns the clock and the view, DVC what is done and what is not: a flow that was killed is simply run again.
`pipelines.environment.prefect_settings` must be in force before this module is imported.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlparse

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.concurrency.sync import concurrency
from prefect.futures import wait
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from pipelines import log_runs, retrain, server
from pipelines.dag import Stage, read_dag, wanted
from pipelines.freshness import Freshness
from pipelines.gpus import GPU, uses
from pipelines.gpus import count as count_gpus
from pipelines.rebuild import bring, start
from pipelines.runner import Runner
from pipelines.tracking import UnavailableError
from stages.core.errors import NormotionError, PipelineError
from stages.core.params import load_section
from stages.core.paths import Project, find_project
from stages.core.pipelines_params import PipelinesParams
from stages.core.progress import log

LEAVE = 120.0
"""Seconds after the deadline, at which stages are stopped, until the process of a flow that cannot end is ended."""

LOST = 30.0
"""Seconds for which a flow's server may not answer."""


@flow(name="rebuild")
def rebuild() -> Any:
    """Bring every stage of the project in the working directory up to date, then log the runs to MLflow.

    A failed stage stops those that need it, no others, and fails the flow. Logging that fails is seen as a failed
    task and in the flow's message; the data are complete, so the flow is too.
    """
    return _reported(lambda: _rebuild(find_project()))


@flow(name="retrain")
def retraining() -> Any:
    """Enter new clips, rebuild, compare each model with its champion, promote or keep; the report is an artifact."""
    return _reported(lambda: _retrain(find_project()))


def _rebuild(project: Project) -> Any:
    params = load_section(project, "pipelines", PipelinesParams)
    _watch(params)
    with _pool(params) as pool, start(project, params, bounded=True) as runner:
        tasks = _Tasks(pool, runner, params)
        count = tasks.bring(())
        try:
            tasks.step("log runs", lambda: log_runs.run(project))
        except NormotionError as error:
            return Completed(message=f"the data are rebuilt, but the runs are not logged: {error.what}")
    return Completed(message=f"{count} stages are up to date, runs are logged")


def _retrain(project: Project) -> Any:
    params = load_section(project, "pipelines", PipelinesParams)
    _watch(params)
    with _pool(params) as pool, start(project, params, bounded=True) as runner:
        tasks = _Tasks(pool, runner, params)
        try:
            report = retrain.retrain(project, params.retrain, tasks.bring, tasks.step)
        except UnavailableError as error:
            return Failed(message=f"the data are rebuilt, but no model was judged: {error.what}")
    create_markdown_artifact(retrain.markdown(report, params.retrain), key="retraining")
    told_apart = ", ".join(f"{found.detector} on {found.dataset} {found.verdict}" for found in report.decisions)
    return Completed(message=report.reason or told_apart)


class _Tasks:
    """The tasks of one flow run, each after those before it that it needs.

    Args:
        pool: where they run.
        runner: inside its context.
        params: of the pipelines.
    """

    def __init__(self, pool: Any, runner: Runner, params: PipelinesParams) -> None:
        self._pool = pool
        self._runner = runner
        self._gpus = count_gpus() if params.gpus is None else params.gpus
        self._last: list[Any] = []

    def bring(self, targets: Sequence[str]) -> int:
        """Bring stages up to date, a task for each; returns how many there are.

        Raises:
            PipelineError: some failed.
        """
        stages = wanted(read_dag(self._runner.project), targets)
        freshness = Freshness(self._runner)
        done: dict[str, Any] = {}
        for stage in stages:
            work = _stage_task(self._runner, freshness, stage, gpu=self._gpus > 0 and uses(stage))
            done[stage.name] = self._pool.submit(
                work, {}, wait_for=[done[name] for name in stage.upstream] or self._last
            )
        wait(list(done.values()))
        failed = {name: future.state for name, future in done.items() if not future.state.is_completed()}
        if failed:
            raise PipelineError(_summary(failed), fix="mend it and start the flow again: finished stages are kept")
        needed = {name for stage in stages for name in stage.upstream}
        self._last = [future for name, future in done.items() if name not in needed]
        return len(stages)

    def step(self, name: str, work: Callable[[], Any]) -> Any:
        """Do something as a task of its own after all there was, and return or raise what it does."""
        outcome: list[Any] = []

        def kept() -> None:
            try:
                outcome.append(work())
            except NormotionError as error:
                outcome.append(error)
                raise

        self._last = [self._pool.submit(_task(name, kept), {}, wait_for=self._last)]
        wait(self._last)
        found = outcome[0] if outcome else PipelineError(f"{name} was not done")
        if isinstance(found, NormotionError):
            raise found
        return found


def _watch(params: PipelinesParams) -> None:
    """End this process where it cannot end by itself: some time after the deadline, or when its server has gone away.

    Prefect's client then waits for minutes, or for ever, to say what became of its tasks, and of the flow after them:
    hence to the end of the process. Stages are tethered to it and go with it; what they finished is kept.
    """
    end = time.monotonic() + (params.deadline * 3600 + LEAVE if params.deadline else math.inf)
    port = urlparse(os.environ.get("PREFECT_API_URL", "")).port

    def watch() -> None:
        answered = time.monotonic()
        while True:
            time.sleep(5)
            now = time.monotonic()
            if port is None or server.home_of(port):
                answered = now
            if now > end or now - answered > LOST:
                log.error("the Prefect server went away, or the flow did not end in time; finished stages are kept")
                os._exit(1)

    threading.Thread(target=watch, name="watch", daemon=True).start()


def _pool(params: PipelinesParams) -> Any:
    return ThreadPoolTaskRunner(max_workers=params.jobs)


def _stage_task(runner: Runner, freshness: Freshness, stage: Stage, *, gpu: bool) -> Any:
    def work() -> None:
        say = get_run_logger().info
        if freshness.holds(stage):
            say("nothing changed")
            return
        with concurrency(GPU, occupy=1, strict=True) if gpu else contextlib.nullcontext():
            bring(runner, freshness, stage, say)

    return _task(stage.name, work)


def _task(name: str, work: Callable[[], None]) -> Any:
    """A Prefect task that is shown under the stage's name, with the stage's output as its log."""

    def call() -> Any:
        return _reported(work)

    return task(name=name, task_run_name=name, persist_result=False)(call)


def _reported(work: Callable[[], Any]) -> Any:
    """What `work` returns, or a failed state with a message for people: an expected failure needs no traceback."""
    log.setLevel(min(log.level or logging.INFO, logging.INFO))
    try:
        return work()
    except NormotionError as error:
        get_run_logger().error(str(error))
        return Failed(message=error.what)


def _summary(failed: dict[str, Any]) -> str:
    """Which stages failed, and which were not reached because of them."""
    broken = [name for name, state in failed.items() if state.name != "NotReady"]
    waiting = [name for name, state in failed.items() if state.name == "NotReady"]
    skipped = f"; not reached: {', '.join(waiting)}" if waiting else ""
    return f"failed: {', '.join(broken)}{skipped}"
