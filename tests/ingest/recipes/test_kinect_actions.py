"""KARD, UTKinect and MSR Action3D in small, and, where they are at hand, whole."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from stages.core.action_splits import SPLITS_FILE, action_splits
from stages.core.dataset import Dataset, load_dataset
from stages.core.errors import DatasetError
from stages.core.paths import Project
from stages.core.schemas import POSES
from stages.core.seeding import stream
from stages.core.skeleton import layout
from stages.core.tables import read
from stages.ingest.importing import run
from stages.ingest.recipes.kinect_actions import KARD, MSR_ACTION3D, SPLITS, UTKINECT, ActionSet, kind

SETS = {"kard": KARD, "utkinect": UTKINECT, "msr-action3d": MSR_ACTION3D}
ZIPS = {"kard": "kard_screen.zip", "utkinect": "utkinect.zip", "msr-action3d": "msr_action3d.zip"}
FRAMES = 3


def miniature(folder: Path, about: ActionSet, actions: tuple[int, ...] = (1, 2, 3, 4)) -> Path:
    """Two people, once each."""
    folder.mkdir()
    draw = stream(0, about.title)
    for action in actions:
        for subject in (1, 2):
            rows = draw.uniform(0.5, 3, size=(FRAMES * len(about.layout), about.columns))
            text = "\n".join(" ".join(f"{value:.5f}" for value in row) for row in rows)
            (folder / f"a{action:02}_s{subject:02}_e01{about.ending}").write_text(text + " \n")
    return folder


def imported(project: Path, recipe: str, source: Path, *option: str) -> Dataset:
    (project / "params.yaml").write_text("datasets: []\n")
    run(Project(project), recipe, str(source), dataset="d", option=option, replace=True)
    return load_dataset(Project(project), "d")


@pytest.mark.parametrize("recipe", SETS)
def test_a_miniature(recipe: str, tmp_path: Path) -> None:
    about = SETS[recipe]
    data = imported(tmp_path, recipe, miniature(tmp_path / "source", about), "partial=true")
    assert data.description.task == "actions"
    assert len(data.labels) == 0
    assert data.clips["abnormal"].isna().all()
    first = data.clips.iloc[0]
    assert first[["clip", "split", "camera", "frames"]].tolist() == ["a01_s01_e01", "train", "s01", FRAMES]
    assert first["kind"] == f"a01 {about.actions[0]}"
    assert data.clips["split"].tolist() == ["train", "test"] * 4
    poses = read(data.file("a01_s01_e01"), POSES)
    wanted = ("xy", "px") if about.flat else ("xyz", "m")
    assert (poses.meta["layout"], poses.meta["coordinates"], poses.meta["units"]) == (about.layout.name, *wanted)
    assert poses.arrays.shape == (FRAMES, len(about.layout), 3 if about.flat else 4)
    assert poses.frame["track"].tolist() == [0] * FRAMES
    assert [split.name for split in action_splits(data) if not split.meaningful][:2] == ["random_1", "random_2"]


def test_values_are_those_of_the_file(tmp_path: Path) -> None:
    source = miniature(tmp_path / "source", MSR_ACTION3D)
    data = imported(tmp_path, "msr-action3d", source, "partial=true")
    rows = np.loadtxt(source / "a02_s01_e01_skeleton3D.txt").reshape(FRAMES, 20, 4)
    np.testing.assert_allclose(read(data.file("a02_s01_e01"), POSES).arrays, rows, rtol=1e-6)


def test_frames_of_zeros_show_nobody(tmp_path: Path) -> None:
    source = miniature(tmp_path / "source", UTKINECT)
    rows = np.loadtxt(source / "a01_s01_e01.txt").reshape(FRAMES, 20, 3)
    rows[1] = 0
    np.savetxt(source / "a01_s01_e01.txt", rows.reshape(-1, 3))
    data = imported(tmp_path, "utkinect", source, "partial=true")
    poses = read(data.file("a01_s01_e01"), POSES)
    assert poses.frame["frame"].tolist() == [0, 2]
    assert data.clips["frames"].iloc[0] == FRAMES


def test_splits_that_people_wrote_stay(tmp_path: Path) -> None:
    source = miniature(tmp_path / "source", UTKINECT)
    data = imported(tmp_path, "utkinect", source, "partial=true")
    own = {"splits": [{"name": "mine", "classes": ["a01 walk", "a02 sit down"], "meaningful": True}]}
    (data.folder / SPLITS_FILE).write_text(yaml.safe_dump(own))
    again = imported(tmp_path, "utkinect", source, "partial=true")
    assert [split.name for split in action_splits(again)] == ["mine"]


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a01_s01_e01.txt", "1 2 3\n", "20 rows of 3 numbers are a frame, the file holds 1 × 3"),
        ("a01_s01_e01.txt", "1 2\n" * 20, "20 rows of 3 numbers are a frame, the file holds 20 × 2"),
        ("a01_s01_e01.txt", "1 2 x\n" * 20, "a joint must have 3 numbers"),
        ("a01_s01_e01.txt", "1 2 nan\n" * 20, "not finite"),
        ("a01_s01_e01.txt", "", "20 rows of 3 numbers are a frame"),
        ("a11_s01_e01.txt", "1 2 3\n" * 20, "names no action of 10 by one of 10 people"),
        ("walking.txt", "1 2 3\n" * 20, "names no action of 10"),
    ],
)
def test_broken_files_are_refused(name: str, text: str, complaint: str, tmp_path: Path) -> None:
    source = miniature(tmp_path / "source", UTKINECT)
    (source / name).write_text(text)
    with pytest.raises(DatasetError, match=complaint):
        imported(tmp_path, "utkinect", source, "partial=true")
    assert not (tmp_path / "data" / "raw" / "d").exists()


def test_a_part_is_taken_only_when_asked(tmp_path: Path) -> None:
    source = miniature(tmp_path / "source", KARD)
    with pytest.raises(DatasetError, match="8 clips, the complete data set has 540"):
        imported(tmp_path, "kard", source)


def test_a_zip_gives_what_its_folder_gives(tmp_path: Path) -> None:
    source = miniature(tmp_path / "source", MSR_ACTION3D)
    with zipfile.ZipFile(tmp_path / "source.zip", "w") as archive:
        for path in sorted(source.iterdir()):
            archive.write(path, f"MSRAction3DSkeletonReal3D/{path.name}")
    found = [imported(tmp_path, "msr-action3d", tmp_path / name, "partial=true") for name in ("source", "source.zip")]
    pd.testing.assert_frame_equal(found[0].clips, found[1].clips)


def test_a_clip_that_is_there_twice(tmp_path: Path) -> None:
    source = miniature(tmp_path / "source", UTKINECT)
    shutil.copytree(source, source / "copy")
    with pytest.raises(DatasetError, match="clip 'a01_s01_e01' is there twice: a01_s01_e01.txt and copy/a01_s01"):
        imported(tmp_path, "utkinect", source, "partial=true")


def test_a_clip_without_anybody_is_said(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    source = miniature(tmp_path / "source", MSR_ACTION3D)
    np.savetxt(source / "a01_s02_e01_skeleton3D.txt", np.zeros((FRAMES * 20, 4)))
    data = imported(tmp_path, "msr-action3d", source, "partial=true")
    assert len(read(data.file("a01_s02_e01"), POSES)) == 0
    assert f"{FRAMES} frames show nobody; clips without anybody: a01_s02_e01" in said.text


def test_people_of_one_side_only_make_no_splits(tmp_path: Path) -> None:
    source = miniature(tmp_path / "source", UTKINECT)
    for path in source.glob("*_s02_*"):
        path.unlink()
    with pytest.raises(DatasetError, match="splits need two classes .* in train and in test, here are 0"):
        imported(tmp_path, "utkinect", source, "partial=true")


@pytest.mark.parametrize("recipe", SPLITS)
def test_named_splits_are_of_three_to_five_different_classes(recipe: str) -> None:
    known = {kind(SETS[recipe], action) for action in range(1, len(SETS[recipe].actions) + 1)}
    assert all(3 <= len(set(classes)) == len(classes) <= 5 for classes in SPLITS[recipe].values())
    assert all(set(classes) < known for classes in SPLITS[recipe].values())


@pytest.mark.oracle
@pytest.mark.parametrize("recipe", SETS)
def test_the_whole_set(recipe: str, tmp_path: Path, shared: Path) -> None:
    data = imported(tmp_path, recipe, shared / "data" / ZIPS[recipe])
    about = SETS[recipe]
    assert len(data.clips) == about.clips
    assert set(data.clips["kind"]) == {kind(about, number) for number in range(1, len(about.actions) + 1)}
    assert data.clips.groupby("split")["camera"].nunique().to_dict() == {"train": 5, "test": 5}
    splits = action_splits(data)
    assert [split.name for split in splits if split.meaningful] == list(SPLITS[recipe])
    assert sum(not split.meaningful for split in splits) == 10
    joints = layout(about.layout.name)
    # y points down in KARD's pixels, and up in metres.
    up = np.float32(-1 if about.flat else 1)
    heights = []
    for clip, shows in data.clips[["clip", "kind"]].iloc[::25].itertuples(index=False):
        places = read(data.file(str(clip)), POSES).arrays
        height = {name: up * float(np.median(places[:, number, 1])) for number, name in enumerate(joints.joints)}
        heights.append(height["head"] - min(height["left_foot"], height["right_foot"]))
        if not any(word in shows for word in ("bend", "sit down", "pick up")):
            assert height["head"] > height["neck"] > height["left_hip"] > height["left_knee"] > height["left_foot"]
            assert height["head"] > height["neck"] > height["right_hip"] > height["right_knee"] > height["right_foot"]
    low, high = (240, 420) if about.flat else (1.4, 1.75)
    assert low < np.median(heights) < high  # px of 480, and m from the feet to the middle of the head


@pytest.mark.oracle
def test_what_is_wrong_with_msr_action3d(tmp_path: Path, shared: Path, said: pytest.LogCaptureFixture) -> None:
    imported(tmp_path, "msr-action3d", shared / "data" / ZIPS["msr-action3d"])
    assert "1113 frames show nobody; clips without anybody: a13_s09_e02" in said.text
