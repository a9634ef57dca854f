"""Where alarms go: lines of JSON, a table, a webhook (`stages/live/webhook.py`). What cannot be written is kept."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from stages.core.errors import NormotionError, StorageError
from stages.core.progress import log
from stages.live.judged import Event, Judged
from stages.live.tables import EVENTS

RINGS, OVER = "rings", "over"
"""States of an alarm: it has begun to ring, and it is over."""
COLUMNS = (*EVENTS, "began", "source")
"""Of the table: those of `normotion run`'s events.csv, the time of the day, and which camera it was."""
MOST = 10_000
"""Lines that are kept while a disk is full."""


@dataclass(frozen=True)
class Alert:
    """What is told of an alarm.

    Args:
        id: of the alarm, the same in both of its states, and never the same again: tells what came twice.
        source: as the user named it, without a password.
        began: when frame 0 was there; None for a file.
        event: the alarm, once it is over.
        judged: the frame with which it began to ring, until then.
        threshold: over which it rings.
    """

    id: str
    source: str
    began: datetime | None
    event: Event | None = None
    judged: Judged | None = None
    threshold: float = 0.0

    @property
    def state(self) -> str:
        """`rings` or `over`."""
        return RINGS if self.event is None else OVER

    def message(self) -> dict[str, Any]:
        """What is sent: JSON's types alone. Times of the day are UTC, or null for a file."""
        told: dict[str, Any] = {"id": self.id, "state": self.state, "source": self.source}
        if self.event is not None:
            times = {"began": self.at(self.event.start_seconds), "ended": self.at(self.event.end_seconds)}
            return told | times | asdict(self.event)
        if self.judged is None:
            return told
        frame = {"frame": self.judged.number, "seconds": self.judged.seconds, "score": self.judged.smoothed}
        return (
            told
            | {"at": self.at(self.judged.seconds), **frame, "threshold": self.threshold}
            | {"track": self.judged.track}
        )

    def at(self, seconds: float) -> str | None:
        """Time of the day of a moment."""
        if self.began is None:
            return None
        return (self.began + timedelta(seconds=seconds)).astimezone(UTC).isoformat(timespec="milliseconds")


class Sink(Protocol):
    """Takes alarms. Neither call may wait for anybody else."""

    def send(self, alert: Alert) -> None:
        """Take what is new of an alarm."""
        ...

    def close(self) -> None:
        """Get rid of what is left.

        Raises:
            StorageError: something could not be kept.
        """
        ...


def line(message: Mapping[str, Any]) -> str:
    """A message on one line."""
    return json.dumps(message, ensure_ascii=False, allow_nan=False) + "\n"


class Appended:
    """Lines at the end of a file. While they cannot be written, they are kept, and written with the next one.

    Args:
        path: the file; it and its folder are made where missing. A line that a power cut left half is ended.
        head: first line of a new file.

    Raises:
        StorageError: it cannot be written to.
    """

    def __init__(self, path: Path, head: str = "") -> None:
        self.path = path
        self._waiting: deque[str] = deque()
        self._lost = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a+b") as file:
                if not file.tell():
                    file.write(head.encode())
                else:
                    file.seek(-1, os.SEEK_END)
                    file.write(b"" if file.read(1) == b"\n" else b"\n")
        except OSError as error:
            raise self._unwritten(error) from error

    def add(self, text: str) -> None:
        """Write a line, and flush it to the disk."""
        self._waiting.append(text)
        if len(self._waiting) > MOST:
            log.error(f"{self.path}: given up after {MOST} lines that could not be written: {self._waiting.popleft()}")
            self._lost += 1
        try:
            self._write()
        except OSError as error:
            log.error(f"{self._unwritten(error).what}; {len(self._waiting)} lines wait")

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
            raise self._unwritten(error) from error

    def _write(self) -> None:
        if not self._waiting:
            return
        text = "".join(self._waiting).encode()
        with self.path.open("ab", buffering=0) as file:
            size = file.tell()
            try:
                _write_whole(file, text)
            except OSError:
                file.truncate(size)  # or the part would stand there twice
                raise
        self._waiting.clear()

    def _unwritten(self, error: OSError) -> StorageError:
        return StorageError(
            f"cannot write to {self.path.name}: {error.strerror or error}",
            where=str(self.path),
            fix="free some space, or check the permissions of the file and its folder",
        )


def _write_whole(file: io.FileIO, text: bytes) -> None:
    if file.write(text) != len(text):
        raise OSError(errno.ENOSPC, "the disk took a part of it")
    os.fsync(file.fileno())


class JsonLines:
    """A line of JSON for each thing that happens.

    Args:
        target: a file, or `-` for the standard output.

    Raises:
        StorageError: the file cannot be written to.
    """

    def __init__(self, target: str) -> None:
        self._file = None if target == "-" else Appended(Path(target))

    def send(self, alert: Alert) -> None:
        """Write it, and flush."""
        if self._file is not None:
            self._file.add(line(alert.message()))
        else:
            sys.stdout.write(line(alert.message()))
            sys.stdout.flush()

    def close(self) -> None:
        """Write what waits."""
        if self._file is not None:
            self._file.close()


class Table:
    """A row of CSV for each alarm that is over; goes on with the file of an earlier watch.

    Args:
        path: the file.

    Raises:
        StorageError: it holds another table, or cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        self._file = Appended(path, ",".join(COLUMNS) + "\n")
        with path.open(encoding="utf-8", newline="") as file:
            found = file.readline().strip()
        if found != ",".join(COLUMNS):
            raise StorageError(
                f"the file holds another table: its columns are {found[:80]!r}",
                where=str(path),
                fix="name another file, or move this one away",
            )

    def send(self, alert: Alert) -> None:
        """Write an alarm that is over."""
        if alert.event is None:
            return
        row = asdict(alert.event) | {"began": alert.at(alert.event.start_seconds), "source": alert.source}
        text = io.StringIO()
        values = [f"{row[name]:.6g}" if isinstance(row[name], float) else row[name] for name in COLUMNS]
        csv.writer(text, lineterminator="\n").writerow(values)
        self._file.add(text.getvalue())

    def close(self) -> None:
        """Write what waits."""
        self._file.close()


def close_all(sinks: tuple[Sink, ...]) -> list[NormotionError]:
    """Close each of them, whatever becomes of the others; gives what went wrong."""
    troubles: list[NormotionError] = []
    for sink in sinks:
        try:
            sink.close()
        except NormotionError as error:
            troubles.append(error)
    return troubles
