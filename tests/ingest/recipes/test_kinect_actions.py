"""KARD, UTKinect and MSR Action3D in small, and, where they are at hand, whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
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
from stages.ingest.recipes.kinect_actions import KARD, MSR_ACTION3D, UTKINECT, ActionSet

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


@pytest.mark.oracle
@pytest.mark.parametrize("recipe", SETS)
def test_the_whole_set_and_its_bones(recipe: str, tmp_path: Path, shared: Path) -> None:
    """Bones are joints whose distance hardly changes: that is how the order was found (`benchmarks.joint_order`)."""
    data = imported(tmp_path, recipe, shared / "data" / ZIPS[recipe])
    about = SETS[recipe]
    assert len(data.clips) == about.clips
    assert set(data.clips["kind"]) == {f"a{number:02} {name}" for number, name in enumerate(about.actions, start=1)}
    assert sum(split.meaningful for split in action_splits(data)) >= 4
    assert sum(not split.meaningful for split in action_splits(data)) == 10
    joints = layout(about.layout.name)
    bones: list[float] = []
    others: list[float] = []
    for clip in data.clips["clip"][::25]:
        places = read(data.file(str(clip)), POSES).arrays[..., :-1]
        lengths = np.linalg.norm(places[:, :, None] - places[:, None], axis=-1)
        variation = lengths.std(axis=0)
        pairs = {tuple(sorted(bone)) for bone in joints.bones}
        for a in range(len(joints)):
            for b in range(a + 1, len(joints)):
                (bones if (a, b) in pairs else others).append(variation[a, b])
        up = 1 if not about.flat else -1
        height = {name: up * float(np.median(places[:, number, 1])) for number, name in enumerate(joints.joints)}
        if about.actions[int(str(clip)[1:3]) - 1] in ("bend", "sit down", "pick up", "pick up and throw"):
            continue
        assert height["head"] > height["left_knee"] > height["left_foot"] - 0.2 * (1 if not about.flat else 100)
        assert height["head"] > height["right_knee"]
    assert np.median(bones) < 0.7 * np.median(others)
