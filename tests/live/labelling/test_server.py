"""The server: this machine's page alone, the listed clips alone, and answers that say what is wrong."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from stages.core.errors import StorageError
from stages.live.labelling.book import Book, LabelledClip
from stages.live.labelling.server import ASSETS, HERE, LONGEST, Labelling
from tests.live.labelling.films import film, number


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Labelling]:
    (tmp_path / "secret.txt").write_text("secret")
    video = film(tmp_path / "videos" / "gate.avi", 30)
    book = Book(tmp_path / "labels.csv", [LabelledClip("gate", video, 10, 30, 160, 96)])
    made = Labelling(book)
    threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True).start()
    yield made
    made.close()


def ask(
    server: Labelling, path: str, method: str = "GET", body: Any = None, token: str | None = None, **headers: str
) -> HTTPResponse:
    connection = HTTPConnection(HERE, server.server_address[1], timeout=10)
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    address = f"/{server.token if token is None else token}/{path}"
    connection.request(method, address, data, {name.replace("_", "-"): value for name, value in headers.items()})
    return connection.getresponse()


def told(answer: HTTPResponse) -> Any:
    return json.loads(answer.read())


def test_it_listens_on_this_machine_alone(server: Labelling) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert server.url == f"http://127.0.0.1:{server.server_address[1]}/{server.token}/"
    assert len(server.token) >= 32
    assert Labelling(server.book).token != server.token


@pytest.mark.parametrize("token", ["", "x", "é".encode().hex()])
@pytest.mark.parametrize("path", ["", "clips", "video/0"])
def test_nobody_gets_in_without_the_secret(server: Labelling, token: str, path: str) -> None:
    assert ask(server, path, token=token).status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:1"}, 200),  # through a tunnel the port is another
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 200),
    ],
)
def test_pages_from_elsewhere_are_turned_away(server: Labelling, headers: dict[str, str], status: int) -> None:
    assert ask(server, "clips", **headers).status == status


@pytest.mark.parametrize(
    "path",
    ["video/1", "video/-1", "video/x", "video/%C2%B2", "video/0/..", "../secret.txt", "video/../../secret.txt",
     "video/%2e%2e%2fsecret.txt", "page.py", "frame/0/30", "frame/0/-1", "labels/7", "labels"],
)  # fmt: skip
def test_there_is_nothing_but_the_listed_clips(server: Labelling, path: str) -> None:
    answer = ask(server, path)
    assert answer.status == 404
    assert "secret" not in answer.read().decode()


@pytest.mark.parametrize("name", list(ASSETS))
def test_the_page_may_load_from_nowhere_else(server: Labelling, name: str) -> None:
    answer = ask(server, name)
    text = answer.read().decode()
    assert answer.status == 200
    assert len(text) == int(answer.headers["Content-Length"]) or not text.isascii()
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")


def test_what_there_is_to_label(server: Labelling) -> None:
    found = told(ask(server, "clips"))
    assert found["file"] == str(server.book.path)
    assert found["clips"] == [
        {
            "name": "gate",
            "fps": 10,
            "frames": 30,
            "width": 160,
            "height": 96,
            "even": True,
            "normal": False,
            "intervals": 0,
        }
    ]
    assert told(ask(server, "scores/0")) == {}


def test_a_player_gets_the_parts_it_asks_for(server: Labelling) -> None:
    whole = server.book.clips[0].video.read_bytes()
    answer = ask(server, "video/0")
    assert (answer.status, answer.headers["Accept-Ranges"], answer.read()) == (200, "bytes", whole)
    answer = ask(server, "video/0", Range="bytes=100-199")
    assert (answer.status, answer.read()) == (206, whole[100:200])
    assert answer.headers["Content-Range"] == f"bytes 100-199/{len(whole)}"
    answer = ask(server, "video/0", Range=f"bytes={len(whole)}-")
    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{len(whole)}")
    answer = ask(server, "video/0", "HEAD")
    assert (answer.status, answer.headers["Content-Length"], answer.read()) == (200, str(len(whole)), b"")


def test_a_player_that_goes_away_in_the_middle_leaves_no_trace(
    server: Labelling, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection((HERE, server.server_address[1])) as gone:
        gone.sendall(f"GET /{server.token}/video/0 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert ask(server, "clips").status == 200
    assert "Traceback" not in capfd.readouterr().err


def test_single_frames(server: Labelling) -> None:
    answer = ask(server, "frame/0/17")
    assert answer.headers["Content-Type"] == "image/jpeg"
    image = cv2.imdecode(np.frombuffer(answer.read(), np.uint8), cv2.IMREAD_COLOR)
    assert number(np.asarray(image, np.uint8)) == 17


def test_labels_are_written_and_a_second_tab_is_told(server: Labelling) -> None:
    first = told(ask(server, "labels/0"))
    marked = {"start": 3, "end": 9, "kind": "fall"}
    answer = ask(server, "labels/0", "PUT", {"version": first["version"], "intervals": [marked]})
    assert answer.status == 200
    assert server.book.path.read_text() == "clip,start_frame,end_frame,kind\ngate,3,9,fall\n"
    again = ask(server, "labels/0", "PUT", {"version": first["version"], "intervals": []})
    assert again.status == 409
    assert "another tab" in told(again)["what"]
    now = told(ask(server, "labels/0"))
    assert now["version"] == told(answer)["version"]
    assert now["intervals"] == [{**marked, "track": None, "unknown": False, "rest": {}}]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"[]", 422),
        ({"version": "x"}, 422),
        ({"version": "x", "intervals": [{"start": 1.5, "end": 2}]}, 422),
        ({"version": "x", "intervals": [{"start": 1, "end": 2, "path": "/"}]}, 422),
        ({"version": "x", "intervals": []}, 409),
    ],
)
def test_what_makes_no_sense_is_refused(server: Labelling, body: Any, status: int) -> None:
    answer = ask(server, "labels/0", "PUT", body)
    assert answer.status == status
    assert told(answer)["what"]
    assert not server.book.path.exists()


def test_what_is_too_long_is_not_read(server: Labelling) -> None:
    connection = HTTPConnection(HERE, server.server_address[1], timeout=10)
    connection.putrequest("PUT", f"/{server.token}/labels/0")
    connection.putheader("Content-Length", str(LONGEST + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413


def test_a_full_disk_and_a_damaged_file_are_told(server: Labelling, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise StorageError("the disk is full", fix="free some space")

    monkeypatch.setattr(server.book, "change", full)
    answer = ask(server, "labels/0", "PUT", {"version": "x", "intervals": []})
    assert (answer.status, told(answer)["fix"]) == (507, "free some space")
    server.book.path.write_text("clip,start_frame,end_frame\ngate,x,1\n")
    answer = ask(server, "labels/0")
    assert answer.status == 422
    assert "line 2" in told(answer)["what"]
