"""Files that several sessions read, change and write: one after the other, so that none undoes another's work."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep others out of a folder's files while one is read and written; some network disks have no such locks."""
    held = None
    with contextlib.suppress(OSError):  # a folder that cannot be written to says so when that is tried
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(folder, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if held is not None:
            os.close(held)
