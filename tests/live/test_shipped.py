"""The model that comes with the package: what it is, and that the graph's recipe makes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from pipelines.__main__ import main
from pipelines.pack import pack
from stages import check, extract, normalize, segment, track, train
from stages.core.paths import Project
from stages.core.schemas import FRAME_SCORES
from stages.core.tables import read
from stages.live.model import NORMALS, SHIPPED, Model

ROOT = Path(__file__).parents[2]


def test_it_is_small_and_holds_no_pickle() -> None:
    files = [path for path in SHIPPED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 400_000
    assert {path.suffix for path in files} == {".json", ".safetensors"}
    own = [path for path in files if NORMALS not in path.parts]
    assert sum(path.stat().st_size for path in own) < 50_000


def test_it_says_what_it_is() -> None:
    model = Model.shipped()
    assert model.card.detector == "stg_nf"
    assert model.card.people.backend == "movenet"
    assert "one street" in model.origin
    assert model.reference.hours * 3600 == pytest.approx(50)
    assert model.reference.floor < model.reference.median < model.reference.threshold


@pytest.mark.slow
def test_the_graphs_recipe_makes_it(tmp_path: Path) -> None:
    """From the street's video on; on another CPU training rounds differently, so figures are compared, not bytes."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    demo = {"datasets": ["demo"], "runs": [{"dataset": "demo", "detector": "stg_nf"}], "students": []}
    project = Project(tmp_path)
    (tmp_path / "params.yaml").write_text(
        yaml.safe_dump({**params, **demo, "segment": {"windows": ["second"]}}), encoding="utf-8"
    )
    shutil.copytree(ROOT / "data" / "raw" / "demo", project.raw("demo"))
    _street_alone(project)
    check.run(project)
    for stage in (extract, track):
        stage.run(project, "demo")
    for stage in (segment, normalize):
        stage.run(project, "demo", "second")
    train.run(project, "demo", "stg_nf")
    found, wanted = pack(project, "demo", "stg_nf"), Model.shipped()
    assert found.card == wanted.card
    assert found.reference.count == wanted.reference.count
    np.testing.assert_allclose(found.reference.scores, wanted.reference.scores, atol=0.25)
    assert found.reference.threshold == pytest.approx(wanted.reference.threshold, rel=0.1)


@pytest.mark.slow
def test_it_rings_at_the_flip_off_the_roof(tmp_path: Path) -> None:
    """The package's own networks and model on a real video, as a new user runs it; no clip was chosen for it."""
    video = ROOT / "data" / "raw" / "demo" / "videos" / "roof_flip.mp4"
    assert main(["run", str(video), "--out", str(tmp_path / "out")]) == 0
    events = pd.read_csv(tmp_path / "out" / "events.csv")
    assert len(events) >= 1
    flight = events[(events["start_frame"] <= 110) & (events["end_frame"] >= 82)]  # labelled: frames 82 to 110
    assert len(flight) == 1
    scores = read(tmp_path / "out" / "scores.parquet", FRAME_SCORES).frame
    assert scores["smoothed"].iloc[82:111].min() > scores["smoothed"].iloc[:40].max()


def _street_alone(project: Project) -> None:
    """Drop the test clips, which have no part in training and take time to look at."""
    clips = project.raw("demo") / "clips.csv"
    header, *rows = clips.read_text(encoding="utf-8").splitlines()
    clips.write_text("\n".join([header, *(row for row in rows if ",train," in row)]) + "\n", encoding="utf-8")
    labels = project.raw("demo") / "labels.csv"
    labels.write_text(labels.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
