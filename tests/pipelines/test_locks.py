"""Two runs of one project cannot overlap, whatever becomes of the first."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.locks import log_lock, run_lock
from stages.core.errors import PipelineError
from stages.core.paths import Project

HOLD = """
import sys, time
from pathlib import Path
from pipelines.locks import {lock}
from stages.core.paths import Project
with {lock}(Project(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(project: Project, lock: str, seconds: float, root: Path) -> subprocess.Popen[str]:
    """Another process that holds a lock; returns when it does."""
    words = [sys.executable, "-c", HOLD.format(lock=lock), str(project.root), str(seconds)]
    process = subprocess.Popen(words, cwd=root, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.fixture
def bare(tmp_path: Path) -> Project:
    (tmp_path / ".dvc").mkdir()
    return Project(tmp_path)


def test_second_run_is_refused_and_told_by_whom(bare: Project, root: Path) -> None:
    with hold(bare, "run_lock", 60, root) as other:
        with pytest.raises(PipelineError, match=f"process {other.pid}"), run_lock(bare):
            pass
        other.kill()


def test_lock_goes_with_a_killed_holder(bare: Project, root: Path) -> None:
    with hold(bare, "run_lock", 60, root) as other:
        other.kill()
        other.wait()
        with run_lock(bare):
            pass


def test_lock_can_be_taken_again(bare: Project) -> None:
    for _ in range(2):
        with run_lock(bare):
            pass


def test_logging_waits_its_turn(bare: Project, root: Path) -> None:
    with hold(bare, "log_lock", 0.5, root):
        start = time.monotonic()
        with log_lock(bare):
            assert time.monotonic() - start > 0.2  # the other held it for half a second


def test_logging_and_running_do_not_block_each_other(bare: Project) -> None:
    with run_lock(bare), log_lock(bare):
        pass


def test_no_repository_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="dvc init"), run_lock(Project(tmp_path)):
        pass
