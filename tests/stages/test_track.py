"""The track stage: POSES of a dataset become TRACKS, clip by clip, and only where something changed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from stages import track
from stages.core.errors import DatasetError, ParamsError, SchemaError
from stages.core.paths import Project, clip_file
from stages.core.schemas import POSES, TRACKS, Rows
from stages.core.seeding import stream
from stages.core.tables import read, write
from stages.pose import tracks as clip_tracks

CLIPS = """clip,split,path,camera,scene,fps,width,height,frames,abnormal
walk,train,videos/walk.mp4,1,gate,10,640,480,20,0
meet,test,videos/meet.mp4,1,gate,30,640,480,30,1
nobody,test,videos/nobody.mp4,1,gate,10,640,480,10,0
"""
LABELS = "clip,start_frame,end_frame,kind\nmeet,3,5,jump\n"
BODY = stream(0, "body").uniform([0, 0], [30, 80], size=(17, 2))
META = {"layout": "coco17", "backend": "movenet", "source_sha256": "ab", "strong": "0.35", "key": "of the poses"}


def people(clip: str, frames: int, speeds: list[float], score: float = 0.9) -> Rows:
    """One person per speed (px per frame), 150 px from one to the next, one row each per frame."""
    frame, person = (grid.ravel() for grid in np.meshgrid(np.arange(frames), np.arange(len(speeds)), indexing="ij"))
    x = 50.0 + 150 * person + np.array([*speeds, 0.0])[person] * frame
    keypoints = np.ones((len(x), 17, 3), dtype=np.float32)
    keypoints[..., :2] = BODY + np.stack([x, np.full(len(x), 100.0)], axis=1)[:, None]
    table = {"clip": clip, "frame": frame, "x": x, "y": 100.0, "w": 30.0, "h": 80.0, "score": score}
    return Rows(pd.DataFrame(table), keypoints, META)


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
        pd.testing.assert_frame_equal(found.frame.drop(columns="track"), poses.frame)
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
    write(clip_file(project.poses("gate"), "walk"), POSES, Rows(rows.frame, rows.values, {"layout": "coco17"}))
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
    assert messages.text.count("its poses are unchanged, its tracks are kept") == 3


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

    def stop(tracker: Any, poses: Rows, frames: int) -> Any:
        if frames == 20:  # walk, the last of the three in order of name
            raise KeyboardInterrupt
        return work(tracker, poses, frames)

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
