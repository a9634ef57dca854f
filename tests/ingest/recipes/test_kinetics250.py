"""Kinetics-250 in small."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from stages.core.action_splits import action_splits
from stages.core.errors import DatasetError
from stages.core.schemas import POSES
from stages.core.tables import read
from stages.ingest.recipes.kinetics250 import clips
from tests.ingest.recipes.miniature import FRAMES, imported, kinetics, text


def test_a_miniature(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "normotion"):
        data = imported(tmp_path, clips, kinetics(tmp_path / "k"), normal=[18])
    # Archery of the training part is left out, and so is the clip in which nobody was found.
    assert data.clips[["clip", "split", "kind", "abnormal"]].to_numpy().tolist() == [
        ["v_-a", "train", "dancing", 0],
        ["v_c", "test", "dancing", 0],
        ["v_d", "test", "archery", 1],
    ]
    assert "1 train clips in which nobody was found are left out" in caplog.text
    assert "1 training clips of abnormal actions are left out" in caplog.text
    assert data.frame_labels("v_d").tolist() == [1] * FRAMES
    poses = read(data.file("v_d"), POSES)
    assert poses.meta["layout"] == "openpose18"
    assert poses.frame["track"].isna().all()  # nobody tracked them
    assert poses.arrays[..., 0].max() > 1  # px, where the file has shares of the frame


def test_without_a_choice_every_class_is_kept(tmp_path: Path) -> None:
    data = imported(tmp_path, clips, kinetics(tmp_path / "k"))
    assert data.description.task == "actions"
    assert data.clips[["clip", "kind"]].to_numpy().tolist() == [
        ["v_-a", "dancing"],
        ["v__b", "archery"],
        ["v_c", "dancing"],
        ["v_d", "archery"],
    ]
    assert data.clips["abnormal"].isna().all()
    assert {split.classes for split in action_splits(data)} == {("dancing",), ("archery",)}


def test_some_of_the_classes(tmp_path: Path) -> None:
    text(tmp_path / "classes.txt", "18\n")
    data = imported(tmp_path, clips, kinetics(tmp_path / "k"), abnormal=[6], classes=str(tmp_path / "classes.txt"))
    assert data.clips["clip"].tolist() == ["v_-a", "v_c"]
    text(tmp_path / "classes.txt", "dancing\n")
    with pytest.raises(DatasetError, match="the classes must be numbers, one per line"):
        imported(tmp_path, clips, kinetics(tmp_path / "k"), abnormal=[6], classes=str(tmp_path / "classes.txt"))


@pytest.mark.parametrize("partial", [False, True])
def test_missing_labels(tmp_path: Path, partial: bool) -> None:
    source = kinetics(tmp_path / "k")
    text(source / "kinetics_val/e.json", "{}")
    with pytest.raises(DatasetError, match="1 label files are missing: e in kinetics_val_label.json"):
        imported(tmp_path, clips, source, normal=[18], partial=partial)
    (source / "kinetics_val_label.json").unlink()
    with pytest.raises(DatasetError, match="actions of the clips missing: kinetics_val_label.json or keintics"):
        imported(tmp_path, clips, source, normal=[18], partial=partial)


def test_an_incomplete_download(tmp_path: Path) -> None:
    source = kinetics(tmp_path / "k")
    (source / "kinetics_val/d.json").unlink()
    with pytest.raises(DatasetError, match="1 test clips missing: d"):
        imported(tmp_path, clips, source, normal=[18])
    assert len(imported(tmp_path, clips, source, normal=[18], partial=True).clips) == 2


@pytest.mark.parametrize("content", ['{"c": {"has_skeleton": true}}', "[]", '{"c": 5}'])
def test_label_files_that_are_none(tmp_path: Path, content: str) -> None:
    source = kinetics(tmp_path / "k")
    text(source / "kinetics_val_label.json", content)
    with pytest.raises(DatasetError, match="clips must have has_skeleton, label and label_index"):
        imported(tmp_path, clips, source, normal=[18])
