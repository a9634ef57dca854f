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
from stages.pose.container import Drift
from stages.pose.video import CheckParams, VideoInfo, count, demand, frames, probe
from tests.pose.mp4 import index_first, retime, turn

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

    def get(self, name: int) -> float:
        return {cv2.CAP_PROP_FPS: 0.0, cv2.CAP_PROP_POS_MSEC: 0.0}.get(name, 2.0)

    def release(self) -> None:
        self.released = True


def test_no_more_than_the_bound_is_decoded_ahead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    capture = Endless()
    monkeypatch.setattr(video, "_open", lambda _: capture)
    with closing(frames(tmp_path, ahead=4)) as opened:
        assert [index for index, _ in islice(opened, 10)] == list(range(10))
    assert 10 <= capture.reads <= 14  # ten given, four more at most held
    assert capture.released


def test_a_cut_off_recording_is_refused_before_anything_is_decoded(tmp_path: Path) -> None:
    for path in (make(tmp_path / "ramp.avi"), index_first(make(tmp_path / "web.mp4"))):
        assert len(list(frames(path, expected=20))) == 20
        cut(path, 0.6)
        for use in (probe, count, lambda path: next(frames(path))):
            with pytest.raises(VideoError, match="the file is cut off") as error:
                use(path)
            assert error.value.where == str(path)


def lying(path: Path, claimed: int) -> Path:
    """An AVI of 20 frames whose header names another number."""
    data = bytearray(make(path).read_bytes())
    for name, offset in ((b"avih", 24), (b"strh", 40)):
        start = data.index(name) + offset
        data[start : start + 4] = claimed.to_bytes(4, "little")
    path.write_bytes(data)
    return path


def test_a_header_that_lies_about_the_length_is_found_out(tmp_path: Path) -> None:
    path = lying(tmp_path / "ramp.avi", 33)
    assert probe(path).frames == 33
    assert count(path) == 20
    decoded: list[object] = []
    with pytest.raises(VideoError, match="20 frames could be decoded, but clips.csv declares 33") as error:
        decoded.extend(frames(path, expected=33))
    assert len(decoded) == 20
    assert "cut off or damaged" in error.value.fix
    assert "write frames = 20 in clips.csv" in error.value.fix


def test_more_frames_than_declared_are_refused_too(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="20 frames could be decoded, but clips.csv declares 19") as error:
        list(frames(make(tmp_path / "ramp.mp4"), expected=19))
    assert error.value.fix == "write frames = 20 in clips.csv"


@pytest.mark.parametrize(("every", "numbers"), [(3, [0, 3, 6, 9, 12, 15, 18]), (20, [0]), (7, [0, 7, 14])])
def test_every_nth_frame_keeps_its_number_and_all_are_counted(tmp_path: Path, every: int, numbers: list[int]) -> None:
    path = make(tmp_path / "ramp.mp4")
    found = list(frames(path, expected=20, every=every, ahead=2))
    assert [number for number, _ in found] == numbers
    for number, image in found:
        assert abs(float(image.mean()) - STEP * number) < STEP / 2
    with pytest.raises(VideoError, match="20 frames could be decoded, but clips.csv declares 21"):
        list(frames(path, expected=21, every=every))


@pytest.mark.parametrize(("degrees", "corner"), [(0, (0, 0)), (90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))])
def test_a_phones_rotation_is_done_and_the_size_is_the_turned_ones(
    tmp_path: Path, degrees: int, corner: tuple[int, int]
) -> None:
    """A white patch at the top left goes clockwise from corner to corner."""
    path = tmp_path / "phone.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (64, 48))
    image = np.zeros((48, 64, 3), dtype=np.uint8)
    image[:16, :16] = 255
    for _ in range(3):
        writer.write(image)
    writer.release()
    turn(path, degrees)
    info = probe(path)
    assert (info.width, info.height) == ((64, 48) if degrees % 180 == 0 else (48, 64))
    for _, found in frames(path, expected=3):
        assert found.shape[:2] == (info.height, info.width)
        corners = {place: float(found[place].mean()) for place in ((0, 0), (0, -1), (-1, -1), (-1, 0))}
        assert max(corners, key=lambda place: corners[place]) == corner
        assert sorted(corners.values())[2] < 50 < 200 < corners[corner]


