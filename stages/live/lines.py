"""Lines at the end of a file or on the standard output, of which none is lost while nobody takes them."""

from __future__ import annotations

import errno
import io
import json
import os
import select
import sys
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.core.errors import StorageError
from stages.core.progress import log

MOST = 10_000
"""Lines that are kept while a disk is full, or a reader hangs."""
LONGEST_LINE = 4096
"""Bytes of a first line that are looked at."""
GRACE = 2.0
"""Seconds after the end in which a reader may still take what waits."""


def line(message: Mapping[str, Any]) -> str:
    """A message on one line."""
    return json.dumps(message, ensure_ascii=False, allow_nan=False) + "\n"


def demand_own(path: Path, head: str = "") -> None:
    """Refuse a file that is somebody else's, before anything is done to it.

    Args:
        path: the file; one that is missing or empty is fine.
        head: first line that a table has; without it lines of JSON are wanted.

    Raises:
        StorageError: it holds something else, or cannot be read.
    """
    try:
        if not path.is_file():  # a pipe would wait for its writer
            return
        with path.open("rb") as file:
            first = file.readline(LONGEST_LINE)
    except OSError as error:
        raise _unwritten(path, error) from error
    fix = "name another file, or move this one away"
    shown = repr(first.strip()[:80].decode(errors="replace"))
    if first and head and first.strip() != head.strip().encode():
        raise StorageError(f"the file holds another table: its columns are {shown}", where=str(path), fix=fix)
    if first and not head and not first.startswith(b"{"):
        raise StorageError(f"the file holds no lines of JSON: it begins with {shown}", where=str(path), fix=fix)


class Appended:
    """Lines at the end of a file. While they cannot be written, they are kept, and written with the next one.

    The file may be moved away or emptied meanwhile, as those do who rotate logs: the next line begins it anew.

    Args:
        path: the file; it and its folder are made where missing. A line that a power cut left half is ended.
        head: first line of a new file; empty for lines of JSON.

    Raises:
        StorageError: it holds something else, or cannot be written to.
    """

    def __init__(self, path: Path, head: str = "") -> None:
        self.path = path
        self._head = head
        self._waiting: deque[str] = deque()
        demand_own(path, head)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a+b", buffering=0) as file:
                if not file.tell():
                    _write_whole(file, head.encode())
                else:
                    file.seek(-1, os.SEEK_END)
                    _write_whole(file, b"" if file.read(1) == b"\n" else b"\n")
        except OSError as error:
            raise _unwritten(path, error) from error

    def add(self, text: str) -> None:
        """Write a line, and flush it to the disk."""
        self._waiting.append(text)
        if len(self._waiting) > MOST:
            log.error(f"{self.path}: given up after {MOST} lines that could not be written: {self._waiting.popleft()}")
        try:
            self._write()
        except OSError as error:
            log.error(f"{_unwritten(self.path, error).what}; {len(self._waiting)} lines wait")

    def close(self) -> None:
        """Write what waits.

        Raises:
            StorageError: it cannot be written; the lines are in the log.
        """
        try:
            self._write()
        except OSError as error:
            for text in self._waiting:
                log.error(text.rstrip("\n"))
            raise _unwritten(self.path, error) from error

    def _write(self) -> None:
        if not self._waiting:
            return
        text = "".join(self._waiting)
        with self.path.open("ab", buffering=0) as file:
            size = file.tell()
            try:
                _write_whole(file, (text if size else self._head + text).encode())
            except OSError:
                file.truncate(size)  # or the part would stand there twice
                raise
        self._waiting.clear()


class Printed:
    """Lines on the standard output. One who reads them and hangs delays nobody: what does not fit is kept.

    It is written with the next line. Nothing is left in Python's own buffer, which would be written, and fail, when the
    interpreter exits.

    Args:
        grace: seconds that a reader gets in the end.

    Raises:
        StorageError: there is no standard output.
    """

    def __init__(self, grace: float = GRACE) -> None:
        self._grace = grace
        self._waiting: deque[bytes] = deque()  # of the first, a part may be written
        self._hangs = False
        try:
            self._number = sys.stdout.fileno()
        except (AttributeError, OSError) as error:  # it is None where a shell closed it
            raise StorageError("there is no standard output", fix="name a file: --jsonl FILE") from error

    def add(self, text: str) -> None:
        """Write a line, if there is room for it.

        Raises:
            BrokenPipeError: whoever read it has gone.
        """
        self._waiting.append(text.encode())
        if len(self._waiting) > MOST:
            lost = self._waiting[1].decode()
            del self._waiting[1]
            log.error(f"standard output: given up after {MOST} lines that nobody took: {lost}")
        try:
            while self._waiting and self._ready(0.0):
                self._write()
        except BrokenPipeError:
            raise
        except OSError as error:
            log.error(f"cannot write to the standard output: {error.strerror or error}")
        if self._waiting and not self._hangs:
            log.error("standard output: nobody takes what is written; it waits, and the watch goes on")
        self._hangs = bool(self._waiting)

    def close(self) -> None:
        """Write what waits, within seconds.

        Raises:
            StorageError: it cannot be written; the lines are in the log.
        """
        end, why = time.monotonic() + self._grace, "nobody takes it"
        try:
            while self._waiting and self._ready(max(0.0, end - time.monotonic())):
                self._write()
        except OSError as error:
            why = error.strerror or str(error)
        for text in self._waiting:
            log.error(text.decode(errors="replace").rstrip("\n"))
        if self._waiting:
            raise StorageError(
                f"cannot write to the standard output: {why}",
                fix="see what becomes of its reader; the lines that are left stand in the log",
            )

    def _ready(self, seconds: float) -> bool:
        """Whether a write would not wait."""
        return bool(select.select([], [self._number], [], seconds)[1])

    def _write(self) -> None:
        """Write as much of the first line as a pipe that is ready takes at once."""
        first = self._waiting[0]
        rest = first[os.write(self._number, first[: select.PIPE_BUF]) :]
        if rest:
            self._waiting[0] = rest
        else:
            self._waiting.popleft()


def _unwritten(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"cannot write to {path.name}: {error.strerror or error}",
        where=str(path),
        fix="free some space, or check the permissions of the file and its folder",
    )


def _write_whole(file: io.FileIO, text: bytes) -> None:
    if not text:
        return
    if file.write(text) != len(text):
        raise OSError(errno.ENOSPC, "the disk took a part of it")
    os.fsync(file.fileno())
