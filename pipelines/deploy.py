"""Prefect around the flows: one run now, the schedule, and what it needs set up."""

from __future__ import annotations

import atexit
import contextlib
import os
from typing import Any

from pipelines import gpus, server
from pipelines.environment import prefect_settings, require, use
from pipelines.locks import is_at_work
from stages.core.errors import PipelineError
from stages.core.params import load_section, nearest
from stages.core.paths import Project
from stages.core.pipelines_params import PipelinesParams
from stages.core.progress import log

DEPLOYMENT = "clock"
"""Name of the scheduled deployments; Prefect shows them as `rebuild/clock` and `retrain/clock`."""
FLOWS = ("rebuild", "retrain")


def flow(project: Project, *names: str) -> None:
    """Run a flow once: `normotion flow [retrain]`.

    The run is recorded by the project's server when one is up, else by one that lives as long as the run, however that
    ends (Prefect's own temporary one outlives a killed run); both keep it in `.prefect`, for the page to show later.

    Args:
        project: where.
        names: the flow's; `rebuild` without it.

    Raises:
        PipelineError: there is no such flow, or it failed.
    """
    name = names[0] if names else FLOWS[0]
    if name not in FLOWS or len(names) > 1:
        raise PipelineError(
            f"no flow {' '.join(names)!r}; {nearest(name, list(FLOWS))}", fix="`normotion flow retrain`"
        )
    params = _prepare(project)
    if "PREFECT_API_URL" not in os.environ:
        stack = contextlib.ExitStack()
        atexit.register(stack.close)  # before Prefect's own, so that it runs after them: they still send logs
        stack.enter_context(server.running(project, server.free_port()))
    state = _run(project, params, name)
    if not state.is_completed():
        raise PipelineError(
            f"the flow did not complete: {state.message}",
            where="the log above, and the run's page in Prefect",
            fix="mend it and start the flow again: finished stages are kept",
        )
    log.info(state.message)


def _run(project: Project, params: PipelinesParams, name: str) -> Any:
    """The final state of a flow."""
    from httpx import HTTPError

    try:
        _set_up(project, params)
        return _flows()[name](return_state=True)
    except HTTPError as error:
        raise PipelineError(
            f"the Prefect server went away during the flow: {error}",
            where=os.environ.get("PREFECT_API_URL", ""),
            fix="finished stages are kept; start the flow again, or go on without Prefect: `normotion repro`",
        ) from error


def serve(project: Project) -> None:
    """Serve the schedules to a server that is up, until Ctrl-C: `normotion serve`.

    Raises:
        PipelineError: no server answers.
    """
    params = _prepare(project)
    if "PREFECT_API_URL" not in os.environ:
        raise PipelineError(
            f"no Prefect server answers on port {params.prefect_port}",
            fix="`normotion prefect` starts one and serves the schedule",
        )
    import prefect
    from prefect.schedules import Cron
    from prefect.types.entrypoint import EntrypointType

    _set_up(project, params)
    deployments = []
    for name, cron in zip(FLOWS, (params.cron, params.retrain.cron), strict=True):
        found = _flows()[name]
        log.info(
            "%s: %s; start it now with: prefect deployment run %s/%s",
            name,
            f"{cron} ({params.timezone})" if cron else "not scheduled",
            name,
            DEPLOYMENT,
        )
        deployments.append(
            found.to_deployment(
                name=DEPLOYMENT,
                description=found.description,
                schedule=Cron(cron, timezone=params.timezone) if cron else None,
                concurrency_limit=1,
                entrypoint_type=EntrypointType.MODULE_PATH,
            )
        )
    prefect.serve(*deployments, limit=1, print_starting_message=False)


def prefect(project: Project) -> None:
    """Start a Prefect server on this machine, unless one is up, and serve the schedules: `normotion prefect`.

    Raises:
        PipelineError: the server did not start, or its port belongs to another project.
    """
    params = _prepare(project)
    with contextlib.ExitStack() as stack:
        if "PREFECT_API_URL" not in os.environ:
            stack.enter_context(server.running(project, params.prefect_port))
        log.info("Prefect: %s", os.environ["PREFECT_API_URL"].removesuffix("/api"))
        serve(project)


def sweep(project: Project) -> int:
    """Tell the server that runs are over whose process was killed; returns how many there were.

    A run holds the project's lock as long as it lives: where nobody holds it, what the server takes for running is not.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed

    if is_at_work(project):
        return 0
    states = FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING, StateType.CANCELLING])
    with get_client(sync_client=True) as client:
        stale = client.read_flow_runs(flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=states)))
        for run in stale:
            client.set_flow_run_state(run.id, Crashed(message="its process is gone"), force=True)
    if stale:
        log.info("%d flow runs that were killed are marked as crashed", len(stale))
    return len(stale)


def _set_up(project: Project, params: PipelinesParams) -> None:
    """What flows need on the server: the GPUs' concurrency limit, and no run that only looks alive."""
    from prefect.client.orchestration import get_client

    count = gpus.count() if params.gpus is None else params.gpus
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(gpus.GPU, max(1, count))
    sweep(project)


def _flows() -> dict[str, Any]:
    from pipelines.flows import rebuild, retraining

    return dict(zip(FLOWS, (rebuild, retraining), strict=True))


def _prepare(project: Project) -> PipelinesParams:
    """Settings, working directory and, where one is up, the project's server; before Prefect is imported."""
    require("prefect", "orchestrate")
    params = load_section(project, "pipelines", PipelinesParams)
    os.chdir(project.root)
    use(prefect_settings(project, params.prefect_port))
    if "PREFECT_API_URL" not in os.environ and server.is_ours(params.prefect_port):
        os.environ["PREFECT_API_URL"] = server.api(params.prefect_port)
    return params
