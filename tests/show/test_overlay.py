"""Frames that are the right ones, and people drawn where they are, in their colour."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stages.core.errors import BackendError, VideoError
from stages.core.skeleton import Layout
from stages.show.overlay import CANVAS, Image, Person, blank, data_uri, draw_people, read_frames
from stages.show.palette import UNSCORED, heat
from tests.show.synthetic import write_video

STICK = Layout("stick", ("top", "bottom"), ((0, 1),), (0, 1), 0)
"""One bone."""


def person(x: float, share: float | None, *, confidence: float = 1.0, track: int = 0) -> Person:
    """A vertical bone from y = 20 to y = 60."""
    joints = np.array([(x, 20, confidence), (x, 60, 1)], dtype=np.float32)
    return Person(joints, np.array([x - 10, 20, 20, 60.0]), track, share)


def drawn(*people: Person, width: int = 100, **options: bool) -> Image:
    return draw_people(np.zeros((80, 100, 3), np.uint8), people, STICK, width=width, **options)


def near(pixel: NDArray[np.uint8], colour: tuple[int, int, int]) -> bool:
    return bool((np.abs(pixel.astype(int) - colour) <= 3).all())


def test_frames_are_the_ones_asked_for(tmp_path: Path) -> None:
    # Frame k of the video is grey of value 4 k; JPEG may be off by one.
    write_video(tmp_path / "grey.avi", 20, 10)
    images = read_frames(tmp_path / "grey.avi", [0, 7, 19])
    assert [round(float(image.mean()) / 4) for image in images] == [0, 7, 19]
    assert images[0].shape == (120, 160, 3)


@pytest.mark.parametrize("frame", [20, 500])
def test_a_frame_behind_the_end_is_refused(tmp_path: Path, frame: int) -> None:
    write_video(tmp_path / "grey.avi", 20, 10)
    with pytest.raises(VideoError, match=f"frame {frame} cannot be read"):
        read_frames(tmp_path / "grey.avi", [3, frame])


def test_a_missing_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError) as caught:
        read_frames(tmp_path / "none.avi", [0])
    assert caught.value.where.endswith("none.avi")


def test_without_opencv_the_way_to_install_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(BackendError, match=r"normotion\[pose\]"):
        drawn()


def test_a_bone_lies_between_its_joints_in_the_colour_of_the_score() -> None:
    image = drawn(person(50, 1.0))
    assert near(image[40, 50], heat(1.0))
    assert near(image[70, 50], (0, 0, 0))
    assert near(image[40, 80], (0, 0, 0))


def test_people_scale_with_the_frame() -> None:
    image = drawn(person(50, 0.0), width=200)
    assert image.shape == (160, 200, 3)
    assert near(image[80, 100], heat(0.0))


def test_who_was_not_scored_is_grey() -> None:
    assert near(drawn(person(50, None))[40, 50], UNSCORED)


def test_the_most_unusual_person_lies_on_top() -> None:
    for order in ((0.9, 0.1, None), (None, 0.1, 0.9)):
        assert near(drawn(*[person(50, share) for share in order])[40, 50], heat(0.9))


def test_unusual_people_are_drawn_thicker() -> None:
    widths = [int((drawn(person(50, share))[40] > 30).any(axis=1).sum()) for share in (0.0, 1.0)]
    assert widths[1] > widths[0]


def test_bones_of_unsure_joints_are_left_out() -> None:
    assert not drawn(person(50, 1.0, confidence=0.1)).any()


def test_joints_beside_the_frame_do_no_harm() -> None:
    assert near(drawn(person(50, 1.0), person(-500, 0.5), person(9000, 0.5))[40, 50], heat(1.0))


def test_boxes_and_ids_are_drawn_when_asked_for() -> None:
    plain = drawn(person(50, 1.0, track=8))
    boxed = drawn(person(50, 1.0, track=8), boxes=True)
    named = drawn(person(50, 1.0, track=8), ids=True)
    # The box's left edge stands at x = 40; the id above its top at y = 20.
    assert not plain[40, 40].any()
    assert boxed[40, 40].any()
    assert not plain[8:16, 40:52].any()
    assert named[8:16, 40:52].any()


def test_the_frame_is_dimmed_and_the_given_one_left_alone() -> None:
    image = np.full((80, 100, 3), 200, np.uint8)
    assert draw_people(image, [], STICK, width=100, dim=0.5)[0, 0].tolist() == [100, 100, 100]
    assert (image == 200).all()


def test_colours_are_red_green_blue_throughout(tmp_path: Path) -> None:
    video = cv2.VideoWriter(str(tmp_path / "red.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (160, 120))
    video.write(np.full((120, 160, 3), (0, 0, 255), dtype=np.uint8))
    video.release()
    red = read_frames(tmp_path / "red.avi", [0])[0]
    assert near(red[60, 80], (255, 0, 0))
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(data_uri(red).split(",")[1]), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded[60, 80].argmax() == 2  # OpenCV's own order is blue, green, red


def test_a_picture_in_a_page_is_named_for_what_it_is() -> None:
    assert data_uri(blank(8, 4)).startswith("data:image/webp;base64,UklGR")


def test_a_blank_frame_is_dark() -> None:
    assert blank(8, 4).shape == (4, 8, 3)
    assert blank(8, 4)[0, 0].tolist() == list(CANVAS)
