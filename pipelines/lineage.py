"""reports/lineage.html: from every figure to the commit, dvc.lock, data, parameters and MLflow run it came from.

The report page leads here: a run's lines have the id `DATASET/DETECTOR`, the one of a seed `DATASET/DETECTOR/seed-N`.
What differs from machine to machine may not stand in the report, and so stands here: seconds and windows per second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from pipelines.records import Record
from pipelines.tracking import run_url
from stages.core.paths import Project, split_file
from stages.core.storage import sha256_file, write_text
from stages.core.timing import took

FIGURES = (
    "raw/auc",
    "raw/ap",
    "raw/eer",
    "smoothed/auc",
    "smoothed/ap",
    "smoothed/eer",
    "coverage/frames",
    "coverage/abnormal",
)
"""Columns of the table, where a run has them."""

TEMPLATE = "lineage.html.jinja"

DASH = "–"


@dataclass(frozen=True)
class Line:
    """Where one run's figures come from.

    Args:
        record: the run of one seed.
        figures: one per column, as written.
        commit: that the project stood at when it was logged.
        dirty: whether tracked files differed from it.
        lock: sha256 of dvc.lock.
        run: MLflow's id of the run.
        url: of its page.
    """

    record: Record
    figures: tuple[str, ...]
    commit: str
    dirty: bool
    lock: str
    run: str
    url: str


@dataclass(frozen=True)
class Cost:
    """What a run's stages took on this machine, all seeds together.

    Args:
        train: seconds; a dash where it was not measured here.
        score: likewise.
        rate: windows scored per second.
    """

    train: str
    score: str
    rate: str


@dataclass(frozen=True)
class Group:
    """The lines of one detector on one dataset.

    Args:
        dataset: its name.
        detector: its name.
        lines: one per seed.
        sha256: of the file of its figures; empty where there is none.
        cost: what it took.
    """

    dataset: str
    detector: str
    lines: tuple[Line, ...]
    sha256: str
    cost: Cost

    @property
    def id(self) -> str:
        """Its place on the page."""
        return f"{self.dataset}/{self.detector}"


def path(project: Project) -> Path:
    """Where the page is written."""
    return project.root / "reports" / "lineage.html"


def write_page(project: Project, runs: Sequence[tuple[Record, Any]], base: str) -> None:
    """Write the page.

    Args:
        project: where.
        runs: each record with the MLflow run that holds it.
        base: address of the MLflow pages.
    """
    shown = [figure for figure in FIGURES if any(figure in record.metrics for record, _ in runs)]
    found = groupby(runs, key=lambda pair: (pair[0].dataset, pair[0].detector))
    groups = [
        _group(project, dataset, detector, [_line(record, run, shown, base) for record, run in pairs])
        for (dataset, detector), pairs in found
    ]
    write_text(path(project), render(shown, groups))


def render(shown: Sequence[str], groups: Sequence[Group]) -> str:
    """The page as HTML; needs no network, no scripts and no other file.

    Args:
        shown: names of the figures, in order of the columns.
        groups: runs, in order.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from stages.show import page

    folders = [Path(__file__).parent, Path(page.__file__).parent]  # its own template, and the report's style
    environment = Environment(
        loader=FileSystemLoader(folders), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(TEMPLATE).render(shown=shown, groups=groups)


def _line(record: Record, run: Any, shown: Sequence[str], base: str) -> Line:
    tags = run.data.tags
    return Line(
        record,
        tuple(f"{record.metrics[name]:.4f}" if name in record.metrics else DASH for name in shown),
        commit=tags.get("git.commit", "none"),
        dirty=tags.get("git.dirty") == "true",
        lock=tags.get("dvc.lock.sha256", "none"),
        run=run.info.run_id,
        url=run_url(base, run),
    )


def _group(project: Project, dataset: str, detector: str, lines: Sequence[Line]) -> Group:
    figures = project.metrics(dataset, detector)
    digest = sha256_file(figures) if figures.is_file() else ""
    return Group(dataset, detector, tuple(lines), digest, _cost(project, lines))


def _cost(project: Project, lines: Sequence[Line]) -> Cost:
    record = lines[0].record
    train, score = (took(project, verb, (record.dataset, record.detector)) for verb in ("train", "score"))
    windows = _windows(project, record) * len(lines)
    rate = f"{windows / score:,.0f}" if score and windows else DASH
    return Cost(_seconds(train), _seconds(score), rate)


def _windows(project: Project, record: Record) -> int:
    """Windows of the splits that `score` goes through; 0 where they are not at hand."""
    from pyarrow.parquet import read_metadata

    folder = project.normalized(record.dataset, record.params.get(f"detectors.{record.detector}.window", ""))
    files = [split_file(folder, split) for split in ("test", "validation")]
    return sum(int(read_metadata(file).num_rows) for file in files if file.is_file())


def _seconds(value: float | None) -> str:
    return DASH if value is None else f"{value:,.1f}"
