"""A project whose runs are judged, and the page that is made of it."""

from __future__ import annotations

from typing import Any

from stages import report
from stages.core.paths import Project
from tests.show.made_up import REASON, whole
from tests.show.synthetic import write_judged

UNCOMPARED = {"smoothed_interval": {"auc": None}, "bootstrap": {"reason": REASON}}


def judge(project: Project, seeds: tuple[int, ...] = (0,), **changes: Any) -> Project:
    for detector, auc in (("stg_nf", 0.8), ("knn", 0.7)):
        write_judged(project, detector, whole(auc, seeds=len(seeds)) | UNCOMPARED | changes, seeds)
    return project


def page(project: Project) -> str:
    report.run(project)
    return (project.report / "index.html").read_text(encoding="utf-8")
