"""The film: what is in the file, and what is on its frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.core.skeleton import COCO17
from stages.show.overlay import Image
from stages.show.overlay_video import Look, OverlayVideo
from tests.show.test_faces import noise, somebody

av = pytest.importorskip("av")


def film(
    path: Path, *, numbers: list[int], size: tuple[int, int] = (300, 300), fps: float = 25.0, look: Look | None = None
) -> None:
    with OverlayVideo(path, size=size, fps=fps, look=look or Look(COCO17, 0.8)) as video:
        for number in numbers:
            image = noise(size[1], size[0])
            video.add(number, image, [somebody()], share=number / max(numbers[-1], 1), ringing=number > 20)


def frames(path: Path) -> list[tuple[float, Image]]:
    with av.open(str(path)) as container:
        return [(float(frame.time), frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def test_the_file_is_what_browsers_play(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    film(path, numbers=list(range(30)))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.frames, float(stream.average_rate)) == (30, 25.0)
    head = path.read_bytes()
    assert 0 < head.index(b"moov") < head.index(b"mdat")


@pytest.mark.parametrize("size", [(33, 45), (301, 299), (3840, 64), (16, 16)])
def test_odd_and_large_sizes(size: tuple[int, int], tmp_path: Path) -> None:
    film(tmp_path / "film.mp4", numbers=list(range(5)), size=size)
    found = frames(tmp_path / "film.mp4")
    assert len(found) == 5
    height, width = found[0][1].shape[:2]
    assert width % 2 == height % 2 == 0
    assert width <= 1280


def test_lost_frames_leave_a_gap_in_time(tmp_path: Path) -> None:
    film(tmp_path / "film.mp4", numbers=[0, 1, 2, 50, 51])
    assert [time for time, _ in frames(tmp_path / "film.mp4")] == pytest.approx([0, 0.04, 0.08, 2.0, 2.04])


@pytest.mark.parametrize("fps", [29.97, 12.5, 7.0])
def test_the_rate_is_the_sources(fps: float, tmp_path: Path) -> None:
    film(tmp_path / "film.mp4", numbers=list(range(40)), fps=fps)
    assert frames(tmp_path / "film.mp4")[-1][0] == pytest.approx(39 / fps, abs=0.02)


def test_what_is_on_a_frame(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    film(path, numbers=list(range(31)))
    quiet, loud = frames(path)[5][1].astype(int), frames(path)[30][1].astype(int)
    strip, right = quiet[302:], quiet[:290, -4]
    assert np.abs(strip - strip[0, 0]).max() > 60  # the curve on the plain ground
    assert right[-20:].mean() > right[:100].mean() + 30  # a short bar at the bottom
    orange = (loud[:, :, 0] > 150) & (loud[:, :, 1] < 130) & (loud[:, :, 2] < 70)
    assert orange[302:].mean() > 5 * (0.001 + ((quiet[302:, :, 0] > 150) & (quiet[302:, :, 2] < 70)).mean())
    assert orange[10:280, -4].mean() > 0.9


def test_nothing_of_the_picture_where_skeletons_alone_are_asked_for(tmp_path: Path) -> None:
    film(tmp_path / "film.mp4", numbers=[0, 1], look=Look(COCO17, 0.8, skeleton_only=True))
    corner = frames(tmp_path / "film.mp4")[1][1][60:120, 10:60]
    assert corner.std() < 5


def test_an_interrupted_film_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    film(path, numbers=[0, 1])
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), OverlayVideo(path, size=(300, 300), fps=25, look=Look(COCO17, 0.8)) as video:
        video.add(0, noise(), [], share=None, ringing=False)
        raise KeyboardInterrupt
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
