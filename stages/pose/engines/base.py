"""What an engine is: workers that do one clip at a time, and the rules for those that die over one."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from pydantic import Field

from stages.core.errors import NormotionError, PipelineError
from stages.core.params import Section
from stages.core.progress import log

T = TypeVar("T")


class WorkParams(Section):
    """The part of the `extract` section that says who does the work. No result depends on any of it.

    Args:
        threads: frames of a clip worked on at once; null: as many as there are cores, divided among `workers`.
        engine: `local`: this machine; `ray`: a Ray cluster whose machines see the project under the same path.
        workers: clips worked on at once, each in a process of its own, so that a crash costs no other clip. null: with
            `local` one after another in this process with all cores on its frames, best for few or long clips; with
            `ray` as many as the cluster has room for.
        address: of the Ray cluster, e.g. `auto` or `ray://host:10001`; null starts one on this machine.
        gpus: GPUs that Ray sets aside for a clip; 0.5 lets two share one.
        retries: how often a clip is tried again whose worker died.
        keep_going: set broken clips aside and do the others, instead of stopping at the first.
    """

    threads: int | None = Field(default=None, gt=0)
    engine: Literal["local", "ray"] = "local"
    workers: int | None = Field(default=None, gt=0)
    address: str | None = None
    gpus: float = Field(default=0.0, ge=0)
    retries: int = Field(default=2, ge=0)
    keep_going: bool = False


@dataclass(frozen=True)
class Answer:
    """What came of one item.

    Args:
        lines: level and text of what was logged over it, for the process that has somebody to tell.
        error: why it could not be done; None when it was.
    """

    lines: tuple[tuple[int, str], ...] = ()
    error: NormotionError | None = None


@dataclass(frozen=True)
class Death:
    """A worker went before it answered.

    Args:
        how: its exit status, the signal that ended it, or the traceback it left.
    """

    how: str


class Pool(Protocol[T]):
    """Workers that do one item at a time each."""

    @property
    def size(self) -> int:
        """Items that can be in work at once."""
        ...

    def give(self, item: T) -> None:
        """Start an item; at most `size` may be in work."""
        ...

    def take(self) -> tuple[T, Answer | Death]:
        """Wait until any item in work is done."""
        ...

    def close(self) -> None:
        """End all workers at once, whatever they are at."""
        ...


def here(work: Callable[[T], None], items: Sequence[T]) -> Generator[tuple[T, NormotionError | None]]:
    """Do items one after another in this process.

    Args:
        work: does one item, and says by a `NormotionError` why it could not.
        items: what is to be done.

    Yields:
        Each item, and why it could not be done, or None.
    """
    for item in items:
        trouble: NormotionError | None = None
        try:
            work(item)
        except NormotionError as error:
            trouble = error
        yield item, trouble


def spread(pool: Pool[T], items: Sequence[T], retries: int) -> Generator[tuple[T, NormotionError | None]]:
    """Do items in a pool's workers, as many at once as it has; what is done first comes first.

    An item whose worker dies goes to the end of the queue, where fewer others compete for memory.

    Args:
        pool: the workers; closed when all is done, or the generator is closed.
        items: what is to be done, each unlike the others.
        retries: how often an item may cost a worker its life before it is given up.

    Yields:
        Each item, and why it could not be done, or None.
    """
    waiting, deaths, busy = deque(items), Counter[T](), 0
    try:
        while waiting or busy:
            while waiting and busy < pool.size:
                pool.give(waiting.popleft())
                busy += 1
            item, answer = pool.take()
            busy -= 1
            if isinstance(answer, Death):
                deaths[item] += 1
                if deaths[item] <= retries:
                    log.warning(
                        f"{item}: its worker died ({answer.how}); try {deaths[item] + 1} of {retries + 1} follows"
                    )
                    waiting.append(item)
                    continue
                answer = Answer(error=_given_up(deaths[item], answer.how))
            for level, line in answer.lines:
                log.log(level, line)
            yield item, answer.error
    finally:
        pool.close()


def attempt(work: Callable[[T], None], item: T, level: int) -> Answer:
    """Do one item in a worker's process; what is logged and what goes wrong as expected travels back.

    Args:
        work: does one item.
        item: the item.
        level: of the lines that are kept, as in `logging`.
    """
    notes = _Notes()
    log.handlers[:] = [notes]
    log.setLevel(level)
    log.propagate = False
    error: NormotionError | None = None
    try:
        work(item)
    except NormotionError as trouble:
        error = trouble
    return Answer(tuple(notes.lines), error)


class _Notes(logging.Handler):
    """Keeps log lines instead of showing them."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.levelno, record.getMessage()))


def _given_up(times: int, how: str) -> PipelineError:
    return PipelineError(
        f"its worker died {times} times, at last: {how}",
        fix="SIGKILL mostly means that the memory was full: use fewer `extract.workers`; else look at the file",
    )
