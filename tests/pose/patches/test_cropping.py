"""Pictures around joints: what is cut, at the edge too, and that a video is decoded once and no further than needed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.errors import VideoError
from stages.pose.patches.cropping import Pictures, clip_crops, crop

LENGTH = 10


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Frame i is of the BGR colour (20 i, 0, 255 - 20 i)."""
    writer = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for number in range(LENGTH):
        writer.write(np.full((48, 64, 3), (20 * number, 0, 255 - 20 * number), dtype=np.uint8))
    writer.release()
    return tmp_path / "v.avi"


@given(x=st.floats(-30, 90), y=st.floats(-30, 80), size=st.sampled_from([4, 8, 16]))
def test_a_picture_is_the_square_around_its_place_and_the_edge_goes_on(x: float, y: float, size: int) -> None:
    image = np.arange(48 * 64 * 3, dtype=np.uint32).reshape(48, 64, 3).astype(np.uint8)
    padded = np.pad(image, ((60, 60), (60, 60), (0, 0)), mode="edge")
    column, row = round(x) + 60 - size // 2, round(y) + 60 - size // 2
    found = crop(image, np.array([[x, y]], dtype=np.float32).round(), size)
    np.testing.assert_array_equal(found[0], padded[row : row + size, column : column + size])


def test_each_person_is_seen_in_the_right_frame_in_rgb(video: Path) -> None:
    frame = np.array([7, 2, 7, 5])
    places = np.full((4, 3, 2), 20.0, dtype=np.float32)
    seen: dict[int, Pictures] = {}
    for rows, pictures in clip_crops(video, LENGTH, frame, places, 8):
        assert pictures.shape == (len(rows), 3, 8, 8, 3)
        seen |= {int(row): picture for row, picture in zip(rows, pictures, strict=True)}
    assert sorted(seen) == [0, 1, 2, 3]
    for row, picture in seen.items():
        red, green, blue = picture.reshape(-1, 3).mean(axis=0)
        assert abs(blue - 20 * frame[row]) < 8
        assert abs(red - (255 - 20 * frame[row])) < 8
        assert green < 8


def test_nothing_is_decoded_past_the_last_person(video: Path) -> None:
    assert [len(rows) for rows, _ in clip_crops(video, 500, np.array([3, 3]), np.zeros((2, 1, 2), np.float32), 8)] == [
        2
    ]
    assert list(clip_crops(video, 500, np.empty(0, np.int64), np.empty((0, 1, 2), np.float32), 8)) == []


def test_a_video_that_ends_before_its_poses_is_refused(video: Path) -> None:
    with pytest.raises(VideoError, match="10 frames could be decoded, but clips.csv declares 20"):
        list(clip_crops(video, 20, np.array([3, 15]), np.zeros((2, 1, 2), np.float32), 8))
