"""The ROC and precision-recall charts: what is drawn on them, and what is said below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stages.core.params import dig
from stages.show.figures import frame_figure
from stages.show.views import Entry, Lines


@dataclass(frozen=True)
class Chart:
    """A chart with a line per detector.

    Args:
        name: what its curves are called.
        along: what the axis along the bottom counts.
        up: what the axis up the side counts.
        chance: path of what a detector that knows nothing has.
        area: name of the figure that is the area below a curve.
        lines: of every entry, in order.
    """

    name: str
    along: str
    up: str
    chance: str
    area: str
    lines: tuple[Lines, ...]

    def figure(self, entry: Entry) -> str:
        """The area below an entry's smoothed curve in words: `AUC 0.812, interval 0.76–0.85`."""
        found = frame_figure(entry.metrics, "smoothed", self.area)
        return f"{self.area.upper()} {found.text}" + (f", interval {found.interval}" if found.interval else "")

    def label(self, entries: Sequence[Entry]) -> str:
        """What a reader who cannot see it is told."""
        told = "; ".join(f"{entry.detector} {self.figure(entry)}" for entry in entries)
        return f"{self.name} curves. {told}"


def charts(entries: Sequence[Entry]) -> tuple[Chart, Chart]:
    """ROC and precision-recall of all runs on one dataset."""
    counts = entries[0].metrics["counts"]
    known = counts["frames"] - counts["unknown"]
    share = 100 - 100 * counts["abnormal"] / known if known else 100
    return (
        Chart("ROC", "normal frames alarmed", "abnormal frames found", "M0,100L100,0", "auc", _of(entries, "roc")),
        Chart("Precision-recall", "abnormal frames found", "alarmed frames that are abnormal",
              f"M0,{share:.4g}H100", "ap", _of(entries, "pr")),
    )  # fmt: skip


def band_note(entries: Sequence[Entry]) -> str:
    """What bands mean, or why there are none."""
    with_band = [entry for entry in entries if entry.roc.band]
    if not with_band:
        reasons = dict.fromkeys(entry.bandless for entry in entries if entry.bandless)
        return f"No bands: {'; '.join(reasons)}." if reasons else ""
    confidence = dig(with_band[0].metrics, "bootstrap.confidence")
    level = f"{confidence:.0%} " if confidence else ""
    return (
        f"Shaded: {level}band of smoothed scores, from the same draws of clips as the intervals; it holds at each"
        " place along the axis by itself, not for the whole curve at once."
    )


def _of(entries: Sequence[Entry], name: str) -> tuple[Lines, ...]:
    return tuple(getattr(entry, name) for entry in entries)
