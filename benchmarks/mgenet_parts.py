"""What MGENet's parts add, by kind of behaviour: `python -m benchmarks.mgenet_parts PROJECT`.

PROJECT holds a trained `mgenet` (`dvc repro`, or the stages by hand). Its test windows are scored three times: as
trained, with a behaviours' memory all of whose items are alike, and with a mask encoder that always says the same. Each
is judged by the paper's sum, and by it without one part. Told is the smoothed AUC of all abnormal frames and of groups
of kinds against all normal frames, and, of pairs, the difference with an interval of 95 % by drawing clips anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from stages.core.dataset import load_dataset
from stages.core.loading import cameras_of, pictures_of, read_windows
from stages.core.params import load_section
from stages.core.paths import Project, seed_folder, split_file
from stages.core.scoring import score_windows, table
from stages.core.truth import frame_kinds
from stages.detectors.mgenet import MgeNetDetector
from stages.evaluate import judge
from stages.evaluation.breakdown import Breakdown
from stages.evaluation.params import EvaluateParams
from stages.evaluation.uncertainty import draw, percentiles

NAME, SEED = "mgenet", 0
GROUPS: Mapping[str, tuple[str, ...]] = {
    "of places": ("run", "cycle", "throw"),
    "run": ("run",),
    "cycle": ("cycle",),
    "throw": ("throw",),
    "ridden": ("cycle", "glide"),
    "glide": ("glide",),
    "motion": ("fall", "fight", "jump", "crawl"),
    "loiter": ("loiter",),
}
"""Kinds of `simulated`, by what they are for."""
WEIGHT = 0.1
SUMS: Mapping[str, Mapping[str, float]] = {
    "motion": {"motion": 1.0},
    "motion + appearance": {"motion": 1.0, "appearance": WEIGHT},
    "motion + scene": {"motion": 1.0, "scene": WEIGHT},
    "all": {"motion": 1.0, "appearance": WEIGHT, "scene": WEIGHT},
    "appearance": {"appearance": 1.0},
    "scene": {"scene": 1.0},
}
PAIRS = (
    ("all", "motion + appearance"),
    ("all", "motion + scene"),
    ("all", "motion"),
    ("all", "all, memory constant"),
    ("scene", "scene, memory constant"),
    ("all", "all, mask encoder constant"),
    ("appearance", "appearance, mask encoder constant"),
)


def main() -> None:
    """Score, judge, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--dataset", default="simulated")
    options = parser.parse_args()
    project = Project(options.project.resolve())
    judged: dict[str, pd.DataFrame] = {}
    for change in ("", "memory constant", "mask encoder constant"):
        scores = scored(project, options.dataset, change)
        for name, weights in SUMS.items():
            judged[f"{name}, {change}" if change else name] = frames_of(project, options.dataset, scores, weights)
    tell(project, options.dataset, judged)


def scored(project: Project, dataset: str, change: str) -> pd.DataFrame:
    """SCORES of the test windows by a model that something was taken from."""
    model = MgeNetDetector.load(seed_folder(project.model(dataset, NAME), SEED))
    network = model._fitted()
    with torch.no_grad():
        if change == "memory constant":
            network.behaviours.items.fill_(1.0)
        if change == "mask encoder constant":
            last: Any = network.masked_head[-1]
            last.weight.zero_()
            last.bias.fill_(1.0)
    window = model.params.window
    path = split_file(project.normalized(dataset, window), "test")
    groups = read_windows(path, dataset, "test", cameras_of(project, dataset), pictures_of(project, dataset, window))
    return pd.concat([table(windows, score_windows(model, windows, 4096), SEED) for windows in groups])


def frames_of(project: Project, dataset: str, scores: pd.DataFrame, weights: Mapping[str, float]) -> pd.DataFrame:
    """FRAME_SCORES under a sum of parts."""
    terms = [{"parts": [part], "weight": weight, "normalize": "split"} for part, weight in weights.items()]
    rules = load_section(project, "evaluate", EvaluateParams).on(dataset)
    changed = EvaluateParams.model_validate({**rules.model_dump(), "fusion": terms, "part": None}, strict=False)
    return judge(scores, load_dataset(project, dataset), changed, "test")


def tell(project: Project, dataset: str, judged: Mapping[str, pd.DataFrame]) -> None:
    """Print figures of every sum, and differences."""
    data, params = load_dataset(project, dataset), load_section(project, "evaluate", EvaluateParams)
    clips = [str(clip) for clip in data.split("test")["clip"]]
    groups = {
        name: np.concatenate([np.any([frame_kinds(data, clip, kind) for kind in kinds], axis=0) for clip in clips])
        for name, kinds in GROUPS.items()
    }
    found: dict[str, dict[str, NDArray[np.float64]]] = {}
    rows = {}
    for name, frames in judged.items():
        broken = Breakdown(frames)
        parts = {"everything": broken.whole(), **broken.by_kind(groups)}
        weights = draw(broken.clips, params.bootstrap)
        found[name] = {group: part.ranking.auc(weights) for group, part in parts.items()}
        rows[name] = {group: part.auc for group, part in parts.items()}
    print(pd.DataFrame(rows).T.to_string(float_format=lambda value: f"{value:.3f}"))
    for first, second in PAIRS:
        print(f"\n{first} less {second}")
        for group, values in found[first].items():
            difference = values - found[second][group]
            low, high = percentiles(difference, len(clips), params.bootstrap.confidence)
            print(
                f"  {group:12} {(rows[first][group] or 0) - (rows[second][group] or 0):+.3f} [{low:+.3f}, {high:+.3f}]"
            )


if __name__ == "__main__":
    main()
