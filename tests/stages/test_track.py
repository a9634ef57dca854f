"""The track stage: POSES of a dataset become TRACKS, clip by clip, and only where something changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import track
from stages.core.errors import DatasetError, ParamsError, SchemaError
from stages.core.paths import Project, clip_file
from stages.core.schemas import POSES, Rows, pose_meta
from stages.core.tables import read, write
from stages.pose import tracks as clip_tracks
from stages.pose.poseflow import Tracker
from stages.pose.tracks import Crowds, Tracked
from tests.stages.gate import CLIPS, META, make_gate, people, put, set_params, stamps, tracks


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_gate(tmp_path)


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


def test_the_backends_word_on_who_is_strong_is_taken(project: Project, said: pytest.LogCaptureFixture) -> None:
    write(clip_file(project.poses("gate"), "walk"), POSES, people("walk", 20, [2.0], score=0.3))
    track.run(project, "gate")
    assert len(tracks(project, "walk")) == 0  # all weak, and weak people start nothing
    assert "walk: 20 poses in 20 frames make 0 tracks; of the weak ones 0 continue a track and 20" in said.text
    set_params(project, strong=0.25)
    track.run(project, "gate")
    assert len(tracks(project, "walk")) == 20


def test_poses_of_a_backend_that_says_nothing_are_all_strong(project: Project) -> None:
    rows = people("walk", 20, [2.0], score=0.01)
    write(clip_file(project.poses("gate"), "walk"), POSES, Rows(rows.frame, rows.values, pose_meta("coco17")))
    track.run(project, "gate")
    assert len(tracks(project, "walk")) == 20


def test_published_rule_fills_empty_frames_and_says_so(project: Project, said: pytest.LogCaptureFixture) -> None:
    set_params(project, match=0.2, bridge=0, link=100, boxes="joints", mag=30, copy_empty=True)
    write(clip_file(project.poses("gate"), "walk"), POSES, people("walk", 18, [2.0]))
    track.run(project, "gate")
    assert tracks(project, "walk").frame["frame"].tolist() == list(range(20))
    assert "2 copied into empty frames" in said.text


def test_unchanged_clips_are_not_done_again(project: Project, said: pytest.LogCaptureFixture) -> None:
    track.run(project, "gate")
    before = stamps(project)
    assert "tracks are kept" not in said.text
    track.run(project, "gate")
    assert stamps(project) == before
    assert said.text.count("is unchanged, its tracks are kept") == 3


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


def test_clips_no_longer_listed_and_half_written_files_go(project: Project, said: pytest.LogCaptureFixture) -> None:
    track.run(project, "gate")
    half = project.tracks("gate") / ".walk.parquet.tmp-999999999"
    half.write_bytes(b"half")
    (project.raw("gate") / "clips.csv").write_text("\n".join(CLIPS.splitlines()[:1] + CLIPS.splitlines()[2:]))
    track.run(project, "gate")
    assert set(stamps(project)) == {"meet", "nobody"}
    assert not half.exists()
    assert "walk: no longer in clips.csv, its tracks are removed" in said.text


def test_the_same_poses_give_the_same_bytes(project: Project) -> None:
    track.run(project, "gate")
    path = clip_file(project.tracks("gate"), "meet")
    first = path.read_bytes()
    path.unlink()
    track.run(project, "gate")
    assert path.read_bytes() == first


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
