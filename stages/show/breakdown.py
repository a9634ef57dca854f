"""Which abnormal behaviour, scene or camera a detector finds: tables of groups, and their points and whiskers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.core.params import dig
from stages.show.figures import Figure, interval, number
from stages.show.palette import Style
from stages.show.views import Entry

CHANCE = 0.5


@dataclass(frozen=True)
class Cell:
    """A detector on one group.

    Args:
        detector: its name.
        style: colour of its point.
        smoothed: AUC; None where it is undefined.
        raw: likewise.
        ends: of the interval of `smoothed`.
    """

    detector: str
    style: Style
    smoothed: float | None
    raw: float | None
    ends: tuple[float, float] | None

    @property
    def figure(self) -> Figure:
        """As a table writes it."""
        return Figure(number(self.smoothed), interval=interval(self.ends))


@dataclass(frozen=True)
class Group:
    """Frames that have something in common.

    Args:
        name: what they have in common.
        size: how many frames and clips, in words.
        cells: one per detector, in the order of the ranking.
    """

    name: str
    size: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Breakdown:
    """A table of groups.

    Args:
        title: what the groups are, in the singular.
        note: how each figure was made, or why there is no table.
        groups: empty where there is nothing to tell apart.
    """

    title: str
    note: str
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Scale:
    """The AUC axis that all rows of a chart share, in a box 1000 wide.

    Args:
        low: AUC at its left; its right is 1.
        ticks: AUCs named below it.
    """

    low: float
    ticks: tuple[float, ...]

    def place(self, auc: float) -> float:
        """Where an AUC stands, 0 … 1000."""
        return 1000 * (auc - self.low) / (1 - self.low)


NOTES = {
    "kind": ("kinds", "Abnormal frames of one kind against all normal frames; those of other kinds are left out."),
    "scene": ("scenes", "The frames of one scene alone."),
    "camera": ("cameras", "The frames of one camera alone."),
    "subset": ("subsets", "The published subsets that dataset.yaml names, each without the clips it leaves out."),
}
ABSENT = {
    "kind": "labels.csv names no kinds of abnormal behaviour.",
    "scene": "All test clips show one scene.",
    "camera": "All test clips are of one camera.",
    "subset": "dataset.yaml names no subsets.",
}


def breakdowns(entries: Sequence[Entry]) -> list[Breakdown]:
    """Tables by kind, scene, camera and subset.

    Args:
        entries: runs on one dataset; those whose metrics have no groups have dashes.
    """
    return [_breakdown(entries, title, *NOTES[title]) for title in NOTES]


def scale(groups: Sequence[Group]) -> Scale:
    """The axis of a chart of groups."""
    return scale_of([auc for group in groups for cell in group.cells for auc in _extent(cell)])


def scale_of(aucs: Sequence[float]) -> Scale:
    """An axis that all of `aucs` stand on: from the tenth below the lowest, and below chance, to 1."""
    low = min(int(min([*aucs, CHANCE]) * 10 + 1e-9), 4)
    step = 1 if low >= 4 else 2
    return Scale(low / 10, tuple(tick / 10 for tick in range(low + low % step, 11, step)))


def height(place: int, count: int) -> float:
    """Where the `place`-th of `count` detectors stands in a row 100 high."""
    return 100 * (place + 0.5) / count


def _extent(cell: Cell) -> list[float]:
    return [auc for auc in (cell.raw, cell.smoothed, *(cell.ends or ())) if auc is not None]


def _breakdown(entries: Sequence[Entry], title: str, key: str, note: str) -> Breakdown:
    found = [dig(entry.metrics, key) or {} for entry in entries]
    names = dict.fromkeys(name for groups in found for name in groups)
    if len(names) < (2 if title in ("scene", "camera") else 1):
        return Breakdown(title, ABSENT[title], ())
    size = _kind_size if title == "kind" else _size
    rows = [_group(name, entries, [groups.get(name, {}) for groups in found], size) for name in names]
    return Breakdown(title, note, tuple(sorted(rows, key=_rank) if title == "kind" else rows))


def _rank(group: Group) -> tuple[float, str]:
    """Kinds that are found best stand first."""
    return -max((cell.smoothed for cell in group.cells if cell.smoothed is not None), default=0.0), group.name


def _group(
    name: str,
    entries: Sequence[Entry],
    found: Sequence[Mapping[str, Any]],
    size: Callable[[Mapping[str, Any]], str],
) -> Group:
    cells = tuple(_cell(entry, values) for entry, values in zip(entries, found, strict=True))
    return Group(name, size(next(values for values in found if values)), cells)


def _kind_size(values: Mapping[str, Any]) -> str:
    """Of a kind its own frames count, not the normal ones they are held against."""
    return f"{values['abnormal']} frames, {_clips(values['abnormal_clips'])}"


def _size(values: Mapping[str, Any]) -> str:
    why = f"; {values['reason']}" if values.get("reason") else ""
    return f"{values['frames']} frames, {values['abnormal']} abnormal, {_clips(values['clips'])}{why}"


def _clips(count: int) -> str:
    return f"{count} clip{'s' if count != 1 else ''}"


def _cell(entry: Entry, values: Mapping[str, Any]) -> Cell:
    ends = values.get("interval")
    return Cell(
        entry.detector,
        entry.style,
        values.get("smoothed"),
        values.get("raw"),
        (ends[0], ends[1]) if ends is not None else None,
    )
