"""The real stages in a sandbox: what a detector is given under contamination and without any labels."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from pipelines.suites import suite
from pipelines.suites.registry import SUITES
from pipelines.suites.sandbox import Sandbox
from pipelines.suites.suite import result_file, run
from pipelines.suites.variants import Suite, Variant
from stages.core.loading import load_windows
from stages.core.paths import Project, split_file
from stages.ingest.edits import Contaminate, UnlabelledTest
from stages.show.suite_result import read
from tests.ingest.posted import fingerprints, posted
from tests.pipelines.helpers import ROOT

PARAMS = {
    "datasets": ["gate"],
    "windows": {"second": {"rate": 10.0, "seconds": 0.8}},
    "detectors": {"knn": {"window": "second", "components": 4, "neighbours": 2}},
    "train": {"seeds": [0], "device": "cpu"},
    "score": {"device": "cpu"},
}
VARIANTS = (
    Variant("clean", edits=(Contaminate(0.0),)),
    Variant("contaminated", edits=(Contaminate(0.125),)),
    Variant("zero shot", edits=(UnlabelledTest(),)),
)


@pytest.fixture
def real(tmp_path: Path) -> Project:
    """A tracked dataset and the real graph, of which the code that is installed runs."""
    here = posted(tmp_path / "project")
    here.params.write_text(yaml.safe_dump(PARAMS))
    shutil.copy(ROOT / "dvc.yaml", here.root)
    (here.root / ".dvc").mkdir()
    return here


@pytest.mark.slow
def test_what_a_detector_learns_from(real: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, dict[str, int]] = {}
    remove = Sandbox.remove

    def look(sandbox: Sandbox) -> None:
        windows = load_windows(split_file(sandbox.project.normalized("gate", "second"), "train"), "gate", "train")
        labels = windows.index["label"]
        counts = {"normal": int((labels == 0).sum()), "abnormal": int((labels == 1).sum())}
        seen[sandbox.project.root.name] = {**counts, "unknown": int(labels.isna().sum())}
        remove(sandbox)

    monkeypatch.setattr(Sandbox, "remove", look)
    monkeypatch.setattr(suite, "log_outcomes", lambda *_: None)
    monkeypatch.setitem(SUITES, "toy", Suite("toy", "?", "", "x", "names", VARIANTS, detectors=("knn",)))
    before = fingerprints(real.root / "data")
    run(real, "toy", dataset="gate")
    # a clip of 20 frames and one person gives 13 windows of 8; four calm ones, two wild ones, two test clips
    assert list(seen.values()) == [
        {"normal": 52, "abnormal": 0, "unknown": 0},
        {"normal": 52, "abnormal": 0, "unknown": 26},
        {"normal": 0, "abnormal": 0, "unknown": 26},
    ]
    points = read(result_file(real, "toy", "gate")).points
    assert [point.variant for point in points] == ["clean", "contaminated", "zero shot"]
    assert all(point.raw is not None and not point.reason for point in points)
    assert fingerprints(real.root / "data") == before
