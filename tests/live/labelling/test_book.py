"""The clips and their file: nobody's work is lost, whoever else writes."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stages.core import storage
from stages.core.errors import DatasetError, StorageError
from stages.live.labelling.book import Book, Change, ConflictError, LabelledClip
from stages.live.labelling.sheet import Interval

TEXT = "clip,start_frame,end_frame,kind\nb,1,2,run\n"


def clip(name: str, *, called_normal: bool = False, kind: str = "") -> LabelledClip:
    return LabelledClip(name, Path(f"{name}.mp4"), 10, 60, 160, 96, called_normal=called_normal, kind=kind)


@pytest.fixture
def book(tmp_path: Path) -> Book:
    (tmp_path / "labels.csv").write_text(TEXT)
    return Book(tmp_path / "labels.csv", [clip("a"), clip("b"), clip("n", called_normal=True, kind="walk")])


def change(book: Book, place: int, *intervals: Interval) -> str:
    version, _ = book.labels(book.clips[place])
    return book.change(book.clips[place], Change(version=version, intervals=list(intervals)))


def test_a_change_is_written_and_the_old_file_kept_once(book: Book) -> None:
    change(book, 0, Interval(start=3, end=4))
    change(book, 0, Interval(start=3, end=5))
    assert book.path.read_text() == TEXT + "a,3,5,\n"
    assert book.backup.read_text() == TEXT
    assert book.changes == 2


def test_what_changes_nothing_writes_nothing(book: Book) -> None:
    before = book.path.stat().st_mtime_ns
    change(book, 1, *book.labels(book.clips[1])[1])
    assert book.path.stat().st_mtime_ns == before
    assert not book.backup.exists()


def test_the_second_of_two_tabs_is_told(book: Book) -> None:
    version, _ = book.labels(book.clips[0])
    book.change(book.clips[0], Change(version=version, intervals=[Interval(start=1, end=2)]))
    with pytest.raises(ConflictError):
        book.change(book.clips[0], Change(version=version, intervals=[Interval(start=7, end=8)]))
    assert "a,1,2," in book.path.read_text()


def test_an_editor_that_wrote_meanwhile_is_not_overwritten(book: Book) -> None:
    version, _ = book.labels(book.clips[0])
    # Rows of another clip are taken along as they are by now; the same clip's are a conflict.
    book.path.write_text(TEXT + "c,5,6,by hand\n")
    book.change(book.clips[0], Change(version=version, intervals=[Interval(start=1, end=2)]))
    assert book.path.read_text() == TEXT + "c,5,6,by hand\na,1,2,\n"
    book.path.write_text(TEXT + "a,1,9,by hand\n")
    with pytest.raises(ConflictError):
        book.change(book.clips[0], Change(version=version, intervals=[]))
    assert book.path.read_text() == TEXT + "a,1,9,by hand\n"


def test_tabs_on_different_clips_do_not_get_in_each_others_way(book: Book) -> None:
    clips = [clip(f"c{place}") for place in range(8)]
    books = [Book(book.path, clips) for _ in range(2)]  # two sessions, which share no lock but the folder's
    together = threading.Barrier(8)

    def mark(place: int) -> None:
        together.wait()
        change(books[place % 2], place, Interval(start=place, end=place))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(mark, range(8)))
    assert sorted(book.path.read_text().splitlines()[2:]) == [f"c{place},{place},{place}," for place in range(8)]


@pytest.mark.parametrize(
    ("place", "interval", "says"),
    [
        (0, Interval(start=50, end=60), "reaches past the last frame, 59"),
        (2, Interval(start=1, end=2), "clips.csv calls n normal"),
    ],
)
def test_what_cannot_be_is_refused(book: Book, place: int, interval: Interval, says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        change(book, place, interval)
    assert book.path.read_text() == TEXT


def test_a_normal_clip_may_hold_what_nobody_knows(book: Book) -> None:
    change(book, 2, Interval(start=1, end=2, unknown=True))
    assert book.path.read_text() == "clip,start_frame,end_frame,kind,label\nb,1,2,run,\nn,1,2,,unknown\n"


def test_a_file_damaged_meanwhile_is_not_overwritten(book: Book) -> None:
    version, _ = book.labels(book.clips[0])
    book.path.write_text(TEXT + "a,x,y\n")
    with pytest.raises(DatasetError, match="line 3"):
        book.change(book.clips[0], Change(version=version, intervals=[]))
    assert book.path.read_text() == TEXT + "a,x,y\n"


def test_a_row_beyond_a_clips_end_is_found_at_once(book: Book) -> None:
    book.path.write_text(TEXT + "a,50,60,\n")
    with pytest.raises(DatasetError, match="a: interval 50–60 reaches past"):
        book.demand_sound()


def test_a_disk_that_is_full_is_told_and_the_file_stays(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(28, os.strerror(28), str(path))

    monkeypatch.setattr(storage, "_flush", full)
    with pytest.raises(StorageError, match="the disk is full"):
        change(book, 0, Interval(start=1, end=2))
    assert book.path.read_text() == TEXT
    monkeypatch.undo()
    change(book, 0, Interval(start=1, end=2))
    assert book.path.read_text() == TEXT + "a,1,2,\n"
    assert book.backup.read_text() == TEXT


def test_kinds_of_the_file_come_before_those_of_the_clips(book: Book) -> None:
    assert book.kinds() == ["run", "walk"]


def test_after_the_end_nothing_is_written(book: Book) -> None:
    book.close()
    with pytest.raises(StorageError, match="normotion was stopped"):
        change(book, 0, Interval(start=1, end=2))
    assert book.path.read_text() == TEXT
