"""What the report computes itself: bands around curves, quality of poses, and what models take."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from stages import report
from stages.core.errors import SchemaError
from stages.core.paths import Project, clip_file
from stages.core.schemas import FRAME_SCORES
from stages.core.tables import read, write
from tests.show.synthetic import build
from tests.stages.reporting import judge, page


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose two runs are judged, and no films."""
    monkeypatch.setattr(report, "draw_film", lambda path, _: path.write_bytes(b""))
    return judge(build(tmp_path))


def test_poses_are_told_of_by_split_and_camera(project: Project) -> None:
    text = page(project)
    assert "Quality of poses and tracks of toy" in text
    assert (
        '<th scope="row">test</th><td>2</td><td>7 s</td><td>100 %</td>' in text
    )  # 3 s and 4 s, somebody in each frame


def test_a_clip_without_poses_is_named(project: Project) -> None:
    clip_file(project.poses("toy"), "walk").unlink()
    with pytest.raises(SchemaError) as caught:
        report.run(project)
    assert caught.value.where.endswith("poses/toy/walk.parquet")


def test_what_a_model_takes_is_what_train_wrote(project: Project) -> None:
    folder = project.model("toy", "knn") / "seed-0"
    folder.mkdir(parents=True)
    (folder / "weights.bin").write_bytes(bytes(12_345))
    (folder / "fit.json").write_text('{"parameters": 4321, "windows": 99, "curves": {}}', encoding="utf-8")
    text = page(project)
    assert "<td>4,321</td><td>12.3 kB</td><td>1</td><td>99</td><td>5</td>" in text
    assert "<td>–</td><td>–</td><td>1</td><td>–</td><td>5</td>" in text  # stg_nf has no model here


def test_too_few_clips_have_no_bands(project: Project) -> None:
    text = page(project)
    assert "No bands: 2 clips are too few" in text
    assert 'class="band"' not in text


def test_many_clips_have_bands(project: Project) -> None:
    params = yaml.safe_load(project.params.read_text(encoding="utf-8"))
    params["evaluate"] = {"bootstrap": {"least_clips": 2, "replicates": 50}}
    project.params.write_text(yaml.safe_dump(params), encoding="utf-8")
    for detector in ("stg_nf", "knn"):
        path = project.frame_scores("toy", detector)
        rows = read(path, FRAME_SCORES)
        walk = rows.frame["clip"] == "walk"
        frame = rows.frame["frame"]
        rows.frame.loc[walk, "label"] = (frame[walk] > 20).astype("Int8")  # or draws of that clip alone have none
        write(path, FRAME_SCORES, rows)
    text = page(project)
    assert text.count('class="band"') == 6  # the best of each chart, and two of each detector
    assert "Shaded: band of smoothed scores" in text
    assert text == page(project)
