"""Pose files in a recipe."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from stages.core.errors import DatasetError
from stages.ingest.formats import tracked_person
from stages.ingest.recipes.poses import PoseFiles, pose_files, posed, seen
from tests.ingest.recipes.miniature import text, tracked


def test_files_of_a_folder(tmp_path: Path) -> None:
    for name in ("b_1", "a_1"):
        tracked(tmp_path / f"{name}_alphapose_tracked_person.json", 1)
    text(tmp_path / "._a_1_alphapose_tracked_person.json", "")
    text(tmp_path / "other.json", "{}")
    assert list(pose_files(tmp_path)) == ["a_1", "b_1"]


def test_a_recording_and_its_length(tmp_path: Path) -> None:
    reader = PoseFiles(tracked_person.read)
    tracked(tmp_path / "a_1_alphapose_tracked_person.json", 7)
    found = reader.recording(tmp_path / "a_1_alphapose_tracked_person.json")
    assert seen(found) == 7
    size = {"fps": 24.0, "width": 856, "height": 480}
    clip = posed(found, name="a_1", split="test", camera="a", scene="a", frames=9, **size)
    assert (clip.frames, clip.fps) == (9, 24.0)
    assert clip.poses is not None
    for _ in range(2):  # may be asked for again
        assert [len(piece) for piece in clip.poses()] == [14]
    text(tmp_path / "nobody.json", "{}")
    assert seen(reader.recording(tmp_path / "nobody.json")) == 1


def test_repairs_of_all_files_are_told_together(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    unseen = {"keypoints": [0.0] * 51, "scores": 0.0}
    for name in ("a", "b"):
        text(tmp_path / f"{name}.json", json.dumps({"1": {"0000": unseen}}))
    reader = PoseFiles(tracked_person.read)
    with caplog.at_level(logging.INFO, "normotion"):
        reader.tell("X")
        for name in ("a", "b"):
            reader.recording(tmp_path / f"{name}.json")
        reader.tell("X")
    assert [record.message for record in caplog.records] == ["X: of the people read, 2 without a joint seen, left out"]


def test_a_broken_file(tmp_path: Path) -> None:
    text(tmp_path / "a.json", '{"1": {"0000"')
    with pytest.raises(DatasetError, match="cut short"):
        PoseFiles(tracked_person.read).recording(tmp_path / "a.json")
    with pytest.raises(DatasetError, match="the file holds no clip"):
        PoseFiles(lambda *_: iter(())).recording(tmp_path / "a.json")
