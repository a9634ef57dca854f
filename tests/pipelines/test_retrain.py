"""Retraining: when nothing has to be rebuilt, what is remembered when it breaks, and the whole of it on real video."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipelines import drifting, log_runs, new_clips, retrain
from pipelines.judging import Decision
from pipelines.retrain import markdown
from stages.core.errors import PipelineError
from stages.core.paths import Project
from stages.core.pipelines_params import RetrainParams
from stages.pose.drift import Shift
from tests.checkout import Checkout, cut

FAR = {"speed": Shift(0.5, 1e-6, 1.0, 2.0)}
NEAR = {"speed": Shift(0.05, 0.6, 1.0, 1.1)}


class Steps:
    """What was brought up to date."""

    def __init__(self) -> None:
        self.brought: list[tuple[str, ...]] = []

    def bring(self, targets: Sequence[str]) -> None:
        self.brought.append(tuple(targets))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    monkeypatch.setattr(retrain, "decide", lambda *_: [])
    monkeypatch.setattr(log_runs, "run", lambda _: [])
    return Steps()


def once(project: Project, steps: Steps, **params: Any) -> retrain.Report:
    return retrain.retrain(project, RetrainParams(**params), steps.bring)


def arrive(monkeypatch: pytest.MonkeyPatch, shifts: dict[str, Shift], **new: list[str]) -> None:
    monkeypatch.setattr(new_clips, "enter", lambda _: new)
    monkeypatch.setattr(drifting, "drift", lambda *_: shifts)


def test_always_means_always(tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    arrive(monkeypatch, NEAR)
    assert once(Project(tmp_path), steps).reason == ""
    assert steps.brought == [()]


def test_new_clips_may_be_what_it_takes(tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    arrive(monkeypatch, NEAR)
    assert once(Project(tmp_path), steps, trigger="new_clips").reason == "there are no new clips"
    assert steps.brought == []
    arrive(monkeypatch, NEAR, yard=["monday"])
    assert once(Project(tmp_path), steps, trigger="new_clips").new == {"yard": ["monday"]}
    assert steps.brought == [()]


def test_drift_may_be_what_it_takes(tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    arrive(monkeypatch, NEAR, yard=["monday"])
    assert "like those learned from" in once(Project(tmp_path), steps, trigger="drift").reason
    assert steps.brought == [("track",)]
    arrive(monkeypatch, FAR)  # nothing newer, but monday is not learned from yet
    assert once(Project(tmp_path), steps, trigger="drift").reason == ""
    assert steps.brought == [("track",), ("track",), ()]


def test_new_clips_stay_new_until_they_are_learned_from(
    tmp_path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(tmp_path)
    arrive(monkeypatch, NEAR, yard=["monday"])

    def break_off(_: Sequence[str]) -> None:
        raise PipelineError("the disk is full")

    with pytest.raises(PipelineError):
        retrain.retrain(project, RetrainParams(trigger="new_clips"), break_off)
    arrive(monkeypatch, NEAR)
    assert once(project, steps, trigger="new_clips").new == {"yard": ["monday"]}
    assert once(project, steps, trigger="new_clips").reason == "there are no new clips"


def test_the_report_says_what_was_decided_and_why(tmp_path: Path) -> None:
    decision = Decision("yard", "knn", "promoted", "it is better", "0.800", version="3")
    text = markdown(retrain.Report({"yard": ["monday"]}, {"yard": FAR}, decisions=[decision]), RetrainParams())
    assert "- yard: monday" in text
    assert "| yard | speed | 1.000 | 2.000 | 0.50 | 1e-06 | **yes** |" in text
    assert "| yard | knn | 0.800 | promoted | 3 | it is better |" in text


def test_drift_asks_for_size_and_certainty() -> None:
    params = RetrainParams().drift
    certain_but_small = {"speed": Shift(0.05, 1e-9, 1.0, 1.1)}
    large_by_chance = {"speed": Shift(0.4, 0.3, 1.0, 2.0)}
    assert drifting.drifted(FAR, params) == ["speed"]
    assert drifting.drifted(certain_but_small | {"height": large_by_chance["speed"]}, params) == []


LOAD = """
import sys
import mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/normotion-demo-knn@champion")
tracks = pd.read_parquet(sys.argv[2])
table = pd.DataFrame({"clip": tracks["clip"], "track": tracks["track"].astype("int64"),
    "frame": tracks["frame"].astype("int64"), "fps": 10.0,
    "keypoints": [list(map(float, row)) for row in tracks["keypoints"]]})
print(len(model.predict(table)), "stages" in sys.modules and "pipelines.registry" not in sys.modules)
"""


@pytest.mark.slow
def test_from_new_footage_to_a_champion_and_back(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    checkout.set("pipelines.jobs", 2)
    said = checkout.run("normotion", "retrain")
    assert "knn on demo: first (there was no champion)" in said
    uri = f"sqlite:///{checkout.root / 'mlflow.db'}"
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    tracks = str(checkout.root / "data/tracks/demo/street_fast.parquet")
    loaded = subprocess.run(
        [sys.executable, "-c", LOAD, uri, tracks],
        cwd="/",
        env={**clean, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(loaded.stdout.split()[0]) > 0
    new = checkout.raw / "videos" / "tuesday.mp4"
    cut("street_train", new, 100, 40)
    os.utime(new, (time.time() - 3600,) * 2)
    checkout.set("pipelines.retrain", {"trigger": "new_clips"})
    said = checkout.run("normotion", "retrain")
    assert "demo: 1 new clips: tuesday" in said
    report = (checkout.root / "reports/retrain.md").read_text()
    assert "| demo | knn | " in report
    assert "1 test clips are too few for an interval" in report  # one clip judges nothing
    assert json.loads((checkout.root / "data/checked/demo.json").read_text())["clips"]["tuesday"]
    checkout.run("normotion", "promote", "demo", "knn")
    assert "version 1 is champion again, version 2 is out of use" in checkout.run(
        "normotion", "rollback", "demo", "knn"
    )
    assert "there are no new clips" in checkout.run("normotion", "retrain")
    assert "unchanged" not in (checkout.root / "reports/retrain.md").read_text()
