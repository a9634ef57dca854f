"""Sources: what can be decoded is given, what went wrong is told, passwords never are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from stages.core.errors import VideoError
from stages.live.source import Source, expand, is_live, open_source, said
from tests.live.streams import bars, film, serving


def numbers(source: Source) -> list[int]:
    return [frame.number for frame in source]


def test_a_film_comes_whole(tmp_path: Path) -> None:
    source = open_source(str(film(tmp_path / "a.mp4", 25, fps=10)))
    assert (source.fps, source.size, source.frames, source.live) == (10.0, (160, 120), 25, False)
    frames = list(source)
    assert [frame.number for frame in frames] == list(range(25))
    assert frames[10].seconds == 1.0
    assert source.trouble is None
    bar = frames[5].image[60, :, 0] > 150  # frame 5 has its bar at 20 px
    assert np.flatnonzero(bar).min() in range(17, 23)


@pytest.mark.parametrize("name", ["a.mkv", "a.avi", "a.ts", "a.webm"])
def test_other_containers_come_whole_too(tmp_path: Path, name: str) -> None:
    if name.endswith("webm"):
        path = tmp_path / name
        with av.open(str(path), "w") as out:
            stream = out.add_stream("libvpx", rate=10)
            stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
            for number in range(12):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(bars()(number), format="bgr24")))
            out.mux(stream.encode())
    else:
        path = film(tmp_path / name, 12)
    source = open_source(str(path))
    assert numbers(source) == list(range(12))
    assert source.trouble is None


def test_five_frames_are_a_film(tmp_path: Path) -> None:
    source = open_source(str(film(tmp_path / "a.mp4", 5)))
    assert numbers(source) == [0, 1, 2, 3, 4]
    assert source.trouble is None


def test_4k_is_read(tmp_path: Path) -> None:
    source = open_source(str(film(tmp_path / "a.mp4", 2, size=(3840, 2160))))
    assert [frame.image.shape for frame in source] == [(2160, 3840, 3)] * 2


def test_a_film_that_is_cut_off_gives_its_beginning_and_says_so(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = partial(lambda rng, _: rng.integers(0, 255, (120, 160, 3)).astype(np.uint8), rng)
    whole = film(tmp_path / "a.avi", 40, draw=noise)
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    source = open_source(str(cut))
    found = numbers(source)
    assert found == list(range(len(found)))
    assert 10 < len(found) < 30
    assert source.trouble is not None
    assert "breaks off" in source.trouble.what
    assert f"{len(found)} of 40" in source.trouble.what


def motion_pictures(path: Path, count: int) -> bytes:
    """The bytes of a film whose frames are JPEG pictures."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuvj420p"
        for number in range(count):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(bars()(number), format="bgr24")))
        out.mux(stream.encode())
    return path.read_bytes()


def test_a_damaged_picture_is_left_out_and_the_others_come(tmp_path: Path) -> None:
    data = bytearray(motion_pictures(tmp_path / "a.avi", 20))
    heads = [place for place in range(len(data) - 1) if data[place : place + 2] == b"\xff\xc0"]
    assert len(heads) == 20
    data[heads[10] + 11] = 0x2A  # a sampling of colours that FFmpeg knows of and does not decode
    (tmp_path / "a.avi").write_bytes(data)
    found = numbers(open_source(str(tmp_path / "a.avi")))
    assert 10 not in found
    assert {*range(10), *range(11, 20)} <= {*found}


def test_a_film_of_an_unknown_kind_is_refused_in_words(tmp_path: Path) -> None:
    data = motion_pictures(tmp_path / "a.avi", 5)
    (tmp_path / "a.avi").write_bytes(data.replace(b"MJPG", b"ZZZZ"))
    with pytest.raises(VideoError, match="no decoder here.*: ZZZZ\n"):
        open_source(str(tmp_path / "a.avi"))


