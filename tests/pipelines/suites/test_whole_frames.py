"""Whole frames in a sandbox: videos go along, and what is only judged otherwise is not trained again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from pipelines.suites.plan import plan
from pipelines.suites.registry import SUITES
from pipelines.suites.sandbox import Sandbox
from pipelines.suites.suite import result_file, run
from pipelines.suites.variants import Suite, Variant
from stages.core.paths import Project
from stages.ingest.edits import Scenes
from stages.show.suite_result import read
from tests.ingest.posted import CLIPS, FRAMES, fingerprints, posted
from tests.pipelines.helpers import ROOT
from tests.stages.footage import film

pytestmark = pytest.mark.usefixtures("unlogged")

FORM = {"preset": "small", "width": 0.05, "epochs": 1, "batch": 4, "threads": 1}
FLOWS = {"steps": 1, "levels": 1, "hidden": 4, "flow_epochs": 1}
PARAMS: dict[str, Any] = {
    "datasets": ["gate"],
    "windows": {"scene": {"rate": 10.0, "length": 8, "frames": {"height": 24, "width": 32}}},
    "detectors": {"itae_nf": {"window": "scene", **FORM, **FLOWS}},
    "train": {"seeds": [0], "device": "cpu"},
    "score": {"device": "cpu"},
}
SUM: list[dict[str, Any]] = [{"parts": ["reconstruction"]}]
VARIANTS = (
    Variant("all scenes", overrides={"evaluate.fusion": [*SUM, {"parts": ["static", "dynamic"]}]}),
    Variant("reconstruction alone", overrides={"evaluate.fusion": SUM}),
    Variant("one scene", edits=(Scenes(1),)),
)


@pytest.fixture
def real(tmp_path: Path) -> Project:
    here = posted(tmp_path / "project")
    for number, clip in enumerate(CLIPS):
        film(here.raw("gate") / "videos" / f"{clip}.avi", FRAMES, step=3 + number)
    path = here.raw("gate") / "clips.csv"
    table = pd.read_csv(path)
    table.assign(path=table["path"].str.replace(".mp4", ".avi"), width=64, height=48).to_csv(path, index=False)
    here.params.write_text(yaml.safe_dump(PARAMS))
    shutil.copy(ROOT / "dvc.yaml", here.root)
    (here.root / ".dvc").mkdir()
    return here


@pytest.mark.slow
def test_videos_go_along_and_another_sum_of_parts_trains_nothing(
    real: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    stage = Sandbox._stage

    def noted(sandbox: Sandbox, *words: str) -> None:
        ran.append(words[0])
        stage(sandbox, *words)

    monkeypatch.setattr(Sandbox, "_stage", noted)
    monkeypatch.setitem(SUITES, "toy", Suite("toy", "?", "", "x", "names", VARIANTS, detectors=("itae_nf",)))
    before = fingerprints(real.root / "data")
    run(real, "toy", dataset="gate")
    once = ["frames", "segment", "normalize", "train", "score", "evaluate"]
    assert ran == [*once, "evaluate", *once]
    points = read(result_file(real, "toy", "gate")).points
    assert [point.reason for point in points] == ["", "", ""]
    assert len({point.key for point in points}) == 3
    assert fingerprints(real.root / "data") == before


def test_another_video_is_another_experiment(real: Project) -> None:
    chosen = Suite("toy", "?", "", "x", "names", VARIANTS[:1], detectors=("itae_nf",))
    first, same = (plan(real, chosen, "gate", ("itae_nf",), (0,))[0].key for _ in range(2))
    film(real.raw("gate") / "videos" / "calm_a.avi", FRAMES, step=9)
    other = plan(real, chosen, "gate", ("itae_nf",), (0,))[0].key
    assert first == same != other
