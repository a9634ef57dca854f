"""labels.csv line by line: one clip's rows are changed, and the rows of all others stay as they are, to the byte."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from stages.core.dataset import LABELS, UNKNOWN
from stages.core.errors import DatasetError
from stages.core.params import Section, nearest
from stages.core.storage import sha256_text

HEADER = ("clip", "start_frame", "end_frame", "kind")
"""Columns of a labels.csv that is begun here; more come where a row needs them."""
OWN = ("clip", "start_frame", "end_frame", "kind", "track", "label")
"""Columns that an `Interval` has words for; the others are carried along."""
BLANK = frozenset({
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN", "None", "n/a", "nan", "null",
})  # fmt: skip
"""Words that readers of CSV take for an empty cell."""
_MARK = "\ufeff"
_MEND = "mend the line, or set the file aside; it was not touched"


class Interval(Section):
    """A stretch of a clip.

    Args:
        start: first frame, from 0.
        end: last frame, inclusive.
        kind: what happens; empty where nobody said.
        track: person it is about, or None.
        unknown: nobody knows what it is: its frames count neither way.
        rest: cells of further columns (x, y, w, h), carried along as they are.
    """

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    kind: str = ""
    track: int | None = Field(default=None, ge=0, le=2**31 - 1)
    unknown: bool = False
    rest: dict[str, str] = Field(default_factory=dict)

    def problem(self, frames: int) -> str:
        """What is wrong with it in a clip of so many frames; empty when nothing is."""
        if self.end < self.start:
            return f"interval {self.start}–{self.end} ends before it starts"
        if self.end >= frames:
            return f"interval {self.start}–{self.end} reaches past the last frame, {frames - 1}"
        if self.kind.strip() in BLANK:
            return f"kind {self.kind!r} would read back as an empty cell; use another word"
        if any(ord(sign) < ord(" ") for sign in self.kind):
            return f"kind {self.kind!r} holds a control character; use plain words"
        if strange := sorted(set(self.rest) - (set(LABELS) - set(OWN))):
            return f"labels.csv has no column {strange[0]!r}"
        return ""

    def cells(self, clip: str) -> dict[str, str]:
        """What stands in its row, by column."""
        track = "" if self.track is None else str(self.track)
        label = UNKNOWN if self.unknown else ""
        own = {"clip": clip, "start_frame": str(self.start), "end_frame": str(self.end)}
        return {**self.rest, **own, "kind": self.kind.strip(), "track": track, "label": label}


@dataclass(frozen=True)
class _Record:
    """A row: as it stands in the file, and what it means; None for an empty line."""

    raw: str
    clip: str = ""
    interval: Interval | None = None


@dataclass(frozen=True)
class Sheet:
    """A labels.csv.

    Args:
        head: the line of column names, as it stands in the file.
        columns: their names.
        records: the rows.
    """

    head: str
    columns: tuple[str, ...]
    records: tuple[_Record, ...]

    @classmethod
    def read(cls, path: Path) -> Sheet:
        """Read a file; one that is not there has no rows.

        Raises:
            DatasetError: it is damaged; names the line.
        """
        try:
            text = path.read_bytes().decode("utf-8")
        except FileNotFoundError:
            return cls(",".join(HEADER) + "\n", HEADER, ())
        except OSError as error:
            what = f"{path.name} cannot be read: {error.strerror}"
            raise DatasetError(what, where=str(path), fix="check its permissions") from error
        except UnicodeDecodeError as error:
            raise DatasetError(f"{path.name} is not UTF-8: {error}", where=str(path), fix=_MEND) from error
        return cls.parse(text, path)

    @classmethod
    def parse(cls, text: str, path: Path) -> Sheet:
        """The same of a file's text; `path` is for messages."""
        lines = list(io.StringIO(text, newline=""))
        reader = csv.reader(lines, strict=True)
        rows: list[tuple[int, str, list[str]]] = []
        before = 0
        try:
            for cells in reader:
                rows.append((before + 1, "".join(lines[before : reader.line_num]), cells))
                before = reader.line_num
        except csv.Error as error:
            raise _damaged(path, reader.line_num, f"no CSV: {error}") from error
        if not rows:
            raise _damaged(path, 1, "the file is empty, and lacks even the line of column names")
        (_, head, names), *body = rows
        columns = _columns([names[0].removeprefix(_MARK), *names[1:]] if names else [], path)
        return cls(head, columns, tuple(_record(line, raw, cells, columns, path) for line, raw, cells in body))

    @property
    def text(self) -> str:
        """The file's text."""
        return self.head + "".join(record.raw for record in self.records)

    def intervals(self, clip: str) -> list[Interval]:
        """Those of a clip, in the file's order."""
        return [found.interval for found in self.records if found.clip == clip and found.interval is not None]

    def version(self, clip: str) -> str:
        """A digest of a clip's rows: it changes with them alone, whoever changes them."""
        return sha256_text(
            self.head.strip(), *(found.raw.rstrip("\r\n") for found in self.records if found.clip == clip)
        )

    def total(self, clips: Iterable[str]) -> int:
        """How many intervals some clips have together."""
        wanted = set(clips)
        return sum(found.clip in wanted for found in self.records)

    def kinds(self) -> list[str]:
        """Kinds, the most frequent first."""
        seen = Counter(found.interval.kind for found in self.records if found.interval is not None)
        return [kind for kind, _ in seen.most_common() if kind]

    def with_intervals(self, clip: str, intervals: Sequence[Interval]) -> Sheet:
        """The sheet in which a clip has these intervals and no others. Rows that already say so stay as they are."""
        needed = [name for name in LABELS if any(found.cells(clip).get(name) for found in intervals)]
        wide = self._widened([name for name in needed if name not in self.columns])
        missing, kept = list(intervals), list[_Record]()
        for record in wide.records:
            if record.clip == clip:
                if record.interval not in missing:
                    continue
                missing.remove(record.interval)
            kept.append(record)
        for interval in sorted(missing, key=lambda found: (found.start, found.end)):
            row = _Record(wide._line(interval.cells(clip)), clip, interval)
            kept.insert(_place(kept, clip, interval), row)
        return Sheet(wide.head, wide.columns, tuple(_closed(kept, wide._end)))

    @property
    def _end(self) -> str:
        return "\r\n" if self.head.endswith("\r\n") else "\n"

    def _line(self, cells: Mapping[str, str]) -> str:
        """A row as text."""
        found = io.StringIO()
        csv.writer(found, lineterminator=self._end).writerow([cells.get(name, "") for name in self.columns])
        return found.getvalue()

    def _widened(self, columns: Sequence[str]) -> Sheet:
        """The sheet with further columns at its end; every line ends with its line end."""
        head, *rows = _closed([_Record(self.head), *self.records], self._end)
        added = "".join(f",{name}" for name in columns)
        if not added:
            return Sheet(head.raw, self.columns, tuple(rows))
        empty = "," * len(columns)
        wide = [
            row if row.interval is None else _Record(_after(row.raw, empty), row.clip, row.interval) for row in rows
        ]
        return Sheet(_after(head.raw, added), (*self.columns, *columns), tuple(wide))


