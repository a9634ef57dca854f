"""ShanghaiTech in small, and its masks in full."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import DatasetError
from stages.core.schemas import POSES
from stages.core.tables import read
from stages.ingest.recipes.shanghaitech import NOT_HUMAN, clips
from stages.pose.video import frames
from tests.ingest.recipes.miniature import (
    FRAMES,
    TRUTH,
    array,
    imported,
    plain,
    shanghaitech,
    shanghaitech_video,
    tracked,
)


def test_poses(tmp_path: Path) -> None:
    data = imported(tmp_path, clips, shanghaitech(tmp_path / "st"), partial=True)
    assert data.clips["clip"].tolist() == ["01_001", "01_0014", "02_001", "12_0152"]
    assert data.clips["split"].tolist() == ["train", "test", "train", "test"]
    assert data.clips["camera"].tolist() == data.clips["scene"].tolist() == ["01", "01", "02", "12"]
    assert set(data.clips["fps"]) == {24}
    assert set(data.clips["width"]) == {856}
    assert data.frame_labels("01_0014").tolist() == TRUTH  # masks say 1 for abnormal
    assert data.frame_labels("01_001").tolist() == [0] * FRAMES
    poses = read(data.file("01_0014"), POSES)
    assert len(poses) == 2 * FRAMES
    assert poses.meta["layout"] == "coco17"
    assert sorted(poses.frame["track"].unique()) == [0, 1]
    assert data.description.subsets == {"HR": ["12_0152"]}  # reported beside the whole


def test_hr_drops_clips_that_are_not_of_people(tmp_path: Path) -> None:
    data = imported(tmp_path, clips, shanghaitech(tmp_path / "st"), partial="true", hr="true")
    assert data.split("test")["clip"].tolist() == ["01_0014"]
    assert data.description.name == "HR-ShanghaiTech"
    assert data.description.subsets == {}


def test_video(tmp_path: Path) -> None:
    source = shanghaitech_video(tmp_path / "st", plain())
    data = imported(tmp_path, clips, source, modality="video", partial=True)
    assert data.clips[["clip", "split", "frames", "fps"]].to_numpy().tolist() == [
        ["01_001", "train", FRAMES, 24],
        ["01_0014", "test", FRAMES, 24],
    ]
    assert data.frame_labels("01_0014").tolist() == TRUTH
    assert len(list(frames(data.file("01_0014"), expected=FRAMES))) == FRAMES


@pytest.mark.parametrize("partial", [False, True])
def test_a_missing_mask(tmp_path: Path, partial: bool) -> None:
    source = shanghaitech(tmp_path / "st")
    (source / "gt/test_frame_mask/12_0152.npy").unlink()
    with pytest.raises(DatasetError, match="1 label files are missing: test_frame_mask/12_0152.npy"):
        imported(tmp_path, clips, source, partial=partial)
    assert not (tmp_path / "project").exists()


def test_an_incomplete_download(tmp_path: Path) -> None:
    source = shanghaitech(tmp_path / "st")
    (source / "pose/test/01_0014_alphapose_tracked_person.json").unlink()
    with pytest.raises(DatasetError) as error:
        imported(tmp_path, clips, source)
    assert "1 test clips missing: 01_0014" in str(error.value)
    assert "2 test masks, the complete data set has 107" in str(error.value)
    assert "2 training clips, the complete data set has 330" in str(error.value)
    assert imported(tmp_path, clips, source, partial=True).split("test")["clip"].tolist() == ["12_0152"]


def test_masks_that_do_not_fit(tmp_path: Path) -> None:
    source = shanghaitech(tmp_path / "st")
    array(source / "gt/test_frame_mask/01_0014.npy", TRUTH[:-1])
    with pytest.raises(DatasetError, match="clip '01_0014': 2 poses lie outside its 19 frames"):
        imported(tmp_path, clips, source, partial=True)
    film = shanghaitech_video(tmp_path / "film", plain())
    array(film / "testing/test_frame_mask/01_0014.npy", TRUTH[:-1])
    with pytest.raises(DatasetError, match="01_0014 has 20 frames, its labels 19"):
        imported(tmp_path, clips, film, modality="video")


def test_a_clip_in_which_nobody_is(tmp_path: Path) -> None:
    source = shanghaitech(tmp_path / "st")
    (source / "pose/train/02_001_alphapose_tracked_person.json").write_text("{}")
    data = imported(tmp_path, clips, source, partial=True)
    assert data.clip("02_001")["frames"] == 1


def test_a_name_of_no_clip(tmp_path: Path) -> None:
    source = shanghaitech(tmp_path / "st")
    tracked(source / "pose/train/yard_alphapose_tracked_person.json", 1)
    with pytest.raises(DatasetError, match="'yard' is not the name of a clip of ShanghaiTech"):
        imported(tmp_path, clips, source, partial=True)


@pytest.mark.oracle
def test_masks_in_full(tmp_path: Path, shared: Path) -> None:
    published = np.load(shared / "data/labels/shanghaitech_test_masks_abn1.npz")
    for name in published.files:
        array(tmp_path / f"st/gt/test_frame_mask/{name}.npy", published[name])
        tracked(tmp_path / f"st/pose/test/{name}_alphapose_tracked_person.json", 1)
    data = imported(tmp_path, clips, tmp_path / "st", partial=True)
    truth = {name: data.frame_labels(name) for name in data.clips["clip"]}
    # Clips, frames and abnormal frames as published.
    assert len(truth) == 107
    assert sum(map(len, truth.values())) == 40_791
    assert sum(int(labels.sum()) for labels in truth.values()) == 17_326
    assert truth["04_0011"].all()
    human = [labels for name, labels in truth.items() if name not in NOT_HUMAN]
    assert (len(human), sum(map(len, human))) == (101, 38_697)
    assert round(100 * sum(int(labels.sum()) for labels in human) / 38_697, 2) == 41.66
