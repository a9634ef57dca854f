"""`normotion run` and `normotion calibrate` on files: what they write and say, and what they do with bad ones."""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.__main__ import main
from stages.core.schemas import FRAME_SCORES
from stages.core.tables import read
from stages.live import judging
from stages.pose.base import Image, People
from stages.show.overlay_video import OverlayVideo
from tests.live.people import SIZE, crowd
from tests.live.streams import bars, motion_jpeg

av = pytest.importorskip("av")

BITS, BLOCK = 10, 32


class Finder:
    """Reads a frame's number from its blocks; people walk, and shake from frame 60 to 79."""

    version = "made up"

    def __call__(self, image: Image) -> People:
        bright = [image[8:24, place * BLOCK + 8 : place * BLOCK + 24].mean() > 128 for place in range(BITS)]
        number = sum(1 << place for place, on in enumerate(bright) if on)
        people = crowd(number, 10.0, np.random.default_rng(number), people=0 if image[100, 100, 0] > 128 else 2)
        if 60 <= number < 80:
            people.keypoints[..., :2] += np.random.default_rng(number).normal(0, 12, people.keypoints[..., :2].shape)
        return people


def video(path: Path, frames: int, *, empty: bool = False, size: tuple[int, int] = SIZE, fps: int = 10) -> Path:
    """A film whose blocks say each frame's number; `empty`: with nobody in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(frames):
            image = np.full((size[1], size[0], 3), 255 if empty else 0, dtype=np.uint8)
            for place in range(BITS):
                image[:BLOCK, place * BLOCK : (place + 1) * BLOCK] = 255 * (number >> place & 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(judging, "estimator", lambda _: Finder())
    monkeypatch.chdir(tmp_path)


def test_a_video_is_judged_and_everything_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video(tmp_path / "gate.mp4", 140)
    assert main(["run", "gate.mp4", "--out", "out", "--threshold", "0.8"]) == 0
    said = capsys.readouterr().err
    for expected in ("no model was named", "comes with normotion", "written to out", "next: normotion label gate.mp4"):
        assert expected in said
    out = tmp_path / "out"
    names = {"overlay.mp4", "page.html", "timeline.png", "scores.parquet", "events.csv", "run.json"}
    assert {path.name for path in out.iterdir()} == names
    scores = read(out / "scores.parquet", FRAME_SCORES)
    assert scores.frame["frame"].tolist() == list(range(140))
    assert scores.frame["scored"].mean() > 0.9
    assert scores.meta["fps"] == "10.0"
    summary = json.loads((out / "run.json").read_text())
    events = pd.read_csv(out / "events.csv")
    assert len(events) == len(summary["events"]) >= 1
    assert summary["calibrated"] is False
    shaken = scores.frame["raw"].iloc[62:78].median()
    assert shaken > scores.frame["raw"].iloc[10:50].median()
    told = summary["events"][0]["why"]
    assert told["how"] == "exact"
    assert len(told["sentences"]) > 2
    with av.open(str(out / "overlay.mp4")) as container:
        assert container.streams.video[0].frames == 140


def test_a_calibrated_camera_rings_at_its_threshold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video(tmp_path / "normal" / "a.mp4", 60)
    video(tmp_path / "gate.mp4", 140)
    assert main(["calibrate", "normal", "--false-alarms", "2000/hour", "--camera", "gate", "--out", "c.json"]) == 0
    assert "alarms ring at scores above" in capsys.readouterr().err
    threshold = json.loads(Path("c.json").read_text())["cameras"]["gate"]["threshold"]
    assert main(["run", "gate.mp4", "--out", "out", "--calibration", "c.json", "--no-film"]) == 0
    summary = json.loads(Path("out/run.json").read_text())
    assert summary["calibrated"] is True
    assert summary["threshold"] == threshold
    assert not Path("out/overlay.mp4").exists()
    kept = list((tmp_path / "c-scores").iterdir())
    before = [path.stat().st_mtime_ns for path in kept]
    assert main(["calibrate", "normal", "--false-alarms", "1/day", "--camera", "door", "--out", "c.json"]) == 0
    assert "too short for a target" in capsys.readouterr().err
    assert [path.stat().st_mtime_ns for path in kept] == before
    assert set(json.loads(Path("c.json").read_text())["cameras"]) == {"gate", "door"}
    assert main(["run", "gate.mp4", "--calibration", "c.json"]) == 1
    assert "choose by --camera one of: door, gate" in capsys.readouterr().err


def test_a_folder_gives_a_folder_for_each(tmp_path: Path) -> None:
    for name in ("a", "b"):
        video(tmp_path / "day" / f"{name}.mp4", 20)
    assert main(["run", "day", "--out", "out", "--no-film"]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a", "b"}


def test_videos_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    for name in ("monday/gate.mp4", "tuesday/gate.mp4", "hall.mp4", "hall.mkv"):
        video(tmp_path / "week" / name, 20)
    assert main(["run", "week", "--out", "out", "--no-film"]) == 0
    found = {str(path.parent.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("run.json")}
    assert found == {"monday/gate", "tuesday/gate", "hall.mp4", "hall.mkv"}


def test_its_own_films_are_no_sources(tmp_path: Path) -> None:
    video(tmp_path / "day" / "a.mp4", 20)
    assert main(["run", "day/a.mp4", "--out", "day/a"]) == 0
    assert (tmp_path / "day" / "a" / "overlay.mp4").is_file()
    assert main(["run", "day", "--out", "out", "--no-film"]) == 0
    assert not list((tmp_path / "out").rglob("overlay*"))
    assert (tmp_path / "out" / "run.json").is_file()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_camera_ends_when_told_to_and_all_of_it_is_written(sign: signal.Signals, tmp_path: Path) -> None:
    with motion_jpeg(10.0, bars(SIZE)) as address:
        timer = threading.Timer(4.0, os.kill, (os.getpid(), sign))
        timer.start()
        try:
            assert main(["run", address, "--out", "out"]) == 0
        finally:
            timer.cancel()  # a signal that nobody waits for any more would end the tests
    names = {"overlay.mp4", "page.html", "timeline.png", "scores.parquet", "events.csv", "run.json"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert len(read(tmp_path / "out" / "scores.parquet", FRAME_SCORES).frame) > 10


def test_a_folder_that_cannot_be_written_to_is_told_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    video(tmp_path / "gate.mp4", 20)
    (tmp_path / "file").touch()
    monkeypatch.setattr(Finder, "__call__", lambda *_: pytest.fail("judged before it was tried"))
    assert main(["run", "gate.mp4", "--no-film", "--out", "file/out"]) == 1
    assert "cannot write" in capsys.readouterr().err


def test_a_film_that_does_not_fit_costs_the_film_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    video(tmp_path / "gate.mp4", 140)
    add = OverlayVideo.add

    def full(self: OverlayVideo, number: int, *args: object, **options: object) -> None:
        if number > 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        add(self, number, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(OverlayVideo, "add", full)
    assert main(["run", "gate.mp4", "--out", "out", "--threshold", "0.8"]) == 1
    said = capsys.readouterr().err
    assert "the film could not be written to its end, all else is: the disk is full" in said
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "page.html", "timeline.png", "scores.parquet", "events.csv", "run.json"
    }  # fmt: skip
    assert "<video" not in (tmp_path / "out" / "page.html").read_text()
    assert len(read(tmp_path / "out" / "scores.parquet", FRAME_SCORES).frame) == 140


def test_footage_with_a_hole_keeps_its_time(tmp_path: Path) -> None:
    path = tmp_path / "gate.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in [*range(40), *range(400, 440)]:
            frame = av.VideoFrame.from_ndarray(np.zeros((*SIZE[::-1], 3), dtype=np.uint8), format="bgr24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert main(["run", "gate.mkv", "--out", "out", "--threshold", "-1"]) == 0
    events = pd.read_csv(tmp_path / "out" / "events.csv")
    assert events["start_seconds"].tolist() == [0.0, 40.0]
    page = (tmp_path / "out" / "page.html").read_text()
    assert "2 alarms in 0:44.0" in page
    assert not [sign for sign in (" nan", ",nan", "nan%") if sign in page]


def test_one_that_breaks_off_is_judged_as_far_as_it_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = video(tmp_path / "whole.mkv", 100)
    (tmp_path / "cut.mkv").write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    assert main(["run", "cut.mkv", "--out", "out"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "breaks off" in said
    count = len(read(tmp_path / "out" / "scores.parquet", FRAME_SCORES).frame)
    assert 20 < count < 95
    assert "ended early" in (tmp_path / "out" / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["run", "none.mp4"], "no such file"),
        (["run", "empty.mp4"], "empty (0 bytes)"),
        (["run", "text.mp4"], "no video that can be read"),
        (["run", "gate.mp4", "--every", "0"], "whole number from 1"),
        (["run", "gate.mp4", "--every", "5"], "reads 10 samples a second"),
        (["run", "gate.mp4", "--threshold", "high"], "a threshold is a number"),
        (["run", "gate.mp4", "--model", "nowhere"], "there is no model 'nowhere'"),
        (["run", "gate.mp4", "--detector", "knn"], "only STG-NF comes with the package"),
        (["run", "gate.mp4", "--calibration", "none.json"], "this is no calibration"),
        (["run", "nothing"], "no video in the folder"),
        (["calibrate"], "no footage was named"),
        (["calibrate", "gate.mp4", "--false-alarms", "often"], "no rate of false alarms"),
    ],
)
def test_bad_input_is_told(words: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video(tmp_path / "gate.mp4", 20)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("hello")
    (tmp_path / "nothing").mkdir()
    assert main(words) == 1
    said = capsys.readouterr().err
    assert expected in said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("*-judged/*"))


@pytest.mark.parametrize("frames", [1, 5])
def test_a_very_short_one(frames: int, tmp_path: Path) -> None:
    video(tmp_path / "gate.mp4", frames)
    assert main(["run", "gate.mp4", "--out", "out"]) == 0
    assert "Nobody was seen for as long as a window lasts" in (tmp_path / "out" / "page.html").read_text()


def test_one_with_nobody_in_it(tmp_path: Path) -> None:
    video(tmp_path / "gate.mp4", 40, empty=True)
    assert main(["run", "gate.mp4", "--out", "out"]) == 0
    assert json.loads((tmp_path / "out" / "run.json").read_text())["events"] == []


def test_a_large_one_is_shrunk(tmp_path: Path) -> None:
    video(tmp_path / "gate.mp4", 6, size=(3840, 2160))
    assert main(["run", "gate.mp4", "--out", "out"]) == 0
    with av.open(str(tmp_path / "out" / "overlay.mp4")) as container:
        assert container.streams.video[0].width == 1280
