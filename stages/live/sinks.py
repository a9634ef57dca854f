"""Where alarms go: lines of JSON, a table, a webhook (`stages/live/webhook.py`). What cannot be written is kept."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from stages.core.errors import NormotionError, StorageError
from stages.core.progress import log
from stages.live.judged import Event, Judged
from stages.live.lines import Appended, Printed, line
from stages.live.tables import EVENTS

RINGS, OVER = "rings", "over"
"""States of an alarm: it has begun to ring, and it is over."""
COLUMNS = (*EVENTS, "began", "source")
"""Of the table: those of `normotion run`'s events.csv, the time of the day, and which camera it was."""


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
    """Takes alarms. `send` waits for nobody else, and `close` for seconds."""

    @property
    def name(self) -> str:
        """What a person knows it by."""
        ...

    def send(self, alert: Alert) -> None:
        """Take what is new of an alarm.

        Raises:
            OSError: it will never take one again; `close` tells the log what it did not get rid of.
        """
        ...

    def close(self) -> None:
        """Get rid of what is left.

        Raises:
            StorageError: something could not be kept.
        """
        ...


class JsonLines:
    """A line of JSON for each thing that happens.

    Args:
        target: a file, or `-` for the standard output.

    Raises:
        StorageError: the file holds something else, or cannot be written to.
    """

    def __init__(self, target: str) -> None:
        self.name = "standard output" if target == "-" else target
        self._lines: Printed | Appended = Printed() if target == "-" else Appended(Path(target))

    def send(self, alert: Alert) -> None:
        """Write it, and flush."""
        self._lines.add(line(alert.message()))

    def close(self) -> None:
        """Write what waits."""
        self._lines.close()


class Table:
    """A row of CSV for each alarm that is over; goes on with the file of an earlier watch.

    Args:
        path: the file.

    Raises:
        StorageError: it holds another table, or cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._file = Appended(path, ",".join(COLUMNS) + "\n")

    def send(self, alert: Alert) -> None:
        """Write an alarm that is over."""
        if alert.event is None:
            return
        row = asdict(alert.event) | {"began": alert.at(alert.event.start_seconds), "source": alert.source}
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow([_cell(name, row[name]) for name in COLUMNS])
        self._file.add(text.getvalue())

    def close(self) -> None:
        """Write what waits."""
        self._file.close()


def _cell(name: str, value: Any) -> Any:
    """A number as a table shows it: seconds are told to the millisecond, however long a watch lasts."""
    if not isinstance(value, float):
        return value
    return f"{value:.3f}" if name.endswith("_seconds") else f"{value:.6g}"


class Sinks:
    """Tells each of several sinks. One that fails for good is left out, which is said once; the others go on.

    Args:
        sinks: whom to tell; closed with this.
    """

    def __init__(self, sinks: tuple[Sink, ...]) -> None:
        self._sinks = sinks
        self._lost: dict[int, StorageError] = {}

    def send(self, alert: Alert) -> None:
        """Tell each that is left.

        Raises:
            StorageError: the last one failed. What comes after that goes to the log alone.
        """
        if self._sinks and len(self._lost) == len(self._sinks):
            log.error(line(alert.message()).rstrip("\n"))  # the last place that is left
            return
        for place, sink in enumerate(self._sinks):
            if place not in self._lost:
                try:
                    sink.send(alert)
                except OSError as error:
                    self._lose(place, error)
        if self._sinks and len(self._lost) == len(self._sinks):
            raise StorageError(
                "nobody is left who takes alarms",
                where=", ".join(sink.name for sink in self._sinks),
                fix="start the watch and its reader again, or name a file: --jsonl FILE",
            )

    def close(self) -> list[NormotionError]:
        """Close each of them, whatever becomes of the others; gives what went wrong."""
        troubles: list[NormotionError] = []
        for place, sink in enumerate(self._sinks):
            found: NormotionError | None = None
            try:
                sink.close()
            except NormotionError as error:
                found = error
            found = self._lost.get(place, found)
            troubles += [found] if found else []
        return troubles

    def _lose(self, place: int, error: OSError) -> None:
        name = self._sinks[place].name
        self._lost[place] = StorageError(
            f"{name} did not get every alarm: {error.strerror or error}",
            fix="see what became of it; the other places have them all",
        )
        log.error(f"{name} takes no alarms any more: {error.strerror or error}")
