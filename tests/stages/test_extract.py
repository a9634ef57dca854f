"""The extract stage: what it writes, what it does not do twice, and how it survives bad files and interruptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stages import extract
from stages.core.errors import BackendError, ParamsError, VideoError
from stages.core.paths import Project, clip_file
from stages.core.storage import sha256_file
from stages.pose.base import People
from tests.stages.footage import FRAMES, digests, film, list_clips, make_project, poses, set_params


@dataclass
class Counting:
    """Sees as many people in a frame as its number; counts frames; can be interrupted at one."""

    frames: int = 0
    interrupt_at: int = -1
    version: str = field(default="counting 1.0, nothing 0")

    def __call__(self, image: NDArray[np.uint8]) -> People:
        self.frames += 1
        if self.frames == self.interrupt_at:
            raise KeyboardInterrupt
        number = round(float(image.mean()) / 20)
        keypoints = np.full((number, 17, 3), number, dtype=np.float32)
        boxes = np.arange(number * 4, dtype=np.float32).reshape(number, 4)
        return People(boxes, np.linspace(0.9, 0.3, number, dtype=np.float32), keypoints, junk=2, doubted=1)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """Stands in for the networks, so that every frame worked on is counted."""
    find = Counting()
    monkeypatch.setattr(extract, "estimator", lambda _: find)
    return find


def rerun(project: Project, counting: Counting) -> int:
    """Run again; gives the number of frames worked on."""
    before = counting.frames
    extract.run(project, "demo")
    return counting.frames - before


def test_every_person_of_every_frame_is_a_row(project: Project, counting: Counting) -> None:
    extract.run(project, "demo")
    found = poses(project, "gate")
    # Frame i holds i people: 0 + 1 + 2 + 3 + 4 + 5.
    assert found.frame["frame"].tolist() == [1] + [2] * 2 + [3] * 3 + [4] * 4 + [5] * 5
    assert set(found.frame["clip"]) == {"gate"}
    assert found.arrays.shape == (15, 17, 3)
    np.testing.assert_array_equal(found.arrays[:, 0, 0], found.frame["frame"])
    row = found.frame.iloc[2]
    assert row[["x", "y", "w", "h"]].tolist() == [4.0, 5.0, 6.0, 7.0]  # second person of frame 2
    assert row["score"] == pytest.approx(0.3)
    assert counting.frames == sum(FRAMES.values())


def test_the_file_says_how_it_was_made(project: Project, counting: Counting) -> None:
    set_params(project, strong=0.4)
    extract.run(project, "demo")
    meta = poses(project, "gate").meta
    assert meta["layout"] == "coco17"
    assert (meta["coordinates"], meta["units"], meta["channels"]) == ("xy", "px", "x,y,confidence")
    assert (meta["backend"], meta["backend_version"]) == ("movenet", counting.version)
    assert meta["source_sha256"] == sha256_file(project.raw("demo") / "videos" / "gate.avi")
    assert float(meta["strong"]) == 0.4


def test_long_clips_are_written_in_pieces(
    project: Project, counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract.run(project, "demo")
    whole = poses(project, "gate")
    monkeypatch.setattr(extract, "ROWS_PER_GROUP", 4)
    set_params(project, weak=0.1)
    extract.run(project, "demo")
    pieces = poses(project, "gate")
    assert pieces.frame.equals(whole.frame)
    np.testing.assert_array_equal(pieces.arrays, whole.arrays)


def test_a_clip_with_nobody_gives_an_empty_table_and_a_warning(
    project: Project, counting: Counting, said: pytest.LogCaptureFixture
) -> None:
    extract.run(project, "demo")
    found = poses(project, "void")
    assert len(found) == 0
    assert found.arrays.shape == (0, 17, 3)
    assert [record.getMessage() for record in said.records if record.levelname == "WARNING"] == [
        "void: nobody was found in it, its table of poses is empty"
    ]


def test_what_was_dropped_is_said(project: Project, counting: Counting, said: pytest.LogCaptureFixture) -> None:
    extract.run(project, "demo")
    assert "gate: 15 poses in 6 frames; 6 without a body made weak, dropped 12 weak ones" in said.text


def test_nothing_is_done_twice(project: Project, counting: Counting, said: pytest.LogCaptureFixture) -> None:
    extract.run(project, "demo")
    first = digests(project)
    said.clear()
    assert rerun(project, counting) == 0
    assert digests(project) == first
    assert "yard is unchanged, its poses are kept" in said.text


def test_threads_change_neither_key_nor_bytes(project: Project, counting: Counting) -> None:
    set_params(project, threads=1)
    extract.run(project, "demo")
    first = digests(project)
    set_params(project, threads=3)
    assert rerun(project, counting) == 0
    for path in project.poses("demo").iterdir():
        path.unlink()
    assert rerun(project, counting) == sum(FRAMES.values())
    assert digests(project) == first


def test_other_parameters_make_all_clips_anew(project: Project, counting: Counting) -> None:
    extract.run(project, "demo")
    set_params(project, margin=1.5)
    assert rerun(project, counting) == sum(FRAMES.values())


def test_a_changed_video_is_done_again_alone(project: Project, counting: Counting) -> None:
    extract.run(project, "demo")
    film(project.raw("demo") / "videos" / "yard.avi", FRAMES["yard"], step=40)
    assert rerun(project, counting) == FRAMES["yard"]
    assert poses(project, "yard").frame["frame"].tolist() == [1] * 2 + [2] * 4 + [3] * 6


def test_a_clip_that_is_no_longer_listed_loses_its_file(
    project: Project, counting: Counting, said: pytest.LogCaptureFixture
) -> None:
    extract.run(project, "demo")
    list_clips(project, {"gate": FRAMES["gate"]})
    assert rerun(project, counting) == 0
    assert list(digests(project)) == ["gate.parquet"]
    assert "yard: no longer in clips.csv, its poses are removed" in said.text


def test_an_interrupted_run_goes_on_where_it_stopped(project: Project, counting: Counting) -> None:
    counting.interrupt_at = FRAMES["gate"] + 2  # within the second clip, `void`
    with pytest.raises(KeyboardInterrupt):
        extract.run(project, "demo")
    assert list(digests(project)) == ["gate.parquet"]  # the first is whole, the second left nothing behind
    assert rerun(project, counting) == FRAMES["void"] + FRAMES["yard"]
    assert list(digests(project)) == ["gate.parquet", "void.parquet", "yard.parquet"]


def test_what_a_killed_run_left_is_swept(project: Project, counting: Counting) -> None:
    left = project.poses("demo") / ".gate.parquet.tmp-999999999"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half a table")
    extract.run(project, "demo")
    assert not left.exists()


@pytest.mark.parametrize(
    "spoil", [lambda path: path.write_bytes(b"PAR1 no more"), lambda path: path.write_bytes(path.read_bytes()[:-20])]
)
def test_a_damaged_file_is_made_anew(project: Project, counting: Counting, spoil: Callable[[Path], Any]) -> None:
    extract.run(project, "demo")
    first = digests(project)
    spoil(clip_file(project.poses("demo"), "gate"))
    assert rerun(project, counting) == FRAMES["gate"]
    assert digests(project) == first


def test_a_truncated_video_is_refused_and_good_poses_stay(project: Project, counting: Counting) -> None:
    video = project.raw("demo") / "videos" / "void.avi"
    film(video, 30, step=0)
    list_clips(project, {**FRAMES, "void": 30})
    extract.run(project, "demo")
    first = digests(project)
    video.write_bytes(video.read_bytes()[: video.stat().st_size * 6 // 10])
    with pytest.raises(VideoError, match="cut off") as error:
        extract.run(project, "demo")
    assert error.value.where == str(video)
    assert digests(project) == first


@pytest.mark.parametrize("declared", [5, 7])
def test_a_wrong_declaration_is_refused(project: Project, counting: Counting, declared: int) -> None:
    list_clips(project, {"gate": declared})
    with pytest.raises(VideoError, match=f"6 frames could be decoded, but clips.csv declares {declared}") as error:
        extract.run(project, "demo")
    assert "write frames = 6 in clips.csv" in error.value.fix
    assert digests(project) == {}


@pytest.mark.parametrize("data", [None, b"", b"milk, bread, eggs\n" * 99], ids=["missing", "empty", "text"])
def test_files_that_are_no_videos_are_refused(project: Project, counting: Counting, data: bytes | None) -> None:
    video = project.raw("demo") / "videos" / "void.avi"
    video.unlink()
    if data is not None:
        video.write_bytes(data)
    with pytest.raises(VideoError) as error:
        extract.run(project, "demo")
    assert error.value.where == str(video)


def test_a_video_that_ends_early_is_refused_with_what_was_found(project: Project, counting: Counting) -> None:
    video = project.raw("demo") / "videos" / "void.avi"
    film(video, 30, step=0)
    list_clips(project, {**FRAMES, "void": 31})  # its header agrees with its 30 frames, clips.csv does not
    with pytest.raises(VideoError, match=r"30 frames could be decoded, but clips\.csv declares 31"):
        extract.run(project, "demo")
    assert list(digests(project)) == ["gate.parquet"]


def test_every_third_frame_alone_in_the_clip_s_own_numbers(project: Project, counting: Counting) -> None:
    set_params(project, every=3)
    extract.run(project, "demo")
    assert counting.frames == 2 + 1 + 2  # of 6, 3 and 4 frames: 0 and 3, 0, 0 and 3
    found = poses(project, "gate")
    assert found.frame["frame"].tolist() == [3] * 3
    assert found.meta["every"] == "3"
    set_params(project)
    assert rerun(project, counting) == sum(FRAMES.values())
    assert poses(project, "gate").meta["every"] == "1"


def test_all_frames_are_counted_however_few_are_looked_at(project: Project, counting: Counting) -> None:
    set_params(project, every=4)
    list_clips(project, {"gate": 7})
    with pytest.raises(VideoError, match=r"6 frames could be decoded, but clips\.csv declares 7"):
        extract.run(project, "demo")


def test_an_unknown_parameter_is_refused_before_any_work(project: Project, counting: Counting) -> None:
    set_params(project, weka=0.1)
    with pytest.raises(ParamsError, match="did you mean 'weak'"):
        extract.run(project, "demo")
    assert not project.poses("demo").exists()


def test_the_real_networks_find_nobody_in_plain_grey(project: Project) -> None:
    list_clips(project, {"void": FRAMES["void"]})
    extract.run(project, "demo")
    found = poses(project, "void")
    assert len(found) == 0
    assert found.meta["backend_version"].startswith("onnxruntime")


@dataclass
class WholeClips:
    """A backend that reads videos by itself: one person in every frame; fails where it is told to."""

    fails: str = ""
    where: str = ""
    version: str = "whole 1.0"

    def clip(self, video: Path, count: int) -> Iterator[tuple[int, People]]:
        if video.stem == self.fails:
            raise BackendError("exit status 3", where=self.where, fix="look at its log")
        one = People(np.ones((1, 4), np.float32), np.ones(1, np.float32), np.ones((1, 17, 3), np.float32))
        yield from ((number, one) for number in range(count))


def test_a_backend_that_reads_whole_videos(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract, "estimator", lambda _: WholeClips())
    set_params(project, every=2)
    extract.run(project, "demo")
    assert poses(project, "gate").frame["frame"].tolist() == [0, 2, 4]
    assert poses(project, "gate").meta["backend_version"] == "whole 1.0"


def test_a_clip_on_which_such_a_backend_fails_is_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract, "estimator", lambda _: WholeClips(fails="void"))
    with pytest.raises(VideoError, match="movenet failed: exit status 3") as error:
        extract.run(project, "demo")
    assert error.value.where == str(project.raw("demo") / "videos" / "void.avi")
    assert list(digests(project)) == ["gate.parquet"]


def test_the_last_words_of_such_a_backend_are_passed_on(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract, "estimator", lambda _: WholeClips(fails="gate", where="python demo.py\nout of memory"))
    with pytest.raises(VideoError) as error:
        extract.run(project, "demo")
    assert error.value.where == "python demo.py\nout of memory"
