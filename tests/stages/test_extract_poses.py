"""Extract on a data set of poses: they are checked and taken over, once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import extract
from stages.core.errors import DatasetError
from stages.core.incremental import quarantine
from stages.core.paths import Project, clip_file
from stages.core.schemas import POSES, pose_meta
from stages.core.storage import sha256_file
from stages.core.tables import writing
from tests.stages.footage import digests, poses, set_params

CLIPS = {"gate": [0, 0, 1, 3], "yard": [2, 2, 2], "void": []}
"""Frame numbers of the poses in each clip of five frames."""


def save(project: Project, clip: str, frames: list[int], group: int = 2, coordinates: str = "xy") -> Path:
    """Row groups of `group` rows; person i of the file is at x = i and has id i, the first one none."""
    path = project.raw("demo") / "poses" / f"{clip}.parquet"
    layout, shape = ("coco17", (17, 3)) if coordinates == "xy" else ("ntu25", (25, 4))
    table = pd.DataFrame({"clip": clip, "frame": np.array(frames, dtype=int)})
    table = table.assign(x=np.arange(len(table)), y=0.0, w=1.0, h=1.0, score=0.5)
    table["track"] = pd.array([pd.NA, *range(1, len(table))][: len(table)], dtype="Int32")
    meta = {**pose_meta(layout, coordinates), "backend": "alphapose", "backend_version": "0.6", "strong": "0.7"}
    with writing(path, POSES, {**meta, "key": "of somebody else"}) as writer:
        for start in range(0, max(len(table), 1), group):
            piece = table[start : start + group]
            writer.append(piece, np.full((len(piece), *shape), start + 1, np.float32))
    return path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    here = Project(tmp_path)
    for clip, frames in CLIPS.items():
        save(here, clip, frames)
    raw = here.raw("demo")
    rows = "".join(f"{clip},test,poses/{clip}.parquet,1,gate,10,64,48,5\n" for clip in CLIPS)
    (raw / "clips.csv").write_text("clip,split,path,camera,scene,fps,width,height,frames\n" + rows)
    (raw / "labels.csv").write_text("clip,start_frame,end_frame\n")
    (raw / "dataset.yaml").write_text("name: demo\nsource: here\nlicence: CC0\nmodality: poses\n")
    set_params(here)
    return here


def test_poses_are_taken_over_as_they_are(project: Project) -> None:
    extract.run(project, "demo")
    found = poses(project, "gate")
    assert found.frame["frame"].tolist() == CLIPS["gate"]
    assert found.frame["x"].tolist() == [0, 1, 2, 3]
    assert found.frame["track"].isna().tolist() == [True, False, False, False]
    assert found.frame["track"].dropna().tolist() == [1, 2, 3]
    assert found.arrays[:, 0, 0].tolist() == [1, 1, 3, 3]  # both row groups, each with its own values
    assert (found.meta["backend"], found.meta["backend_version"], found.meta["strong"]) == ("alphapose", "0.6", "0.7")
    assert found.meta["imported"] == "yes"
    assert found.meta["source_sha256"] == sha256_file(project.raw("demo") / "poses" / "gate.parquet")
    assert found.meta["key"] != "of somebody else"
    assert len(poses(project, "void")) == 0


def test_three_coordinates_come_through(project: Project) -> None:
    save(project, "gate", [0, 1], coordinates="xyz")
    extract.run(project, "demo")
    found = poses(project, "gate")
    assert found.arrays.shape == (2, 25, 4)
    assert (found.meta["layout"], found.meta["coordinates"]) == ("ntu25", "xyz")


def test_nothing_is_taken_over_twice(project: Project) -> None:
    extract.run(project, "demo")
    before, moment = digests(project), clip_file(project.poses("demo"), "gate").stat().st_mtime_ns
    set_params(project, weak=0.1, every=3, backend="movenet")  # none of this concerns poses that are there
    extract.run(project, "demo")
    assert digests(project) == before
    assert clip_file(project.poses("demo"), "gate").stat().st_mtime_ns == moment
    save(project, "yard", [4])
    extract.run(project, "demo")
    assert poses(project, "yard").frame["frame"].tolist() == [4]
    assert clip_file(project.poses("demo"), "gate").stat().st_mtime_ns == moment


def test_what_cannot_be_is_refused_and_leaves_nothing(project: Project) -> None:
    path = save(project, "void", [3, 5])
    with pytest.raises(DatasetError, match="lies past the last frame, 4") as error:
        extract.run(project, "demo")
    assert error.value.where == f"{path}, frame 5"
    assert list(digests(project)) == ["gate.parquet"]  # done before it, in the order of names


def test_going_on_lists_all_that_cannot_be(project: Project) -> None:
    save(project, "void", [3, 5])
    (project.raw("demo") / "poses" / "gate.parquet").unlink()
    with pytest.raises(DatasetError) as error:
        extract.run(project, "demo", keep_going=True)
    assert error.value.what == (
        "2 of 3 clips were set aside, the others are done:\n"
        "  - gate: there is no poses table\n"
        "  - void: a pose lies past the last frame, 4 (1 in this row group)"
    )
    assert list(digests(project)) == ["quarantine.json", "yard.parquet"]
    save(project, "gate", [0])
    save(project, "void", [])
    extract.run(project, "demo")
    assert list(digests(project)) == ["gate.parquet", "void.parquet", "yard.parquet"]
    assert not quarantine(project.poses("demo")).exists()


def test_several_processes_take_over_the_same(project: Project) -> None:
    extract.run(project, "demo")
    first = digests(project)
    for path in project.poses("demo").iterdir():
        path.unlink()
    set_params(project, workers=2)
    extract.run(project, "demo")
    assert digests(project) == first


def test_no_network_is_loaded_for_poses_that_are_there(project: Project, root: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from stages import extract; from stages.core.paths import Project\n"
        "extract.run(Project(Path(sys.argv[1])), 'demo')\n"
        "print(sorted({'torch', 'onnxruntime', 'cv2', 'ray'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(project.root)], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
