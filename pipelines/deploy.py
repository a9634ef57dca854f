"""Prefect around the flow: one run now, a server on this machine, and the schedule."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines import tether
from pipelines.environment import HOST, prefect_settings, require, use
from stages.core.errors import PipelineError
from stages.core.params import load_section
from stages.core.paths import Project
from stages.core.pipelines_params import PipelinesParams
from stages.core.progress import log

DEPLOYMENT = "clock"
"""Name of the scheduled deployment; Prefect shows it as `rebuild/clock`."""
PATIENCE = 120.0
"""Seconds a server is given to start."""


def flow(project: Project) -> None:
    """Run the rebuild flow once: `normotion flow`.

    The run is recorded by the project's server when one is up, else by one that lives as long as the run; both keep
    it in `.prefect`, so that the page shows it later.

    Raises:
        PipelineError: the flow failed.
    """
    _prepare(project)
    from httpx import TransportError

    from pipelines.flows import rebuild

    try:
        state: Any = rebuild(return_state=True)
    except TransportError as error:
        raise PipelineError(
            f"the Prefect server went away during the flow: {error}",
            where=os.environ.get("PREFECT_API_URL", "a server of this run's own"),
            fix="finished stages are kept; start the flow again, or go on without Prefect: `dvc repro`",
        ) from error
    if not state.is_completed():
        raise PipelineError(
            f"the flow did not complete: {state.message}",
            where="the log above, and the run's page in Prefect",
            fix="mend it and start the flow again: finished stages are kept",
        )
    log.info(state.message)


def serve(project: Project) -> None:
    """Serve the schedule to a server that is up, until Ctrl-C: `normotion serve`.

    Raises:
        PipelineError: no server answers.
    """
    params = _prepare(project)
    if "PREFECT_API_URL" not in os.environ:
        raise PipelineError(
            f"no Prefect server answers on port {params.prefect_port}",
            fix="`normotion prefect` starts one and serves the schedule",
        )
    from prefect.schedules import Cron
    from prefect.types.entrypoint import EntrypointType

    from pipelines.flows import rebuild

    log.info(
        "schedule: %s (%s); start a run now with: prefect deployment run rebuild/%s",
        params.cron,
        params.timezone,
        DEPLOYMENT,
    )
    rebuild.serve(
        name=DEPLOYMENT,
        description="Brings every DVC stage up to date and logs the runs to MLflow.",
        schedule=Cron(params.cron, timezone=params.timezone),
        limit=1,
        global_limit=1,
        entrypoint_type=EntrypointType.MODULE_PATH,
        print_starting_message=False,
    )


def prefect(project: Project) -> None:
    """Start a Prefect server on this machine, unless one is up, and serve the schedule: `normotion prefect`.

    Raises:
        PipelineError: the server did not start, or its port belongs to another project.
    """
    params = _prepare(project)
    with contextlib.ExitStack() as stack:
        if "PREFECT_API_URL" not in os.environ:
            stack.enter_context(_server(project, params.prefect_port))
        log.info("Prefect: %s", os.environ["PREFECT_API_URL"].removesuffix("/api"))
        serve(project)


def _prepare(project: Project) -> PipelinesParams:
    """Settings, working directory and, where one is up, the project's server; before Prefect is imported."""
    require("prefect", "orchestrate")
    params = load_section(project, "pipelines", PipelinesParams)
    os.chdir(project.root)
    use(prefect_settings(project, params.prefect_port))
    if "PREFECT_API_URL" not in os.environ and _is_ours(params.prefect_port):
        os.environ["PREFECT_API_URL"] = _api(params.prefect_port)
    return params


@contextlib.contextmanager
def _server(project: Project, port: int) -> Iterator[None]:
    """A Prefect server that lives as long as the context, and never longer than this process."""
    if home := _home(port):
        raise PipelineError(
            f"port {port} belongs to the Prefect server of another project",
            where=home,
            fix="set another pipelines.prefect_port in params.yaml",
        )
    words = ["server", "start", "--host", HOST, "--port", str(port)]
    command = [sys.executable, str(Path(tether.__file__)), str(os.getpid()), sys.executable, "-m", "prefect", *words]
    record = project.root / ".prefect" / "server.log"
    record.parent.mkdir(exist_ok=True)
    with record.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, process_group=0)
    try:
        log.info("starting the Prefect server (its log: %s)", record)
        _await_server(port, process, record)
        os.environ["PREFECT_API_URL"] = _api(port)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _await_server(port: int, process: subprocess.Popen[bytes], record: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not _is_ours(port):
        if process.poll() is not None or time.monotonic() > end:
            last = "\n".join(record.read_text(encoding="utf-8", errors="replace").splitlines()[-10:])
            raise PipelineError(
                "the Prefect server did not start",
                where=f"{record}\n{last}",
                fix="set another pipelines.prefect_port if this one is taken",
            )
        time.sleep(0.5)


def _home(port: int) -> str:
    """The home folder of the Prefect server that answers on the port; empty when none does."""
    try:
        with urllib.request.urlopen(f"{_api(port)}/admin/settings", timeout=5) as answer:  # noqa: S310 http on this machine
            return str(json.load(answer).get("home", "unknown"))
    except (urllib.error.URLError, TimeoutError, ConnectionError, ValueError):
        return ""


def _is_ours(port: int) -> bool:
    """Whether this project's server answers on the port."""
    home = _home(port)
    return bool(home) and Path(home).resolve() == Path(os.environ["PREFECT_HOME"]).resolve()


def _api(port: int) -> str:
    return f"http://{HOST}:{port}/api"
