"""Takes as files: every frame is there, masks fit the frames, and equal takes give equal bytes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.core.errors import StorageError
from stages.pose.video import probe
from stages.simulation.filming import film
from stages.simulation.render import render
from stages.simulation.world import Take
from tests.simulation.stills import PLAIN, prop, standing, taken

FRAMES = 33


@pytest.fixture
def take() -> Take:
    """Someone with a ball for 33 frames, and someone else for the first ten of them."""
    ball = prop("ball", 0.8, 1.5, 1.0, frames=FRAMES)
    return taken(standing(3, 0.0, 1.5, frames=FRAMES, props=[ball]), standing(9, -1.5, 3.0, frames=10), frames=FRAMES)


def test_exactly_the_planned_frames_come_back(take: Take, tmp_path: Path) -> None:
    film(take, tmp_path / "clip.mp4", tmp_path / "clip.npz", PLAIN)
    info = probe(tmp_path / "clip.mp4")
    assert (info.frames, info.fps, info.width, info.height) == (FRAMES, 25.0, 128, 96)
    video = cv2.VideoCapture(str(tmp_path / "clip.mp4"))
    for picture in render(take, PLAIN):
        there, decoded = video.read()
        assert there
        assert np.abs(decoded[..., ::-1].astype(int) - picture.image).mean() < 6  # H.264 at crf 23
    assert not video.read()[0]


@pytest.mark.parametrize("fps", [12.5, 25.0, 29.97])
def test_the_frame_rate_is_the_planned_one(fps: float, take: Take, tmp_path: Path) -> None:
    film(replace(take, plan=replace(take.plan, fps=fps)), tmp_path / "clip.mp4", tmp_path / "clip.npz", PLAIN)
    info = probe(tmp_path / "clip.mp4")
    assert info.fps == pytest.approx(fps, rel=1e-4)
    assert info.frames == FRAMES


def test_there_is_a_key_frame_every_second(take: Take, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    film(take, tmp_path / "clip.mp4", tmp_path / "clip.npz", PLAIN)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        stream = container.streams.video[0]
        shown = [frame.pts * frame.time_base for frame in container.decode(stream) if frame.key_frame]
        assert stream.codec_context.pix_fmt == "yuv420p"
    assert shown == [0, 1]


def test_masks_name_tracks_and_are_those_of_the_frames(take: Take, tmp_path: Path) -> None:
    film(take, tmp_path / "clip.mp4", tmp_path / "clip.npz")
    with np.load(tmp_path / "clip.npz", allow_pickle=False) as masks:
        ids, props, tracks = masks["ids"], masks["props"], masks["tracks"]
    assert tracks.tolist() == [3, 9]
    assert (ids.dtype, ids.shape, props.shape) == (np.uint8, (FRAMES, 96, 128), (FRAMES, 96, 128))
    assert [np.unique(ids[frame]).tolist() for frame in (0, 9, 10, 32)] == [[0, 4, 10], [0, 4, 10], [0, 4], [0, 4]]
    assert np.unique(props).tolist() == [0, 4]
    for frame, picture in enumerate(render(take, PLAIN)):  # light and noise do not move anybody
        np.testing.assert_array_equal(ids[frame], picture.people)
        np.testing.assert_array_equal(props[frame], picture.things)


def test_equal_takes_give_equal_files(take: Take, tmp_path: Path) -> None:
    for name in ("one", "two"):
        film(take, tmp_path / f"{name}.mp4", tmp_path / f"{name}.npz")
    for suffix in (".mp4", ".npz"):
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc fills freed memory on demand")
def test_files_do_not_depend_on_what_was_in_memory_before(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from stages.simulation.filming import film;"
        "from tests.simulation.stills import standing, taken;"
        "film(taken(standing(0, 0.0, 1.5, frames=30), frames=30), Path(sys.argv[1]), Path(sys.argv[1] + '.npz'))"
    )
    for fill in ("0", "85"):
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / fill)],
            env={"MALLOC_PERTURB_": fill, "PYTHONPATH": str(Path(__file__).parents[2])},
            check=True,
        )
    assert (tmp_path / "0").read_bytes() == (tmp_path / "85").read_bytes()


def test_threads_of_opencv_are_left_as_they_were(take: Take, tmp_path: Path) -> None:
    before = cv2.getNumThreads()
    film(take, tmp_path / "clip.mp4", tmp_path / "clip.npz")
    assert cv2.getNumThreads() == before


def test_an_old_film_stays_when_a_new_one_fails(take: Take, tmp_path: Path) -> None:
    video, masks = tmp_path / "clip.mp4", tmp_path / "clip.npz"
    video.write_bytes(b"old")
    bad = replace(take.actors[0], joints=take.actors[0].joints[:, :5])  # no body has five points
    with pytest.raises(ValueError, match="operand|dimension|size|index"):
        film(replace(take, actors=(bad,)), video, masks)
    assert video.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4"]


def test_a_folder_that_cannot_be_written_is_named(take: Take, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder is needed")
    with pytest.raises(StorageError, match="cannot write"):
        film(take, tmp_path / "taken" / "clip.mp4", tmp_path / "clip.npz")
