"""A survey of a dataset: tallies of all clips, by split and camera, and rows only where there are several."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.core.dataset import load_dataset
from stages.core.errors import SchemaError
from stages.core.paths import Project, clip_file
from stages.pose.survey import survey
from tests.show.synthetic import build, write_poses

CAMERAS = """clip,split,path,camera,scene,fps,width,height,frames,kind,abnormal
street,train,videos/street.avi,b,a,10,160,120,20,,0
fall,test,videos/fall.avi,b,a,20,160,120,60,fall,1
walk,test,videos/walk.avi,a,a,10,160,120,40,,0
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two test clips with people, a training clip with nobody, one camera."""
    return build(tmp_path)


def test_clips_add_up(project: Project) -> None:
    found = survey(project, load_dataset(project, "toy"))
    assert (found.whole.clips, found.whole.frames, found.whole.seconds) == (3, 120, 9.0)
    assert {name: tally.frames for name, tally in found.splits.items()} == {"train": 20, "test": 100}
    # One person in all 100 frames, another one in the last three quarters of them.
    assert found.whole.poses == found.whole.held == 175
    assert found.layout is not None
    assert found.layout.name == "coco17"


def test_there_are_rows_by_camera_where_there_are_several(project: Project) -> None:
    assert [name for name, _ in survey(project, load_dataset(project, "toy")).rows] == ["all", "test", "train"]
    (project.raw("toy") / "clips.csv").write_text(CAMERAS, encoding="utf-8")
    rows = survey(project, load_dataset(project, "toy")).rows
    assert [name for name, _ in rows] == ["all", "test", "train", "camera a", "camera b"]
    assert [tally.frames for _, tally in rows] == [120, 100, 20, 40, 80]


def test_what_stands_out_is_told(project: Project) -> None:
    advice = survey(project, load_dataset(project, "toy")).advice
    assert any("street" in found.text for found in advice)  # nobody is in it


def test_a_clip_without_poses_is_named(project: Project) -> None:
    path = clip_file(project.poses("toy"), "fall")
    path.unlink()
    with pytest.raises(SchemaError) as caught:
        survey(project, load_dataset(project, "toy"))
    assert caught.value.where == str(path)
    write_poses(project)
    assert survey(project, load_dataset(project, "toy")).whole.clips == 3
