"""UCSD Ped2 in small in both layouts, and in full as it is passed on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import DatasetError
from stages.ingest.recipes.ped2 import clips
from stages.pose.video import frames
from tests.ingest.recipes.miniature import FRAMES, TRUTH, Image, imported, ped2, ped2_passed_on, plain, text


@pytest.mark.parametrize("make", [ped2, ped2_passed_on])
def test_a_miniature(tmp_path: Path, make: object) -> None:
    assert callable(make)
    data = imported(tmp_path, clips, make(tmp_path / "ped2", plain()), partial=True)
    assert data.clips[["clip", "split", "frames", "fps", "width", "height"]].to_numpy().tolist() == [
        ["test_01", "test", FRAMES, 10, 64, 48],
        ["train_01", "train", FRAMES, 10, 64, 48],
    ]
    assert data.frame_labels("test_01").tolist() == TRUTH  # [6:8, 9:10] counted from 1 is 5–9


def test_images_are_kept_as_they_are(tmp_path: Path) -> None:
    pictures: list[Image] = plain()
    data = imported(tmp_path, clips, ped2(tmp_path / "ped2", pictures), partial=True)
    decoded = [image for _, image in frames(data.file("train_01"), expected=FRAMES)]
    assert all((image == picture).all() for image, picture in zip(decoded, pictures, strict=True))


@pytest.mark.parametrize("partial", [False, True])
def test_a_missing_truth(tmp_path: Path, partial: bool) -> None:
    source = ped2(tmp_path / "ped2", plain())
    (source / "Test/Test001").rename(source / "Test/Test002")
    with pytest.raises(DatasetError, match="1 label files are missing: UCSDped2.m: clip 2"):
        imported(tmp_path, clips, source, partial=partial)
    (source / "Test/UCSDped2.m").unlink()
    with pytest.raises(DatasetError, match="frames' truth missing: Test/UCSDped2.m or ped2.mat"):
        imported(tmp_path, clips, source, partial=partial)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("TestVideoFile{end+1}.gt_frame = [6:21];", "test_01 has 20 frames, its labels 21"),
        ("TestVideoFile{end+1}.gt_frame = [0:3];", "frames 0 to 3 are no interval"),
        ("TestVideoFile{end+1}.gt_frame = [9:3];", "frames 9 to 3 are no interval"),
        ("nothing", "the script names no abnormal frames"),
    ],
)
def test_truth_that_does_not_fit(tmp_path: Path, line: str, message: str) -> None:
    source = ped2(tmp_path / "ped2", plain())
    text(source / "Test/UCSDped2.m", line + "\n")
    with pytest.raises(DatasetError, match=message):
        imported(tmp_path, clips, source)


def test_truth_past_the_end_of_a_video(tmp_path: Path) -> None:
    source = ped2_passed_on(tmp_path / "ped2", plain(9))
    with pytest.raises(DatasetError, match="test_01 has 9 frames, its labels 10"):
        imported(tmp_path, clips, source)


@pytest.mark.oracle
def test_in_full(tmp_path: Path, shared: Path) -> None:
    data = imported(tmp_path, clips, shared / "data" / "ped2")  # complete: nothing is missing
    assert data.clips["split"].value_counts().to_dict() == {"train": 16, "test": 12}
    assert int(data.split("train")["frames"].sum()) == 2_550
    truth = [data.frame_labels(name) for name in data.split("test")["clip"]]
    assert sum(map(len, truth)) == 2_010
    assert np.flatnonzero(truth[0])[[0, -1]].tolist() == [60, 179]  # 61 to 180 counted from 1
    assert set(data.clips["fps"]) == {10}
    assert set(data.clips["width"]) == {360}
