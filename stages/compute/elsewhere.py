"""A stage's command done by a Ray cluster: this process hands it over, repeats what it says, and ends as it ends.

DVC stays where it is, with its locks and its cache; the cluster's machines must see the project under the same path.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.core.errors import BackendError, PassingError

ADDRESS = "NORMOTION_RAY"
"""Environment variable that asks for it: the cluster's address, or `local` for one that this process starts."""
GPUS = "NORMOTION_RAY_GPUS"
"""GPUs that the cluster sets aside for the command; 0 where it is not set."""
VERBS = frozenset({"train", "score", "coarse"})
"""What is handed over; `extract` spreads its clips itself (`extract.engine`)."""
ROOT = Path(__file__).resolve().parents[2]
POLL = 0.5
"""Seconds from one look at what the command said to the next."""


def wanted(argv: Sequence[str]) -> bool:
    """Whether this command is to be handed over, and is not the one that was."""
    return bool(os.environ.get(ADDRESS)) and bool(argv) and argv[0] in VERBS


def forward(argv: Sequence[str]) -> int:
    """Do `python -m stages ARGV` on the cluster.

    Args:
        argv: the stage's verb and arguments.

    Returns:
        Its exit status.

    Raises:
        BackendError: Ray is not installed.
        PassingError: no cluster answers, or it lost the machine that did the work.
    """
    ray = _connected(os.environ[ADDRESS])
    said = Path(tempfile.mkdtemp(prefix=".ray.tmp-", dir=Path.cwd() / ".dvc" / "tmp")) / "log"
    said.touch()
    kept = {name: value for name, value in os.environ.items() if name.startswith(("DVC", "NUMBA", "OMP", "PYTHON"))}
    task = ray.remote(
        num_cpus=1, num_gpus=float(os.environ.get(GPUS, "0")), max_retries=0,
        runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))}},
    )(_work)  # fmt: skip
    try:
        return _followed(ray, task.remote(list(argv), str(Path.cwd()), kept, str(said)), said)
    finally:
        ray.shutdown()
        said.unlink()
        said.parent.rmdir()


def _work(argv: Sequence[str], folder: str, environment: Mapping[str, str], said: str) -> int:
    """On a machine of the cluster: the command, as its own process, writing to a file that all see."""
    with Path(said).open("a", encoding="utf-8") as stream:
        inherited = {name: value for name, value in os.environ.items() if name not in {ADDRESS, "DVC_STAGE"}}
        own = {name: value for name, value in environment.items() if name != "DVC_STAGE"}
        done = subprocess.run(
            [sys.executable, "-m", "stages", *argv], cwd=folder, env={**inherited, **own}, stdin=subprocess.DEVNULL,
            stdout=stream, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    return done.returncode


def _followed(ray: Any, task: Any, said: Path) -> int:
    """Repeat what the command says until it ends."""
    with said.open(encoding="utf-8", errors="replace") as stream:
        while True:
            done, _ = ray.wait([task], timeout=POLL)
            sys.stderr.write(stream.read())
            sys.stderr.flush()
            if done:
                break
    try:
        return int(ray.get(task))
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[-1]
        raise PassingError(f"the cluster lost the work: {reason}", fix="it is tried again") from error


def _connected(address: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read as it is imported
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise BackendError(
            "pipelines.engine is ray, and Ray is not installed",
            fix="pip install 'normotion[ray]', or set pipelines.engine: local",
        ) from error
    begun = time.monotonic()
    try:
        own: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **own)
    except (OSError, RuntimeError, ValueError) as error:
        raise PassingError(
            f"no Ray cluster answers after {time.monotonic() - begun:.0f} s: {error}",
            where=f"pipelines.address = {address}",
            fix="start one with `ray start --head`, or set pipelines.engine: local",
        ) from error
    return ray
