"""reports/lineage.html: from every figure to the commit, dvc.lock, data and MLflow run it came from."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from pipelines.records import Record
from pipelines.tracking import run_url
from stages.core.paths import Project
from stages.core.storage import write_text

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

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Lineage</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem }}
body {{ color: #1a1a1a; background: #fff }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ padding: .3rem .5rem; text-align: left; vertical-align: bottom; border-bottom: 1px solid #ddd }}
td.figure {{ text-align: right; font-variant-numeric: tabular-nums }} code {{ font-size: .85em }}
.scroll {{ overflow-x: auto }}
</style>
<h1>Where each figure comes from</h1>
<p>One line per dataset, detector and seed. To stand where a figure was made: <code>git checkout COMMIT</code>, then
<code>dvc checkout</code> (after <code>dvc pull</code> where the cache lacks the data). A commit marked + had changed
files; the dvc.lock attached to the MLflow run tells which data they were. The links work while
<code>normotion mlflow</code> runs.</p>
<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table></div>
</html>
"""


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
    titles = ["dataset", "detector", "seed", *shown, "commit", "dvc.lock", "data", "MLflow run"]
    head = "".join(f"<th>{escape(title).replace('/', '<br>')}</th>" for title in titles)
    rows = "\n".join(_row(record, run, shown, base) for record, run in runs)
    write_text(path(project), _PAGE.format(head=head, rows=rows))


def _row(record: Record, run: Any, shown: Sequence[str], base: str) -> str:
    tags = run.data.tags
    dirty = "+" if tags.get("git.dirty") == "true" else ""
    figures = [f"{record.metrics[name]:.4f}" if name in record.metrics else "–" for name in shown]
    link = f'<a href="{escape(run_url(base, run))}"><code>{escape(run.info.run_id[:10])}</code></a>'
    return (
        "<tr>"
        + "".join(f"<td>{escape(text)}</td>" for text in (record.dataset, record.detector, str(record.seed)))
        + "".join(f'<td class="figure">{text}</td>' for text in figures)
        + _hash(tags.get("git.commit", "none"), dirty)
        + _hash(tags.get("dvc.lock.sha256", "none"))
        + _hash(record.data)
        + f"<td>{link}</td></tr>"
    )


def _hash(value: str, mark: str = "") -> str:
    """A hash, short to read, whole under the pointer."""
    return f'<td><code title="{escape(value)}">{escape(value[:10])}</code>{mark}</td>'
