"""The film: what is in the file, and what is on its frames."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.core.errors import StorageError
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


def strip_of(path: Path, given: Sequence[tuple[int, float | None, bool]]) -> Image:
    """The timeline of a film's last frame, from `(number, share, ringing)`; at 25/s a frame is 4.1 px of 1024 wide."""
    with OverlayVideo(path, size=(1024, 576), fps=25.0, look=Look(COCO17, 0.8)) as video:
        for number, share, ringing in given:
            video.add(number, np.zeros((576, 1024, 3), dtype=np.uint8), [], share=share, ringing=ringing)
    return frames(path)[-1][1][576:]


def curve(strip: Image) -> NDArray[np.bool_]:
    """Where the line is drawn, by column; the threshold's dots are left out."""
    return np.asarray((strip[20:] > 140).all(axis=2).any(axis=0))


def test_the_curve_breaks_where_nobody_was_scored(tmp_path: Path) -> None:
    given = [(number, None if 40 <= number < 80 else 0.4, False) for number in range(120)]
    drawn = curve(strip_of(tmp_path / "film.mp4", given))
    assert drawn[1023 - 36 * 4 : 1016].mean() > 0.95
    assert not drawn[1023 - 76 * 4 : 1023 - 44 * 4].any()
    assert drawn[1023 - 115 * 4 : 1023 - 84 * 4].mean() > 0.95


def test_the_timeline_counts_seconds_and_not_frames(tmp_path: Path) -> None:
    # Two seconds, five seconds lost, one second that rings: what came before the loss stands at six to eight seconds.
    given = [(number, 0.4, number >= 175) for number in (*range(50), *range(175, 200))]
    strip = strip_of(tmp_path / "film.mp4", given)
    seconds, drawn = (1023 - np.arange(1024)) / 1023 * 10, curve(strip)
    assert drawn[(seconds > 6.2) & (seconds < 7.8)].mean() > 0.95
    assert not drawn[(seconds > 1.2) & (seconds < 5.8)].any()
    orange = (strip[5, :, 0] > 150) & (strip[5, :, 2] < 70)
    assert orange[(seconds > 0.1) & (seconds < 0.9)].all()
    assert not orange[seconds > 1.2].any()


def test_what_is_older_than_the_timeline_is_gone(tmp_path: Path) -> None:
    strip = strip_of(tmp_path / "film.mp4", [(0, 0.4, True), (1, 0.4, True), (400, None, False)])
    assert not curve(strip).any()
    assert strip[5, :, 0].max() < 60  # on the plain ground: nothing rang in these ten seconds


def first(path: Path, *, blur: bool = True, **given: Any) -> NDArray[np.float64]:
    """The picture of a film's one frame, in which nobody is drawn."""
    with OverlayVideo(path, size=(300, 300), fps=25, look=Look(COCO17, 0.8, blur=blur)) as video:
        video.add(0, noise(), [], share=None, ringing=False, **given)
    return frames(path)[0][1][:300].astype(float)


def test_heads_are_hidden_in_the_film_and_nothing_else(tmp_path: Path) -> None:
    path, person = tmp_path / "film.mp4", somebody()
    shown, hidden = (first(path, blur=blur, hidden=[person]) for blur in (False, True))
    head, elsewhere = np.s_[62:78, 142:158], np.s_[200:280, 10:90]
    assert hidden[head].std() < 0.6 * shown[head].std()
    assert np.abs(hidden[elsewhere] - shown[elsewhere]).mean() < 3


def test_heads_of_frames_in_which_nobody_was_looked_for_are_hidden_wider(tmp_path: Path) -> None:
    path, person = tmp_path / "film.mp4", somebody()
    shown, now, later = (first(path, **given) for given in ({}, {"hidden": [person]}, {"hidden": [person], "ago": 0.2}))
    beside = np.s_[62:78, 190:200]  # 0.08 s of a run from the head
    assert now[beside].std() > 0.9 * shown[beside].std()
    assert later[beside].std() < 0.6 * shown[beside].std()


def test_who_is_missed_is_hidden_whole_and_not_drawn(tmp_path: Path) -> None:
    path, person = tmp_path / "film.mp4", somebody()
    shown, hidden = first(path), first(path, missed=[(person, 0.04)])
    x, y, width, height = person.box.astype(int)
    body = np.s_[y + 5 : y + height - 5, x + 5 : x + width - 5]
    assert hidden[body].std() < 0.6 * shown[body].std()
    assert not (np.abs(hidden[body] - 205).max(axis=2) < 30).any()  # the grey of people without a score


def test_nothing_of_the_picture_where_skeletons_alone_are_asked_for(tmp_path: Path) -> None:
    film(tmp_path / "film.mp4", numbers=[0, 1], look=Look(COCO17, 0.8, skeleton_only=True))
    corner = frames(tmp_path / "film.mp4")[1][1][60:120, 10:60]
    assert corner.std() < 5


def test_a_full_disk_met_at_the_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: OverlayVideo, kind: type[BaseException] | None, *__: object) -> None:
        if kind is None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(OverlayVideo, "_flush", full)
    with pytest.raises(StorageError, match="disk is full"):
        film(tmp_path / "film.mp4", numbers=[0, 1])
    assert not list(tmp_path.iterdir())


def test_an_interrupted_film_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    film(path, numbers=[0, 1])
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), OverlayVideo(path, size=(300, 300), fps=25, look=Look(COCO17, 0.8)) as video:
        video.add(0, noise(), [], share=None, ringing=False)
        raise KeyboardInterrupt
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
