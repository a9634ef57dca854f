"""The several scores of one detector, each judged by itself: its AUC, and how it is distributed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stages.core.params import dig
from stages.show.figures import number
from stages.show.palette import Style
from stages.show.views import Entry


@dataclass(frozen=True)
class Histogram:
    """Shares of frames by score, in a box of 1000 × 100.

    Args:
        normal: path of an area that the normal frames fill; empty where there are none.
        abnormal: of the abnormal ones.
        low: score at the left.
        high: score at the right.
    """

    normal: str
    abnormal: str
    low: str
    high: str


@dataclass(frozen=True)
class PartView:
    """One score of a detector.

    Args:
        detector: whose.
        style: of its lines.
        name: of the part.
        raw: AUC.
        smoothed: AUC.
        histogram: of its raw scores.
    """

    detector: str
    style: Style
    name: str
    raw: str
    smoothed: str
    histogram: Histogram


def parts(entries: Sequence[Entry]) -> list[PartView]:
    """Every part of every detector that gives several, in the order of the ranking."""
    return [
        PartView(
            entry.detector, entry.style, name, number(found["raw"]), number(found["smoothed"]),
            _histogram(found["histogram"]),
        )
        for entry in entries
        for name, found in (dig(entry.metrics, "parts") or {}).items()
    ]  # fmt: skip


def _histogram(found: dict[str, object]) -> Histogram:
    normal, abnormal = (list(found[name]) for name in ("normal", "abnormal"))  # type: ignore[call-overload]
    top = max([*normal, *abnormal], default=1.0) or 1.0
    low, high = (f"{end:.3g}" if isinstance(end, (int, float)) else "" for end in (found["low"], found["high"]))
    return Histogram(_area(normal, top), _area(abnormal, top), low, high)


def _area(shares: Sequence[float], top: float) -> str:
    """A path of steps along the tops of the bins, closed at the bottom."""
    if not shares:
        return ""
    wide = 1000 / len(shares)
    steps = "".join(f"V{100 - 95 * share / top:.4g}H{(place + 1) * wide:.4g}" for place, share in enumerate(shares))
    return f"M0,100{steps}V100Z"
