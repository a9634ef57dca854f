"""The same scores under the rules of published protocols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stages.core.params import dig
from stages.show.figures import DASH, number
from stages.show.views import Entry

OWN = "as ranked"
"""The row of the rules in params.yaml, which the ranking goes by."""


@dataclass(frozen=True)
class Row:
    """One protocol.

    Args:
        name: the preset's.
        own: whether the ranking goes by it.
        pairs: AUC raw and smoothed of every detector, in the order of the ranking.
        rules: as sentences.
    """

    name: str
    own: bool
    pairs: tuple[tuple[str, str], ...]
    rules: tuple[str, ...]


def protocols(entries: Sequence[Entry]) -> list[Row]:
    """The ranking's own rules, then each protocol of other rules that was judged beside; empty where there was none."""
    names = dict.fromkeys(name for entry in entries for name in dig(entry.metrics, "protocols") or {})
    if not names:
        return []
    own = tuple((number(entry.metrics["raw"]["auc"]), number(entry.metrics["smoothed"]["auc"])) for entry in entries)
    rules = tuple(entries[0].metrics["rules"])
    others = [row for name in sorted(names) if (row := _row(name, entries)).rules != rules]
    return [Row(OWN, own=True, pairs=own, rules=rules), *others]


def _row(name: str, entries: Sequence[Entry]) -> Row:
    found = [(dig(entry.metrics, "protocols") or {}).get(name) for entry in entries]
    pairs = tuple((number(row["raw"]), number(row["smoothed"])) if row else (DASH, DASH) for row in found)
    rules = next(tuple(row["rules"]) for row in found if row)
    return Row(name, own=False, pairs=pairs, rules=rules)