def test_a_kind_that_is_not_even_named_is_refused_in_words(tmp_path: Path) -> None:
    data = film(tmp_path / "a.mkv", 5).read_bytes()
    (tmp_path / "a.mkv").write_bytes(data.replace(b"V_MPEG4/ISO/AVC", b"V_NOBODY/ISO/AVC"[:15]))
    with pytest.raises(VideoError, match="compression\n"):
        open_source(str(tmp_path / "a.mkv"))


def test_an_empty_packet_does_not_end_a_film(tmp_path: Path) -> None:
    motion_pictures(tmp_path / "a.avi", 20)
    source = open_source(str(tmp_path / "a.avi"))
    inner = source.container

    def demux(stream: Any) -> Iterator[Any]:
        for number, packet in enumerate(inner.demux(stream)):
            if number == 10:
                empty = av.Packet(b"")  # to a decoder: nothing more will come
                empty.stream = stream
                yield empty
            yield packet

    source.container = SimpleNamespace(streams=inner.streams, demux=demux, close=inner.close)
    assert numbers(source) == list(range(20))
    assert source.trouble is None


def test_what_ffmpeg_says_names_no_password() -> None:
    assert said(OSError(5, "no answer of http://me:secret@camera/1")) == "no answer of http://me:***@camera/1"


def test_an_mp4_without_its_index_is_refused_in_words(tmp_path: Path) -> None:
    whole = film(tmp_path / "a.mp4", 40)
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(VideoError, match="no video that can be read"):
        open_source(str(tmp_path / "cut.mp4"))


def test_a_film_that_changes_size_gives_what_came_before(tmp_path: Path) -> None:
    parts = [film(tmp_path / "1.ts", 10).read_bytes(), film(tmp_path / "2.ts", 10, size=(320, 240)).read_bytes()]
    (tmp_path / "both.ts").write_bytes(b"".join(parts))
    source = open_source(str(tmp_path / "both.ts"))
    assert numbers(source) == list(range(10))
    assert source.resized
    assert source.trouble is not None
    assert "320 × 240" in source.trouble.what
    assert "160 × 120" in source.trouble.what


def test_holes_in_a_film_stay_holes(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in [*range(10), *range(30, 45)]:  # two seconds were lost
            frame = av.VideoFrame.from_ndarray(bars()(number), format="bgr24")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    source = open_source(str(path))
    source.fps = 10.0
    assert numbers(source) == [*range(10), *range(30, 45)]


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "no such file"), (b"", "empty"), (b"this is a letter" * 50, "no video that can be read")],
)
def test_what_is_no_film_is_refused_in_words(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VideoError, match=words) as caught:
        open_source(str(path))
    assert caught.value.where == str(path)


def test_there_is_no_such_webcam() -> None:
    with pytest.raises(VideoError, match="cannot be opened"):
        open_source("97")


def test_sound_alone_is_no_film(tmp_path: Path) -> None:
    path = tmp_path / "a.mka"
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), dtype=np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        out.mux(stream.encode(sound))
    with pytest.raises(VideoError, match="no pictures"):
        open_source(str(path))


def test_a_folder_means_its_videos(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/1.mp4", "a.MKV", "notes.txt"):
        (tmp_path / name).touch()
    assert expand(str(tmp_path)) == [str(tmp_path / "a.MKV"), str(tmp_path / "b" / "1.mp4")]
    assert expand("rtsp://camera/1") == ["rtsp://camera/1"]
    assert expand("0") == ["0"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(VideoError, match="no video in the folder"):
        expand(str(tmp_path / "empty"))


def test_a_number_and_an_address_are_live() -> None:
    assert [is_live(text) for text in ("0", "rtsp://c", "http://c/x.m3u8", "a.mp4", "./0")] == [1, 1, 1, 0, 0]


def test_a_film_at_an_address_is_no_camera(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", 20)

    class Answer(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *_: object) -> None: ...

    with serving(Answer) as address:
        source = open_source(f"{address}/a.mp4")
        assert not source.live
        assert numbers(source) == list(range(20))
        assert source.trouble is None
        with pytest.raises(VideoError, match="404"):
            open_source(f"{address}/none.mp4")
