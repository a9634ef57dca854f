"""Workers on a Ray cluster: one task per item. Files go through the shared file system, never through Ray's store."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from stages.core.errors import BackendError, PassingError
from stages.core.progress import log
from stages.pose.engines.base import Answer, Death, WorkParams, attempt
from stages.pose.parallel import cores

T = TypeVar("T")

STORE = 100 * 2**20
"""Bytes of the object store of a cluster of our own: only file names and log lines pass through it."""
PATIENCE = 10.0
"""Seconds that a cluster is given to answer."""
ROOT = Path(__file__).resolve().parents[3]
"""Where `stages` is imported from; the workers import it from there too."""


class Cluster(Generic[T]):
    """Workers that are Ray's. Retries are counted by the caller: Ray would repeat what ran out of memory for ever.

    Args:
        work: does one item; a function of a module, or a `functools.partial` of one.
        params: the cluster's address and what a task takes of it.

    Raises:
        BackendError: Ray is not installed.
        PassingError: there is no cluster at the address.
    """

    def __init__(self, work: Callable[[T], None], params: WorkParams) -> None:
        self._ray = _ray()
        _connect(self._ray, params)
        room = self._ray.cluster_resources().get("CPU", 1) / (params.threads or 1)
        self.size = params.workers or max(int(room), 1)
        task = self._ray.remote(
            num_cpus=params.threads or 1, num_gpus=params.gpus, max_retries=0, runtime_env={"env_vars": _environment()}
        )
        self._task = task(attempt)
        self._work = work
        self._busy: dict[Any, T] = {}

    def give(self, item: T) -> None:
        """Start an item."""
        self._busy[self._task.remote(self._work, item, log.level)] = item

    def take(self) -> tuple[T, Answer | Death]:
        """Wait until any item is done."""
        (done, *_), _ = self._ray.wait(list(self._busy))
        item = self._busy.pop(done)
        try:
            answer: Answer = self._ray.get(done)
        except self._ray.exceptions.RayTaskError as error:  # a mistake of ours, not the clip's: its traceback is shown
            log.error(str(error))
            return item, Death(str(error).strip().splitlines()[-1])
        except self._ray.exceptions.RayError as error:
            return item, Death(type(error).__name__)
        return item, answer

    def close(self) -> None:
        """End all tasks at once and leave the cluster; one of our own goes down."""
        for task in self._busy:
            self._ray.cancel(task, force=True)
        self._busy = {}
        self._ray.shutdown()


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read as it is imported
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise BackendError(
            "extract.engine is ray, and Ray is not installed",
            fix="pip install 'normotion[ray]', or set extract.engine: local",
        ) from error
    return ray


def _connect(ray: Any, params: WorkParams) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    if params.address is None:
        cpus = params.workers * (params.threads or 1) if params.workers else cores()
        ray.init("local", num_cpus=cpus, include_dashboard=False, object_store_memory=STORE, **quiet)
        return
    try:
        _knock(params.address)
        ray.init(address=params.address, **quiet)
    except (OSError, RuntimeError, ValueError) as error:
        raise PassingError(
            f"no Ray cluster answers: {error}",
            where=f"extract.address = {params.address}",
            fix="start one with `ray start --head`, or set extract.address: null",
        ) from error


def _knock(address: str) -> None:
    """Raise OSError where nobody listens: Ray itself would go on trying for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdigit():
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()


def _environment() -> dict[str, str]:
    """What a worker needs to import this package, wherever Ray starts it."""
    return {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])}
