"""`normotion check`: the check stage, and then what each dataset is and what to look at before any long work."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pipelines.explain.doubts import doubts
from pipelines.explain.facts import clip_facts, few
from pipelines.explain.plan import plan_of
from pipelines.explain.told import told
from stages import check
from stages.core.dataset import Dataset, load_dataset
from stages.core.params import load_section, read_params
from stages.core.paths import Project, clip_file
from stages.core.progress import log
from stages.core.truth import regions
from stages.pose.video import CheckParams
from stages.pose.vouching import check_files


def run(project: Project, *names: str) -> None:
    """Check everything and explain it, or some datasets alone, also ones that params.yaml does not name yet.

    Args:
        project: where.
        names: datasets to look at; nothing is vouched for then. All that params.yaml names without them.

    Raises:
        ParamsError, DatasetError, VideoError: lists every mistake found.
    """
    if names:
        check.check_params(project)
        datasets = {name: load_dataset(project, name) for name in names}
        for data in datasets.values():
            regions(data)
        found = check_files(datasets.values(), load_section(project, "check", CheckParams))
        files = {name: vouched.clips for name, vouched in found.items()}
    else:
        check.run(project)
        datasets = {name: load_dataset(project, name) for name in read_params(project)["datasets"]}
        files = {name: json.loads(project.checked(name).read_text(encoding="utf-8"))["clips"] for name in datasets}
    for name, data in datasets.items():
        explain(project, data, {clip: about["sha256"] for clip, about in files[name].items()})


def explain(project: Project, data: Dataset, digests: Mapping[str, str]) -> None:
    """Log what a dataset is, what will be done with it, and every doubt.

    Args:
        project: where.
        data: a dataset without mistakes.
        digests: sha256 of each clip's file, by clip.
    """
    plan, facts = plan_of(project, data), clip_facts(data)
    ready = sum(clip_file(project.poses(data.name), str(clip)).is_file() for clip in facts["clip"])
    log.info("")
    for line in told(data, facts, plan, ready):
        log.info(line)
    found = doubts(data, facts, plan, digests)
    log.info(f"  {few(len(found), 'thing')} to look at, none of them an error:" if found else "  nothing to look at")
    for doubt in found:
        log.warning(f"    - {doubt}")
