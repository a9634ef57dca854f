"""Run DVC's stages as processes that can be watched and stopped, and check that each really landed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pipelines import tether
from pipelines.dag import Stage
from pipelines.environment import require, tool_environment
from pipelines.locks import run_lock
from stages.core.errors import PipelineError
from stages.core.paths import Project
from stages.core.progress import log

GRACE = 10.0
"""Seconds a stage is given to put its work away after it was asked to stop."""
TRIES = 5
"""How often a stage is started while another DVC command holds the repository."""
PAUSE = 2.0
"""Seconds between those."""
LAST_LINES = 15
"""Lines of a failed stage's log that its error shows."""
BUSY = re.compile(r"is busy, it is being blocked by|Unable to acquire lock")
"""DVC's words for a repository that another command is using."""
HINT = re.compile(
    r"|To (track the changes with git|enable auto staging), run:|git add .*|dvc config core.*|Use `dvc push`.*"
)
"""What DVC says to a person after each stage; noise where nobody reads along."""
DVC = (sys.executable, "-m", "dvc")
TETHER = (sys.executable, "-S", str(Path(tether.__file__)))
RESUME = "`dvc repro` goes on from there"
ROOM = "make room on the disk if its log says so, then run `dvc repro`: finished stages are kept"

Say = Callable[[str], None]


class Runner:
    """Runs stages of one project while it holds the project's lock; use it as a context.

    Several threads may call `run` at the same time. Leaving the context by an exception, Ctrl-C or a termination
    signal stops every stage that is still at work.

    Args:
        project: where.
    """

    def __init__(self, project: Project) -> None:
        require("dvc", "pipeline")
        self.project = project
        self._lock = run_lock(project)
        self._guard = threading.Lock()
        self._alive: set[subprocess.Popen[str]] = set()
        self._cancelled = False

    def __enter__(self) -> Self:
        self._lock.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self.cancel()
        self._lock.__exit__(kind, error, traceback)

    def run(self, stage: Stage, say: Say = log.info) -> None:
        """Bring one stage up to date; the stages above it must be.

        Args:
            stage: which.
            say: takes the stage's output, line by line, as it comes.

        Raises:
            PipelineError: the stage failed, its output is not where DVC says it is, or the run was cancelled.
        """
        tail = self._repro(stage, say)
        self._check_landed([stage.name], f"stage {stage.name} ran, but what it made is not in DVC's cache", tail)

    def repro(self, targets: Sequence[str] = ()) -> None:
        """Bring everything, or `targets` and what they need, up to date by DVC itself; it writes to the terminal.

        Raises:
            PipelineError: a stage failed, or something did not land.
        """
        with self._started(["repro", *targets], stdout=None) as process:
            code = process.wait()
        if code:
            raise PipelineError("the rebuild stopped; the reason stands above", fix=ROOM)
        self._check_landed(targets, "the rebuild ended, but not all of it is in DVC's cache")

    def cancel(self) -> None:
        """Stop every stage at work: ask, wait, insist. None can be started afterwards."""
        with self._guard:
            self._cancelled = True
            alive = list(self._alive)
        for process in alive:
            stop(process)

    def _repro(self, stage: Stage, say: Say) -> list[str]:
        """`dvc repro` of one stage, again where another command was in the way; returns the log's last lines."""
        for attempt in range(1, TRIES + 1):
            code, tail = self._dvc(["repro", "-s", stage.name], say)
            if code == 0:
                return tail
            if self._cancelled:
                raise PipelineError(f"stage {stage.name} was cancelled", fix=RESUME)
            if attempt < TRIES and BUSY.search("\n".join(tail)):
                say(f"another DVC command is at work; trying again in {PAUSE:g} s ({attempt} of {TRIES - 1})")
                time.sleep(PAUSE)
                continue
            break
        raise PipelineError(
            f"stage {stage.name} failed: `{stage.cmd}`",
            where="\n".join(["", *tail]),
            fix=f"mend what its log says, then `dvc repro {stage.name}`",
        )

    def _check_landed(self, targets: Sequence[str], what: str, tail: Sequence[str] = ()) -> None:
        """DVC ends well even when its cache is full and nothing was stored; only its quiet status tells."""
        if self._dvc(["status", "-q", *targets], say=_silent)[0]:
            found = self._dvc(["status", *targets], say=_silent)[1]
            raise PipelineError(what, where="\n".join(["", *tail, *found]), fix=ROOM)

    def _dvc(self, words: Sequence[str], say: Say) -> tuple[int, list[str]]:
        """Run `dvc`, handing on its output; returns the exit status and the last lines."""
        tail: deque[str] = deque(maxlen=LAST_LINES)
        with self._started(["--wait-for-lock", *words], stdout=subprocess.PIPE) as process:
            for line in process.stdout or ():
                if not HINT.fullmatch(line.strip()):
                    tail.append(line.rstrip())
                    say(tail[-1])
            return process.wait(), list(tail)

    @contextlib.contextmanager
    def _started(self, words: Sequence[str], stdout: int | None) -> Iterator[subprocess.Popen[str]]:
        """Start `dvc` in a process group of its own, tethered to this process; stop it when the body fails."""
        with self._guard:
            if self._cancelled:
                raise PipelineError("the run was cancelled", fix=RESUME)
            process = subprocess.Popen(
                [*TETHER, str(os.getpid()), *DVC, *words],
                cwd=self.project.root,
                env=tool_environment(),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.STDOUT if stdout else None,
                text=True,
                errors="replace",
                process_group=0,
            )
            self._alive.add(process)
        try:
            with process:
                yield process
        except BaseException:
            stop(process)
            raise
        finally:
            self._alive.discard(process)


def repro(project: Project, *targets: str) -> None:
    """Rebuild what changed, then log the runs: `normotion repro`.

    Args:
        project: where.
        targets: stages to bring up to date, with what they need; none means all.

    Raises:
        PipelineError: a stage failed or did not land, or the runs could not be logged (then the data are complete).
    """
    from pipelines import log_runs

    with Runner(project) as runner:
        runner.repro(targets)
    log_runs.run(project)


def stop(process: subprocess.Popen[str]) -> None:
    """Stop a process group: Ctrl-C first, so that stages clean up and DVC frees its locks; then by force.

    Args:
        process: the group's leader; one that has ended already is no error.
    """
    for sign, patience in ((signal.SIGINT, GRACE), (signal.SIGKILL, None)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            return


def _silent(_: str) -> None:
    """For output that only matters when something is wrong."""
