"""How many GPUs there are, and which stages may use one: those at work at a time are limited to their number."""

from __future__ import annotations

import shutil
import subprocess

from pipelines.dag import Stage
from stages.__main__ import parse_stage

GPU = "gpu"
"""Name of Prefect's concurrency limit."""
USERS = frozenset({"extract", "train", "score", "coarse"})
"""Verbs of the stages that use a GPU where there is one."""


def count() -> int:
    """GPUs of this machine, by NVIDIA's own tool; importing torch to ask would take seconds."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return 0
    try:
        done = subprocess.run([tool, "-L"], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in done.stdout.splitlines()) if done.returncode == 0 else 0


def uses(stage: Stage) -> bool:
    """Whether a stage may use a GPU."""
    found = parse_stage(stage.cmd.split())
    return found is not None and found[0] in USERS
