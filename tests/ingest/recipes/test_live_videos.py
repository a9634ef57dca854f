"""Live Videos in small."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.core.errors import DatasetError
from stages.ingest.recipes.live_videos import clips
from stages.pose.video import frames
from tests.ingest.recipes.miniature import FRAMES, TRUTH, imported, live_videos, plain, text, video


def test_a_recording_is_cut_in_two(tmp_path: Path) -> None:
    data = imported(tmp_path, clips, live_videos(tmp_path / "lv", plain()), partial=True)
    assert data.clips[["clip", "split", "frames", "fps", "camera"]].to_numpy().tolist() == [
        ["test_murder", "test", FRAMES, 15, "murder"],
        ["train_murder", "train", FRAMES, 15, "murder"],
    ]
    assert data.frame_labels("test_murder").tolist() == TRUTH  # abnormal from frame 25 of the recording
    assert not data.frame_labels("train_murder").any()
    assert len(list(frames(data.file("test_murder"), expected=FRAMES))) == FRAMES


def test_labels_in_the_part_for_training_are_kept(tmp_path: Path) -> None:
    source = live_videos(tmp_path / "lv", plain())
    text(source / "split.csv", "murder, 27\n")
    data = imported(tmp_path, clips, source, partial=True)
    assert data.frame_labels("train_murder").tolist() == [0] * 25 + [1, 1]
    assert data.frame_labels("test_murder").tolist() == [1] * 3 + [0] * 10
    text(source / "split.csv", "murder,0\n")
    alone = imported(tmp_path / "again", clips, source, partial=True)
    assert alone.clips["clip"].tolist() == ["test_murder"]


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("VIDS/GT/murder.mp4", "1 label files are missing: VIDS/GT/murder"),
        ("split.csv", "lines `<name>,<frames for training>` missing: split.csv"),
    ],
)
def test_a_missing_mask(tmp_path: Path, lost: str, message: str, partial: bool) -> None:
    source = live_videos(tmp_path / "lv", plain())
    (source / lost).unlink()
    with pytest.raises(DatasetError, match=message):
        imported(tmp_path, clips, source, partial=partial)


def test_what_does_not_fit(tmp_path: Path) -> None:
    source = live_videos(tmp_path / "lv", plain())
    text(source / "split.csv", "murder,41\nother,5\n")
    with pytest.raises(DatasetError) as error:
        imported(tmp_path, clips, source)
    assert "murder has 40 frames, its labels 41" in str(error.value)
    assert "1 recordings, the complete data set has 28" in str(error.value)
    assert "1 recordings of split.csv missing: other" in str(error.value)
    video(source / "VIDS/GT/murder.mp4", plain(30), 15)
    with pytest.raises(DatasetError, match="murder has 40 frames, its labels 30"):
        imported(tmp_path, clips, source)


@pytest.mark.parametrize("content", ["murder\n", "murder,ten\n", "murder,5\nmurder,6\n", "murder,-1\n"])
def test_splits_that_are_none(tmp_path: Path, content: str) -> None:
    source = live_videos(tmp_path / "lv", plain())
    text(source / "split.csv", content)
    with pytest.raises(DatasetError, match="is not <name>,<frames>"):
        imported(tmp_path, clips, source, partial=True)
