"""Detectors of whole frames on UCSD Ped2, a data set that others report on: can be stopped and started again.

    python -m benchmarks.ped2 SOURCE --out PROJECT
    python -m benchmarks.ped2 SOURCE --out PROJECT --size full --device cuda

SOURCE holds Ped2 as its owner gives it or as it is passed on (`normotion import ped2 --help`). PROJECT becomes a
project of its own. Three of the sixteen training clips are held out: what is chosen is chosen by the loss on them, and
nothing by a test clip. `small` is for a CPU: frames of 192 × 128 px, a quarter of the width; `full` has the paper's
frames of 360 × 240 px, width and flows, and needs a GPU.

Prints micro AUC and EER, raw and smoothed, of each detector, of each of its parts alone, and of the paper's sum with
λ = 0.3, with the seconds that training took. The paper has 98.7 without flows and 99.2 with (its figures of Ped2 are
from all sixteen training clips).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from stages import check, evaluate, frames, normalize, score, segment, train
from stages.core.paths import Project, find_project
from stages.core.progress import set_up_logging
from stages.detectors import registry
from stages.ingest import importing

DATASET, WINDOW = "ped2", "scene"
HELD_OUT = ["train_05", "train_10", "train_15"]
DETECTORS = ("itae_nf", "ffp", "jigsaw")
FRAMES = {"small": {"height": 128, "width": 192}, "full": {"height": 240, "width": 360}}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "small": {
        "itae_nf": {"preset": "small", "epochs": 12, "flow_epochs": 6},
        "ffp": {"width": 0.25, "epochs": 12, "batch": 4, "learning_rate": 1e-3},
        "jigsaw": {"width": 0.5, "epochs": 30, "batch": 16, "learning_rate": 1e-3},
    },
    "full": {
        "itae_nf": {"preset": "ped2", "epochs": 60, "flow_epochs": 20, "precision": "mixed"},
        "ffp": {"epochs": 60},
        "jigsaw": {"epochs": 100},
    },
}
PAPER = "itae_ped2"
"""The sum of its paper with Ped2's λ; detectors of other parts do not heed it."""


def main() -> None:
    """Run every detector, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="the project's folder, made or gone on with")
    parser.add_argument("--size", choices=FRAMES, default="small")
    parser.add_argument("--detector", choices=DETECTORS, action="append", help="only this one")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seeds", default="0", help="e.g. 0,1,2")
    options = parser.parse_args()
    set_up_logging()
    project = Project(options.out.resolve())
    params = told(options.size, options.device, [int(seed) for seed in options.seeds.split(",")])
    prepare(project, options.source, params)
    rows = [row for name in options.detector or DETECTORS for row in figures(project, params, name)]
    print(pd.DataFrame(rows).to_string(index=False), flush=True)


def told(size: str, device: str, seeds: list[int]) -> dict[str, Any]:
    """This project's own parameters, for Ped2."""
    own: dict[str, Any] = yaml.safe_load(find_project().params.read_text(encoding="utf-8"))
    cut = {"rate": 10.0, "seconds": 1.6, "stride_train": 4, "stride_score": 4, "task": "frames"}
    runs = [{"dataset": DATASET, "detector": name} for name in DETECTORS]
    return {
        **own, "datasets": [DATASET], "runs": runs, "students": [], "coarse": {"runs": []},
        "windows": {WINDOW: {**cut, "frames": {**FRAMES[size], "colour": "grey"}}}, "segment": {"windows": [WINDOW]},
        "detectors": {name: {"window": WINDOW, **settings} for name, settings in SETTINGS[size].items()},
        "train": {"seeds": seeds, "device": device}, "score": {"device": device},
        "evaluate": {**own["evaluate"], "timelines": False},
    }  # fmt: skip


def prepare(project: Project, source: Path, params: Mapping[str, Any]) -> None:
    """Import the videos, hold some of them out, decode them, and cut windows."""
    project.root.mkdir(parents=True, exist_ok=True)
    write(project, params)
    if not project.raw(DATASET).exists():
        importing.run(project, "ped2", str(source.resolve()), dataset=DATASET)
        path = project.raw(DATASET) / "clips.csv"
        clips = pd.read_csv(path, dtype=str)
        clips.loc[clips["clip"].isin(HELD_OUT), "split"] = "validation"
        clips.to_csv(path, index=False)
    check.run(project)
    frames.run(project, DATASET)
    for stage in (segment, normalize):
        stage.run(project, DATASET, WINDOW)


def figures(project: Project, params: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
    """Train and score a detector unless that is done; a row for each way to judge it."""
    done = project.root / "done" / f"{name}.json"
    settings = {"detector": params["detectors"][name], "windows": params["windows"], "train": params["train"]}
    kept = json.loads(done.read_text(encoding="utf-8")) if done.is_file() else {}
    if kept.get("settings") != json.loads(json.dumps(settings)):
        started = time.monotonic()
        train.run(project, DATASET, name)
        trained = time.monotonic() - started
        score.run(project, DATASET, name)
        kept = {"settings": settings, "trained": trained, "scored": time.monotonic() - started - trained}
        done.parent.mkdir(exist_ok=True)
        done.write_text(json.dumps(kept, indent=2), encoding="utf-8")
    for label, rules in ways(name).items():
        write(project, {**params, "evaluate": {**params["evaluate"], **rules}})
        evaluate.run(project, DATASET, name)
        found = json.loads(project.metrics(DATASET, name).read_text(encoding="utf-8"))
        aucs = {f"{kind} {figure}": found[kind][figure] for kind in ("raw", "smoothed") for figure in ("auc", "eer")}
        seconds = {"seconds to train": round(kept["trained"]), "to score": round(kept["scored"])}
        yield {"detector": name, "judged": label, **{key: f"{value:.3f}" for key, value in aucs.items()}, **seconds}


def ways(name: str) -> dict[str, dict[str, Any]]:
    """How a detector is judged: by each part alone, and, of several, by their published sum."""
    parts = registry.detector(name).parts
    alone = {part: {"part": part} for part in parts}
    if len(parts) < 2:
        return alone
    return {**alone, "all": {"fusion": PAPER}}


def write(project: Project, params: Mapping[str, Any]) -> None:
    """Set the project's parameters."""
    project.params.write_text(yaml.safe_dump(dict(params), sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    main()
