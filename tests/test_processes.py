"""A stage as a process: it ends with the DVC that started it, and goes on with the Python that has its packages."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

STAGE = """
import os, time
from stages.__main__ import die_with_parent
die_with_parent()
print(os.getpid(), flush=True)
time.sleep(60)
"""
DVC = "import subprocess, sys; subprocess.run(['/bin/sh', '-c', 'exec ' + sys.argv[1] + ' -c \"$STAGE\"'])"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can tell a child of its parent's death")
def test_a_stage_dies_with_its_dvc(root: Path) -> None:
    # like DVC: a shell runs the command; `exec` makes it become the stage, as not every shell does by itself
    words = [sys.executable, "-c", DVC, sys.executable]
    with subprocess.Popen(
        words, cwd=root, env={**os.environ, "STAGE": STAGE}, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        stage = Path(f"/proc/{int(parent.stdout.readline())}/stat")
        parent.kill()
    end = time.monotonic() + 5
    while stage.exists() and " Z " not in stage.read_text() and time.monotonic() < end:
        time.sleep(0.05)
    assert not stage.exists() or " Z " in stage.read_text()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can tell a child of its parent's death")
def test_a_stage_whose_dvc_is_gone_does_not_start(root: Path) -> None:
    # a group of its own: to the stage, a parent in another group is the one that adopted an orphan
    words = [sys.executable, "-c", STAGE]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, process_group=0, timeout=20, check=False)
    assert done.returncode == -9
    assert done.stdout == ""


def test_by_hand_a_stage_is_not_tethered(root: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DVC_STAGE"}
    words = [sys.executable, "-m", "stages", "--help"]
    assert (
        subprocess.run(words, cwd=root, env=environment, capture_output=True, process_group=0, check=False).returncode
        == 0
    )
    killed = subprocess.run(
        words, cwd=root, env={**environment, "DVC_STAGE": "train"}, capture_output=True, process_group=0, check=False
    )
    assert killed.returncode == (-9 if sys.platform.startswith("linux") else 0)


ELSEWHERE = (
    "import sys; from stages.__main__ import _elsewhere; sys.argv = ['stages', 'extract', 'demo'];"
    "sys.exit(_elsewhere(ModuleNotFoundError('no tqdm', name='tqdm'), verbose=False))"
)


def test_another_python_hands_over_to_the_projects_own(root: Path, tmp_path: Path) -> None:
    own = tmp_path / ".venv" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.write_text('#!/bin/sh\necho "own python: $@"\n')
    own.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "own python: -m stages extract demo\n"
    assert "has no tqdm; going on with" in done.stderr


def test_a_missing_package_is_a_message(root: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "tqdm is not installed for" in done.stderr
    assert "make setup" in done.stderr
