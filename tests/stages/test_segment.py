"""The segment stage: tracks of two frame rates become windows of one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from stages import normalize, segment
from stages.core.errors import DatasetError, SchemaError
from stages.core.paths import Project, clip_file, entries_file, split_file
from stages.core.schemas import ENTRIES, NORMALIZED, SEGMENTS, TRACKS, Rows, pose_meta
from stages.core.seeding import stream
from stages.core.tables import read, write

CLIPS = """clip,split,path,camera,scene,fps,width,height,frames,abnormal
slow,train,videos/slow.mp4,1,gate,10,640,480,20,0
fast,test,videos/fast.mp4,1,gate,30,640,480,60,1
nobody,test,videos/nobody.mp4,1,gate,30,640,480,60,0
"""
PARAMS = {"windows": {"short": {"rate": 10.0, "length": 4}}, "segment": {"windows": ["short"]}}


def tracks(clip: str, frames: int) -> Rows:
    """One person who walks to the right, its joints at fixed random places."""
    body = stream(0, "body").uniform(0, 100, size=(17, 3)).astype(np.float32)
    keypoints = np.repeat(body[None], frames, axis=0)
    keypoints[:, :, 0] += np.arange(frames)[:, None]
    box = {"x": 0.0, "y": 0.0, "w": 100.0, "h": 100.0}
    frame = pd.DataFrame({"clip": clip, "frame": np.arange(frames), **box, "score": 0.9, "track": 7})
    return Rows(frame, keypoints, pose_meta("coco17"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    here = Project(tmp_path)
    here.raw("gate").mkdir(parents=True)
    (here.raw("gate") / "clips.csv").write_text(CLIPS)
    (here.raw("gate") / "labels.csv").write_text("clip,start_frame,end_frame,kind\nfast,30,32,jump\n")
    (here.raw("gate") / "dataset.yaml").write_text("name: gate\nsource: here\nlicence: CC0\n")
    here.params.write_text(yaml.safe_dump(PARAMS))
    for clip, frames in (("slow", 20), ("fast", 60), ("nobody", 0)):
        write(clip_file(here.tracks("gate"), clip), TRACKS, tracks(clip, frames))
    return here


def segments(project: Project, split: str) -> pd.DataFrame:
    return read(split_file(project.segments("gate", "short"), split), SEGMENTS).frame


def test_windows_mean_the_same_time_at_every_rate(project: Project) -> None:
    segment.run(project, "gate", "short")
    train, test = segments(project, "train"), segments(project, "test")
    assert len(train) == 17  # 20 samples hold 17 windows of 4
    assert train["start_frame"].tolist() == list(range(17))
    assert len(test) == 17  # 60 frames at 30 frames/s are 20 samples
    assert test["start_frame"].tolist() == [3.0 * i for i in range(17)]
    assert set(test["step"]) == {3.0}
    assert set(test["clip"]) == {"fast"}


def test_windows_point_at_their_rows(project: Project) -> None:
    segment.run(project, "gate", "short")
    entries = read(entries_file(project.segments("gate", "short"), "test"), ENTRIES)
    for _, window in segments(project, "test").iterrows():
        rows = slice(window["first_row"], window["first_row"] + 4)
        assert (entries.frame["sample"][rows] * 3 == window["start_frame"] + 3 * np.arange(4)).all()
    assert entries.meta["layout"] == "openpose18"
    assert entries.arrays.shape == (20, 18, 3)


def test_labels_touch_any_frame_of_the_window(project: Project) -> None:
    segment.run(project, "gate", "short")
    test = segments(project, "test").set_index("start_frame")["label"]
    # Frames 30–32 are abnormal; a window of 4 × 3 frames from s covers s … s + 11.
    assert [start for start in test.index if test[start] == 1] == [21, 24, 27, 30]
    assert (segments(project, "train")["label"] == 0).all()


def test_everybody_in_an_abnormal_frame_is_abnormal_where_nobody_says_who(project: Project) -> None:
    segment.run(project, "gate", "short")
    test = segments(project, "test").set_index("start_frame")["person_label"]
    # Of the samples, at every third frame, that at 30 alone is abnormal, and one of four is fewer than half.
    assert [start for start in test.index if test.isna()[start]] == [21, 24, 27, 30]
    assert (test.dropna() == 0).all()
    assert (segments(project, "train")["person_label"] == 0).all()
    (project.raw("gate") / "labels.csv").write_text("clip,start_frame,end_frame\nfast,30,35\n")
    segment.run(project, "gate", "short")
    test = segments(project, "test").set_index("start_frame")["person_label"]
    # Now 30 and 33 are: of the windows that hold both, half of the samples.
    assert [start for start in test.index if not test.isna()[start] and test[start] == 1] == [24, 27, 30]
    assert [start for start in test.index if test.isna()[start]] == [21, 33]


@pytest.mark.parametrize(("left", "label"), [(0, 1), (300, 0)])
def test_regions_say_who_is_abnormal(project: Project, left: int, label: int) -> None:
    # The person walks from x = 0 … 100 to 59 … 159, and the region spans 200 px from `left`.
    rows = f"clip,start_frame,end_frame,x,y,w,h\nfast,0,59,{left},0,200,100\n"
    (project.raw("gate") / "labels.csv").write_text(rows)
    segment.run(project, "gate", "short")
    assert (segments(project, "test")["person_label"] == label).all()
    assert (segments(project, "test")["label"] == 1).all()


@pytest.mark.parametrize(("tracker", "label"), [("given", 0), ("poseflow", 1)])
def test_tracks_that_labels_name_count_where_ids_were_kept(project: Project, tracker: str, label: int) -> None:
    person = tracks("fast", 60)
    other = Rows(person.frame.assign(track=8), person.values, person.meta)
    both = Rows(
        pd.concat([person.frame, other.frame], ignore_index=True),
        np.concatenate([person.arrays, other.arrays]),
        {**person.meta, "tracker": tracker},
    )
    write(clip_file(project.tracks("gate"), "fast"), TRACKS, both)
    (project.raw("gate") / "labels.csv").write_text("clip,start_frame,end_frame,track\nfast,0,59,8\n")
    segment.run(project, "gate", "short")
    test = segments(project, "test")
    assert (test.loc[test["track"] == 8, "person_label"] == 1).all()
    assert (test.loc[test["track"] == 7, "person_label"] == label).all()


def test_splits_without_clips_have_empty_tables(project: Project) -> None:
    segment.run(project, "gate", "short")
    normalize.run(project, "gate", "short")
    empty = read(split_file(project.normalized("gate", "short"), "validation"), NORMALIZED)
    assert empty.arrays.shape == (0, 2, 4, 18)


def test_missing_tracks_are_named_and_the_old_windows_stay(project: Project) -> None:
    segment.run(project, "gate", "short")
    before = split_file(project.segments("gate", "short"), "test").read_bytes()
    clip_file(project.tracks("gate"), "fast").unlink()
    with pytest.raises(SchemaError, match="there is no tracks table") as error:
        segment.run(project, "gate", "short")
    assert "fast.parquet" in error.value.where
    assert split_file(project.segments("gate", "short"), "test").read_bytes() == before


def test_the_same_tracks_give_the_same_bytes(project: Project) -> None:
    segment.run(project, "gate", "short")
    folder = project.segments("gate", "short")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    segment.run(project, "gate", "short")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_three_coordinates_pass_and_do_not_mix_with_two(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    project.params.write_text(yaml.safe_dump({"windows": {"short": {"rate": 10.0, "length": 4, "layout": "ntu25"}}}))
    table = {clip: tracks(clip, frames) for clip, frames in (("slow", 20), ("fast", 60), ("nobody", 0))}
    for clip, rows in table.items():
        body = np.zeros((len(rows), 25, 4), np.float32)
        body[..., 1] = np.arange(25)
        write(clip_file(project.tracks("gate"), clip), TRACKS, Rows(rows.frame, body, pose_meta("ntu25", "xyz", "m")))
    # Regions are in pixels and cannot be compared with metres: frames decide.
    (project.raw("gate") / "labels.csv").write_text("clip,start_frame,end_frame,x,y,w,h\nfast,0,59,900,900,9,9\n")
    with caplog.at_level("INFO", logger="normotion"):
        segment.run(project, "gate", "short")
    assert "regions are in px, poses xyz in m: who is abnormal follows from labels.csv" in caplog.text
    assert (segments(project, "test")["person_label"] == 1).all()
    normalize.run(project, "gate", "short")
    found = read(split_file(project.normalized("gate", "short"), "test"), NORMALIZED)
    assert (found.arrays.shape, found.meta["channels"]) == ((17, 3, 4, 25), "x,y,z")
    write(clip_file(project.tracks("gate"), "slow"), TRACKS, table["slow"])
    with pytest.raises(DatasetError, match=r"poses differ: xyz in m, ntu25 \('fast'\), xy in px, ntu25 \('slow'\)"):
        segment.run(project, "gate", "short")
