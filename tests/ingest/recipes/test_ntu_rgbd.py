"""NTU RGB+D in small."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import yaml

from stages.core.action_splits import action_splits, draft_splits
from stages.core.errors import DatasetError
from stages.core.schemas import POSES
from stages.core.tables import read
from stages.ingest.recipes.ntu_classes import ACTIONS, MISSING
from stages.ingest.recipes.ntu_rgbd import CAMERAS, PERFORMERS, SPLITS, clips, kind, learnt, numbers
from tests.ingest.recipes.miniature import FRAMES, imported, ntu_rgbd, skeleton


def test_a_miniature(tmp_path: Path) -> None:
    data = imported(tmp_path, clips, ntu_rgbd(tmp_path / "ntu"), partial=True, normal=[28, 29, 30, 33])
    # The punch of the performer that is learnt from is left out.
    assert data.clips[["clip", "split", "kind", "abnormal"]].to_numpy().tolist() == [
        ["S001C001P001R001A028", "train", "A028 phone", 0],
        ["S001C001P003R001A028", "test", "A028 phone", 0],
        ["S001C001P003R001A050", "test", "A050 punch somebody", 1],
    ]
    assert data.frame_labels("S001C001P003R001A050").tolist() == [1] * FRAMES
    assert data.frame_labels("S001C001P003R001A028").tolist() == [0] * FRAMES
    poses = read(data.file("S001C001P003R001A050"), POSES)
    assert (poses.meta["layout"], poses.meta["coordinates"], len(poses)) == ("ntu25", "xyz", 2 * FRAMES)
    assert data.clips[["camera", "scene", "fps"]].iloc[0].tolist() == ["S001C001", "S001", 30]


def test_without_a_choice_every_class_is_kept(tmp_path: Path) -> None:
    data = imported(tmp_path, clips, ntu_rgbd(tmp_path / "ntu"), partial=True)
    assert data.description.task == "actions"
    assert data.clips.groupby("split")["kind"].apply(list).to_dict() == {
        "train": ["A028 phone", "A050 punch somebody"],
        "test": ["A028 phone", "A050 punch somebody"],
    }
    assert data.clips["abnormal"].isna().all()
    assert [split.classes for split in action_splits(data)] == [("A050 punch somebody",), ("A028 phone",)]


def test_named_splits_of_the_paper() -> None:
    named = SPLITS["ntu-rgbd"]
    everything = [kind(action) for action in range(1, 61)]
    text = draft_splits(everything, named)
    found = [split for split in yaml.safe_load(text)["splits"] if split["meaningful"]]
    assert {split["name"]: [int(one[1:4]) for one in split["classes"]] for split in found} == {
        "office": [28, 29, 30, 33],
        "fighting": [50, 51, 52, 53],
    }
    # Of what is not there no split is written.
    assert "fighting" not in draft_splits(everything[:50], named)


def test_many_against_few_across_views(tmp_path: Path) -> None:
    source = ntu_rgbd(tmp_path / "ntu")
    skeleton(source / "nturgb+d_skeletons/S001C002P003R001A028.skeleton")
    data = imported(tmp_path, clips, source, partial=True, abnormal="[50]", protocol="cross-view")
    assert data.split("train")["clip"].tolist() == ["S001C002P003R001A028"]  # camera 2; camera 1 is the test
    assert len(data.split("test")) == 4
    assert data.clips["abnormal"].sum() == 2


def test_which_clips_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = ntu_rgbd(tmp_path / "ntu")
    for name in ("S018C001P003R001A028", "S001C001P003R001A061", "S001C002P005R002A008"):
        skeleton(source / f"nturgb+d_skeletons/{name}.skeleton")
    with caplog.at_level(logging.INFO, "normotion"):
        data = imported(tmp_path, clips, source, partial=True, normal=[28])
    assert len(data.clips) == 3
    assert "NTU RGB+D: 3 clips are left out" in caplog.text
    assert "1 training clips of abnormal actions are left out" in caplog.text


@pytest.mark.parametrize("partial", [False, True])
def test_a_clip_without_an_action(tmp_path: Path, partial: bool) -> None:
    source = ntu_rgbd(tmp_path / "ntu")
    skeleton(source / "nturgb+d_skeletons/S001C001P003R001.skeleton")
    with pytest.raises(DatasetError, match="1 label files are missing: S001C001P003R001"):
        imported(tmp_path, clips, source, partial=partial, normal=[28])


def test_an_incomplete_download(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="4 clips with skeletons, the complete data set has 56578"):
        imported(tmp_path, clips, ntu_rgbd(tmp_path / "ntu"), normal=[28])


def test_published_facts() -> None:
    assert len(MISSING) == 302
    assert "S017C003P020R001A059" in MISSING
    assert (len(ACTIONS), ACTIONS[42], ACTIONS[59]) == (60, "fall", "walk apart")
    assert len(PERFORMERS) == 20
    assert set(range(1, 41)) > PERFORMERS
    assert len(CAMERAS) == 2
    assert numbers("S017C003P020R001A059") == (17, 3, 20, 1, 59)
    assert learnt("S001C001P001R001A001", "cross-subject")
    assert not learnt("S001C001P001R001A001", "cross-view")
    with pytest.raises(DatasetError, match="is no clip's name"):
        numbers("S1C1")
