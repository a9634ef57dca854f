"""A tethered program dies with the process that asked for it, however that one dies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pipelines import tether
from tests.pipelines.helpers import gone, linux

PARENT = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-S", sys.argv[1], str(os.getpid()), "sleep", "60"], process_group=0)
print(child.pid, flush=True)
child.wait()
"""


@linux
def test_child_dies_with_a_killed_parent() -> None:
    words = [sys.executable, "-c", PARENT, str(Path(tether.__file__))]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert not gone(child, 0.2)
        parent.kill()
    assert gone(child)


def test_becomes_the_program_with_its_arguments_and_status() -> None:
    words = [sys.executable, "-S", str(Path(tether.__file__)), str(os.getpid())]
    done = subprocess.run(
        [*words, "sh", "-c", "echo $0 $$; exit 3", "name"], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("name ")
    assert done.returncode == 3


def test_nothing_starts_when_the_parent_is_gone_already() -> None:
    # process 1 did not start it: the one that did must have died
    words = [sys.executable, "-S", str(Path(tether.__file__)), "1", "echo", "started"]
    assert subprocess.run(words, capture_output=True, text=True, check=False).stdout == ""
