"""Videos: what their header says, their frames in order, and every way in which a file can be bad."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.core.errors import VideoError
from stages.core.params import parse
from stages.pose import video
from stages.pose.video import CheckParams, VideoInfo, demand, frames, probe

STEP = 10
"""Frame i of a made video is grey of value STEP × i, so that a frame tells its number."""


def make(path: Path, count: int = 20, size: tuple[int, int] = (64, 48)) -> Path:
    """A grey ramp in time; .avi holds single JPEGs and can be cut anywhere, .mp4 keeps its index at the end."""
    code = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    writer = cv2.VideoWriter(str(path), code, 10.0, size)
    for index in range(count):
        writer.write(np.full((size[1], size[0], 3), STEP * index, dtype=np.uint8))
    writer.release()
    return path


def cut(path: Path, share: float) -> Path:
    """Keep only the first part of a file's bytes."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def decoding_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("decode")]


@pytest.mark.parametrize("name", ["ramp.mp4", "ramp.avi"])
def test_the_header_names_size_rate_and_number(tmp_path: Path, name: str) -> None:
    assert probe(make(tmp_path / name)) == VideoInfo(frames=20, fps=10.0, width=64, height=48)


@pytest.mark.parametrize("ahead", [1, 3, 50])
def test_frames_come_whole_and_in_order(tmp_path: Path, ahead: int) -> None:
    found = list(frames(make(tmp_path / "ramp.mp4"), expected=20, ahead=ahead))
    assert [index for index, _ in found] == list(range(20))
    for index, image in found:
        assert image.shape == (48, 64, 3)
        assert image.dtype == np.dtype(np.uint8)
        assert (
            abs(float(image.mean()) - STEP * index) < STEP / 2
        )  # lossy, but nearer to its own value than to any other


def test_the_decoding_thread_ends_with_the_video_and_with_an_early_close(tmp_path: Path) -> None:
    path = make(tmp_path / "ramp.mp4")
    list(frames(path))
    assert decoding_threads() == []
    with closing(frames(path)) as opened:
        assert next(opened)[0] == 0
        assert decoding_threads() != []
    assert decoding_threads() == []


class Endless:
    """A capture that never ends and counts what was asked of it."""

    def __init__(self) -> None:
        self.reads, self.released = 0, False

    def read(self) -> tuple[bool, object]:
        self.reads += 1
        return True, np.zeros((2, 2, 3), np.uint8)

    def release(self) -> None:
        self.released = True


def test_no_more_than_the_bound_is_decoded_ahead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    capture = Endless()
    monkeypatch.setattr(video, "_open", lambda _: capture)
    with closing(frames(tmp_path, ahead=4)) as opened:
        assert [index for index, _ in islice(opened, 10)] == list(range(10))
    assert 10 <= capture.reads <= 14  # ten given, four more at most held
    assert capture.released


def test_a_cut_off_recording_is_refused_with_both_numbers(tmp_path: Path) -> None:
    path = cut(make(tmp_path / "ramp.avi"), 0.6)
    decoded: list[object] = []
    with pytest.raises(VideoError, match="but clips.csv declares 20") as error:
        decoded.extend(frames(path, expected=20))
    assert 0 < len(decoded) < 20
    assert error.value.what.startswith(f"{len(decoded)} frames could be decoded")
    assert error.value.where == str(path)
    assert "cut off" in error.value.fix


def test_more_frames_than_declared_are_refused_too(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="20 frames could be decoded, but clips.csv declares 19") as error:
        list(frames(make(tmp_path / "ramp.mp4"), expected=19))
    assert error.value.fix == "write frames = 20 in clips.csv"


def test_frames_are_not_counted_when_nothing_is_expected(tmp_path: Path) -> None:
    assert 0 < len(list(frames(cut(make(tmp_path / "ramp.avi"), 0.6)))) < 20


def _text(path: Path) -> None:
    path.write_text("this is a shopping list\n" * 50)


def _without_index(path: Path) -> None:
    cut(make(path), 0.6)


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda _: None, "missing"),
        (lambda path: path.mkdir(), "missing"),
        (lambda path: path.touch(), "empty"),
        (_text, "no video"),
        (_without_index, "no video"),
    ],
    ids=["missing", "folder", "empty", "text", "cut"],
)
@pytest.mark.parametrize("use", [probe, lambda path: list(frames(path))], ids=["probe", "frames"])
def test_bad_files_are_refused_with_a_way_out(
    tmp_path: Path, spoil: Callable[[Path], None], what: str, use: Callable[[Path], object]
) -> None:
    path = tmp_path / "clip.mp4"
    spoil(path)
    with pytest.raises(VideoError, match=what) as error:
        use(path)
    assert error.value.where == str(path)
    assert error.value.fix


def test_a_good_file_is_given_back(tmp_path: Path) -> None:
    path = make(tmp_path / "ramp.mp4", count=1)
    assert demand(path) == path


def test_limits_name_the_parameter_that_is_exceeded() -> None:
    limits = CheckParams(max_frames=100, max_pixels=640 * 480)
    assert limits.problems(VideoInfo(100, 25.0, 640, 480)) == []  # the limit itself is allowed
    assert limits.problems(VideoInfo(101, 25.0, 640, 480)) == ["101 frames are more than check.max_frames = 100"]
    both = limits.problems(VideoInfo(101, 25.0, 641, 480))
    assert len(both) == 2
    assert "641 × 480" in both[1]


@pytest.mark.parametrize("raw", [{"max_frames": 0}, {"max_pixels": -1}, {"max_frames": "many"}])
def test_limits_have_to_be_positive_numbers(raw: dict[str, object]) -> None:
    problems, section = parse(raw, "check", CheckParams)
    assert section is None
    assert problems[0].startswith(f"check.{next(iter(raw))}: ")
