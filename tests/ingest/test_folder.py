"""Data-set folders: what is written, and that nothing is left of one that breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.core.dataset import Description, load_dataset
from stages.core.errors import DatasetError
from stages.core.paths import Project
from stages.core.schemas import POSES, Rows
from stages.core.tables import read
from stages.ingest.folder import intervals, write_folder
from stages.ingest.people import NOBODY, metadata, people, tables
from stages.ingest.source import Clip, Interval

POSED = Description(name="a gate", source="made here", licence="CC0", modality="poses")
FILMED = Description(name="a gate", source="made here", licence="CC0", modality="video")


def poses(name: str, frames: list[int], tracks: list[int] | None = None) -> Callable[[], Iterator[Rows]]:
    keypoints = np.ones((len(frames), 17, 3), dtype=np.float32)
    ids = np.array(tracks or [NOBODY] * len(frames), dtype=np.int64)
    found = people(np.array(frames, dtype=np.int64), keypoints, where="here", track=ids)
    return lambda: tables(name, found, metadata("coco17", "coco", "ab"))


def clip(name: str = "walk", **change: Any) -> Clip:
    base = Clip(name, "train", "c1", "gate", 25.0, 64, 48, 10, poses=poses(name, [0, 3, 9], [1, 1, 1]))
    return replace(base, **change)


def pieces(*frames: list[int], **columns: Any) -> Callable[[], Iterator[Rows]]:
    """Tables that no reader of ours would give."""
    meta = metadata("coco17", "coco", "ab")
    return lambda: iter(
        Rows(
            pd.DataFrame(
                {"clip": "walk", "frame": numbers, "x": 0, "y": 0, "w": 1, "h": 1, "score": 1.0}
                | {"track": pd.array([1] * len(numbers), dtype="Int32")}
                | columns
            ),
            np.ones((len(numbers), 17, 3), dtype=np.float32),
            meta,
        )
        for numbers in frames
    )


def test_what_is_written(tmp_path: Path) -> None:
    target = Project(tmp_path).raw("gate")
    labels = (Interval(7, 8, kind="jump"), Interval(2, 3, track=4))
    fall = clip("fall", split="test", labels=labels, kind="outdoors", fps=29.97)
    summary = write_folder(target, POSED, [clip(), fall])
    assert (target / "clips.csv").read_text() == (
        "clip,split,path,camera,scene,fps,width,height,frames,kind,abnormal\n"
        "fall,test,poses/fall.parquet,c1,gate,29.97,64,48,10,outdoors,\n"
        "walk,train,poses/walk.parquet,c1,gate,25.0,64,48,10,,\n"
    )
    assert (target / "labels.csv").read_text() == (
        "clip,start_frame,end_frame,track,kind\nfall,2,3,4,\nfall,7,8,,jump\n"
    )
    assert (target / "dataset.yaml").read_text().splitlines()[-1] == "modality: poses"
    assert str(summary) == "2 clips (1 test, 1 train), 20 frames, 6 poses, 2 abnormal intervals"
    data = load_dataset(Project(tmp_path), "gate")
    assert data.frame_labels("fall").tolist() == [0, 0, 1, 1, 0, 0, 0, 1, 1, 0]
    rows = read(target / "poses" / "walk.parquet", POSES)
    assert rows.frame["frame"].tolist() == [0, 3, 9]
    assert rows.meta["layout"] == "coco17"


def test_the_same_clips_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_folder(tmp_path / name, POSED, [clip(), clip("fall")])
    for path in (tmp_path / "a").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_labels_without_track_or_kind_have_no_such_columns(tmp_path: Path) -> None:
    write_folder(tmp_path / "gate", POSED, [clip(labels=(Interval(0, 1),)), clip("fall", abnormal=1)])
    assert (tmp_path / "gate" / "labels.csv").read_text() == "clip,start_frame,end_frame\nwalk,0,1\n"
    assert "fall,train,poses/fall.parquet,c1,gate,25.0,64,48,10,,1" in (tmp_path / "gate" / "clips.csv").read_text()


def test_stretches_of_which_nobody_knows(tmp_path: Path) -> None:
    write_folder(Project(tmp_path).raw("gate"), POSED, [clip(labels=(Interval(0, 1), Interval(4, 5, unknown=True)))])
    truth = load_dataset(Project(tmp_path), "gate").frame_labels("walk")
    assert np.isnan(truth).tolist() == [False] * 4 + [True] * 2 + [False] * 4
    assert truth[:2].tolist() == [1, 1]


def test_a_clip_with_nobody_in_it(tmp_path: Path) -> None:
    write_folder(tmp_path / "gate", POSED, [clip(poses=poses("walk", []))])
    rows = read(tmp_path / "gate" / "poses" / "walk.parquet", POSES)
    assert rows.arrays.shape == (0, 17, 3)


@pytest.mark.parametrize(("link", "same"), [(True, True), (False, False)])
def test_videos_are_linked_or_copied(tmp_path: Path, *, link: bool, same: bool) -> None:
    video = tmp_path / "Original.MP4"
    video.write_bytes(b"film")
    summary = write_folder(tmp_path / "gate", FILMED, [clip(poses=None, video=video)], link=link)
    written = tmp_path / "gate" / "videos" / "walk.mp4"
    assert written.read_bytes() == b"film"
    assert written.samefile(video) is same
    assert summary.copied == 0  # as asked for
    assert not (tmp_path / "gate" / "poses").exists()


def test_where_linking_fails_a_copy_is_made_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("stages.ingest.folder.os.link", refuse)
    (tmp_path / "a.mp4").write_bytes(b"film")
    summary = write_folder(tmp_path / "gate", FILMED, [clip(poses=None, video=tmp_path / "a.mp4")])
    assert summary.copied == 1
    assert (tmp_path / "gate" / "videos" / "walk.mp4").read_bytes() == b"film"


def test_an_old_folder_is_replaced_only_when_asked(tmp_path: Path) -> None:
    write_folder(tmp_path / "gate", POSED, [clip()])
    with pytest.raises(DatasetError, match="there is a data set 'gate' already"):
        write_folder(tmp_path / "gate", POSED, [clip("fall")])
    write_folder(tmp_path / "gate", POSED, [clip("fall")], replace=True)
    assert [path.name for path in (tmp_path / "gate" / "poses").iterdir()] == ["fall.parquet"]


def test_splits_that_people_wrote_outlive_any_replacement(tmp_path: Path) -> None:
    write_folder(tmp_path / "gate", POSED, [clip()])
    (tmp_path / "gate" / "splits.yaml").write_text("# mine\n")
    write_folder(
        tmp_path / "gate", POSED, [clip()], replace=True
    )  # as a recipe of actions that was told what is normal
    assert (tmp_path / "gate" / "splits.yaml").read_text() == "# mine\n"


def breaking() -> Iterator[Clip]:
    yield clip("first")
    raise DatasetError("the file is cut short", where="second.json")


BROKEN: list[tuple[str, Any]] = [
    ("the file is cut short", breaking()),
    ("two clips are called 'walk'", [clip(), clip()]),
    ("a clip cannot be called '../walk'", [clip("../walk")]),
    ("a clip cannot be called '.hidden'", [clip(".hidden")]),
    ("brings no poses", [clip(poses=None)]),
    ("gives no table of poses", [clip(poses=lambda: iter(()))]),
    ("2 poses lie outside its 3 frames", [clip(frames=3)]),
    ("of another clip", [clip(poses=poses("fall", [0]))]),
    ("not in the order of frames", [clip(poses=pieces([3, 2]))]),
    ("not in the order of frames", [clip(poses=pieces([3], [2]))]),
    ("person 1 is twice in frame 3", [clip(poses=pieces([2, 3, 3]))]),
    ("poses.score has values below 0", [clip(poses=pieces([2], score=-1.0))]),
    ("poses.x has null or NaN values", [clip(poses=pieces([2], x=np.nan))]),
    ("clips.csv lists no clips", []),
    ("split 'trian'; did you mean 'train'?", [clip(split="trian")]),
    ("reaches past 'walk', whose last frame is 9", [clip(labels=(Interval(5, 10),))]),
    ("fps must be a positive number", [clip(fps=0)]),
]


@pytest.mark.parametrize(("message", "clips"), BROKEN, ids=[message for message, _ in BROKEN])
def test_nothing_is_left_of_what_breaks(tmp_path: Path, message: str, clips: Any) -> None:
    with pytest.raises(DatasetError) as error:
        write_folder(tmp_path / "gate", POSED, clips)
    assert message in str(error.value)
    assert ".tmp-" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_an_old_folder_survives_what_breaks(tmp_path: Path) -> None:
    write_folder(tmp_path / "gate", POSED, [clip()])
    with pytest.raises(DatasetError):
        write_folder(tmp_path / "gate", POSED, [clip("fall", frames=1)], replace=True)
    assert [path.name for path in (tmp_path / "gate" / "poses").iterdir()] == ["walk.parquet"]
    assert [path.name for path in tmp_path.iterdir()] == ["gate"]


def test_what_a_killed_import_left_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / ".gate.tmp-4194999" / "poses").mkdir(parents=True)  # no process has such a number
    write_folder(tmp_path / "gate", POSED, [clip()])
    assert [path.name for path in tmp_path.iterdir()] == ["gate"]


def test_a_folder_of_a_bad_name(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="a data set cannot be called '.gate'"):
        write_folder(tmp_path / ".gate", POSED, [clip()])


def test_a_video_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="clip 'walk' has no video"):
        write_folder(tmp_path / "gate", FILMED, [clip(video=tmp_path / "gone.mp4")])


def test_clips_are_taken_one_at_a_time(tmp_path: Path) -> None:
    taken: list[str] = []

    def clips() -> Iterator[Clip]:
        for name in ("a", "b"):
            if taken:  # the first is written before the second is asked for
                assert list((tmp_path).rglob("poses/a.parquet"))
            taken.append(name)
            yield clip(name)

    write_folder(tmp_path / "gate", POSED, clips())
    assert taken == ["a", "b"]


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ([0, 1, 1, 0, 0, 1], [(1, 2), (5, 5)]),
        ([1, 1], [(0, 1)]),
        ([0, 0], []),
        ([], []),
        ([True, False], [(0, 0)]),
        ([0.0, 1.0], [(1, 1)]),
    ],
)
def test_intervals_of_a_mask(mask: list[float], expected: list[tuple[int, int]]) -> None:
    assert [(found.start, found.end) for found in intervals(mask)] == expected


def test_intervals_where_0_means_abnormal() -> None:
    assert intervals([0, 1, 1], abnormal=0, kind="fog") == (Interval(0, 0, kind="fog"),)


@pytest.mark.parametrize("mask", [[0, np.nan], [0, 2], [[0, 1]], ["0", "1"], [None, 1]])
def test_masks_that_are_none(mask: list[Any]) -> None:
    with pytest.raises(DatasetError, match="a mask must hold 0 or 1 for each frame"):
        intervals(mask)
