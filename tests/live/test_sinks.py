"""Where alarms go: what is written can be read back, after restarts, power cuts and full disks too."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages.core.errors import StorageError
from stages.live.lines import Appended
from stages.live.sinks import COLUMNS, Alert, JsonLines, Sinks, Table
from tests.live.alerts import over, rings


def test_a_line_says_what_rings_and_a_second_one_that_it_is_over(tmp_path: Path) -> None:
    sink = JsonLines(str(tmp_path / "new" / "alarms.jsonl"))
    sink.send(rings())
    first, *none = (tmp_path / "new" / "alarms.jsonl").read_text().splitlines()
    assert not none  # and it is there before anything is closed
    sink.send(over())
    sink.close()
    second = (tmp_path / "new" / "alarms.jsonl").read_text().splitlines()[1]
    assert json.loads(first) == {
        "id": "w-1", "state": "rings", "source": "rtsp://me:***@camera/1", "at": "2026-03-01T12:00:10.500+00:00",
        "frame": 105, "seconds": 10.5, "score": 0.28, "threshold": 0.25, "track": 7,
    }  # fmt: skip
    assert json.loads(second) == {
        "id": "w-1", "state": "over", "source": "rtsp://me:***@camera/1",
        "began": "2026-03-01T12:00:10.000+00:00", "ended": "2026-03-01T12:00:12.000+00:00",
        "start_frame": 100, "end_frame": 119, "start_seconds": 10.0, "end_seconds": 12.0, "peak_frame": 110,
        "peak_score": 1 / 3, "threshold": 0.25, "track": 7, "p": 0.001,
    }  # fmt: skip


def test_a_minus_is_the_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    sink = JsonLines("-")
    sink.send(over(began=None))
    sink.close()
    found = json.loads(capfd.readouterr().out)
    assert (found["state"], found["began"], found["ended"]) == ("over", None, None)


def test_lines_are_appended_and_half_a_line_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "alarms.jsonl"
    path.write_text('{"id": "old"}\n{"id": "ha')  # the power went
    sink = JsonLines(str(path))
    sink.send(over())
    lines = path.read_text().splitlines()
    assert lines[:2] == ['{"id": "old"}', '{"id": "ha']
    assert json.loads(lines[2])["id"] == "w-1"


def test_the_table_goes_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "alarms.csv"
    for number in (1, 2):
        sink = Table(path)
        sink.send(rings(number))  # is no row
        sink.send(over(number, track=None if number == 2 else 7))
        sink.close()
    table = pd.read_csv(path)
    assert list(table)[:9] == [
        "start_frame", "end_frame", "start_seconds", "end_seconds", "peak_frame", "peak_score", "threshold", "track",
        "p",
    ]  # fmt: skip
    assert list(table)[9:] == ["began", "source"]
    assert table["track"].isna().tolist() == [False, True]
    assert table["peak_score"].tolist() == [0.333333, 0.333333]
    assert table["began"].tolist() == ["2026-03-01T12:00:10.000+00:00"] * 2


def test_another_table_is_not_written_into(tmp_path: Path) -> None:
    path = tmp_path / "alarms.csv"
    path.write_text("clip,frame\na,1\n")
    with pytest.raises(StorageError, match="another table"):
        Table(path)
    assert path.read_text() == "clip,frame\na,1\n"


@pytest.mark.parametrize("make", [Table, lambda path: JsonLines(str(path)), Appended])
@pytest.mark.parametrize("content", [b"\x00\x00\x00\x18ftypmp42\xff\xfe\x80", b"one,two", b"\xff" * 9000])
def test_a_file_of_somebody_else_stays_as_it_is(tmp_path: Path, make: Callable[[Path], Any], content: bytes) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(content)
    with pytest.raises(StorageError, match="the file holds") as caught:
        make(path)
    assert path.read_bytes() == content
    assert caught.value.where == str(path)


@pytest.mark.parametrize("emptied", [True, False])
def test_a_table_that_is_rotated_begins_with_its_columns_again(tmp_path: Path, emptied: bool) -> None:
    path = tmp_path / "alarms.csv"
    sink = Table(path)
    sink.send(over(1))
    if emptied:
        os.truncate(path, 0)
    else:
        path.rename(tmp_path / "alarms.csv.1")
        assert len(pd.read_csv(tmp_path / "alarms.csv.1")) == 1
    sink.send(over(2))
    sink.send(over(3))
    sink.close()
    assert tuple(pd.read_csv(path)) == COLUMNS
    assert len(pd.read_csv(path)) == 2
    Table(path).close()  # and the next watch goes on with it


def test_seconds_of_a_long_watch_are_told_to_the_millisecond(tmp_path: Path) -> None:
    sink = Table(tmp_path / "alarms.csv")
    alert = over()
    assert alert.event is not None
    sink.send(replace(alert, event=replace(alert.event, start_seconds=1_234_567.891, end_seconds=1_234_570.0)))
    row = (tmp_path / "alarms.csv").read_text().splitlines()[1].split(",")
    assert row[2:4] == ["1234567.891", "1234570.000"]  # %.6g gave 1.23457e+06 for both
    assert row[5:7] == ["0.333333", "0.25"]


def test_a_file_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="cannot write to folder"):
        JsonLines(str(tmp_path / "folder"))


class _FullDisk:
    """Refuses to flush while `full`, as a disk does that is full for a while."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = True
        real = os.fsync
        monkeypatch.setattr("stages.live.lines.os.fsync", lambda number: self._refuse() if self.full else real(number))

    def _refuse(self) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_loses_nothing_and_writes_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Appended(tmp_path / "a")
    disk = _FullDisk(monkeypatch)
    file.add("one\n")
    file.add("two\n")
    assert (tmp_path / "a").read_text() == ""
    disk.full = False
    file.add("three\n")
    file.close()
    assert (tmp_path / "a").read_text() == "one\ntwo\nthree\n"


