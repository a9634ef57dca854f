"""What a container tells: a file that ends too early, and frames that do not come at an even rate."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import VideoError
from stages.pose.container import LATE, Drift, demand_whole, drift, frame_times
from tests.pose.mp4 import index_first, retime
from tests.pose.test_video import make


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


@pytest.mark.parametrize("name", ["ramp.mp4", "ramp.avi", "ramp.mkv"])
def test_whole_files_pass(tmp_path: Path, name: str) -> None:
    demand_whole(make(tmp_path / name))


@pytest.mark.parametrize("name", ["ramp.mp4", "ramp.avi"])
def test_missing_bytes_are_counted(tmp_path: Path, name: str) -> None:
    path = make(tmp_path / name)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(VideoError, match="names 100 bytes more") as error:
        demand_whole(path)
    assert error.value.where == str(path)


def test_a_file_with_its_index_in_front_is_cut_off_too(tmp_path: Path) -> None:
    path = index_first(make(tmp_path / "web.mp4"))
    demand_whole(path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(VideoError, match="names 500 bytes more"):
        demand_whole(path)


def test_boxes_of_64_bits_and_boxes_up_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "large.mp4"
    large = struct.pack(">I4sQ", 1, b"mdat", 16 + 5)  # length 1: the real one follows in 8 bytes, 16 of head, 5 of body
    path.write_bytes(box(b"ftyp", b"isom") + large + b"12345" + struct.pack(">I4s", 0, b"free") + b"to the end")
    demand_whole(path)
    path.write_bytes(box(b"ftyp", b"isom") + large + b"123")
    with pytest.raises(VideoError, match="names 2 bytes more"):
        demand_whole(path)


def test_what_stands_behind_the_last_box_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "tail.mp4"
    for tail in (b"\0" * 32, b"\xff" * 32, b"12345678 a remark by the camera"):
        path.write_bytes(box(b"ftyp", b"isom") + box(b"mdat", b"frames") + tail)
        demand_whole(path)


def test_a_large_avi_is_several_chunks(tmp_path: Path) -> None:
    path = tmp_path / "large.avi"
    chunk = b"RIFF" + struct.pack("<I", 10) + b"AVI 123456"
    path.write_bytes(chunk + chunk)
    demand_whole(path)
    path.write_bytes(chunk + chunk[:-3])
    with pytest.raises(VideoError, match="names 3 bytes more"):
        demand_whole(path)
    path.write_bytes(b"RIFF" + struct.pack("<I", 0) + b"AVI 123456")  # recorded until the power failed
    demand_whole(path)


def test_other_files_tell_nothing(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    for data in (b"", b"R", b"RIFF", b"milk and bread", bytes(100)):
        path.write_bytes(data)
        demand_whole(path)
        assert frame_times(path) is None


def test_times_of_an_even_video(tmp_path: Path) -> None:
    times = frame_times(make(tmp_path / "ramp.mp4"))  # 10 frames/s
    assert times is not None
    np.testing.assert_allclose(times, np.arange(20) / 10)
    assert frame_times(make(tmp_path / "ramp.avi")) is None


@pytest.mark.parametrize("name", ["uneven.mp4", "uneven.mov"])
def test_times_of_an_uneven_video(tmp_path: Path, name: str) -> None:
    times = frame_times(retime(make(tmp_path / name, count=4), [0.1, 0.3, 0.1, 0.2]))
    assert times is not None
    np.testing.assert_allclose(times, [0.0, 0.1, 0.4, 0.5])


@pytest.mark.parametrize("spoil", [b"stts", b"mdhd", b"hdlr", b"vide", b"trak"])
def test_an_index_without_times_tells_nothing(tmp_path: Path, spoil: bytes) -> None:
    path = make(tmp_path / "ramp.mp4")
    path.write_bytes(path.read_bytes().replace(spoil, b"skip"))
    assert frame_times(path) is None


def test_a_table_that_promises_too_much_is_not_believed(tmp_path: Path) -> None:
    path = make(tmp_path / "ramp.mp4")
    data = bytearray(path.read_bytes())
    place = data.index(b"stts") + 12  # version, number of entries; then how many frames the first is for
    data[place : place + 4] = b"\xff" * 4
    path.write_bytes(data)
    assert frame_times(path) is None


def test_boxes_nested_in_themselves_end(tmp_path: Path) -> None:
    nested = b""
    for _ in range(5000):
        nested = struct.pack(">I4s", (len(nested) + 8) % 2**32, b"moov") + nested
    path = tmp_path / "nested.mp4"
    path.write_bytes(nested)
    assert frame_times(path) is None


def test_drift_counts_frames_more_than_one_frame_away() -> None:
    # at 10/s frames belong at 0, .1, .2, .3, .4; the last two are 0.15 and 0.2 s late, more than a frame
    found = drift(np.array([0.0, 0.1, 0.3, 0.45, 0.6]), 10.0)
    assert (found.frames, found.first) == (2, 3)
    assert found.seconds == pytest.approx(0.2)
    assert drift(np.empty(0), 10.0) == Drift()


def test_drift_of_frames_as_they_come_is_the_same() -> None:
    times = np.cumsum([0.0, 0.1, 0.25, 0.02, 0.3, 0.01, 0.1])
    found = Drift()
    for number, seconds in enumerate(times):
        found = found.after(number, float(seconds), 10.0)
    whole = drift(times, 10.0)
    assert (found.frames, found.first) == (whole.frames, whole.first) != (0, 0)
    assert found.seconds == pytest.approx(whole.seconds)


def test_times_rounded_to_thousandths_are_even() -> None:
    assert drift(np.round(np.arange(1000) / 29.97, 3), 29.97).frames == 0
    assert LATE > 1 / 10  # one frame of the slowest camera in use is not late