def test_a_slightly_uneven_rate_is_told_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    # 20 frames over 2 s make 10/s; frame 5 comes 0.25 s late, and each frame after it is 0.05 s nearer to its place
    path = retime(make(tmp_path / "phone.mp4"), [0.1] * 4 + [0.35] + [0.05] * 5 + [0.1] * 10)
    with caplog.at_level("WARNING", "normotion"):
        assert len(list(frames(path, expected=20))) == 20
    assert "phone.mp4: variable frame rate: 3 frames, the first of them 5" in caplog.text  # 0.25, 0.2 and 0.15 s late
    assert "at most 0.25 s" in caplog.text
    assert probe(path).fps == pytest.approx(10.0)


def test_an_even_rate_is_no_news(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("ramp.mp4", "ramp.avi", "ramp.mkv"):
        with caplog.at_level("WARNING", "normotion"):
            list(frames(make(tmp_path / name)))
    assert caplog.text == ""


def test_a_variable_rate_is_refused_by_its_index_and_while_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 10 frames in 1 s and 10 in 4 s: 4 a second on average, but frame 10 is shown at 1 s and not at 2.5 s
    path = retime(make(tmp_path / "web.mp4"), [0.1] * 10 + [0.4] * 10)
    with pytest.raises(VideoError, match="variable frame rate: frame 2 and others lie up to 1.50 s") as error:
        probe(path)
    assert "ffmpeg -i IN -vf fps=4 OUT" in error.value.fix
    found: list[int] = []
    with pytest.raises(VideoError, match="variable frame rate"):
        found.extend(number for number, _ in frames(path, expected=20))
    assert found == [0, 1, 2, 3]  # the fifth is 0.6 s early
    monkeypatch.setattr(video, "frame_times", lambda _: None)  # as for any container but MP4
    assert probe(path).frames == 20


def test_a_container_without_times_is_taken_at_its_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = Endless()
    monkeypatch.setattr(video, "_open", lambda _: capture)
    monkeypatch.setattr(Drift, "after", None)  # must not be called
    with closing(frames(tmp_path)) as opened:
        assert len(list(islice(opened, 100))) == 100


def stream(path: Path, sizes: list[tuple[int, int]]) -> Path:
    """JPEGs one after the other, as a network camera sends them: no header, and each has a size of its own."""
    pictures = [cv2.imencode(".jpg", np.full((height, width, 3), 99, np.uint8))[1] for width, height in sizes]
    path.write_bytes(b"".join(picture.tobytes() for picture in pictures))
    return path


def test_a_size_that_changes_within_the_video_stays_that_of_the_first_frame(tmp_path: Path) -> None:
    path = stream(tmp_path / "camera.mjpeg", [(64, 48)] * 3 + [(128, 80)] * 3)
    assert [image.shape for _, image in frames(path, expected=6)] == [(48, 64, 3)] * 6


def test_a_frame_of_another_size_than_the_headers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = Endless()
    monkeypatch.setattr(video, "_open", lambda _: capture)
    monkeypatch.setattr(capture, "read", lambda: (True, np.zeros((2, 3, 3), np.uint8)))
    with pytest.raises(VideoError, match="frame 0 has 3 × 2 pixels, the header says 2 × 2"):
        next(frames(tmp_path))


def test_a_video_without_a_header_is_refused_by_what_is_missing(tmp_path: Path) -> None:
    path = stream(tmp_path / "camera.mjpeg", [(64, 48)] * 3)
    with pytest.raises(VideoError, match="does not tell its number of frames") as error:
        probe(path)
    assert "ffmpeg" in error.value.fix


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf"), -1.0])
def test_no_frame_rate_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    capture = Endless()
    monkeypatch.setattr(video, "_open", lambda _: capture)
    monkeypatch.setattr(capture, "get", lambda name: value if name == cv2.CAP_PROP_FPS else 2.0)
    with pytest.raises(VideoError, match="does not tell its frame rate"):
        probe(tmp_path)
    assert capture.released


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
        (_without_index, "cut off"),
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
    # the time base of MPEG transport streams, named in place of a rate
    assert limits.problems(VideoInfo(9, 90000.0, 64, 48)) == ["90000 frames/s are more than check.max_fps = 1000"]


@pytest.mark.parametrize("raw", [{"max_frames": 0}, {"max_pixels": -1}, {"max_fps": 0}, {"max_frames": "many"}])
def test_limits_have_to_be_positive_numbers(raw: dict[str, object]) -> None:
    problems, section = parse(raw, "check", CheckParams)
    assert section is None
    assert problems[0].startswith(f"check.{next(iter(raw))}: ")
