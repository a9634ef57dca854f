"""Memory that is kept: a large tensor takes the pages of the one before it."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import resource, torch
from stages.compute.memory import keep
kept = {keep}()
torch.ones(1 << 24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    torch.ones(1 << 24)
print(int(kept), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc")
def test_pages_are_cleared_once() -> None:
    kept, faults = _run("keep")
    if not kept:
        pytest.skip("another C library")
    _, usual = _run("int")
    assert faults < usual / 4


def _run(keep: str) -> tuple[int, int]:
    command = [sys.executable, "-c", CODE.replace("{keep}", keep)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(said[0]), int(said[1])
