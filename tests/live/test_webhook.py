"""The webhook: delivered at least once, or kept in a file; nobody waits for it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import PipelineError, StorageError
from stages.live.webhook import Webhook
from tests.live.alerts import over, rings
from tests.live.streams import serving


@dataclass
class Server:
    """Takes messages.

    Args:
        answers: statuses, one request after the other; 200 when they are used up, and None never answers.
        headers: of each request.
    """

    answers: list[int | None] = field(default_factory=list)
    got: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    address: str = ""
    leave: threading.Event = field(default_factory=threading.Event)


@contextmanager
def server(*answers: int | None) -> Iterator[Server]:
    found = Server(list(answers))

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = found.answers.pop(0) if found.answers else 200
            found.headers.append(dict(self.headers))
            if status is None:
                found.leave.wait(30)
                return
            if status == 200:
                found.got.append(message)
            with suppress(OSError):
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def do_GET(self) -> None:
            found.got.append({"id": "a GET"})
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with serving(Answer) as address:
        found.address = f"{address}/hook/s3cret"
        try:
            yield found
        finally:
            found.leave.set()


def kept(path: Path) -> list[str]:
    return [json.loads(text)["id"] for text in path.read_text().splitlines()] if path.exists() else []


def test_messages_arrive_in_order_and_no_file_is_made(tmp_path: Path) -> None:
    with server() as found:
        hook = Webhook(found.address, undelivered=tmp_path / "u.jsonl")
        for number in range(3):
            hook.send(rings(number))
            hook.send(over(number))
        hook.close()
        assert [(each["id"], each["state"]) for each in found.got] == [
            (f"w-{number}", state) for number in range(3) for state in ("rings", "over")
        ]
        assert found.headers[0]["Content-Type"] == "application/json"
    assert (hook.delivered, hook.kept) == (6, 0)
    assert not (tmp_path / "u.jsonl").exists()


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_what_may_pass_is_tried_again(tmp_path: Path, status: int) -> None:
    with server(status, status) as found:
        hook = Webhook(found.address, undelivered=tmp_path / "u.jsonl", first_wait=0.01)
        hook.send(over())
        hook.close()
        assert [each["id"] for each in found.got] == ["w-1"]
        assert len(found.headers) == 3
    assert kept(tmp_path / "u.jsonl") == []


@pytest.mark.parametrize("status", [400, 401, 404, 301, 302, 307])
def test_what_will_not_pass_is_kept_at_once(tmp_path: Path, status: int) -> None:
    with server(status) as found:
        hook = Webhook(found.address, undelivered=tmp_path / "u.jsonl", first_wait=0.01)
        hook.send(over(1))
        hook.send(over(2))
        hook.close()
        assert [each["id"] for each in found.got] == ["w-2"]  # and no redirection was followed by a GET
    assert kept(tmp_path / "u.jsonl") == ["w-1"]


def test_a_server_that_stays_down_gets_its_attempts(tmp_path: Path) -> None:
    with server(*[500] * 3) as found:
        hook = Webhook(found.address, undelivered=tmp_path / "u.jsonl", first_wait=0.01, attempts=3)
        hook.send(over(1))
        hook.send(over(2))
        hook.close()
        assert [each["id"] for each in found.got] == ["w-2"]
    assert kept(tmp_path / "u.jsonl") == ["w-1"]


def test_nobody_is_there(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    with server() as found:
        address = found.address
    hook = Webhook(address, undelivered=tmp_path / "u.jsonl", first_wait=0.01, attempts=2)
    hook.send(over())
    hook.close()
    assert kept(tmp_path / "u.jsonl") == ["w-1"]
    assert "refused" in said.text
    assert str(tmp_path / "u.jsonl") in said.text
    assert "s3cret" not in said.text


def test_a_hanging_server_delays_nobody_and_loses_nothing(tmp_path: Path) -> None:
    with server(*[None] * 10) as found:
        hook = Webhook(found.address, undelivered=tmp_path / "u.jsonl", timeout=30, grace=0.3, waiting=4)
        begun = time.monotonic()
        for number in range(10):
            hook.send(over(number))
        assert time.monotonic() - begun < 0.5
        assert kept(tmp_path / "u.jsonl") == [f"w-{number}" for number in range(6)]  # the queue holds four
        hook.close()
        assert time.monotonic() - begun < 2
    assert kept(tmp_path / "u.jsonl") == [f"w-{number}" for number in range(10)]
    assert hook.kept == 10


def test_a_server_that_is_silent_for_too_long_is_tried_again(tmp_path: Path) -> None:
    with server(None) as found:
        hook = Webhook(found.address, undelivered=tmp_path / "u.jsonl", timeout=0.2, first_wait=0.01)
        hook.send(over())
        hook.close()
        assert [each["id"] for each in found.got] == ["w-1"]
    assert kept(tmp_path / "u.jsonl") == []


def test_the_end_does_not_wait_out_a_long_pause(tmp_path: Path) -> None:
    with server(500) as found:
        hook = Webhook(found.address, undelivered=tmp_path / "u.jsonl", first_wait=60.0, grace=5.0)
        hook.send(over())
        end = time.monotonic() + 5
        while not found.headers and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.1)  # it waits for its minute now
        begun = time.monotonic()
        hook.close()
        assert time.monotonic() - begun < 3
        assert [each["id"] for each in found.got] == ["w-1"]


def test_name_and_password_are_sent_and_not_shown(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    with server(404) as found:
        hook = Webhook(found.address.replace("//", "//me:p%40ss@"), undelivered=tmp_path / "u.jsonl")
        hook.send(over())
        hook.close()
        assert found.headers[0]["Authorization"] == "Basic bWU6cEBzcw=="  # me:p@ss
    assert "p@ss" not in said.text
    assert "p%40ss" not in said.text


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://a/b", "example.org/hook", "http://", "http://a:b:c"])
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(PipelineError, match="no web address"):
        Webhook(address)


def test_where_not_even_the_file_can_be_written_the_log_has_it(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    (tmp_path / "u.jsonl").mkdir()
    with server(404) as found:
        hook = Webhook(found.address, undelivered=tmp_path / "u.jsonl")
        hook.send(over())
        hook.close()
    assert '"id": "w-1"' in said.text


def test_a_file_of_somebody_else_takes_no_messages(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(b"\xff\x00film")
    with pytest.raises(StorageError, match="no lines of JSON"):
        Webhook("http://127.0.0.1:9/", undelivered=tmp_path / "v.mp4")
    assert (tmp_path / "v.mp4").read_bytes() == b"\xff\x00film"
