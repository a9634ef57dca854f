"""The surroundings of DVC, Prefect and MLflow: kept inside the project, bound to this machine, silent to the world."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from stages.core.errors import PipelineError
from stages.core.paths import Project
from stages.core.progress import log

HOST = "127.0.0.1"
"""Servers listen to this machine alone."""
QUIET = {
    "DO_NOT_TRACK": "true",  # MLflow knows only this spelling, Prefect takes it too
    "DVC_NO_ANALYTICS": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
}
"""Nothing about this machine or its data is sent anywhere."""


def tool_environment() -> dict[str, str]:
    """The environment for `dvc` and, through it, for the stages: `python` means the one that runs now."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, **QUIET, "PATH": path, "PYTHONUNBUFFERED": "1"}


def prefect_settings(project: Project, port: int) -> dict[str, str]:
    """Settings that keep Prefect's state in `.prefect` of the project.

    Args:
        project: whose `.prefect`.
        port: of the server; its page has to be told, or it looks for the server on 4200.
    """
    return {
        **QUIET,
        "PREFECT_HOME": str(project.root / ".prefect"),
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_UI_API_URL": f"http://{HOST}:{port}/api",
        "PREFECT_LOGGING_EXTRA_LOGGERS": log.name,  # what the logging of runs says is seen in its task
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # the default, 20 s, is short on a busy machine
    }


def mlflow_settings(timeout: int = 10) -> dict[str, str]:
    """Settings of MLflow's client and server.

    Args:
        timeout: seconds that a remote server is given to answer.
    """
    return {
        **QUIET,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # saves seven processes and 2 GB that nothing here uses
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # a server that is down is reported at once, not after four minutes
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(timeout),
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
    }


def tracking_uri(project: Project) -> str:
    """Where runs are logged: `MLFLOW_TRACKING_URI` when set, else the database at the project's root."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{project.root / 'mlflow.db'}"


def use(settings: Mapping[str, str]) -> None:
    """Set environment variables that the user has not set; must come before the tool is imported."""
    for name, value in settings.items():
        os.environ.setdefault(name, value)


def require(module: str, extra: str) -> None:
    """Refuse early and helpfully when an optional tool is not installed.

    Raises:
        PipelineError: names the extra that brings it.
    """
    if importlib.util.find_spec(module) is None:
        raise PipelineError(f"{module} is not installed", fix=f"pip install 'normotion[{extra}]', or `make setup`")
