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
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from pipelines import log_runs
from pipelines.dag import Stage, read_dag
from pipelines.runner import Runner
from stages.core.errors import PipelineError
from stages.core.params import PipelinesParams, load_section
from stages.core.paths import find_project
from stages.core.progress import log


@flow(name="rebuild")
def rebuild() -> Any:
    """Bring every stage of the project in the working directory up to date, then log the runs to MLflow.

    A failed stage stops those that need it, no others, and fails the flow. Logging that fails is seen as a failed
    task and in the flow's message; the data are complete, so the flow is too.

    Raises:
        PipelineError: a stage failed, or another run is at work.
    """
    log.setLevel(min(log.level or logging.INFO, logging.INFO))
    project = find_project()
    jobs = load_section(project, "pipelines", PipelinesParams).jobs
    tasks: ThreadPoolTaskRunner[None] = ThreadPoolTaskRunner(max_workers=jobs)
    with tasks as pool, Runner(project) as runner:
        futures: dict[str, Any] = {}
        for stage in read_dag(project):
            above = [futures[name] for name in stage.upstream]
            futures[stage.name] = pool.submit(_task(stage.name, partial(_run, runner, stage)), {}, wait_for=above)
        wait(list(futures.values()))
        failed = {name: future.state for name, future in futures.items() if not future.state.is_completed()}
        if failed:
            raise PipelineError(_summary(failed), fix="see the log of the failed task, then start the flow again")
        logged = pool.submit(_task("log runs", partial(log_runs.run, project)), {}, wait_for=list(futures.values()))
        wait([logged])
    if not logged.state.is_completed():
        return Completed(message=f"The data are rebuilt; logging the runs failed: {logged.state.message}")
    return Completed(message=f"{len(futures)} stages are up to date, runs are logged")


def _run(runner: Runner, stage: Stage) -> None:
    """One stage; its output becomes the task's log."""
    runner.run(stage, say=get_run_logger().info)


def _task(name: str, call: Callable[[], None]) -> Any:
    """A Prefect task that is shown under the stage's name."""

    def work() -> None:
        call()

    return task(name=name, task_run_name=name, persist_result=False)(work)


def _summary(failed: dict[str, Any]) -> str:
    """Which stages failed, and which were not reached because of them."""
    broken = [name for name, state in failed.items() if state.name != "NotReady"]
    waiting = [name for name, state in failed.items() if state.name == "NotReady"]
    skipped = f"; not reached: {', '.join(waiting)}" if waiting else ""
    return f"failed: {', '.join(broken)}{skipped}"
