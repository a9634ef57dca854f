"""The full comparison: what it lists, and that it leaves the project it is made from alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.full import everything, run, suits
from stages.core.dataset import load_dataset
from stages.core.errors import PipelineError
from stages.core.paths import Project
from tests.checkout import Checkout
from tests.ingest.posted import posted

PARAMS: dict[str, Any] = {
    "datasets": ["gate"],
    "runs": [{"dataset": "gate", "detector": "knn"}],
    "students": [{"dataset": "gate", "detector": "oc_svm", "base": "gepc"}],
    "windows": {"second": {}, "scene": {"frames": {}}},
    "segment": {"windows": ["second"]},
    "detectors": {
        "knn": {"window": "second"}, "gepc": {"window": "second"}, "oc_svm": {"window": "second"},
        "st_gcn": {"window": "second"}, "itae": {"window": "scene"},
    },
    "train": {"seeds": [0], "device": "cpu"},
}  # fmt: skip


@pytest.fixture
def here(tmp_path: Path) -> Project:
    project = posted(tmp_path)
    project.params.write_text(yaml.safe_dump(PARAMS))
    return project


def test_every_pair_that_can_be_compared(here: Project) -> None:
    found = everything(here, (0, 1))
    assert [run["detector"] for run in found["runs"]] == ["gepc", "itae", "st_gcn", "knn"]
    assert found["students"] == PARAMS["students"]
    assert found["segment"] == {"windows": ["second", "scene"]}
    assert found["train"] == {"seeds": [0, 1], "device": "cpu"}


def test_a_dataset_must_have_what_a_detector_needs(here: Project) -> None:
    (here.raw("gate") / "labels.csv").write_text("clip,start_frame,end_frame\ntest_a,4,11\n")
    data = load_dataset(here, "gate")
    assert suits("itae", data)
    assert not suits("st_gcn", data)  # no training clip is labelled any more
    about = here.raw("gate") / "dataset.yaml"
    about.write_text(about.read_text() + "modality: poses\n")
    assert not suits("itae", load_dataset(here, "gate"))


def test_seeds_that_are_no_numbers(here: Project) -> None:
    with pytest.raises(PipelineError, match="seeds are numbers, not '0;1'"):
        run(here, seeds="0;1")


@pytest.mark.slow
def test_it_stands_beside_the_project(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    checkout.set("detectors", {"knn": {"window": "second"}, "stg_nf": {"window": "second", "epochs": 1, "batch": 32}})
    checkout.set("runs", [{"dataset": "demo", "detector": "knn"}])
    checkout.repro()
    kept = {name: (tmp_path / name).read_bytes() for name in ("params.yaml", "dvc.lock", "reports/page/index.html")}
    said = checkout.run("python", "-m", "pipelines", "full", "--seeds", "0,1")
    assert "2 pairs of dataset and detector, 2 seeds each, in" in said
    other = tmp_path / ".normotion" / "full"
    figures = json.loads((other / "reports/metrics/demo/stg_nf.json").read_text())
    assert set(figures["seeds"]) == {"0", "1"}
    assert "| demo | stg_nf |" in (tmp_path / "reports/full/leaderboard.md").read_text()
    assert {name: (tmp_path / name).read_bytes() for name in kept} == kept
    assert "Running stage 'extract@demo'" not in said  # the cache has what it made
    again = checkout.run("python", "-m", "pipelines", "full", "--seeds", "0,1")
    assert "0 stages brought up to date" in again