def test_what_a_full_disk_never_took_stands_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    file = Appended(tmp_path / "a")
    _FullDisk(monkeypatch)
    file.add('{"id": 1}\n')
    with pytest.raises(StorageError, match="No space left") as caught:
        file.close()
    assert "free some space" in caught.value.fix
    assert '{"id": 1}' in said.messages


def test_memory_has_a_limit_while_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.live.lines.MOST", 3)
    file = Appended(tmp_path / "a")
    disk = _FullDisk(monkeypatch)
    for number in range(5):
        file.add(f"{number}\n")
    disk.full = False
    file.close()
    assert (tmp_path / "a").read_text() == "2\n3\n4\n"  # the log has the others


def test_all_sinks_are_closed_whatever_becomes_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sinks = Sinks((JsonLines(str(tmp_path / "a")), Table(tmp_path / "b.csv")))
    disk = _FullDisk(monkeypatch)
    sinks.send(over())
    assert [trouble.where for trouble in sinks.close()] == [str(tmp_path / "a"), str(tmp_path / "b.csv")]
    disk.full = False
    assert sinks.close() == []


@dataclass
class _Gone:
    """A sink whose reader leaves."""

    name: str = "gone"
    calls: int = 0

    def send(self, _: Alert) -> None:
        self.calls += 1
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    def close(self) -> None: ...


def test_a_sink_that_is_gone_is_told_of_once_and_the_others_go_on(
    tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    first = _Gone()
    sinks = Sinks((first, JsonLines(str(tmp_path / "a"))))
    for number in range(3):
        sinks.send(over(number))
    assert first.calls == 1
    assert said.messages == ["gone takes no alarms any more: Broken pipe"]
    assert len((tmp_path / "a").read_text().splitlines()) == 3
    (trouble,) = sinks.close()  # the watch went on, and its end does not look well
    assert "gone did not get every alarm" in trouble.what


def test_where_no_sink_is_left_that_is_an_error_once(said: pytest.LogCaptureFixture) -> None:
    sinks = Sinks((_Gone("one"), _Gone("two")))
    with pytest.raises(StorageError, match="nobody is left") as caught:
        sinks.send(rings())
    assert caught.value.where == "one, two"
    sinks.send(over())  # while the watch ends
    assert '"state": "over"' in said.messages[-1]
    Sinks(()).send(over())  # whoever wants no sink has none
