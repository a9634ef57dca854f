"""What a detector costs apart from time: parameters, size, windows.

Seconds differ from run to run, so that no page of the DAG may hold them: pipelines/lineage.py shows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stages.core.params import dig
from stages.show.figures import DASH
from stages.show.palette import Style
from stages.show.views import Entry

UNITS = ("B", "kB", "MB", "GB")


@dataclass(frozen=True)
class Cost:
    """A row of the table.

    Args:
        detector: its name.
        style: of its lines.
        parameters: learned numbers.
        size: of the model on disk, with its unit.
        learned: windows it learned from.
        judged: windows of the test split that it scored.
        models: how many seeds were trained, each of that size.
    """

    detector: str
    style: Style
    parameters: str
    size: str
    learned: str
    judged: str
    models: int


def costs(entries: Sequence[Entry]) -> list[Cost]:
    """A row per run, in the order of the ranking; dashes where no model is at hand."""
    return [
        Cost(
            entry.detector,
            entry.style,
            count(entry.model.parameters if entry.model else None),
            size(entry.model.size if entry.model else None),
            count(entry.model.windows if entry.model else None),
            count(dig(entry.metrics, "counts.windows")),
            len(entry.metrics["seeds"]),
        )
        for entry in entries
    ]


def count(value: int | None) -> str:
    """With commas between thousands, or a dash for None."""
    return DASH if value is None else f"{value:,}"


def size(value: float | None) -> str:
    """Bytes with the unit that leaves up to three digits before the point; a dash for None."""
    if value is None:
        return DASH
    for unit in UNITS[:-1]:
        if value < 999.5:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} {UNITS[-1]}"
