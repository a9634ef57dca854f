"""The frames stage: what it writes, what it does not do twice, and what becomes of it in windows and scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from stages import evaluate, frames, normalize, score, segment, train
from stages.core.errors import DatasetError, SchemaError, VideoError
from stages.core.frame_cache import FrameCache, about_file, frame_cache, pixels_file
from stages.core.loading import load_windows
from stages.core.paths import Project, split_file
from stages.core.schemas import FRAME_SCORES, MAPS, SCORES
from stages.core.storage import sha256_file
from stages.core.tables import read
from stages.core.windows import Windows
from tests.stages.footage import film

CLIPS = {"gate": ("train", 24, 10), "yard": ("test", 12, 10), "fast": ("test", 36, 30)}
"""Split, frames and frames/s; frame i is grey of value 5 × i."""
SPEC: dict[str, Any] = {"rate": 10.0, "length": 4, "stride_train": 2, "stride_score": 2}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    here = Project(tmp_path)
    for clip, (_, count, _) in CLIPS.items():
        film(here.raw("d") / "videos" / f"{clip}.avi", count, step=5)
    (here.raw("d") / "labels.csv").write_text("clip,start_frame,end_frame\nyard,6,9\n")
    (here.raw("d") / "dataset.yaml").write_text("name: d\nsource: here\nlicence: CC0\n")
    list_clips(here)
    set_params(here)
    return here


def list_clips(project: Project, **changed: str) -> None:
    rows = {
        clip: f"{clip},{split},videos/{clip}.avi,1,gate,{fps},64,48,{count}"
        for clip, (split, count, fps) in CLIPS.items()
    } | changed
    head = "clip,split,path,camera,scene,fps,width,height,frames\n"
    (project.raw("d") / "clips.csv").write_text(head + "\n".join(row for row in rows.values() if row) + "\n")


def set_params(project: Project, *, spec: dict[str, Any] | None = None, **form: Any) -> None:
    windows = {"w": {**SPEC, "frames": {"height": 24, "width": 32, **form}, **(spec or {})}}
    detector = {"window": "w", "preset": "small", "width": 0.05, "epochs": 1, "batch": 2, "threads": 1}
    flows = {"levels": 1, "steps": 1, "hidden": 4, "flow_epochs": 1}
    params = {
        "windows": windows, "segment": {"windows": ["w"]}, "detectors": {"itae_nf": {**detector, **flows}},
        "train": {"device": "cpu"}, "evaluate": {"timelines": False},
    }  # fmt: skip
    project.params.write_text(yaml.safe_dump(params))


def cache(project: Project) -> FrameCache:
    found = frame_cache(project, "d", "w")
    assert found is not None
    return found


def windows(project: Project, split: str) -> Windows:
    path = split_file(project.normalized("d", "w"), split)
    return load_windows(path, "d", split, pictures=cache(project))


def digests(project: Project) -> dict[str, str]:
    return {path.name: sha256_file(path) for path in sorted(project.frames("d", "w").iterdir())}


def test_frames_at_sample_times_shrunk_and_grey(project: Project) -> None:
    frames.run(project, "d")
    found = cache(project)
    assert found.picture == (1, 24, 32)
    assert found.clip("gate").shape == (24, 1, 24, 32)
    np.testing.assert_allclose(found.clip("gate").mean(axis=(1, 2, 3)), 5 * np.arange(24), atol=2)
    # 36 frames at 30 frames/s hold 12 samples, every third frame.
    np.testing.assert_allclose(found.clip("fast").mean(axis=(1, 2, 3)), 15 * np.arange(12), atol=2)


def test_poses_that_came_with_their_footage(project: Project) -> None:
    about = "name: d\nsource: here\nlicence: CC0\nmodality: poses\n"
    (project.raw("d") / "dataset.yaml").write_text(about)
    head = "clip,split,path,camera,scene,fps,width,height,frames,video\n"
    row = "gate,train,poses/gate.parquet,1,gate,10,64,48,24,videos/gate.avi\n"
    (project.raw("d") / "clips.csv").write_text(head + row)
    (project.raw("d") / "labels.csv").write_text("clip,start_frame,end_frame\n")
    frames.run(project, "d")
    np.testing.assert_allclose(cache(project).clip("gate").mean(axis=(1, 2, 3)), 5 * np.arange(24), atol=2)


def test_colours_keep_their_order(project: Project) -> None:
    red = np.zeros((48, 64, 3), dtype=np.uint8)
    red[..., 2] = 200  # OpenCV's last
    writer = cv2.VideoWriter(str(project.raw("d") / "videos/yard.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for _ in range(12):
        writer.write(red)
    writer.release()
    set_params(project, colour="rgb", height=None, width=None)
    frames.run(project, "d")
    found = cache(project)
    assert found.picture == (3, 48, 64)
    np.testing.assert_allclose(found.clip("yard")[3].mean(axis=(1, 2)), [200, 0, 0], atol=4)


def test_windows_hold_their_frames_and_follow_nobody(project: Project) -> None:
    for stage in (segment, normalize):
        stage.run(project, "d", "w")
    frames.run(project, "d")
    train_windows, test = windows(project, "train"), windows(project, "test")
    assert len(train_windows) == 11  # of 4 samples, every second of 24
    assert test.index["track"].isna().all()
    assert test.index["clip"].value_counts().to_dict() == {"yard": 5, "fast": 5}
    yard = np.flatnonzero(test.index["clip"] == "yard")
    assert test.index["start_frame"][yard].tolist() == [0.0, 2.0, 4.0, 6.0, 8.0]
    assert test.index["label"][yard].tolist() == [0, 0, 1, 1, 1]  # frames 6 to 9 are abnormal
    np.testing.assert_allclose(test.frames(int(yard[2])).mean(axis=(1, 2, 3)), 5 * np.arange(4, 8), atol=2)
    np.testing.assert_array_equal(test.poses[yard[2]].flatten(), np.arange(4, 8))
    fast = np.flatnonzero(test.index["clip"] == "fast")
    np.testing.assert_allclose(test.frames(int(fast[1])).mean(axis=(1, 2, 3)), 15 * np.arange(2, 6), atol=2)


def test_from_video_to_a_figure(project: Project) -> None:
    for stage in (segment, normalize):
        stage.run(project, "d", "w")
    frames.run(project, "d")
    for step in (train, score, evaluate):
        step.run(project, "d", "itae_nf")
    scores = read(project.scores("d", "itae_nf"), SCORES).frame
    assert set(scores["part"]) == {"reconstruction", "static", "dynamic"}
    assert scores["track"].isna().all()
    assert len(scores) == 3 * 10 * 4  # parts × windows × frames of each
    found = read(project.frame_scores("d", "itae_nf"), FRAME_SCORES).frame
    assert len(found) == 12 + 36
    assert found["scored"].all()
    assert found["track"].isna().all()
    figures = json.loads(project.metrics("d", "itae_nf").read_text())
    assert figures["raw"]["auc"] is not None
    assert set(figures["parts"]) == {"reconstruction", "static", "dynamic"}
    assert sum(figures["parts"]["static"]["histogram"]["normal"]) == pytest.approx(1, abs=1e-4)
    maps = read(project.maps("d", "itae_nf"), MAPS)
    assert maps.arrays.shape == (2, 24, 32)
    for row, clip in enumerate(maps.frame["clip"]):
        worst = scores[(scores["clip"] == clip) & (scores["part"] == "reconstruction")]
        assert maps.frame["score"][row] == pytest.approx(worst["score"].max())
        assert maps.frame["frame"][row] in worst.loc[worst["score"] == worst["score"].max(), "frame"].tolist()


def test_unchanged_clips_are_not_done_again(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    frames.run(project, "d")
    before = digests(project)
    film(project.raw("d") / "videos/yard.avi", 12, step=7)
    caplog.clear()
    with caplog.at_level("INFO"):
        frames.run(project, "d")
    assert "gate is unchanged, its frames are kept" in caplog.text
    assert "yard: 12 of 12 frames" in caplog.text
    after = digests(project)
    assert {name for name in before if before[name] != after[name]} == {"yard.npy", "yard.json"}


def test_other_settings_are_other_frames(project: Project) -> None:
    frames.run(project, "d")
    set_params(project, height=48)
    frames.run(project, "d")
    assert cache(project).picture == (1, 48, 32)


def test_what_is_no_longer_listed_is_removed(project: Project) -> None:
    frames.run(project, "d")
    list_clips(project, fast="")
    frames.run(project, "d")
    assert {path.stem for path in project.frames("d", "w").iterdir()} == {"gate", "yard"}
    set_params(project, spec={"frames": None})
    frames.run(project, "d")
    assert [path.name for path in project.frames("d", "w").parent.iterdir()] == ["windows.json"]
    assert json.loads((project.frames("d", "w").parent / "windows.json").read_text()) == {}
    assert frame_cache(project, "d", "w") is None


def test_half_written_frames_are_swept(project: Project) -> None:
    frames.run(project, "d")
    about_file(project.frames("d", "w"), "gate").unlink()
    (project.frames("d", "w") / ".yard.npy.tmp-999999999").write_bytes(b"half")
    frames.run(project, "d")
    assert set(digests(project)) == {f"{clip}.{end}" for clip in CLIPS for end in ("npy", "json")}


def test_videos_of_several_sizes_are_brought_to_one_or_refused(project: Project) -> None:
    list_clips(project, yard="yard,test,videos/yard.avi,1,gate,10,32,48,12")
    frames.run(project, "d")
    assert cache(project).clip("yard").shape[1:] == (1, 24, 32)
    set_params(project, width=None)
    with pytest.raises(DatasetError, match=r"videos of several sizes: 64 × 24 \(gate\), 32 × 24 \(yard\)"):
        frames.run(project, "d")


def test_a_miscounted_clip_is_refused_and_the_others_stay(project: Project) -> None:
    list_clips(project, yard="yard,test,videos/yard.avi,1,gate,10,64,48,14")
    with pytest.raises(VideoError, match=r"12 frames could be decoded, but clips\.csv declares 14"):
        frames.run(project, "d")
    assert "gate.npy" in digests(project)
    assert "yard.npy" not in digests(project)


def test_a_clip_shorter_than_a_window_is_told(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    set_params(project, spec={"length": 16})
    segment.run(project, "d", "w")
    assert "yard: shorter than a window, so nothing in it is scored" in caplog.text


def test_damaged_frames_are_named(project: Project) -> None:
    frames.run(project, "d")
    folder = project.frames("d", "w")
    pixels_file(folder, "gate").write_bytes(b"no array")
    with pytest.raises(SchemaError, match="the clip's frames cannot be read"):
        cache(project).clip("gate")
    np.save(pixels_file(folder, "yard"), np.zeros((12, 1, 8, 8), dtype=np.uint8))
    with pytest.raises(SchemaError, match="frames"):
        cache(project).clip("yard")
    about_file(folder, "fast").write_text("{}")
    with pytest.raises(SchemaError, match="lacks the frames' shape"):
        frame_cache(project, "d", "w")


def test_a_window_beyond_its_clip_is_refused(project: Project) -> None:
    for stage in (segment, normalize):
        stage.run(project, "d", "w")
    frames.run(project, "d")
    found = windows(project, "train")
    late = found.index.assign(start_frame=22.0)
    with pytest.raises(SchemaError, match="24 frames; a window wants 22 to 25"):
        cache(project).window(late.iloc[0])
