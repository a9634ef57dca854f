"""Datasets written by people: what is read, and how mistakes are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.core.dataset import load_dataset
from stages.core.errors import DatasetError
from stages.core.paths import Project

CLIPS = """clip,split,path,camera,scene,fps,width,height,frames,abnormal
walk,train,videos/walk.mp4,1,gate,10,64,48,20,0
fall,test,videos/fall.mp4,1,gate,30,64,48,10,1
mixed,test,videos/mixed.mp4,1,gate,30,64,48,10,1
"""
LABELS = "clip,start_frame,end_frame,kind\nmixed,2,3,jump\nmixed,7,9,fall\n"
YAML = "name: a gate\nsource: made here\nlicence: CC0\n"


def dataset(tmp_path: Path, clips: str = CLIPS, labels: str = LABELS, yaml: str = YAML) -> Project:
    folder = tmp_path / "data" / "raw" / "gate"
    folder.mkdir(parents=True)
    (folder / "clips.csv").write_text(clips)
    (folder / "labels.csv").write_text(labels)
    (folder / "dataset.yaml").write_text(yaml)
    return Project(tmp_path)


def problems(tmp_path: Path, **files: str) -> str:
    with pytest.raises(DatasetError) as error:
        load_dataset(dataset(tmp_path, **files), "gate")
    return str(error.value)


def test_what_is_read(tmp_path: Path) -> None:
    data = load_dataset(dataset(tmp_path), "gate")
    assert data.clips["clip"].tolist() == ["fall", "mixed", "walk"]  # sorted
    assert data.split("test")["clip"].tolist() == ["fall", "mixed"]
    assert data.clip("walk")["fps"] == 10
    assert data.file("walk") == tmp_path / "data/raw/gate/videos/walk.mp4"
    assert data.description.modality == "video"


def test_labels_per_frame(tmp_path: Path) -> None:
    data = load_dataset(dataset(tmp_path), "gate")
    assert data.frame_labels("mixed").tolist() == [0, 0, 1, 1, 0, 0, 0, 1, 1, 1]  # ends are inclusive
    assert data.frame_labels("walk").tolist() == [0] * 20
    assert np.isnan(data.frame_labels("fall")).all()  # abnormal as a whole: which frames is unknown


def test_a_clip_that_nothing_is_said_about_is_normal(tmp_path: Path) -> None:
    clips = "\n".join(line.rpartition(",")[0] for line in CLIPS.splitlines()) + "\n"  # no column `abnormal`
    data = load_dataset(dataset(tmp_path, clips=clips), "gate")
    assert data.frame_labels("walk").tolist() == [0] * 20
    assert data.frame_labels("mixed").sum() == 5


def test_frames_of_which_nobody_knows(tmp_path: Path) -> None:
    # Abnormal 2–5, of which 4–6 is not to count, and 7–9 abnormal by an empty label: unknown has the last word.
    labels = "clip,start_frame,end_frame,label\nmixed,4,6,unknown\nmixed,2,5,1\nmixed,7,9,\nwalk,0,0,unknown\n"
    data = load_dataset(dataset(tmp_path, labels=labels), "gate")
    truth = data.frame_labels("mixed")
    assert truth[[0, 1, 2, 3, 7, 8, 9]].tolist() == [0, 0, 1, 1, 1, 1, 1]
    assert np.flatnonzero(np.isnan(truth)).tolist() == [4, 5, 6]
    assert np.isnan(data.frame_labels("walk")).tolist() == [True] + [False] * 19
    assert np.isnan(data.frame_labels("fall")).all()
    assert data.labels[["start_frame", "end_frame"]].to_numpy().tolist() == [[2, 5], [7, 9]]  # abnormal ones alone
    assert data.unknown["clip"].tolist() == ["mixed", "walk"]


def test_a_clip_with_unknown_frames_alone_is_normal_outside_them(tmp_path: Path) -> None:
    clips = CLIPS.replace("mixed,test,videos/mixed.mp4,1,gate,30,64,48,10,1", "mixed,test,videos/m.mp4,1,g,30,64,48,3,")
    data = load_dataset(dataset(tmp_path, clips, "clip,start_frame,end_frame,label\nmixed,1,1,unknown\n"), "gate")
    truth = data.frame_labels("mixed")
    assert (truth[0], truth[2], bool(np.isnan(truth[1]))) == (0, 0, True)
    assert data.labels.empty


@pytest.mark.parametrize("label", ["0", "2", "normal"])
def test_labels_that_say_something_else_are_refused(tmp_path: Path, label: str) -> None:
    text = problems(tmp_path, labels=f"clip,start_frame,end_frame,label\nmixed,1,1,{label}\n")
    assert f"labels.csv line 2: label must be 1, unknown or empty (which means 1), got '{label}'" in text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("walk,5,25,x", "reaches past 'walk', whose last frame is 19"),
        ("wakl,5,6,x", "unknown clip 'wakl'; did you mean 'walk'?"),
        ("walk,7,5,x", "interval 7–5 is empty or negative"),
        ("walk,-1,5,x", "interval -1–5 is empty or negative"),
        ("walk,a,5,x", "must be whole numbers"),
        ("walk,2,5,x", "an abnormal interval of 'walk', which clips.csv calls normal (abnormal 0)"),
        ("walk,,5,x", "'start_frame' is empty in line 2"),
    ],
)
def test_bad_labels(tmp_path: Path, line: str, message: str) -> None:
    assert message in problems(tmp_path, labels=f"clip,start_frame,end_frame,kind\n{line}\n")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("walk,train", "walk,trian", "split 'trian'; did you mean 'train'?"),
        ("walk,train", "fall,train", "clip 'fall' is listed twice"),
        ("walk,train", "../x,train", "clip name '../x' must be letters"),
        ("videos/walk.mp4", "../../secret.mp4", "leaves the dataset's folder"),
        ("videos/walk.mp4", "/etc/passwd", "leaves the dataset's folder"),
        ("10,64,48,20,0", "0,64,48,20,0", "fps must be a positive number"),
        ("10,64,48,20,0", "10,64,48,many,0", "frames must be a positive number"),
        ("10,64,48,20,0", "10,64,48,20,7", "abnormal must be 0, 1 or empty"),
        ("scene,fps", "place,fps", "unknown column 'place'"),
        ("videos/walk.mp4", "", "'path' is empty in line 2"),
    ],
)
def test_bad_clips(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert message in problems(tmp_path, clips=CLIPS.replace(old, new))


def test_all_problems_at_once(tmp_path: Path) -> None:
    text = problems(tmp_path, clips=CLIPS.replace("walk,train", "walk,trian").replace("10,64,48,20,0", "10,64,48,0,0"))
    assert "2 problems" in text
    assert "trian" in text
    assert "frames must be a positive number" in text


def test_missing_and_broken_files(tmp_path: Path) -> None:
    project = dataset(tmp_path, yaml="name: x\nsorce: y\nlicence: z\n")
    (project.raw("gate") / "labels.csv").unlink()
    (project.raw("gate") / "clips.csv").write_text("")
    with pytest.raises(DatasetError) as error:
        load_dataset(project, "gate")
    text = str(error.value)
    assert "labels.csv is missing" in text
    assert "clips.csv cannot be read" in text
    assert "dataset.yaml.sorce: unknown parameter; did you mean 'source'?" in text


def test_an_unknown_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no dataset 'gaet'; did you mean 'gate'?"):
        load_dataset(dataset(tmp_path), "gaet")


@pytest.mark.parametrize("path", ["videos/out.mp4", "videos/..", "..", "videos/../../secret.mp4"])
def test_a_path_that_leaves_is_seen_beside_others_of_its_folder(tmp_path: Path, path: str) -> None:
    project = dataset(tmp_path, clips=CLIPS.replace("videos/walk.mp4", path))
    (project.raw("gate") / "videos").mkdir()
    (project.raw("gate") / "videos" / "out.mp4").symlink_to(tmp_path / "elsewhere.mp4")  # climbs out by a link
    if path == "videos/..":
        load_dataset(project, "gate")  # the folder itself: for `check` to find that it is no video
        return
    with pytest.raises(DatasetError, match="leaves the dataset's folder"):
        load_dataset(project, "gate")


def test_footage_beside_poses(tmp_path: Path) -> None:
    clips = CLIPS.replace("abnormal\n", "abnormal,video\n").replace(",0\n", ",0,videos/seen.mp4\n")
    clips = clips.replace(",1\n", ",1,\n")
    data = load_dataset(dataset(tmp_path, clips=clips, yaml=YAML + "modality: poses\n"), "gate")
    assert data.video("walk") == tmp_path / "data/raw/gate/videos/seen.mp4"
    assert data.video("fall") is None
    assert not data.filmed  # an RGB detector needs all of them


def test_a_video_is_its_own_footage(tmp_path: Path) -> None:
    data = load_dataset(dataset(tmp_path), "gate")
    assert data.filmed
    assert data.video("walk") == data.file("walk")


def test_footage_may_not_leave_the_folder(tmp_path: Path) -> None:
    clips = CLIPS.replace("abnormal\n", "abnormal,video\n").replace(",0\n", ",0,../../secret.mp4\n")
    assert "line 2" in problems(tmp_path, clips=clips.replace(",1\n", ",1,\n"))


def test_a_subset_leaves_out_test_clips(tmp_path: Path) -> None:
    data = load_dataset(dataset(tmp_path, yaml=YAML + "subsets: {HR: [fall]}\n"), "gate")
    assert data.description.subsets == {"HR": ["fall"]}


def test_a_subset_of_clips_that_are_not_tested_is_refused(tmp_path: Path) -> None:
    told = problems(tmp_path, yaml=YAML + "subsets: {HR: [fal, walk]}\n")
    assert "subsets.HR leaves out 'fal'" in told
    assert "did you mean 'fall'?" in told
    assert "'walk', which is no test clip" in told
