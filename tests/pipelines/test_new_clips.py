"""New videos enter clips.csv once, as what they are; what cannot be told is left and named."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest

from pipelines.new_clips import enter
from stages.core.dataset import load_dataset
from stages.core.paths import Project
from tests.checkout import ROOT, cut

HEAD = "clip,split,path,camera,scene,fps,width,height,frames,kind,abnormal\n"
OLD = "old,train,videos/old.mp4,gate,yard,10,768,576,20,,0\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """One dataset with one camera and one clip."""
    found = Project(tmp_path)
    (tmp_path / "params.yaml").write_text("datasets: [yard]\n")
    raw = found.raw("yard")
    (raw / "videos").mkdir(parents=True)
    shutil.copy2(ROOT / "data/raw/demo/dataset.yaml", raw)
    (raw / "clips.csv").write_text(HEAD + OLD)
    (raw / "labels.csv").write_text("clip,start_frame,end_frame,kind\n")
    film(raw / "videos" / "old.mp4")
    return found


def film(path: Path, age: float = 3600) -> None:
    path.parent.mkdir(exist_ok=True)
    cut("street_train", path, 0, 12)
    os.utime(path, (time.time() - age,) * 2)


def test_a_new_video_is_footage_to_learn_from(project: Project) -> None:
    film(project.raw("yard") / "videos" / "Monday 7h.mp4")
    assert enter(project) == {"yard": ["Monday_7h"]}
    text = (project.raw("yard") / "clips.csv").read_text()
    assert text == HEAD + OLD + "Monday_7h,train,videos/Monday 7h.mp4,gate,yard,10.0,768,576,12,,0\n"
    load_dataset(project, "yard")  # and is taken by everyone
    assert enter(project) == {}
    assert (project.raw("yard") / "clips.csv").read_text() == text


def test_the_folder_names_the_camera(project: Project) -> None:
    film(project.raw("yard") / "videos" / "door" / "old.mp4")
    assert enter(project) == {"yard": ["old_2"]}
    clips = pd.read_csv(project.raw("yard") / "clips.csv").set_index("clip")
    assert (clips["camera"]["old_2"], clips["scene"]["old_2"]) == ("door", "door")
    film(project.raw("yard") / "videos" / "which.mp4")
    assert enter(project) == {}  # there are two cameras now


def test_a_video_that_is_being_written_waits(project: Project, said: pytest.LogCaptureFixture) -> None:
    film(project.raw("yard") / "videos" / "new.mp4", age=1)
    assert enter(project) == {}
    assert "1 videos may still be being written; they wait" in said.text
    assert enter(project, quiet=0) == {"yard": ["new"]}


@pytest.mark.parametrize("content", [b"", b"no video", b"\x00" * 5000])
def test_what_is_no_video_stops_nobody(project: Project, content: bytes, said: pytest.LogCaptureFixture) -> None:
    broken = project.raw("yard") / "videos" / "broken.mp4"
    broken.write_bytes(content)
    os.utime(broken, (0, 0))
    film(project.raw("yard") / "videos" / "good.mp4")
    assert enter(project) == {"yard": ["good"]}
    assert "broken.mp4 is left out" in said.text


def test_a_link_out_of_the_dataset_is_not_followed(project: Project, tmp_path: Path) -> None:
    film(tmp_path / "elsewhere.mp4")
    (project.raw("yard") / "videos" / "link.mp4").symlink_to(tmp_path / "elsewhere.mp4")
    assert enter(project) == {}


def test_videos_beside_imported_poses_are_none_of_ours(project: Project) -> None:
    description = project.raw("yard") / "dataset.yaml"
    description.write_text(description.read_text().replace("modality: video", "modality: poses"))
    film(project.raw("yard") / "videos" / "new.mp4")
    assert enter(project) == {}
