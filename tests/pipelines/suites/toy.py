"""A project whose stages only pretend: they say which of them ran, and their AUC follows from parameters and data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pipelines.suites.variants import Suite, Variant
from stages.core.paths import Project
from tests.ingest.posted import posted

STAGES = '''
"""python -m stages VERB ARGUMENT...: write what the verb is to write."""
import json, sys, time
from pathlib import Path

import yaml

here, words = Path(__file__).parent, sys.argv[1:]
name = "-".join(words)
with (here / "ran.txt").open("a") as stream:
    stream.write(" ".join(words) + "\\n")
print("at work on", name, flush=True)
if (here / f"break-{name}").exists():
    sys.exit("it is broken on purpose\\n  where: here\\n  fix:   remove the file")
if (here / f"slow-{name}").exists():
    (here / "started").touch()
    time.sleep(60)
params = yaml.safe_load(Path("params.yaml").read_text())
seeds = params["train"]["seeds"]
verb, dataset, last = words
if verb == "segment":
    assert params["windows"][last]
    assert list(Path("data/tracks", dataset).glob("*.parquet"))
    out, text = Path("data/segments", dataset, last, "train"), "windows"
elif verb == "normalize":
    assert Path("data/segments", dataset, last, "train").is_file()
    out, text = Path("data/normalized", dataset, last, "train"), "windows"
elif verb == "train":
    window = params["detectors"][last]["window"]
    assert Path("data/normalized", dataset, window, "train").is_file()
    for seed in seeds:
        out = Path("data/models", dataset, last, f"seed-{seed}", "fit.json")
        out.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"windows": 7, "parameters": 3, "curves": {"loss": [2, 1]}, "dataset": dataset})
        out.write_text(text)
elif verb == "score":
    fit = json.loads(Path("data/models", dataset, last, f"seed-{seeds[0]}", "fit.json").read_text())
    out, text = Path("data/scores", dataset, f"{last}.parquet"), fit["dataset"]
elif verb == "evaluate":
    assert params["evaluate"]["timelines"] is False
    elsewhere = Path("data/scores", dataset, f"{last}.parquet").read_text() != dataset
    auc = round(0.5 + params["detectors"][last].get("neighbours", 5) / 100 - 0.1 * elsewhere, 6)
    figures = {"raw": {"auc": auc, "ap": 0.4, "eer": None}, "smoothed": {"auc": auc + 0.1, "ap": 0.5, "eer": 0.2}}
    text = {**figures, "seeds": {str(seed): figures for seed in seeds}, "counts": {"frames": 40}, "coverage": {}}
    text["smoothed_interval"] = {"auc": [auc, auc + 0.2]}
    out = Path("reports/metrics", dataset, f"{last}.json")
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(text if isinstance(text, str) else json.dumps(text))
'''
PARAMS: dict[str, Any] = {
    "datasets": ["gate"],
    "windows": {"second": {"seconds": 0.8}},
    "detectors": {"knn": {"window": "second", "neighbours": 5}, "stg_nf": {"window": "second"}},
    "train": {"seeds": [0], "device": "cpu"},
}
VERBS = ("segment", "normalize", "train", "score", "evaluate")
TOY = Suite(
    "toy",
    "Does it matter?",
    "nowhere",
    "neighbours",
    "linear",
    tuple(Variant(str(k), float(k), {"detectors.{detector}.neighbours": k}) for k in (5, 20)),
    detectors=("knn",),
)


def make(root: Path) -> Project:
    """The project, with a dataset that is tracked."""
    here = posted(root)
    (root / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    deps = {verb: {"cmd": "", "deps": ["stages/__main__.py", "data/raw"]} for verb in VERBS}
    deps["train"]["deps"].append("stages/detectors/${item.run.detector}.py")  # type: ignore[attr-defined]
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": deps}))
    (root / "stages" / "detectors").mkdir(parents=True)
    (root / "stages" / "__init__.py").touch()
    (root / "stages" / "__main__.py").write_text(STAGES)
    for name in ("knn", "stg_nf"):
        (root / "stages" / "detectors" / f"{name}.py").write_text("# learns nothing\n")
    (root / ".dvc").mkdir()
    return here


def ran(here: Project) -> list[str]:
    """The stages that ran since this was asked last."""
    path = here.root / "stages" / "ran.txt"
    lines = path.read_text().splitlines() if path.is_file() else []
    path.unlink(missing_ok=True)
    return lines


def change(here: Project, dotted: str, value: Any) -> None:
    """Set one parameter of params.yaml."""
    params = yaml.safe_load(here.params.read_text())
    *sections, last = dotted.split(".")
    section = params
    for name in sections:
        section = section[name]
    section[last] = value
    here.params.write_text(yaml.safe_dump(params))
