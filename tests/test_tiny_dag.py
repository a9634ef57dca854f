"""The whole DAG on a few seconds of the demo's video, by `dvc repro`, in a checkout of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
FRAMES = {"street_train": 60, "street_fast": 80}
LABELS = "clip,start_frame,end_frame,kind\nstreet_fast,60,79,triple speed\n"


class Checkout:
    """A copy of this project whose demo is a few seconds long."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        tracked = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
        )
        for name in tracked.stdout.splitlines():
            if not name.startswith(("data/", "docs/", "reports/", "tests/")) and (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        (folder / "dvc.lock").unlink(missing_ok=True)
        self.raw = folder / "data" / "raw" / "demo"
        (self.raw / "videos").mkdir(parents=True)
        for clip, frames in FRAMES.items():
            cut(ROOT / "data" / "raw" / "demo" / "videos" / f"{clip}.mp4", self.raw / "videos" / f"{clip}.mp4", frames)
        shutil.copy2(ROOT / "data" / "raw" / "demo" / "dataset.yaml", self.raw)
        clips = pd.read_csv(ROOT / "data" / "raw" / "demo" / "clips.csv")
        clips = clips[clips["clip"].isin(FRAMES)]
        clips.assign(frames=clips["clip"].map(FRAMES)).to_csv(self.raw / "clips.csv", index=False)
        (self.raw / "labels.csv").write_text(LABELS)
        self.set("detectors.stg_nf.epochs", 1)
        self.run("git", "init", "-q")
        self.run("dvc", "init", "-q", "-f")

    def run(self, *command: str, ok: bool = True) -> str:
        """Run a command in the checkout with this environment's programs; gives all it said."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "true"}
        done = subprocess.run(
            command, cwd=self.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert (done.returncode == 0) == ok, done.stdout
        return done.stdout

    def repro(self) -> list[str]:
        """`dvc repro`; the stages that ran."""
        return re.findall(r"Running stage '(.+?)'", self.run("dvc", "repro"))

    def set(self, dotted: str, value: object) -> None:
        """Change one parameter."""
        path = self.root / "params.yaml"
        params = yaml.safe_load(path.read_text())
        *keys, last = dotted.split(".")
        section = params
        for key in keys:
            section = section[key]
        section[last] = value
        path.write_text(yaml.safe_dump(params))

    def metrics(self, detector: str) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = json.loads(
            (self.root / f"reports/metrics/demo/{detector}.json").read_text()
        )
        return found


def cut(source: Path, target: Path, frames: int) -> None:
    """The first frames of a video."""
    reader = cv2.VideoCapture(str(source))
    size = (int(reader.get(cv2.CAP_PROP_FRAME_WIDTH)), int(reader.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"mp4v"), reader.get(cv2.CAP_PROP_FPS), size)
    for _ in range(frames):
        writer.write(reader.read()[1])
    writer.release()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Built once; the tests below change it one after another."""
    return Checkout(tmp_path_factory.mktemp("checkout"))


def test_the_whole_dag(checkout: Checkout) -> None:
    ran = checkout.repro()
    assert ran[0] == "check"
    assert ran[-1] == "report"
    assert {"extract@demo", "track@demo", "segment@demo-second", "normalize@demo-second"} < set(ran)
    for detector in ("stg_nf", "knn"):
        figures = checkout.metrics(detector)
        assert 0 <= figures["raw"]["auc"] <= 1
        assert figures["coverage"]["frames"] > 0.5
        assert (checkout.root / f"reports/plots/demo/{detector}/timeline-street_fast.png").stat().st_size > 5000
    page = (checkout.root / "reports/page/index.html").read_text()
    assert "stg_nf" in page
    assert "http" not in re.sub(r"http://www\.w3\.org/\S+", "", page)  # self-contained: nothing is fetched


def test_nothing_runs_twice(checkout: Checkout) -> None:
    assert checkout.repro() == []
    assert "up to date" in checkout.run("dvc", "status")


def test_dvc_shows_metrics_and_plots(checkout: Checkout) -> None:
    shown = checkout.run("dvc", "metrics", "show")
    assert "reports/metrics/demo/knn.json" in shown
    assert "raw.auc" in shown
    checkout.run("dvc", "plots", "show")
    assert (checkout.root / "dvc_plots" / "index.html").is_file()


def test_one_detectors_parameter_reruns_that_detector_alone(checkout: Checkout) -> None:
    checkout.set("detectors.knn.neighbours", 3)
    assert checkout.repro() == ["check", "train@run1", "score@run1", "evaluate@run1", "report"]


def test_labels_do_not_rerun_what_does_not_read_them(checkout: Checkout) -> None:
    (checkout.raw / "labels.csv").write_text(LABELS.replace("60,79", "50,79"))
    ran = checkout.repro()
    assert "evaluate@run0" in ran
    assert not {"extract@demo", "track@demo"} & set(ran)


def test_a_new_clip_costs_one_clip(checkout: Checkout) -> None:
    cut(ROOT / "data/raw/demo/videos/street_fast.mp4", checkout.raw / "videos" / "more.mp4", 20)
    with (checkout.raw / "clips.csv").open("a") as clips:
        clips.write("more,test,videos/more.mp4,street,street,10,768,576,20,,0\n")
    poses = checkout.root / "data/poses/demo"
    before = {path.name: path.stat().st_mtime_ns for path in poses.iterdir()}
    assert "extract@demo" in checkout.repro()
    after = {path.name: path.stat().st_mtime_ns for path in poses.iterdir()}
    assert set(after) - set(before) == {"more.parquet"}
    assert {name: after[name] for name in before} == before


def test_a_removed_detector_is_gone_from_the_report(checkout: Checkout) -> None:
    checkout.set("runs", [{"dataset": "demo", "detector": "stg_nf"}])
    checkout.repro()
    assert "knn" not in (checkout.root / "reports/page/leaderboard.md").read_text()


def test_an_experiment_changes_one_parameter(checkout: Checkout) -> None:
    checkout.run("git", "add", "-A")
    checkout.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "all")
    said = checkout.run("dvc", "exp", "run", "-S", "evaluate.smoothing.seconds=1.0", "-n", "wider")
    assert "evaluate@run0" in said
    assert "wider" in checkout.run("dvc", "exp", "show", "--csv")


def test_a_mistake_stops_before_any_work(checkout: Checkout) -> None:
    checkout.set("evaluate", {"landing": "middle"})
    said = checkout.run("dvc", "repro", ok=False)
    assert "evaluate.landing" in said
    assert "Traceback" not in said
    assert "extract" not in re.findall(r"Running stage '(.+?)'", said)
