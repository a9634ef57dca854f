"""A checkout of its own whose demo is a few seconds long, for tests that run the real DAG."""

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
import yaml

ROOT = Path(__file__).resolve().parents[1]
SPANS = {"street_train": (0, 50), "street_fast": (50, 40)}
"""First frame and number of frames of what is taken from each clip of the demo."""
KEPT = ("reports/coarse/README.md", "reports/suites/README.md")
"""What there is of suites and of the coarse-grained protocol where none was run."""
LABELS = "clip,start_frame,end_frame,kind\nstreet_fast,10,39,triple speed\n"


class Checkout:
    """A copy of this project whose demo is a few seconds long."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "true"}
        tracked = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
        )
        for name in tracked.stdout.splitlines():
            elsewhere = name.startswith(("data/", "docs/", "reports/", "tests/")) and name not in KEPT
            if not elsewhere and (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        (folder / "dvc.lock").unlink(missing_ok=True)
        self.raw = folder / "data" / "raw" / "demo"
        (self.raw / "videos").mkdir(parents=True)
        for clip, span in SPANS.items():
            cut(clip, self.raw / "videos" / f"{clip}.mp4", *span)
        shutil.copy2(ROOT / "data" / "raw" / "demo" / "dataset.yaml", self.raw)
        clips = pd.read_csv(ROOT / "data" / "raw" / "demo" / "clips.csv")
        clips = clips[clips["clip"].isin(SPANS)]
        clips.assign(frames=[SPANS[clip][1] for clip in clips["clip"]]).to_csv(self.raw / "clips.csv", index=False)
        (self.raw / "labels.csv").write_text(LABELS)
        self.set("datasets", ["demo"])
        self.set("runs", [{"dataset": "demo", "detector": name} for name in ("stg_nf", "knn")])
        self.set("students", [])
        self.set("coarse.runs", [])
        self.set("train.seeds", [0])
        self.set("detectors.stg_nf.epochs", 1)
        self.set("detectors.stg_nf.batch", 32)
        self.run("git", "init", "-q")
        self.run("dvc", "init", "-q", "-f")

    def run(self, *command: str, ok: bool = True) -> str:
        """Run a command in the checkout with this environment's programs; gives all it said."""
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
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


def cut(clip: str, target: Path, start: int, frames: int) -> None:
    """Some frames of a clip of the demo."""
    reader = cv2.VideoCapture(str(ROOT / "data" / "raw" / "demo" / "videos" / f"{clip}.mp4"))
    size = (int(reader.get(cv2.CAP_PROP_FRAME_WIDTH)), int(reader.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"mp4v"), reader.get(cv2.CAP_PROP_FPS), size)
    for number in range(start + frames):
        image = reader.read()[1]
        if number >= start:
            writer.write(image)
    writer.release()
