"""Single frames: the number asked for is the number shown, in whatever order and container."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.core.errors import VideoError
from stages.live.labelling.pictures import KEPT, NEAR, WIDEST, Pictures
from tests.live.labelling.films import film, number


def shown(pictures: Pictures, frame: int) -> int:
    return number(np.asarray(cv2.imdecode(np.frombuffer(pictures.jpeg(frame), np.uint8), cv2.IMREAD_COLOR), np.uint8))


@pytest.mark.parametrize("ending", [".avi", ".webm", ".mp4"])
def test_the_frame_asked_for_is_the_frame_shown(ending: str, tmp_path: Path) -> None:
    with Pictures(film(tmp_path / f"film{ending}", 250, gap=40)) as pictures:
        # On, back over a key frame, far on, to the end, to the start, and on in steps that pass frames over.
        order = [0, 1, 2, 90, 89, 88, 41, 40, 39, 249, 0, 248, *range(0, 250, KEPT + 3), 249, 30 + NEAR, 30]
        assert [shown(pictures, frame) for frame in order] == order


def test_several_may_ask_at_once_in_any_order(tmp_path: Path) -> None:
    with Pictures(film(tmp_path / "film.avi", 120)) as pictures, ThreadPoolExecutor(6) as pool:
        order = np.random.default_rng(0).permutation(120).tolist()
        assert list(pool.map(lambda frame: shown(pictures, frame), order)) == order


def test_a_wide_frame_is_shrunk(tmp_path: Path) -> None:
    path = tmp_path / "wide.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (2 * WIDEST, 640))
    writer.write(np.zeros((640, 2 * WIDEST, 3), np.uint8))
    writer.release()
    with Pictures(path) as pictures:
        image = cv2.imdecode(np.frombuffer(pictures.jpeg(0), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (320, WIDEST, 3)


def test_a_frame_that_is_not_there_is_told_and_the_others_still_come(tmp_path: Path) -> None:
    with Pictures(film(tmp_path / "film.avi", 20)) as pictures:
        with pytest.raises(VideoError, match="frame 20 cannot be decoded"):
            pictures.jpeg(20)
        assert shown(pictures, 7) == 7


def test_a_video_that_went_away_is_told(tmp_path: Path) -> None:
    path = film(tmp_path / "film.avi", 20)
    pictures = Pictures(path)
    path.unlink()
    with pytest.raises(VideoError, match="cannot be opened any more"):
        pictures.jpeg(0)
