"""The pool of processes, with real processes that really die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from stages.core.errors import PipelineError, VideoError
from stages.pose.engines.base import Answer, Death, spread
from stages.pose.engines.local import Processes
from tests.pose.engines.chores import Chore, chores, do


def pids(chore: Chore) -> list[int]:
    return [int(path.name.split(".")[-2]) for path in chore.folder.glob(f"{chore.name}.*")]


def alive(pid: int) -> bool:
    """Whether a process still does something; a zombie that nobody has collected yet has no command line."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except FileNotFoundError:
        return False


def wait_until_begun(chore: Chore, seconds: float = 60) -> int:
    end = time.monotonic() + seconds
    while not chore.attempts():
        assert time.monotonic() < end, f"{chore} was not begun"
        time.sleep(0.02)
    return pids(chore)[0]


def answered(pool: Processes[Chore]) -> Chore:
    """The item that was done next, without an error; how much it logged depends on the tests before."""
    item, answer = pool.take()
    assert isinstance(answer, Answer)
    assert answer.error is None
    return item


def test_one_death_costs_one_clip_and_one_retry(tmp_path: Path) -> None:
    items = chores(tmp_path, "good", "deadly", "deadly once", "broken", "good:2", "buggy")
    troubles = {item.name: trouble for item, trouble in spread(Processes(do, 2), items, 1)}
    assert [name for name, trouble in troubles.items() if trouble is None] != []
    assert (troubles["good"], troubles["deadly once"], troubles["good:2"]) == (None, None, None)
    assert isinstance(troubles["broken"], VideoError)
    assert isinstance(troubles["deadly"], PipelineError)
    assert "SIGKILL" in troubles["deadly"].what
    assert isinstance(troubles["buggy"], PipelineError)  # its traceback stands on standard error
    assert "exit status 1" in troubles["buggy"].what
    assert {item.name: item.attempts() for item in items} == {
        "good": 1, "deadly": 2, "deadly once": 2, "broken": 1, "good:2": 1, "buggy": 2,
    }  # fmt: skip
    assert all(not alive(pid) for item in items for pid in pids(item))


def test_processes_are_kept_from_item_to_item(tmp_path: Path) -> None:
    items = chores(tmp_path, "good:1", "broken:2", "good:3")
    list(spread(Processes(do, 1), items, 0))
    assert len({pid for item in items for pid in pids(item)}) == 1
    assert pids(items[0]) != [os.getpid()]


def test_a_process_that_dies_while_it_waits_is_replaced(tmp_path: Path) -> None:
    first, second = chores(tmp_path, "good:1", "good:2")
    with closing(Processes(do, 1)) as pool:
        pool.give(first)
        assert answered(pool) == first
        os.kill(pids(first)[0], signal.SIGKILL)
        time.sleep(0.5)
        pool.give(second)
        assert answered(pool) == second


def test_a_killed_worker_is_told_from_its_neighbour(tmp_path: Path) -> None:
    killed, other = chores(tmp_path, "long:1", "long:2")
    with closing(Processes(do, 2)) as pool:
        pool.give(killed)
        pool.give(other)
        pid = wait_until_begun(killed)
        beside = wait_until_begun(other)
        os.kill(pid, signal.SIGKILL)
        assert pool.take() == (killed, Death("SIGKILL"))
        assert alive(beside)
    assert not alive(beside)  # closing ends who is still at work


def test_no_worker_outlives_a_killed_parent(tmp_path: Path, root: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from stages.pose.engines.local import Processes\n"
        "from tests.pose.engines.chores import chores, do\n"
        "if __name__ == '__main__':\n"
        "    pool = Processes(do, 2)\n"
        "    for chore in chores(Path(sys.argv[1]), 'long:1', 'long:2'): pool.give(chore)\n"
        "    pool.take()\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    work = tmp_path / "work"
    work.mkdir()
    parent = subprocess.Popen(
        [sys.executable, str(script), str(work)], cwd=root, env={**os.environ, "PYTHONPATH": str(root)}
    )
    try:
        workers = [wait_until_begun(chore) for chore in chores(work, "long:1", "long:2")]
    finally:
        parent.kill()
        parent.wait()
    end = time.monotonic() + 10
    while any(map(alive, workers)):
        assert time.monotonic() < end, "workers live on without their parent"
        time.sleep(0.05)


@pytest.mark.parametrize("size", [1, 3])
def test_the_size_is_what_was_asked_for(size: int) -> None:
    with closing(Processes(do, size)) as pool:
        assert pool.size == size
