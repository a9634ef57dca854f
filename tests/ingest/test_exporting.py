"""`normotion export`: what was imported comes out again, through the stages that lie between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest

from stages import extract, track
from stages.core.errors import DatasetError, SchemaError
from stages.core.paths import Project, clip_file
from stages.core.schemas import TRACKS
from stages.core.tables import read
from stages.ingest import exporting, importing
from stages.ingest.files import open_files
from stages.ingest.formats.tracked_person import SUFFIX


def pose(x: float) -> dict[str, Any]:
    places = [value for joint in range(17) for value in (x, 10.25 + joint, 0.5)]
    return {"keypoints": np.array(places, np.float32).astype(float).tolist(), "scores": 2.9575}


TABLES: dict[str, Any] = {
    "01_0014": {"1": {"0000": pose(1310.57), "0002": pose(11)}, "7": {"0001": pose(12), "0002": pose(54.2104149)}},
    "02_0003": {"3": {"0000": pose(8.5)}},
    "abnormal_scene_1_scenario_2_fog": {},
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three clips imported and tracked."""
    (tmp_path / "params.yaml").write_text("datasets: [gate]\nextract: {}\ntrack: {}\n")
    here, source = Project(tmp_path), tmp_path / "source"
    source.mkdir()
    for name, table in TABLES.items():
        (source / f"{name}{SUFFIX}").write_bytes(orjson.dumps(table))
    (source / "clips.csv").write_text("clip,frames\nabnormal_scene_1_scenario_2_fog,4\n")
    given: dict[str, Any] = {"fps": "24", "size": "1920x1080", "test": ("*",), "clips": "clips.csv"}
    importing.run(here, "tracked_person", str(source), dataset="gate", **given)
    extract.run(here, "gate")
    track.run(here, "gate")
    return here


def export(project: Project, format_: str, **options: Any) -> Path:
    out = project.root / "out"
    exporting.run(project, format_, "gate", out=str(out), **options)
    return out


def test_what_was_imported_comes_out_again(project: Project) -> None:
    out = export(project, "tracked_person")
    assert {path.name: orjson.loads(path.read_bytes()) for path in out.iterdir()} == {
        f"{name}{SUFFIX}": table for name, table in TABLES.items()
    }


def test_the_same_tables_give_the_same_bytes(project: Project) -> None:
    first = {path.name: path.read_bytes() for path in export(project, "tracked_person").iterdir()}
    second = {path.name: path.read_bytes() for path in export(project, "tracked_person", replace=True).iterdir()}
    assert first == second


@pytest.mark.parametrize("format_", ["tracked_person", "alphapose", "coco", "parquet"])
def test_out_and_in_is_the_same_people(project: Project, format_: str) -> None:
    out = export(project, format_, clip=("01_0014",))
    given: dict[str, Any] = {"fps": "24", "size": "1920x1080", "test": ("*",)}
    importing.run(project, format_, str(out), dataset="again", **given)
    extract.run(project, "again")
    track.run(project, "again")
    before, after = (read(clip_file(project.tracks(name), "01_0014"), TRACKS) for name in ("gate", "again"))
    np.testing.assert_array_equal(before.arrays, after.arrays)
    assert before.frame.equals(after.frame)


def test_poses_as_they_were(project: Project) -> None:
    out = export(project, "parquet", stage="poses", clip=("02*", "01*"))
    assert sorted(path.name for path in out.iterdir()) == ["01_0014.parquet", "02_0003.parquet"]
    assert pq.read_table(out / "02_0003.parquet").column("nose_x").to_pylist() == [8.5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stage": "track"}, "there is no stage 'track' to export; did you mean 'tracks'?"),
        ({"clip": ("03*",)}, "no clip matches '03.'"),
        ({"format_": "ntu"}, "no format 'ntu' can be exported"),
        ({"dataset": "gaet"}, "no dataset 'gaet'; did you mean 'gate'?"),
        ({"out": ""}, "where to is not said"),
    ],
)
def test_refused(project: Project, options: dict[str, Any], message: str) -> None:
    given = {"format_": "coco", "dataset": "gate", "out": str(project.root / "out")} | options
    with pytest.raises(DatasetError, match=message):
        exporting.run(project, given.pop("format_"), given.pop("dataset"), **given)
    assert not (project.root / "out").exists()


def test_files_that_are_there_are_left_alone(project: Project) -> None:
    out = export(project, "coco", clip=("02_0003",))
    (out / "02_0003.json").write_text("mine")
    with pytest.raises(DatasetError, match="1 files are there already"):
        export(project, "coco")
    assert [path.name for path in out.iterdir()] == ["02_0003.json"]
    assert (out / "02_0003.json").read_text() == "mine"


def test_a_stage_that_has_not_run(project: Project) -> None:
    clip_file(project.tracks("gate"), "01_0014").unlink()
    with pytest.raises(SchemaError, match="there is no tracks table"):
        export(project, "coco")


@pytest.mark.oracle
def test_a_real_clip_comes_out_exactly(project: Project, shared: Path) -> None:
    files = open_files(shared / "data" / "cctv_poses.zip")
    name = files.matching("*_tracked_person.json")[17]  # the smallest
    source = project.root / name.rpartition("/")[2]
    source.write_bytes(files.read(name))
    given: dict[str, Any] = {"fps": "30", "size": "1920x1080", "test": ("*",), "replace": True}
    importing.run(project, "tracked_person", str(source), dataset="gate", **given)
    extract.run(project, "gate")
    track.run(project, "gate")
    assert orjson.loads((export(project, "tracked_person") / source.name).read_bytes()) == orjson.loads(
        source.read_bytes()
    )