def _columns(names: Sequence[str], path: Path) -> tuple[str, ...]:
    for name in names:
        if name not in LABELS:
            raise _damaged(path, 1, f"unknown column {name!r}; {nearest(name, list(LABELS))}")
        if names.count(name) > 1:
            raise _damaged(path, 1, f"column {name!r} stands there twice")
    for name, required in LABELS.items():
        if required and name not in names:
            raise _damaged(path, 1, f"column {name!r} is missing")
    return tuple(names)


def _record(line: int, raw: str, cells: Sequence[str], columns: Sequence[str], path: Path) -> _Record:
    if not cells:
        return _Record(raw)
    if len(cells) > len(columns):
        raise _damaged(path, line, f"{len(cells)} cells, and there are {len(columns)} columns")
    filled = ["" if cell in BLANK else cell for cell in cells] + [""] * (len(columns) - len(cells))
    named = dict(zip(columns, filled, strict=True))
    numbers = {name: _whole(named.get(name, ""), name, line, path) for name in ("start_frame", "end_frame", "track")}
    start, end, track = numbers.values()
    if not named["clip"] or start is None or end is None:
        raise _damaged(path, line, "clip, start_frame and end_frame must not be empty")
    if end < start:
        raise _damaged(path, line, f"interval {start}–{end} is empty (end_frame is inclusive)")
    label = named.get("label", "")
    if label not in {"", "1", UNKNOWN}:
        raise _damaged(path, line, f"label must be 1, {UNKNOWN} or empty (which means 1), got {label!r}")
    rest = {name: cell for name, cell in named.items() if name not in OWN and cell}
    interval = Interval(
        start=start, end=end, kind=named.get("kind", ""), track=track, unknown=label == UNKNOWN, rest=rest
    )
    return _Record(raw, named["clip"], interval)


def _whole(cell: str, name: str, line: int, path: Path) -> int | None:
    """A frame or an id; tables that went through other programs write 3 as 3.0."""
    if not cell.strip():
        return None
    try:
        number = float(cell)
    except ValueError:
        number = -1.0
    if not number.is_integer() or not 0 <= number < 2**31:
        raise _damaged(path, line, f"{name} must be a whole number from 0, got {cell!r}")
    return int(number)


def _place(records: Sequence[_Record], clip: str, interval: Interval) -> int:
    """Where a new row goes: among those of its clip by its start, behind them, or at the end."""
    last = len(records)
    for place, record in enumerate(records):
        if record.clip != clip or record.interval is None:
            continue
        if record.interval.start > interval.start:
            return place
        last = place + 1
    return last


def _closed(records: Sequence[_Record], end: str) -> list[_Record]:
    """The last line of a file may lack its line end; another may follow now."""
    return [
        record if record.raw.endswith(("\n", "\r")) else _Record(record.raw + end, record.clip, record.interval)
        for record in records
    ]


def _after(raw: str, added: str) -> str:
    body = raw.rstrip("\r\n")
    return body + added + raw[len(body) :]


def _damaged(path: Path, line: int, what: str) -> DatasetError:
    return DatasetError(f"{path.name} line {line}: {what}", where=str(path), fix=_MEND)
