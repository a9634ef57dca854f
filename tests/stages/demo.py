"""The project's own params and a copy of its demo, for tests that spoil them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from stages.core.paths import Project

ROOT = Path(__file__).resolve().parents[2]
Params = dict[str, Any]


def own_params() -> Params:
    """The project's own params.yaml, of the demo and two detectors alone."""
    loaded: Params = yaml.safe_load((ROOT / "params.yaml").read_text())
    runs = [{"dataset": "demo", "detector": name} for name in ("stg_nf", "knn")]
    detectors = {name: loaded["detectors"][name] for name in ("stg_nf", "stg_nf_supervised", "knn")}
    cut = {"windows": {"second": {**loaded["windows"]["second"], "task": None}}, "segment": {"windows": ["second"]}}
    lists = {"datasets": ["demo"], "runs": runs, "students": [], "coarse": {"runs": []}}
    return {**loaded, **cut, **lists, "detectors": detectors}


def save(folder: Path, params: Params) -> Project:
    """A project with these params."""
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    return Project(folder)


def demo(folder: Path, params: Params) -> Project:
    """A project with these params and a copy of the demo."""
    shutil.copytree(ROOT / "data" / "raw" / "demo", folder / "data" / "raw" / "demo")
    return save(folder, params)
