"""The rebuild as Prefect sees it: one task per DVC stage, joined as in DVC's graph, and the logging at its end.

Prefect owns the clock and the view, DVC what is done and what is not: a flow that was killed is simply run again.
`pipelines.environment.prefect_settings` must be in force before this module is imported.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.futures import wait
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from pipelines import log_runs
from pipelines.dag import read_dag
from pipelines.runner import Runner, Say
from stages.core.errors import NormotionError
from stages.core.params import load_section
from stages.core.paths import Project, find_project
from stages.core.pipelines_params import PipelinesParams
from stages.core.progress import log


@flow(name="rebuild")
def rebuild() -> Any:
    """Bring every stage of the project in the working directory up to date, then log the runs to MLflow.

    A failed stage stops those that need it, no others, and fails the flow. Logging that fails is seen as a failed
    task and in the flow's message; the data are complete, so the flow is too.
    """
    log.setLevel(min(log.level or logging.INFO, logging.INFO))
    return _reported(lambda: _rebuild(find_project()))


def _rebuild(project: Project) -> Any:
    jobs = load_section(project, "pipelines", PipelinesParams).jobs
    tasks: ThreadPoolTaskRunner[None] = ThreadPoolTaskRunner(max_workers=jobs)
    with tasks as pool, Runner(project) as runner:
        stages = read_dag(project)
        done: dict[str, Any] = {}
        for stage in stages:
            work = _task(stage.name, partial(runner.run, stage))
            done[stage.name] = pool.submit(work, {}, wait_for=[done[name] for name in stage.upstream])
        wait(list(done.values()))
        failed = {name: future.state for name, future in done.items() if not future.state.is_completed()}
        if failed:
            return Failed(message=_summary(failed))
        needed = {name for stage in stages for name in stage.upstream}
        last = [future for name, future in done.items() if name not in needed]
        logged = pool.submit(_task("log runs", lambda _: log_runs.run(project)), {}, wait_for=last)
        wait([logged])
    if not logged.state.is_completed():
        return Completed(message=f"the data are rebuilt, but the runs are not logged: {logged.state.message}")
    return Completed(message=f"{len(stages)} stages are up to date, runs are logged")


def _task(name: str, work: Callable[[Say], None]) -> Any:
    """A Prefect task that is shown under the stage's name, with the stage's output as its log."""

    def call() -> Any:
        return _reported(lambda: work(get_run_logger().info))

    return task(name=name, task_run_name=name, persist_result=False)(call)


def _reported(work: Callable[[], Any]) -> Any:
    """What `work` returns, or a failed state with a message for people: an expected failure needs no traceback."""
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
