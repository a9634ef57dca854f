"""Images as a video, and parts of a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import VideoError
from stages.ingest.recipes.images import cut, images, join, write_video
from stages.pose.video import frames, probe
from tests.ingest.recipes.miniature import plain, stills, video


def test_images_become_a_video_without_loss(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(12)]
    stills(tmp_path / "clip", pictures, "{:03}.tif", 1)
    (tmp_path / "clip" / "._001.tif").write_text("hidden")
    (tmp_path / "clip" / "Thumbs.db").write_text("no image")
    path = join(tmp_path / "clip", tmp_path / "clip.avi", 10)
    info = probe(path)
    assert (info.frames, info.fps, info.width, info.height) == (12, 10, 64, 48)
    assert all((image == pictures[number]).all() for number, image in frames(path))
    again = join(tmp_path / "clip", tmp_path / "again.avi", 10)
    assert again.read_bytes() == path.read_bytes()


def test_parts_of_a_recording(tmp_path: Path) -> None:
    video(tmp_path / "a.avi", plain(20))
    part = cut(tmp_path / "a.avi", 5, 8, tmp_path / "part.avi", 15)
    assert [image[10, 5:9, 0].tolist() for _, image in frames(part)] == [
        [200, 200, 200, 200],  # the square stands at 5, 6, 7
        [0, 200, 200, 200],
        [0, 0, 200, 200],
    ]
    with pytest.raises(VideoError, match="2 frames, expected 5"):
        cut(tmp_path / "a.avi", 18, 23, tmp_path / "long.avi", 15)


def test_what_cannot_be_a_video(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(VideoError, match="no images in the folder"):
        images(tmp_path / "empty")
    with pytest.raises(VideoError, match="no frames to write"):
        write_video([], tmp_path / "a.avi", 10)
    with pytest.raises(VideoError, match=r"an image of \(50, 64, 3\) among images of \(48, 64, 3\)"):
        write_video([*plain(2), *plain(1, height=50)], tmp_path / "a.avi", 10)
    stills(tmp_path / "clip", plain(2), "{:03}.jpg", 0)
    (tmp_path / "clip" / "001.jpg").write_bytes(b"no image")
    with pytest.raises(VideoError, match="this image cannot be read"):
        join(tmp_path / "clip", tmp_path / "a.avi", 10)
