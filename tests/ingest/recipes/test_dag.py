"""Every data set goes through the whole DAG, in the layout its owner publishes, made small."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from stages import check, evaluate, extract, normalize, score, segment, track, train
from stages.core.paths import Project
from stages.ingest.folder import write_folder
from stages.ingest.recipes.registry import RECIPES
from tests.checkout import ROOT
from tests.ingest.recipes.miniature import FILMED, FRAMES, POSED, Footage

pytestmark = pytest.mark.slow

CASES = [
    # recipe, what it holds, options, joints, test frames, abnormal ones of them
    ("shanghaitech", "poses", {}, "openpose18", 40, 10),
    ("shanghaitech", "poses", {"hr": True}, "openpose18", 20, 5),
    ("ubnormal", "poses", {}, "openpose18", 40, 5),
    ("ubnormal", "poses", {"abnormal_training": True}, "coco17", 40, 5),
    ("ntu-rgbd", "poses", {"normal": [28]}, "ntu25", 40, 20),
    ("kinetics250", "poses", {"normal": [18]}, "openpose18", 40, 20),
    ("shanghaitech", "video", {"modality": "video"}, "openpose18", 20, 5),
    ("avenue", "video", {}, "openpose18", 20, 5),
    ("ped2", "video", {}, "openpose18", 20, 5),
    ("ucf-crime", "video", {}, "openpose18", 40, 5),
    ("ubi-fights", "video", {}, "openpose18", 40, 5),
    ("live-videos", "video", {}, "openpose18", 20, 5),
]


def params(layout: str) -> dict[str, Any]:
    """Small windows and few neighbours; everything else as it is by default."""
    window = {"rate": None, "length": 4, "fill": 0, "layout": layout}
    return {
        "datasets": ["small"],
        "runs": [{"dataset": "small", "detector": "knn"}],
        "students": [],
        "coarse": {"runs": []},
        "windows": {"short": window},
        "segment": {"windows": ["short"]},
        "detectors": {"knn": {"window": "short", "components": 4, "neighbours": 2}},
        "extract": {"backend": "movenet"},
    }


@pytest.fixture(scope="module")
def street() -> Footage:
    """People who walk, from the demo."""
    reader = cv2.VideoCapture(str(ROOT / "data" / "raw" / "demo" / "videos" / "street_train.mp4"))
    return [np.asarray(reader.read()[1], dtype=np.uint8) for _ in range(FRAMES)]


@pytest.mark.parametrize(("recipe", "modality", "options", "layout", "frames", "abnormal"), CASES)
def test_a_recipe(
    tmp_path: Path,
    street: Footage,
    recipe: str,
    modality: str,
    options: dict[str, Any],
    layout: str,
    frames: int,
    abnormal: int,
) -> None:
    source = POSED[recipe](tmp_path / "in") if modality == "poses" else FILMED[recipe](tmp_path / "in", street)
    module, _, function = RECIPES[recipe].partition(":")
    description, clips = getattr(importlib.import_module(module), function)(source, partial=True, **options)
    assert description.modality == modality
    project = Project(tmp_path)
    project.params.write_text(yaml.safe_dump(params(layout)))
    write_folder(project.raw("small"), description, clips)
    check.run(project)
    extract.run(project, "small")
    track.run(project, "small")
    segment.run(project, "small", "short")
    normalize.run(project, "small", "short")
    for stage in (train, score, evaluate):
        stage.run(project, "small", "knn")
    found = json.loads(project.metrics("small", "knn").read_text())
    assert (found["counts"]["frames"], found["counts"]["abnormal"], found["counts"]["unknown"]) == (frames, abnormal, 0)
    assert found["coverage"]["abnormal"] > 0
    assert 0 <= found["raw"]["auc"] <= 1
