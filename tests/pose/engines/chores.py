"""Work for engines to be tested with: a chore's name says what becomes of who does it."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from stages.core.errors import VideoError
from stages.core.progress import log


@dataclass(frozen=True)
class Chore:
    """One piece of work.

    Args:
        name: `good`, `broken`, `deadly`, `deadly once`, `buggy`, `long`; what follows a colon tells chores apart.
        folder: where each attempt leaves a file named after it and its process.
    """

    name: str
    folder: Path

    def __str__(self) -> str:
        return self.name

    def attempts(self) -> int:
        """How often it was begun."""
        return len(list(self.folder.glob(f"{self.name}.*")))


def do(chore: Chore) -> None:
    tried = chore.attempts()
    (chore.folder / f"{chore.name}.{os.getpid()}.{tried}").touch()
    log.info(f"{chore.name} begun")
    kind = chore.name.partition(":")[0]
    if kind == "broken":
        raise VideoError("it is broken", where=chore.name, fix="mend it")
    if kind == "deadly" or (kind == "deadly once" and not tried):
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "buggy":
        raise ZeroDivisionError
    if kind == "long":
        time.sleep(60)


def chores(folder: Path, *names: str) -> list[Chore]:
    return [Chore(name, folder) for name in names]
