"""The page that compares all runs: one self-contained HTML file without scripts, and its table as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from stages.core.dataset import Dataset
from stages.core.params import Section
from stages.show.film import columns
from stages.show.palette import Style
from stages.show.timeline import Curve, Truth

TEMPLATE = "page.html.jinja"

CLIP_COLUMNS = 8
"""Datasets with more test clips have no column per clip: each clip's AUC stands beside its timeline."""


class ReportParams(Section):
    """The `report` section.

    Args:
        title: at the top of the page.
        film_frames: frames in a clip's film strip.
        films: test clips of a dataset that get a film strip, in order of name; the others show scores alone.
    """

    title: str = "Which detector finds abnormal behaviour best?"
    film_frames: int = Field(default=6, ge=1, le=12)
    films: int = Field(default=24, ge=0)


@dataclass(frozen=True)
class Entry:
    """A run in the leaderboard.

    Args:
        detector: its name.
        style: colour and dash of its lines.
        metrics: what `evaluate` wrote.
        roc: SVG paths of its ROC curves by kind, `raw` and `smoothed`.
        sha256: of the metrics file.
    """

    detector: str
    style: Style
    metrics: Mapping[str, Any]
    roc: Mapping[str, str]
    sha256: str


@dataclass(frozen=True)
class Still:
    """A frame of a film strip.

    Args:
        frame: which.
        source: the picture as a data: URI.
        kind: what is labelled there; empty where the label has no kind, None where there is no label.
    """

    frame: int
    source: str
    kind: str | None


@dataclass(frozen=True)
class ClipView:
    """A test clip.

    Args:
        truth: its labels.
        curves: scores, one per detector.
        stills: its film strip; empty when the clip has none.
    """

    truth: Truth
    curves: tuple[Curve, ...]
    stills: tuple[Still, ...]


@dataclass(frozen=True)
class DatasetView:
    """A dataset's part of the page.

    Args:
        dataset: description and clips.
        entries: runs, best first.
        clips: test clips.
        digests: sha256 of every clip's file.
        note: what the colours of the skeletons mean; empty where no people are drawn.
    """

    dataset: Dataset
    entries: tuple[Entry, ...]
    clips: tuple[ClipView, ...]
    digests: Mapping[str, str]
    note: str


def ranked(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Best smoothed AUC first; those without one last, by name."""
    return tuple(sorted(entries, key=lambda entry: (-(entry.metrics["smoothed"]["auc"] or 0.0), entry.detector)))


def figure(metrics: Mapping[str, Any], kind: str, name: str) -> str:
    """A figure for a table: `0.953`, `0.953 ± 0.002` over seeds, or a dash where it is undefined."""
    mean, deviation = metrics[kind][name], metrics.get(f"{kind}_sd", {}).get(name)
    return number(mean) + (f" ± {deviation:.3f}" if deviation is not None else "")


def number(value: float | None) -> str:
    """Three digits, or a dash for None."""
    return "–" if value is None else f"{value:.3f}"


def percent(value: float | None) -> str:
    """Whole percents, or a dash for None."""
    return "–" if value is None else f"{value:.0%}"


def render(title: str, views: Sequence[DatasetView]) -> str:
    """The page as HTML; needs no network, no scripts and no other file."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from stages.show import svg

    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(number=number, percent=percent, raw_path=svg.raw_path, smoothed_path=svg.smoothed_path)
    return environment.get_template(TEMPLATE).render(
        title=title, views=views, figure=figure, clip_columns=CLIP_COLUMNS, across=columns
    )


HEADINGS = ("dataset", "detector", "AUC raw", "AUC smoothed", "AP", "EER", "abnormal frames scored", "AUC of each clip")


def leaderboard(views: Sequence[DatasetView]) -> str:
    """The same table as Markdown, one row per run; the best AUC of each dataset in bold."""
    rows = [HEADINGS, tuple("---" for _ in HEADINGS)]
    for view in views:
        rows += [_row(view, entry, best=place == 0) for place, entry in enumerate(view.entries)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def _row(view: DatasetView, entry: Entry, *, best: bool) -> tuple[str, ...]:
    metrics = entry.metrics
    smoothed = figure(metrics, "smoothed", "auc")
    each = [f"{clip} {number(aucs['smoothed'])}" for clip, aucs in metrics["clips"].items()]
    clips = " · ".join(each) if len(each) <= CLIP_COLUMNS else f"{len(each)} clips, see the report"
    return (
        view.dataset.name,
        entry.detector,
        figure(metrics, "raw", "auc"),
        f"**{smoothed}**" if best and metrics["smoothed"]["auc"] is not None else smoothed,
        figure(metrics, "smoothed", "ap"),
        figure(metrics, "smoothed", "eer"),
        percent(metrics["coverage"]["abnormal"]),
        clips,
    )
