"""The track stage with image points: what they hold together, and what it needs the videos for."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from stages import track
from stages.core.errors import DatasetError, VideoError
from stages.core.paths import Project
from stages.core.seeding import stream
from tests.stages.gate import CLIPS, give_ids, make_gate, people, put, set_params, stamps, tracks


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_gate(tmp_path)


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
