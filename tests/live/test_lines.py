"""Lines on the standard output: whoever reads them, and hangs or goes, holds nobody up and loses nothing."""

from __future__ import annotations

import errno
import io
import os
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stages.core.errors import StorageError
from stages.live.lines import Printed


@contextmanager
def piped(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.FileIO]:
    """A pipe in place of the standard output; gives the end that is read."""
    ends = os.pipe()
    with io.FileIO(ends[0]) as reading, os.fdopen(ends[1], "w") as output, monkeypatch.context() as patched:
        patched.setattr("sys.stdout", output)
        yield reading


def drained(reading: io.FileIO, count: int) -> bytes:
    """As many bytes as are expected, from a pipe that is empty then."""
    found = b""
    while len(found) < count and select.select([reading], [], [], 5.0)[0]:
        found += reading.read(count - len(found)) or b""
    assert not select.select([reading], [], [], 0.0)[0]
    return found


def test_a_reader_who_hangs_delays_nobody_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    lines = [f"{number} " + "x" * 6000 + "\n" for number in range(50)]  # a pipe holds 64 KiB
    wanted, got = "".join(lines), []
    with piped(monkeypatch) as reading:
        sink = Printed(grace=5.0)
        for text in lines:
            sink.add(text)  # or it would wait here for ever
        assert len(said.messages) == 1
        reader = threading.Thread(target=lambda: got.append(drained(reading, len(wanted))))
        reader.start()
        sink.close()
        reader.join(10)
    assert got[0].decode() == wanted


def test_what_a_reader_who_hangs_never_took_stands_in_the_log(
    monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("stages.live.lines.MOST", 20)
    with piped(monkeypatch) as reading:
        sink = Printed(grace=0.1)
        for number in range(60):
            sink.add(f"{number} " + "x" * 4000 + "\n")
        with pytest.raises(StorageError, match="nobody takes it"):
            sink.close()
        written = (reading.read(10**6) or b"").count(b"\n")
    told = " ".join(said.messages)
    assert 10 < written < 20
    assert [number for number in range(written + 1, 60) if f"{number} xxx" not in told] == []


def test_a_reader_who_has_gone_is_an_error_and_a_full_disk_is_none(
    monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with piped(monkeypatch) as reading:
        sink = Printed(grace=0.1)
        with monkeypatch.context() as patched:
            patched.setattr("stages.live.lines.os.write", refuse)
            sink.add("one\n")
        assert "No space left" in said.messages[0]
        sink.add("two\n")
        assert drained(reading, 8) == b"one\ntwo\n"
        reading.close()
        with pytest.raises(BrokenPipeError):
            sink.add("three\n")
        with pytest.raises(StorageError, match="Broken pipe"):
            sink.close()
    assert said.messages[-1] == "three"


def test_a_closed_standard_output_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)  # as Python has it after `>&-`
    with pytest.raises(StorageError, match="no standard output"):
        Printed()
