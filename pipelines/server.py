"""The Prefect server of this project: started, awaited, told from that of another one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from pipelines import tether
from pipelines.environment import HOST
from stages.core.errors import PipelineError
from stages.core.paths import Project
from stages.core.progress import log

PATIENCE = 120.0
"""Seconds a server is given to start."""


@contextlib.contextmanager
def running(project: Project, port: int) -> Iterator[None]:
    """A Prefect server that lives as long as the context, and never longer than this process."""
    if home := home_of(port):
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
        _awaitrunning(port, process, record)
        os.environ["PREFECT_API_URL"] = api(port)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _awaitrunning(port: int, process: subprocess.Popen[bytes], record: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not is_ours(port):
        if process.poll() is not None or time.monotonic() > end:
            last = "\n".join(record.read_text(encoding="utf-8", errors="replace").splitlines()[-10:])
            raise PipelineError(
                "the Prefect server did not start",
                where=f"{record}\n{last}",
                fix="set another pipelines.prefect_port if this one is taken",
            )
        time.sleep(0.5)


def home_of(port: int) -> str:
    """The home folder of the Prefect server that answers on the port; empty when none does."""
    try:
        with urllib.request.urlopen(f"{api(port)}/admin/settings", timeout=5) as answer:  # noqa: S310 http on this machine
            return str(json.load(answer).get("home", "unknown"))
    except (urllib.error.URLError, TimeoutError, ConnectionError, ValueError):
        return ""


def is_ours(port: int) -> bool:
    """Whether this project's server answers on the port."""
    home = home_of(port)
    return bool(home) and Path(home).resolve() == Path(os.environ["PREFECT_HOME"]).resolve()


def free_port() -> int:
    """A port of this machine that nobody listens to."""
    with contextlib.closing(socket.socket()) as found:
        found.bind((HOST, 0))
        return int(found.getsockname()[1])


def api(port: int) -> str:
    """Address of the API of a server on this machine."""
    return f"http://{HOST}:{port}/api"
