"""Run DVC's stages as processes that can be watched and stopped, and check that each really landed."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pipelines import gpus, landing, tether
from pipelines.dag import Stage
from pipelines.environment import require, tool_environment
from pipelines.locks import run_lock
from pipelines.room import demand_room
from stages.__main__ import TRY_AGAIN
from stages.core.errors import PipelineError
from stages.core.paths import Project
from stages.core.progress import log
from stages.core.storage import sweep

GRACE = 10.0
"""Seconds a stage is given to put its work away after it was asked to stop."""
TRIES = 5
"""How often a stage is started while another DVC command holds the repository, or where it asks to be tried again."""
PAUSE = 2.0
"""Seconds between those."""
LAST_LINES = 15
"""Lines of a failed stage's log that its error shows."""
BUSY = re.compile(r"is busy, it is being blocked by|Unable to acquire lock")
"""DVC's words for a repository that another command is using."""
TRANSIENT = re.compile(rf"exited with {TRY_AGAIN}$", re.MULTILINE)
"""DVC's words for a stage that says it would succeed another time, as one that lost its Ray cluster does."""
HINT = re.compile(
    r"|To (track the changes with git|enable auto staging), run:|git add .*|dvc config core.*|Use `dvc push`.*"
    r"|Data and pipelines are up to date.|(Generating|Updating) lock file .*"
)
"""What DVC says to a person after each stage; noise where nobody reads along."""
TETHER = (sys.executable, "-S", str(Path(tether.__file__)))
LAND = (sys.executable, "-P", str(Path(landing.__file__)))
DVC = (sys.executable, "-m", "dvc")
RESUME = "`normotion repro` goes on from there"
ROOM = "make room on the disk if its log says so, then run `normotion repro`: finished stages are kept"

Say = Callable[[str], None]


class Runner:
    """Runs stages of one project while it holds the project's lock; use it as a context.

    Several threads may call `run` at the same time. Leaving the context by an exception, Ctrl-C or a termination
    signal stops every stage that is still at work.

    Args:
        project: where.
        deadline: seconds after which everything is stopped; None waits for ever.
        least_free: GiB that must be free on the disks of the project and of DVC's cache before anything starts.
        gpu_count: how many GPUs there are: stages that may use one are given one each, and wait while none is free.
        environment: variables that every stage is given.

    Raises:
        PipelineError: another run is at work, or there is too little room on a disk.
    """

    def __init__(
        self,
        project: Project,
        deadline: float | None = None,
        least_free: float = 0.0,
        gpu_count: int = 0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        require("dvc", "pipeline")
        self.project = project
        self._least_free = least_free
        self._environment = dict(environment or {})
        self._gpus = queue.SimpleQueue[int]()
        for number in range(gpu_count):
            self._gpus.put(number)
        self._has_gpus = gpu_count > 0
        self._lock = run_lock(project)
        self._guard = threading.Lock()
        self._alive: set[subprocess.Popen[str]] = set()
        self._why_not = ""
        self._timer = threading.Timer(deadline, self.cancel, ["the deadline passed"]) if deadline else None

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._lock)
            demand_room(self.project, self._least_free)
            for path in sweep(self.project.root / "data"):
                log.info("removed %s, which an interrupted stage left behind", path.relative_to(self.project.root))
            if self._timer:
                self._timer.daemon = True
                self._timer.start()
            stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer:
            self._timer.cancel()
        if kind is not None:
            self.cancel()
        self._lock.__exit__(kind, error, traceback)

    def changed(self) -> set[str]:
        """Names of the stages that DVC would run: something they read, or what they made, is not as dvc.lock says.

        Raises:
            PipelineError: DVC cannot tell.
        """
        lines: list[str] = []
        code, tail = self._process([*DVC, "--wait-for-lock", "status", "--json"], lines.append)
        answer = next(
            (line for line in reversed(lines) if line.startswith("{")), ""
        )  # after a kill, warnings precede it
        try:
            if code == 0:
                return set(json.loads(answer))
        except ValueError:
            pass
        raise PipelineError(
            "DVC cannot tell what changed", where="\n".join(["", *tail]), fix="`normotion doctor` mends what it can"
        )

    def run(self, stage: Stage, say: Say = log.info) -> None:
        """Bring one stage up to date; the stages above it must be.

        Args:
            stage: which.
            say: takes the stage's output, line by line, as it comes.

        Raises:
            PipelineError: the stage failed, its output is not where DVC says it is, or the run was cancelled.
        """
        with self._gpu(stage) as environment:
            self._run(stage, say, {**self._environment, **environment})

    def _run(self, stage: Stage, say: Say, environment: Mapping[str, str]) -> None:
        for attempt in range(1, TRIES + 1):
            code, tail = self._process([*LAND, stage.name], say, environment)
            if code == 0:
                return
            if self._why_not:
                raise PipelineError(f"stage {stage.name} was cancelled: {self._why_not}", fix=RESUME)
            if code == landing.NOT_LANDED:
                what = f"stage {stage.name} ran, but what it made is not in DVC's cache"
                raise PipelineError(what, where="\n".join(["", *tail]), fix=ROOM)
            if attempt == TRIES or not (reason := _passing("\n".join(tail))):
                break
            say(f"{reason}; trying again in {PAUSE:g} s ({attempt} of {TRIES - 1})")
            time.sleep(PAUSE)
        raise PipelineError(
            f"stage {stage.name} failed: `{stage.cmd}`",
            where="\n".join(["", *tail]),
            fix=f"mend what its log says, then `normotion repro {stage.name}`",
        )

    def cancel(self, why: str = "the run was stopped") -> None:
        """Stop every stage at work: ask, wait, insist. None can be started afterwards."""
        with self._guard:
            self._why_not = self._why_not or why
            alive = list(self._alive)
        for process in alive:
            stop(process)

    @contextlib.contextmanager
    def _gpu(self, stage: Stage) -> Iterator[Mapping[str, str]]:
        """The environment that gives a stage a GPU of its own, where it may use one and there are any."""
        if not (self._has_gpus and gpus.uses(stage)):
            yield {}
            return
        number = self._gpus.get()
        try:
            yield {"CUDA_VISIBLE_DEVICES": str(number)}
        finally:
            self._gpus.put(number)

    def _process(
        self, command: Sequence[str], say: Say, environment: Mapping[str, str] | None = None
    ) -> tuple[int, list[str]]:
        """Run a command, handing on its output; returns the exit status and the last lines."""
        tail: deque[str] = deque(maxlen=LAST_LINES)
        with self._started(command, environment or {}) as process:
            for line in process.stdout or ():
                if not HINT.fullmatch(line.strip()):
                    tail.append(line.rstrip())
                    say(tail[-1])
            return process.wait(), list(tail)

    @contextlib.contextmanager
    def _started(self, command: Sequence[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
        """Start a command in a process group of its own, tethered to this process; stop it when the body fails."""
        with self._guard:
            if self._why_not:
                raise PipelineError(f"nothing more is started: {self._why_not}", fix=RESUME)
            process = subprocess.Popen(
                [*TETHER, str(os.getpid()), *command],
                cwd=self.project.root,
                env={**tool_environment(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
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


def _passing(tail: str) -> str:
    """Why a failed stage may succeed when tried again; empty where nothing says so."""
    if BUSY.search(tail):
        return "another DVC command is at work"
    return "the stage met something that passes" if TRANSIENT.search(tail) else ""
