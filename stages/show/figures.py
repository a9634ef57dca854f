"""Figures as a reader sees them: three digits, a dash for what is undefined, an interval and a deviation beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.core.params import dig

DASH = "–"


@dataclass(frozen=True)
class Figure:
    """A figure of a table.

    Args:
        text: `0.953`; a dash where it is undefined.
        deviation: over seeds, `± 0.002`; empty where there is one seed.
        interval: `0.912–0.968`; empty where there is none.
    """

    text: str
    deviation: str = ""
    interval: str = ""

    @property
    def known(self) -> bool:
        """Whether it is defined."""
        return self.text != DASH

    @property
    def spread(self) -> str:
        """With its deviation: `0.953 ± 0.002`."""
        return f"{self.text} {self.deviation}".rstrip()


def number(value: float | None) -> str:
    """Three digits, or a dash for None."""
    return DASH if value is None else f"{value:.3f}"


def percent(value: float | None) -> str:
    """Whole percents, or a dash for None."""
    return DASH if value is None else f"{value:.0%}"


def interval(ends: Sequence[float] | None) -> str:
    """`0.912–0.968`, or nothing for None."""
    return "" if ends is None else f"{ends[0]:.3f}–{ends[1]:.3f}"


def signed(value: float) -> str:
    """Three digits with their sign, a true minus among them."""
    return f"{value:+.3f}".replace("-", "−")


def frame_figure(metrics: Mapping[str, Any], kind: str, name: str) -> Figure:
    """A figure of frame scores.

    Args:
        metrics: what `evaluate` wrote; only `raw` and `smoothed` have to be there.
        kind: `raw` or `smoothed`.
        name: such as `auc`; a name that was not measured is undefined.
    """
    value, deviation = (dig(metrics, f"{place}.{name}") for place in (kind, f"{kind}_sd"))
    return _figure(value, deviation, dig(metrics, f"{kind}_interval.{name}"))


def region_figure(metrics: Mapping[str, Any], name: str) -> Figure:
    """`rbdc` or `tbdc`, undefined where the dataset has no regions."""
    value, deviation, ends = (dig(metrics, f"regions.{place}{name}") for place in ("", "sd.", "interval."))
    return _figure(value, deviation, ends)


def share_figure(metrics: Mapping[str, Any], name: str) -> Figure:
    """A share of `coverage` in percent."""
    return Figure(percent(dig(metrics, f"coverage.{name}")))


def _figure(value: float | None, deviation: float | None, ends: Sequence[float] | None) -> Figure:
    if value is None:
        return Figure(DASH)
    return Figure(number(value), "" if deviation is None else f"± {deviation:.3f}", interval(ends))
