"""Tables of figures, read from the files in which they are kept: no page holds a number that could go stale."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docs.hooks.cells import row

NONE = (
    "No figures are kept of {}: not among the default runs. To have them, list them under `runs` in params.yaml and "
    "run `dvc repro`, or compare everything with `make repro-full`."
)
CAVEAT = (
    "Read from `reports/metrics` when this page was built: of frames, AP and EER smoothed; means over the seeds; in "
    "brackets the 95 % interval from drawing clips anew. No figure here may be set beside a paper's."
)


def figures(root: Path, detectors: str) -> str:
    """Figures of detectors on every dataset that they were run on, each one's parts below it.

    Args:
        root: the project.
        detectors: their names in params.yaml, with spaces between.

    Returns:
        A Markdown table and what it means, and a sentence about those that have none.
    """
    rows: list[str] = []
    without = []
    for detector in detectors.split():
        found = sorted(root.glob(f"reports/metrics/*/{detector}.json"), reverse=True)
        without += [] if found else [detector]
        for path in found:
            kept = json.loads(path.read_text(encoding="utf-8"))
            rows.append(_whole(detector, path.parent.name, kept))
            rows += [_part(part, figure) for part, figure in sorted((kept.get("parts") or {}).items())]
    none = NONE.format(", ".join(f"`{name}`" for name in without)) if without else ""
    if not rows:
        return none
    head = row("detector", "dataset", "AUC raw", "AUC smoothed", "AP", "EER", "RBDC", "TBDC", "seeds")
    return "\n".join([head, "|---|---|---|---|---|---|---|---|---|", *rows, "", CAVEAT, "", none]).rstrip()


def suites(root: Path, names: str) -> str:
    """Results of ablation suites.

    Args:
        root: the project.
        names: of suites, with spaces between; those without results are left out.
    """
    parts = [_suite(path) for name in names.split() for path in sorted(root.glob(f"reports/suites/{name}-*.json"))]
    return "\n\n".join(parts) or "No suite was run."


def _suite(path: Path) -> str:
    found = json.loads(path.read_text(encoding="utf-8"))
    seeds = ", ".join(str(seed) for seed in found["seeds"])
    command = f"**`normotion suite {found['suite']}`** on {found['dataset']}, seeds {seeds}."
    head = f"{command} {found['question']} ({found['source']})"
    rows = [_point(point) for point in found["points"] if point.get("smoothed") is not None]
    columns = row(found["axis"], "detector", "AUC raw", "AUC smoothed")
    return "\n".join([head, "", columns, "|---|---|---|---|", *rows])


def _point(point: Mapping[str, Any]) -> str:
    raw, smoothed = (
        _number(point[kind], point.get(f"{kind}_sd"), point.get(f"{kind}_interval")) for kind in ("raw", "smoothed")
    )
    return row(str(point["variant"]), str(point["detector"]), raw, smoothed)


def _whole(detector: str, dataset: str, found: Mapping[str, Any]) -> str:
    smoothed, regions = found["smoothed"], found.get("regions") or {}
    spread = {kind: found.get(f"{kind}_sd") or {} for kind in ("raw", "smoothed")}
    interval = (found.get("smoothed_interval") or {}).get("auc")
    return row(
        f"`{detector}`",
        dataset,
        _number(found["raw"]["auc"], spread["raw"].get("auc")),
        _number(smoothed["auc"], spread["smoothed"].get("auc"), interval),
        _number(smoothed.get("ap")),
        _number(smoothed.get("eer")),
        _number(regions.get("rbdc")),
        _number(regions.get("tbdc")),
        str(len(found.get("seeds") or {}) or 1),
    )


def _part(name: str, figure: Mapping[str, Any]) -> str:
    return row(f"↳ `{name}`", "alone", _number(figure.get("raw")), _number(figure.get("smoothed")), *[""] * 5)


def _number(value: Any, deviation: Any = None, interval: Any = None) -> str:
    if value is None:
        return "–"
    spread = f" ± {deviation:.3f}" if deviation is not None else ""
    span = f" [{interval[0]:.3f}–{interval[1]:.3f}]" if interval else ""
    return f"{value:.3f}{spread}{span}"
