"""The track stage: POSES of a dataset become TRACKS, clip by clip, and only where something changed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from stages import track
from stages.core.errors import DatasetError, ParamsError, SchemaError, VideoError
from stages.core.paths import Project, clip_file
from stages.core.schemas import POSES, TRACKS, Rows, pose_meta
from stages.core.seeding import stream
from stages.core.tables import read, write
from stages.pose import tracks as clip_tracks
from stages.pose.poseflow import Tracker
from stages.pose.tracks import Crowds, Tracked

CLIPS = """clip,split,path,camera,scene,fps,width,height,frames,abnormal
walk,train,videos/walk.mp4,1,gate,10,640,480,20,0
meet,test,videos/meet.mp4,1,gate,30,640,480,30,1
nobody,test,videos/nobody.mp4,1,gate,10,640,480,10,0
"""
LABELS = "clip,start_frame,end_frame,kind\nmeet,3,5,jump\n"
BODY = stream(0, "body").uniform([0, 0], [30, 80], size=(17, 2))
META = {**pose_meta("coco17"), "backend": "movenet", "source_sha256": "ab", "strong": "0.35", "key": "of the poses"}


def people(clip: str, frames: int, speeds: list[float], score: float = 0.9) -> Rows:
    """One person per speed (px per frame), 150 px from one to the next, one row each per frame."""
    frame, person = (grid.ravel() for grid in np.meshgrid(np.arange(frames), np.arange(len(speeds)), indexing="ij"))
    x = 50.0 + 150 * person + np.array([*speeds, 0.0])[person] * frame
    keypoints = np.ones((len(x), 17, 3), dtype=np.float32)
    keypoints[..., :2] = BODY + np.stack([x, np.full(len(x), 100.0)], axis=1)[:, None]
    table = {"clip": clip, "frame": frame, "x": x, "y": 100.0, "w": 30.0, "h": 80.0, "score": score, "track": pd.NA}
    return Rows(pd.DataFrame(table).astype({"track": "Int32"}), keypoints, META)


@pytest.fixture
def messages(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(logging.getLogger("normotion"), "propagate", True)
    caplog.set_level(logging.INFO, logger="normotion")
    return caplog


@pytest.fixture
def project(tmp_path: Path) -> Project:
    here = Project(tmp_path)
    here.raw("gate").mkdir(parents=True)
    (here.raw("gate") / "clips.csv").write_text(CLIPS)
    (here.raw("gate") / "labels.csv").write_text(LABELS)
    (here.raw("gate") / "dataset.yaml").write_text("name: gate\nsource: here\nlicence: CC0\n")
    set_params(here)
    write(clip_file(here.poses("gate"), "walk"), POSES, people("walk", 20, [2.0, -2.0]))
    write(clip_file(here.poses("gate"), "meet"), POSES, people("meet", 30, [1.0, 0.0, -1.0]))
    write(clip_file(here.poses("gate"), "nobody"), POSES, people("nobody", 0, []))
    return here


def set_params(project: Project, **params: Any) -> None:
    project.params.write_text(yaml.safe_dump({"track": params}))


def tracks(project: Project, clip: str) -> Rows:
    return read(clip_file(project.tracks("gate"), clip), TRACKS)


def stamps(project: Project) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in project.tracks("gate").glob("*.parquet")}


def test_every_pose_has_its_id(project: Project) -> None:
    track.run(project, "gate")
    for clip, frames, count in (("walk", 20, 2), ("meet", 30, 3)):
        found, poses = tracks(project, clip), read(clip_file(project.poses("gate"), clip), POSES)
        pd.testing.assert_frame_equal(found.frame.drop(columns="track"), poses.frame.drop(columns="track"))
        assert (found.arrays == poses.arrays).all()
        assert found.frame["track"].tolist() == list(range(1, count + 1)) * frames


def test_metadata_is_handed_on(project: Project) -> None:
    track.run(project, "gate")
    meta = dict(tracks(project, "walk").meta)
    assert meta["schema"] == "tracks"
    assert meta["tracker"] == "poseflow"
    assert {name: meta[name] for name in ("layout", "backend", "source_sha256", "strong")} == {
        "layout": "coco17",
        "backend": "movenet",
        "source_sha256": "ab",
        "strong": "0.35",
    }
    assert meta["key"] != "of the poses"


def test_a_clip_with_nobody_has_an_empty_table(project: Project) -> None:
    track.run(project, "gate")
    assert len(tracks(project, "nobody")) == 0
    assert tracks(project, "nobody").arrays.shape == (0, 17, 3)


def test_the_backends_word_on_who_is_strong_is_taken(project: Project, messages: pytest.LogCaptureFixture) -> None:
    write(clip_file(project.poses("gate"), "walk"), POSES, people("walk", 20, [2.0], score=0.3))
    track.run(project, "gate")
    assert len(tracks(project, "walk")) == 0  # all weak, and weak people start nothing
    assert "walk: 20 poses in 20 frames make 0 tracks; of the weak ones 0 continue a track and 20" in messages.text
    set_params(project, strong=0.25)
    track.run(project, "gate")
    assert len(tracks(project, "walk")) == 20


def test_poses_of_a_backend_that_says_nothing_are_all_strong(project: Project) -> None:
    rows = people("walk", 20, [2.0], score=0.01)
    write(clip_file(project.poses("gate"), "walk"), POSES, Rows(rows.frame, rows.values, pose_meta("coco17")))
    track.run(project, "gate")
    assert len(tracks(project, "walk")) == 20


def test_published_rule_fills_empty_frames_and_says_so(project: Project, messages: pytest.LogCaptureFixture) -> None:
    set_params(project, match=0.2, bridge=0, link=100, boxes="joints", mag=30, copy_empty=True)
    write(clip_file(project.poses("gate"), "walk"), POSES, people("walk", 18, [2.0]))
    track.run(project, "gate")
    assert tracks(project, "walk").frame["frame"].tolist() == list(range(20))
    assert "2 copied into empty frames" in messages.text


def test_unchanged_clips_are_not_done_again(project: Project, messages: pytest.LogCaptureFixture) -> None:
    track.run(project, "gate")
    before = stamps(project)
    assert "tracks are kept" not in messages.text
    track.run(project, "gate")
    assert stamps(project) == before
    assert messages.text.count("is unchanged, its tracks are kept") == 3


def test_only_what_changed_is_done_again(project: Project) -> None:
    track.run(project, "gate")
    before = stamps(project)
    write(clip_file(project.poses("gate"), "walk"), POSES, people("walk", 19, [2.0]))
    track.run(project, "gate")
    changed = {clip for clip, stamp in stamps(project).items() if stamp != before[clip]}
    assert changed == {"walk"}


@pytest.mark.parametrize(
    ("old", "new"), [("walk.mp4,1,gate,10,640", "walk.mp4,1,gate,20,640"), ("480,20,0", "480,25,0")]
)
def test_what_clips_csv_says_counts_too(project: Project, old: str, new: str) -> None:
    track.run(project, "gate")
    before = stamps(project)
    (project.raw("gate") / "clips.csv").write_text(CLIPS.replace(old, new))
    track.run(project, "gate")
    assert {clip for clip, stamp in stamps(project).items() if stamp != before[clip]} == {"walk"}


def test_other_parameters_do_everything_again(project: Project) -> None:
    track.run(project, "gate")
    before = stamps(project)
    set_params(project, match=0.5)
    track.run(project, "gate")
    assert all(stamp != before[clip] for clip, stamp in stamps(project).items())


def test_a_spoiled_file_is_made_anew(project: Project) -> None:
    track.run(project, "gate")
    expected = clip_file(project.tracks("gate"), "walk").read_bytes()
    clip_file(project.tracks("gate"), "walk").write_bytes(expected[:100])
    track.run(project, "gate")
    assert clip_file(project.tracks("gate"), "walk").read_bytes() == expected


def test_an_interrupted_run_goes_on_where_it_stopped(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    work = clip_tracks.track

    def stop(tracker: Tracker, crowds: Crowds) -> Tracked:
        if len(crowds.bounds) == 21:  # walk, 20 frames long, the last of the three in order of name
            raise KeyboardInterrupt
        return work(tracker, crowds)

    monkeypatch.setattr("stages.track.track", stop)
    with pytest.raises(KeyboardInterrupt):
        track.run(project, "gate")
    before = stamps(project)
    assert set(before) == {"meet", "nobody"}
    monkeypatch.setattr("stages.track.track", work)
    track.run(project, "gate")
    assert {clip: stamps(project)[clip] for clip in before} == before
    assert len(tracks(project, "walk")) == 40


def test_clips_no_longer_listed_and_half_written_files_go(project: Project, messages: pytest.LogCaptureFixture) -> None:
    track.run(project, "gate")
    half = project.tracks("gate") / ".walk.parquet.tmp-999999999"
    half.write_bytes(b"half")
    (project.raw("gate") / "clips.csv").write_text("\n".join(CLIPS.splitlines()[:1] + CLIPS.splitlines()[2:]))
    track.run(project, "gate")
    assert set(stamps(project)) == {"meet", "nobody"}
    assert not half.exists()
    assert "walk: no longer in clips.csv, its tracks are removed" in messages.text


def test_the_same_poses_give_the_same_bytes(project: Project) -> None:
    track.run(project, "gate")
    path = clip_file(project.tracks("gate"), "meet")
    first = path.read_bytes()
    path.unlink()
    track.run(project, "gate")
    assert path.read_bytes() == first


def give_ids(rows: Rows, ids: Sequence[int | None]) -> Rows:
    return Rows(rows.frame.assign(track=pd.array(ids, dtype="Int32")), rows.values, rows.meta)


def put(project: Project, rows: Rows) -> None:
    write(clip_file(project.poses("gate"), "walk"), POSES, rows)


def test_ids_that_came_with_the_poses_are_kept(project: Project, messages: pytest.LogCaptureFixture) -> None:
    put(project, give_ids(people("walk", 20, [2.0, -2.0], score=0.1), [40, 7] * 20))
    track.run(project, "gate")
    found = tracks(project, "walk")
    assert found.frame["track"].tolist() == [40, 7] * 20  # weak people too: nobody is dropped
    assert found.meta["tracker"] == "given"
    assert tracks(project, "meet").meta["tracker"] == "poseflow"
    assert "walk: 40 poses in 20 frames make 2 tracks, as their source gave them" in messages.text
    set_params(project, given="renew", strong=0)
    track.run(project, "gate")
    found = tracks(project, "walk")
    assert found.frame["track"].tolist() == [1, 2] * 20
    assert found.meta["tracker"] == "poseflow"


def test_a_person_twice_in_a_frame_is_refused(project: Project) -> None:
    put(project, give_ids(people("walk", 20, [2.0, -2.0]), [1, 2] * 10 + [1, 1] * 10))
    with pytest.raises(DatasetError, match="person 1 stands twice in a frame") as caught:
        track.run(project, "gate")
    assert "clip 'walk', frame 10" in caught.value.where
    set_params(project, given="renew")
    track.run(project, "gate")
    assert len(np.unique(tracks(project, "walk").frame["track"])) == 2


def test_ids_of_some_are_refused(project: Project) -> None:
    put(project, give_ids(people("walk", 20, [2.0]), [1] * 15 + [None] * 5))
    with pytest.raises(DatasetError, match="5 of 20 poses have no id") as caught:
        track.run(project, "gate")
    assert "clip 'walk', frame 15" in caught.value.where


def test_every_nth_frame_is_as_good_as_the_metadata_say(project: Project) -> None:
    rows = people("walk", 20, [8.0])
    seen = np.flatnonzero(rows.frame["frame"] % 4 == 0)
    rows = Rows(rows.frame.iloc[seen], rows.arrays[seen], rows.meta)  # 32 px from look to look
    put(project, Rows(rows.frame, rows.values, {**META, "every": "4"}))
    set_params(project, mag=30)
    track.run(project, "gate")
    assert tracks(project, "walk").frame["track"].tolist() == [1] * 5
    assert tracks(project, "walk").frame["frame"].tolist() == [0, 4, 8, 12, 16]
    assert tracks(project, "walk").meta["every"] == "4"
    put(project, Rows(rows.frame, rows.values, {**META, "every": "3"}))
    with pytest.raises(DatasetError, match="in frame 4, and the metadata say every 3 frames"):
        track.run(project, "gate")


def in_space(rows: Rows, ids: Sequence[int | None]) -> Rows:
    """The same people with a third coordinate, in metres."""
    arrays = np.concatenate([rows.arrays[..., :2], rows.arrays], axis=-1)[..., :4]
    return give_ids(Rows(rows.frame, arrays, {**rows.meta, **pose_meta("coco17", "xyz", "m")}), ids)


def test_poses_in_space_keep_their_ids_and_cannot_be_given_any(project: Project) -> None:
    put(project, in_space(people("walk", 20, [2.0]), [5] * 20))
    track.run(project, "gate")
    assert tracks(project, "walk").frame["track"].tolist() == [5] * 20
    assert tracks(project, "walk").arrays.shape == (20, 17, 4)
    put(project, in_space(people("walk", 20, [2.0]), [None] * 20))
    with pytest.raises(DatasetError, match="'walk' are xyz in m without ids, and PoseFlow takes xy in px"):
        track.run(project, "gate")


def film(project: Project, clip: str, frames: int, speed: int) -> None:
    """A video of blocks of grey that move to the right, 640 × 480."""
    path = project.raw("gate") / "videos" / f"{clip}.mp4"
    path.parent.mkdir(exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (640, 480))
    blocks = stream(0, "film").integers(0, 256, size=(60, 80), dtype=np.uint8)
    picture = np.repeat(np.repeat(blocks, 8, axis=0), 8, axis=1)[..., None].repeat(3, axis=2)
    for frame in range(frames):
        writer.write(np.roll(picture, speed * frame, axis=1))
    writer.release()


@pytest.fixture
def leaping(project: Project) -> Project:
    """Somebody who leaps 40 px a frame, too far for boxes and joints, and so does everything in the picture."""
    (project.raw("gate") / "clips.csv").write_text("\n".join(CLIPS.splitlines()[:2]))
    (project.raw("gate") / "labels.csv").write_text("clip,start_frame,end_frame,kind\n")
    film(project, "walk", 20, 40)
    put(project, people("walk", 10, [40.0]))
    return project


def test_image_points_hold_who_boxes_and_joints_lose(leaping: Project) -> None:
    set_params(leaping, bridge=0, link=2)
    track.run(leaping, "gate")
    assert tracks(leaping, "walk").frame["track"].tolist() == list(range(1, 11))
    for orb in ({}, {"area": "frame", "search": "flann", "same_pixels": True}):
        set_params(leaping, bridge=0, link=2, matches="orb", orb=orb)
        track.run(leaping, "gate")
        assert tracks(leaping, "walk").frame["track"].tolist() == [1] * 10


def test_the_video_counts_only_where_it_is_looked_at(leaping: Project) -> None:
    for matches, counts in (("none", False), ("orb", True)):
        set_params(leaping, matches=matches)
        track.run(leaping, "gate")
        before = stamps(leaping)
        film(leaping, "walk", 20, 4 if counts else 5)
        track.run(leaping, "gate")
        assert (stamps(leaping) != before) is counts


def test_a_video_that_is_cut_off_or_missing_is_named(leaping: Project) -> None:
    set_params(leaping, matches="orb")
    film(leaping, "walk", 5, 40)
    with pytest.raises(VideoError, match="5 frames could be decoded"):
        track.run(leaping, "gate")
    (leaping.raw("gate") / "videos" / "walk.mp4").unlink()
    with pytest.raises(VideoError, match="the video is missing"):
        track.run(leaping, "gate")


def test_a_data_set_of_poses_has_no_images_to_match(leaping: Project) -> None:
    set_params(leaping, matches="orb")
    description = leaping.raw("gate") / "dataset.yaml"
    description.write_text(description.read_text() + "modality: poses\n")
    with pytest.raises(DatasetError, match=r"track.matches is 'orb', and the data set of 'walk' holds poses") as caught:
        track.run(leaping, "gate")
    assert "matches: none" in caught.value.fix
    put(leaping, give_ids(people("walk", 10, [40.0]), [3] * 10))
    track.run(leaping, "gate")  # whose ids are kept needs no images
    assert tracks(leaping, "walk").frame["track"].tolist() == [3] * 10


def test_missing_poses_are_named(project: Project) -> None:
    clip_file(project.poses("gate"), "walk").unlink()
    with pytest.raises(SchemaError, match="there is no poses table") as caught:
        track.run(project, "gate")
    assert caught.value.where.endswith("walk.parquet")
    assert "meet" in stamps(project)  # what came before it stays


def test_poses_past_the_end_of_the_clip_are_refused(project: Project) -> None:
    write(clip_file(project.poses("gate"), "walk"), POSES, people("walk", 21, [2.0]))
    with pytest.raises(DatasetError, match="a pose is in frame 20, the last frame of 'walk' is 19"):
        track.run(project, "gate")


def test_metadata_that_is_no_number_is_refused(project: Project) -> None:
    rows = people("walk", 20, [2.0])
    write(clip_file(project.poses("gate"), "walk"), POSES, Rows(rows.frame, rows.values, {**META, "strong": "very"}))
    with pytest.raises(SchemaError, match="`strong` is 'very', no number"):
        track.run(project, "gate")


def test_unknown_parameters_are_refused(project: Project) -> None:
    set_params(project, macth=0.2)
    with pytest.raises(ParamsError, match="did you mean 'match'"):
        track.run(project, "gate")
