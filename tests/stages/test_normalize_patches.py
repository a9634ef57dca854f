"""Windows of what is seen around joints, from a filmed dataset to what a detector reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from safetensors.numpy import load_file

from stages import normalize, segment
from stages.core.errors import TrainingError
from stages.core.loading import load_windows
from stages.core.paths import Project, clip_file, split_file
from stages.core.schemas import NORMALIZED, TRACKS, Rows, pose_meta
from stages.core.seeding import stream
from stages.core.tables import read, write

LENGTH, SIZE = 20, (96, 64)
SPLITS = {"t": "train", "v": "validation", "e": "test"}
MEAN = "tests.pose.patches.test_extractor:mean_colour"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three clips of one person before a grey that grows by 10 a frame."""
    here = Project(tmp_path)
    set_patches(here, backbone=MEAN, size=8)
    folder = here.raw("d")
    (folder / "videos").mkdir(parents=True)
    (folder / "dataset.yaml").write_text("name: d\nsource: here\nlicence: CC0\n")
    (folder / "labels.csv").write_text("clip,start_frame,end_frame\n")
    rows = [f"{clip},{split},videos/{clip}.avi,1,here,10,96,64,{LENGTH}\n" for clip, split in SPLITS.items()]
    (folder / "clips.csv").write_text("clip,split,path,camera,scene,fps,width,height,frames\n" + "".join(rows))
    for number, clip in enumerate(SPLITS):
        code = cv2.VideoWriter.fourcc(*"MJPG")
        writer = cv2.VideoWriter(str(folder / "videos" / f"{clip}.avi"), code, 10.0, SIZE)
        for frame in range(LENGTH):
            writer.write(np.full((*SIZE[::-1], 3), 10 * frame, dtype=np.uint8))
        writer.release()
        keypoints = stream(number, "k").uniform(5, 60, size=(LENGTH, 17, 3)).astype(np.float32)
        box = dict.fromkeys("xywh", 9.0)
        people = pd.DataFrame({"clip": clip, "frame": np.arange(LENGTH), **box, "score": 1.0, "track": 0})
        write(clip_file(here.tracks("d"), clip), TRACKS, Rows(people, keypoints, pose_meta("coco17")))
    return here


def set_patches(project: Project, **patches: Any) -> None:
    spec = {"rate": 10.0, "length": 4, "layout": "openpose18", "patches": patches}
    project.params.write_text(yaml.safe_dump({"windows": {"w": spec}}))


def test_windows_hold_what_is_seen_at_their_time(project: Project) -> None:
    segment.run(project, "d", "w")
    normalize.run(project, "d", "w")
    windows = load_windows(split_file(project.normalized("d", "w"), "test"), "d", "test")
    assert windows.channels == ("patch0", "patch1", "patch2")
    assert windows.poses.shape == (LENGTH - 3, 3, 4, 18)
    frame = windows.index["start_frame"].to_numpy()[:, None] + np.arange(4)
    seen = np.broadcast_to((10 * frame / 255)[:, None, :, None], windows.poses.shape)
    np.testing.assert_allclose(windows.poses, seen, atol=0.02)
    assert read(split_file(project.normalized("d", "w"), "test"), NORMALIZED).meta["units"] == "features"


def test_the_network_that_learned_is_kept_beside_the_windows(project: Project) -> None:
    set_patches(project, size=8, pictures=360, epochs=1, threads=1)
    segment.run(project, "d", "w")
    normalize.run(project, "d", "w")
    assert load_file(project.normalized("d", "w") / normalize.WEIGHTS)["classifier.weight"].shape == (18, 64)
    first = load_windows(split_file(project.normalized("d", "w"), "train"), "d", "train").poses
    assert first.shape == (LENGTH - 3, 64, 4, 18)
    normalize.run(project, "d", "w")
    again = load_windows(split_file(project.normalized("d", "w"), "train"), "d", "train").poses
    np.testing.assert_array_equal(first, again)
    assert sorted(path.name for path in project.normalized("d", "w").iterdir()) == [
        normalize.WEIGHTS, "test.parquet", "train.parquet", "validation.parquet",
    ]  # fmt: skip


def test_without_footage_there_are_no_windows(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    described = (project.raw("d") / "dataset.yaml").read_text()
    (project.raw("d") / "dataset.yaml").write_text(described + "modality: poses\n")
    with caplog.at_level("INFO", logger="normotion"):
        segment.run(project, "d", "w")
    normalize.run(project, "d", "w")
    assert "no windows, as the spec is for footage" in caplog.text
    assert len(load_windows(split_file(project.normalized("d", "w"), "test"), "d", "test")) == 0


def test_a_network_has_nothing_to_learn_from_where_nobody_trains(project: Project) -> None:
    clips = project.raw("d") / "clips.csv"
    clips.write_text(clips.read_text().replace(",train,", ",test,"))
    set_patches(project, size=8)
    segment.run(project, "d", "w")
    with pytest.raises(TrainingError, match="0 pictures of 18 joints teach nothing"):
        normalize.run(project, "d", "w")
