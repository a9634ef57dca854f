"""The server behind the page: this machine alone, the listed clips alone, and nobody without the secret address."""

from __future__ import annotations

import json
import mimetypes
import secrets
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from stages.core.errors import DatasetError, NormotionError, StorageError
from stages.live.labelling.book import Book, Change, ConflictError, LabelledClip
from stages.live.labelling.pictures import Pictures
from stages.live.labelling.ranges import part

HERE = "127.0.0.1"
ASSETS = {
    "": ("page.html", "text/html; charset=utf-8"),
    "style.css": ("style.css", "text/css; charset=utf-8"),
    **{
        f"{name}.js": (f"{name}.js", "text/javascript; charset=utf-8")
        for name in ("page", "players", "keys", "labels", "chart", "rows")
    },
}
"""What the page is made of, by address."""
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
POLICY += "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HOSTS = frozenset({HERE, "localhost"})
"""Names of this machine. A page elsewhere whose name is made to lead here still says its own (DNS rebinding)."""
LONGEST = 8 << 20
"""Bytes of a change; a clip has hundreds of intervals, not a hundred thousand."""
CHUNK = 1 << 18
OPEN = 2
"""Videos held open for single frames."""


class Labelling(ThreadingHTTPServer):
    """The server.

    Args:
        book: what is labelled.
        port: where; 0 takes any that is free.

    Raises:
        OSError: the port is taken.
    """

    daemon_threads = True
    block_on_close = False  # a browser keeps its connections open for as long as the page is

    def __init__(self, book: Book, port: int = 0) -> None:
        super().__init__((HERE, port), _Handler)
        self.book = book
        self.token = secrets.token_urlsafe(24)
        self._pictures: OrderedDict[Path, Pictures] = OrderedDict()
        self._opening = threading.Lock()

    @property
    def url(self) -> str:
        """Address of the page, secret included."""
        return f"http://{HERE}:{self.server_address[1]}/{self.token}/"

    def pictures(self, clip: LabelledClip) -> Pictures:
        """A clip's single frames; the videos used last stay open."""
        with self._opening:
            found = self._pictures.pop(clip.video, None) or Pictures(clip.video)
            self._pictures[clip.video] = found
            while len(self._pictures) > OPEN:
                self._pictures.popitem(last=False)[1].close()
            return found

    def close(self) -> None:
        """Stop answering; a change that is being written is finished first."""
        self.shutdown()
        self.book.close()
        self.server_close()
        for found in self._pictures.values():
            found.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Show a mistake of ours with its traceback; that a browser goes away in the middle is none."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Labelling
    protocol_version = "HTTP/1.1"
    timeout = 300

    def do_GET(self) -> None:
        """Page, clips, labels, footage."""
        self._answer(self._get)

    def do_HEAD(self) -> None:
        """The same without a body."""
        self._answer(self._get)

    def do_PUT(self) -> None:
        """A change of a clip's labels."""
        self._answer(self._put)

    def log_message(self, *_: object) -> None:
        """Say nothing: a player asks for a file a hundred times."""

    def _answer(self, work: Callable[[list[str]], None]) -> None:
        parts = urlsplit(self.path).path.split("/")[1:]
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
        origin = self.headers.get("Origin")
        foreign = origin is not None and urlsplit(origin).hostname not in HOSTS
        try:
            if (
                host not in HOSTS
                or foreign
                or not secrets.compare_digest(parts[0].encode(), self.server.token.encode())
            ):
                self._tell(HTTPStatus.FORBIDDEN, DatasetError("wrong address", fix="open the one the command printed"))
            else:
                work(parts[1:])
        except ConflictError as error:
            self._tell(HTTPStatus.CONFLICT, error)
        except StorageError as error:
            self._tell(HTTPStatus.INSUFFICIENT_STORAGE, error)
        except NormotionError as error:
            self._tell(HTTPStatus.UNPROCESSABLE_ENTITY, error)
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _get(self, parts: list[str]) -> None:
        match parts:
            case [name] if name in ASSETS:
                file, kind = ASSETS[name]
                self._send((Path(__file__).parent / file).read_bytes(), kind)
            case ["clips"]:
                self._json(self._clips())
            case ["labels", number] if clip := self._clip(number):
                self._json(self._labels(clip))
            case ["scores", number] if clip := self._clip(number):
                traces = self.server.book.traces.of(clip.name, clip.frames)
                self._json({name: trace.table() for name, trace in traces.items()})
            case ["video", number] if clip := self._clip(number):
                self._video(clip.video)
            case ["frame", number, frame] if (clip := self._clip(number)) and _number(frame, clip.frames) is not None:
                self._send(self.server.pictures(clip).jpeg(int(frame)), "image/jpeg", cache="private, max-age=3600")
            case _:
                self._tell(HTTPStatus.NOT_FOUND, DatasetError("there is no such thing here"))

    def _put(self, parts: list[str]) -> None:
        length = _number(self.headers.get("Content-Length", ""), LONGEST)
        clip = self._clip(parts[1]) if len(parts) == 2 and parts[0] == "labels" else None
        if length is None or clip is None:
            self.close_connection = True  # its body was not read
            status = HTTPStatus.NOT_FOUND if clip is None else HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            self._tell(status, DatasetError("there is no such thing here, or it is too long"))
            return
        try:
            change = Change.model_validate_json(self.rfile.read(length))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise DatasetError(
                f"this is no list of intervals: {where}: {first['msg']}", fix="load the page anew"
            ) from error
        self._json({"version": self.server.book.change(clip, change)})

    def _clip(self, number: str) -> LabelledClip | None:
        place = _number(number, len(self.server.book.clips))
        return None if place is None else self.server.book.clips[place]

    def _clips(self) -> dict[str, Any]:
        book = self.server.book
        sheet = book.sheet()
        clips = [
            {
                "name": clip.name, "fps": clip.fps, "frames": clip.frames, "width": clip.width, "height": clip.height,
                "even": clip.even, "normal": clip.called_normal, "intervals": sheet.total([clip.name]),
            }
            for clip in book.clips
        ]  # fmt: skip
        return {"file": str(book.path.absolute()), "kinds": book.kinds(), "clips": clips}

    def _labels(self, clip: LabelledClip) -> dict[str, Any]:
        version, intervals = self.server.book.labels(clip)
        return {"version": version, "intervals": [found.model_dump() for found in intervals]}

    def _video(self, path: Path) -> None:
        """A file, or the part of it that the browser asks for."""
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        try:
            stream = path.open("rb")
        except OSError as error:
            raise DatasetError(f"the video cannot be read: {error.strerror}", where=str(path)) from error
        with stream:
            size = path.stat().st_size
            wanted = part(self.headers.get("Range"), size)
            if wanted is None:
                headers = {"Content-Range": f"bytes */{size}"}
                self._head(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, 0, kind, headers)
                return
            status = HTTPStatus.PARTIAL_CONTENT if wanted.partial else HTTPStatus.OK
            headers = {"Accept-Ranges": "bytes"}
            if wanted.partial:
                headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size}"
            left = wanted.stop - wanted.start
            self._head(status, left, kind, headers)
            stream.seek(wanted.start)
            while left and self.command != "HEAD" and (data := stream.read(min(CHUNK, left))):
                self.wfile.write(data)
                left -= len(data)
            self.close_connection = self.close_connection or left > 0

    def _json(self, value: object, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(json.dumps(value).encode(), "application/json", status)

    def _tell(self, status: HTTPStatus, error: NormotionError) -> None:
        self._json({"what": error.what, "where": error.where, "fix": error.fix}, status)

    def _send(self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK, cache: str = "no-store") -> None:
        self._head(status, len(body), kind, {"Cache-Control": cache})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: HTTPStatus, length: int, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        always = {
            "Content-Type": kind, "Content-Length": str(length), "Content-Security-Policy": POLICY,
            "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
        }  # fmt: skip
        for name, value in {**always, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def version_string(self) -> str:
        """Who answers."""
        return "normotion"


def _number(text: str, below: int) -> int | None:
    """A whole number from 0 below a bound, or None."""
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        return None
    return int(text) if int(text) < below else None
