"""What `normotion label VIDEO` means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import DatasetError, NormotionError
from stages.core.paths import Project
from stages.live.labelling.book import Book, Change
from stages.live.labelling.finding import find
from stages.live.labelling.sheet import Interval
from tests.live.labelling.films import dataset, film
from tests.live.labelling.test_traces import table
from tests.pose.mp4 import retime


def found(root: Path, video: Path | str, **options: str) -> Book:
    named: dict[str, Any] = {**dict.fromkeys(("dataset", "clip", "scores", "out")), **options}
    return find(Project(root), str(video), **named)


def test_a_file_has_its_labels_beside_it(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    book = found(tmp_path, film(tmp_path / "my gate (1).avi", 30))
    (clip,) = book.clips
    assert (clip.name, clip.frames, clip.fps, clip.width, clip.height) == ("my_gate_1_", 30, 10, 160, 96)
    assert book.path == tmp_path / "labels.csv"
    assert "'my gate (1)' is called my_gate_1_" in said.text


def test_clip_scores_and_out_may_be_named(tmp_path: Path) -> None:
    video = film(tmp_path / "gate.avi", 30)
    scores = table(tmp_path / "gate" / "scores.parquet", "gate", [1, 2])
    assert found(tmp_path, video).traces.files == {"scores": scores}  # as `normotion run gate.avi --out gate` leaves it
    other = table(tmp_path / "other.parquet", "gate", [1, 2])
    book = found(tmp_path, video, clip="monday", scores=str(other), out=str(tmp_path / "new" / "marks.csv"))
    assert (book.clips[0].name, book.path.name, book.traces.files) == ("monday", "marks.csv", {"other": other})
    book.change(book.clips[0], Change(version=book.labels(book.clips[0])[0], intervals=[Interval(start=0, end=1)]))
    assert book.path.read_text() == "clip,start_frame,end_frame,kind\nmonday,0,1,\n"


def test_a_folder_is_all_its_videos(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    for name in ("b.avi", "a.webm", "c.avi"):
        film(tmp_path / name, 12)
    (tmp_path / "broken.mp4").write_bytes(b"no film")
    (tmp_path / "notes.txt").write_text("no film either")
    book = found(tmp_path, tmp_path, clip="b")
    assert [clip.name for clip in book.clips] == ["b", "c", "a"]
    assert "left out: this is no video" in said.text


def test_a_dataset_is_all_its_clips(tmp_path: Path) -> None:
    dataset(tmp_path / "data" / "raw" / "gate", {"one": ".avi", "two": ".webm"})
    scores = table(Project(tmp_path).frame_scores("gate", "knn"), "one", [1])
    book = found(tmp_path, "gate")
    assert [clip.name for clip in book.clips] == ["one", "two"]
    # Who has footage and no labels begins with an empty file.
    assert book.path == tmp_path / "data" / "raw" / "gate" / "labels.csv"
    assert book.path.read_text() == "clip,start_frame,end_frame,kind\n"
    assert book.traces.files == {"knn": scores}


def test_a_file_of_a_dataset(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    folder = dataset(tmp_path / "data" / "raw" / "gate", {"one": ".avi", "two": ".avi"}, "clip,start_frame,end_frame\n")
    video = folder / "videos" / "two.avi"
    book = found(tmp_path, video, dataset="gate")
    assert ([clip.name for clip in book.clips], book.path) == (["two"], folder / "labels.csv")
    assert found(tmp_path, video).path == video.parent / "labels.csv"
    assert "`normotion label gate`" in said.text
    with pytest.raises(DatasetError, match="footage of no clip of gate"):
        found(tmp_path, film(tmp_path / "other.avi", 12), dataset="gate")


def test_frames_that_do_not_come_evenly_are_known(tmp_path: Path) -> None:
    even = film(tmp_path / "even.mp4", 20)
    uneven = retime(film(tmp_path / "uneven.mp4", 20), [0.05, 0.15] * 10)
    assert [found(tmp_path, path).clips[0].even for path in (even, uneven)] == [True, False]


@pytest.mark.parametrize(
    ("name", "contents", "says"),
    [
        ("none.mp4", None, "no such file"),
        ("empty.mp4", b"", "the video is empty"),
        ("text.mp4", b"no film at all", "this is no video"),
        ("gte", None, "did you mean 'gate'"),
    ],
)
def test_what_is_no_video_is_told(name: str, contents: bytes | None, says: str, tmp_path: Path) -> None:
    dataset(tmp_path / "data" / "raw" / "gate", {"one": ".avi"})
    if contents is not None:
        (tmp_path / name).write_bytes(contents)
    with pytest.raises(NormotionError, match=says):
        found(tmp_path, tmp_path / name if "." in name else name)


def test_nothing_to_label_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no videos in the folder"):
        found(tmp_path, tmp_path)
    film(tmp_path / "a.avi", 12)
    film(tmp_path / "a.webm", 12)
    with pytest.raises(DatasetError, match="two files would both be clip a"):
        found(tmp_path, tmp_path)
    with pytest.raises(DatasetError, match="clip name 'a b'"):
        found(tmp_path, tmp_path / "a.avi", clip="a b")
    folder = dataset(tmp_path / "data" / "raw" / "gate", {"one": ".avi"})
    with pytest.raises(DatasetError, match="no clip 'on'; did you mean 'one'"):
        found(tmp_path, "gate", clip="on")
    (folder / "videos" / "one.avi").unlink()
    with pytest.raises(DatasetError, match="no clip of gate has footage"):
        found(tmp_path, "gate")


def test_damaged_labels_are_refused_before_a_page_opens(tmp_path: Path) -> None:
    video = film(tmp_path / "gate.avi", 30)
    (tmp_path / "labels.csv").write_text("clip,start_frame,end_frame\ngate,3,30\n")
    with pytest.raises(DatasetError, match="reaches past the last frame, 29"):
        found(tmp_path, video)
    dataset(tmp_path / "data" / "raw" / "gate", {"one": ".avi"}, "clip,start_frame,end_frame\none,3\n")
    with pytest.raises(DatasetError, match="labels.csv"):
        found(tmp_path, "gate")
