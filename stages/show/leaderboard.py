"""The ranking: its columns, what stands below it, and the same table as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from stages.core.params import dig
from stages.show.figures import Figure, frame_figure, number, region_figure, share_figure
from stages.show.views import DatasetView, Entry

CLIP_COLUMNS = 8
"""Datasets with more test clips have no column per clip: each clip's AUC stands beside its timeline."""

LISTED = 3
"""More clips without an AUC are counted, not named."""

FEW = 10
"""Clips below which intervals are known to be too narrow (docs/decisions/0011)."""

TIED = "≈"
"""Marks a detector that cannot be told from the best."""


@dataclass(frozen=True)
class Column:
    """A column of figures.

    Args:
        heading: above it.
        of: the figure of one run's metrics.
        always: shown even where no run has a figure.
    """

    heading: str
    of: Callable[[Mapping[str, Any]], Figure]
    always: bool = False


def _frames(heading: str, kind: str, name: str, *, always: bool = False) -> Column:
    return Column(heading, partial(frame_figure, kind=kind, name=name), always)


def _regions(name: str) -> Column:
    return Column(name.upper(), partial(region_figure, name=name))


def _share(heading: str, name: str, *, always: bool = False) -> Column:
    return Column(heading, partial(share_figure, name=name), always)


COLUMNS = (
    _frames("AUC raw", "raw", "auc", always=True),
    _frames("AUC smoothed", "smoothed", "auc", always=True),
    _frames("AP", "smoothed", "ap", always=True),
    _frames("EER", "smoothed", "eer", always=True),
    _frames("decidability", "smoothed", "decidability"),
    _frames("macro AUC", "smoothed", "macro"),
    _regions("rbdc"),
    _regions("tbdc"),
    _share("abnormal frames scored", "abnormal", always=True),
    _share("all frames scored", "frames", always=True),
    _share("abnormal regions scored", "regions"),
)
MAIN = COLUMNS[1].heading
"""The column that ranks."""

EVERY = (
    ("AUC", "auc"), ("AP", "ap"), ("EER", "eer"), ("decidability", "decidability"), ("macro AUC", "macro"),
    ("macro AUC with sentinels", "macro_sentinel"),
)  # fmt: skip
"""Figures of frame scores that are listed raw and smoothed."""


def columns(view: DatasetView) -> list[Column]:
    """The columns that say something about a dataset."""
    return [column for column in COLUMNS if column.always or any(column.of(e.metrics).known for e in view.entries)]


def reading(view: DatasetView) -> list[str]:
    """How to read the ranking of a dataset, and what is not in it, as sentences."""
    first = view.entries[0].metrics
    counts, seeds = first["counts"], len(first["seeds"])
    unknown = f", {counts['unknown']} without a label" if counts["unknown"] else ""
    said = [
        f"{counts['frames']} test frames of {counts['clips']} clips, {counts['abnormal']} labelled abnormal{unknown}.",
        "AUC, the area under the ROC curve: 0.5 is chance, 1 is perfect.",
        "AP, average precision: higher is better. EER, the equal error rate: lower is better.",
        "AP, EER and all that follow are of smoothed scores.",
    ]
    if counts["clips"] > 1:
        said.append("All clips together share one threshold: their AUC may be below that of each by itself.")
    if dig(first, "regions.rbdc") is not None:
        said.append("RBDC and TBDC: how many of the labelled boxes and tracks are found, over false ones per frame.")
    if frame_figure(first, "smoothed", "macro").known:
        said.append(f"Macro AUC is the mean over the clips that hold both classes: {counts['two_class']}.")
    if seeds > 1:
        said.append(f"Mean ± standard deviation over {seeds} seeds.")
    return [*said, *_intervals(first), *_unmeasured(view), *_undefined(first["undefined"])]


def _intervals(metrics: Mapping[str, Any]) -> list[str]:
    found = dig(metrics, "bootstrap")
    if not found or found["reason"]:
        return []
    drawn = f"{found['replicates']} draws of {found['clips']} clips with replacement"
    least = found.get("least_clips", FEW)
    few = f", though from fewer than {FEW} it holds the true figure less often than it says" if least < FEW else ""
    return [
        f"Below a figure stands its {found['confidence']:.0%} interval, from {drawn}.",
        f"A kind, scene or camera has one where {least} clips or more show something abnormal{few}.",
    ]


def _undefined(reasons: Sequence[str]) -> list[str]:
    """Why figures are undefined: each reason, or, of more than a few clips, how many."""
    clips = [why for why in reasons if not why.startswith("all: ")]
    if len(clips) <= LISTED:
        return [f"Undefined: {why}." for why in reasons]
    whole = [f"Undefined: {why}." for why in reasons if why not in clips]
    return [f"{len(clips)} clips, being of one class or without labels, have no AUC of their own.", *whole]


def _unmeasured(view: DatasetView) -> list[str]:
    """Why intervals or region figures are absent, each reason once, and of whom, where others have them."""
    said = []
    for what, key in (("No intervals", "bootstrap.reason"), ("No RBDC and TBDC", "regions.reason")):
        reasons = {entry.detector: dig(entry.metrics, key) for entry in view.entries}
        for reason in filter(None, dict.fromkeys(reasons.values())):
            whose = [name for name, why in reasons.items() if why == reason]
            of = "" if len(whose) == len(reasons) else f" of {', '.join(whose)}"
            said.append(f"{what}{of}: {reason}.")
    return said


def markdown(views: Sequence[DatasetView]) -> str:
    """The ranking as Markdown, one row per run; the best AUC of each dataset in bold, its equals marked."""
    clips = any(len(entry.metrics["clips"]) <= CLIP_COLUMNS for view in views for entry in view.entries)
    shown = [column for column in COLUMNS if any(column in columns(view) for view in views)]
    shown = [column for column in shown if column.heading in _MARKDOWN]
    tied = any(not found.distinct for view in views for found in view.differences)
    titles = {MAIN: f"{MAIN} ({TIED} cannot be told from the best)"} if tied else {}
    headings = ["dataset", "detector", *(titles.get(column.heading, column.heading) for column in shown)]
    headings += ["AUC of each clip"] if clips else []
    rows = [headings, ["---"] * len(headings)]
    for view in views:
        for entry in view.entries:
            cells = [_written(view, entry, column) for column in shown]
            rows.append([view.dataset.name, entry.detector, *cells, *([_clips(entry)] if clips else [])])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


_MARKDOWN = {"AUC raw", MAIN, "AP", "EER", "RBDC", "TBDC", "abnormal frames scored"}


def _written(view: DatasetView, entry: Entry, column: Column) -> str:
    figure = column.of(entry.metrics)
    if column.heading != MAIN or not figure.known:
        return figure.spread
    text = f"**{figure.spread}**" if entry is view.entries[0] else figure.spread
    ends = f" [{figure.interval}]" if figure.interval else ""
    return text + ends + (f" {TIED}" if view.tied(entry.detector) else "")


def _clips(entry: Entry) -> str:
    aucs = entry.metrics["clips"]
    if len(aucs) > CLIP_COLUMNS:
        return f"{len(aucs)} clips, see the report"
    return " · ".join(f"{clip} {number(found['smoothed'])}" for clip, found in aucs.items())
