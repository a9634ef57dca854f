"""Cameras to test with: films, an RTSP server whose wire can be cut, and pictures over HTTP."""

from __future__ import annotations

import base64
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Picture = Callable[[int], Image]
"""The number of a frame → what it shows."""


def bars(size: tuple[int, int] = (160, 120)) -> Picture:
    """A bright bar that moves."""

    def draw(number: int) -> Image:
        image = np.full((size[1], size[0], 3), 60, dtype=np.uint8)
        place = number * 4 % (size[0] - 8)
        image[:, place : place + 8] = 230
        return image

    return draw


def film(
    path: Path, frames: int, *, fps: int = 10, size: tuple[int, int] = (160, 120), draw: Picture | None = None
) -> Path:
    """Write a video of H.264, or whatever the ending of its name takes."""
    draw = draw or bars(size)
    with av.open(str(path), "w") as out:
        stream = _h264(out, fps, size)
        for number in range(frames):
            for packet in stream.encode(av.VideoFrame.from_ndarray(draw(number), format="bgr24")):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)
    return path


def _h264(out: Any, fps: int, size: tuple[int, int]) -> Any:
    stream = out.add_stream("libx264", rate=fps)
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    stream.options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(fps)}
    return stream


@dataclass
class Rtsp:
    """An RTSP server (RFC 2326, interleaved) on this machine; FFmpeg encodes and packs the pictures for it.

    Args:
        draw: what the camera sees; another size in mid-stream is told the client as cameras do, by a new header.
        fps: of the stream.
        login: `name:password` that must be given; None lets everybody in.
        port: where it listens; stays the same when it is started anew.
        silent: while set, connections stay and nothing is sent.
        clients: how many streams were begun.
    """

    draw: Picture = field(default_factory=bars)
    fps: int = 10
    login: str | None = None
    port: int = 0
    silent: threading.Event = field(default_factory=threading.Event)
    clients: int = 0
    _up: bool = False
    _wires: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/camera"

    def start(self) -> Rtsp:
        self._door = socket.create_server(("127.0.0.1", self.port))
        self.port, self._up = self._door.getsockname()[1], True
        self._begin(self._listen)
        return self

    def cut(self) -> None:
        """Pull the plug: no goodbye, and nobody answers any more."""
        self._up = False
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for wire in self._wires:
            with suppress(OSError):
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                wire.shutdown(socket.SHUT_RDWR)
                wire.close()
        self._wires.clear()
        for thread in self._threads:
            thread.join(5)
        self._threads.clear()

    def _begin(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while self._up:
            with suppress(OSError):
                wire, _ = self._door.accept()
                self._wires.append(wire)
                self._begin(self._talk, wire)

    def _talk(self, wire: socket.socket) -> None:
        with suppress(OSError, ConnectionError), wire.makefile("rb") as words:
            while request := words.readline().decode():
                if request.startswith("$"):
                    continue  # receiver reports: nobody reads them
                fields: dict[str, str] = {}
                while line := words.readline().decode().strip():
                    name, _, value = line.partition(": ")
                    fields[name.lower()] = value
                self._answer(wire, request.split(" ")[0], fields)

    def _answer(self, wire: socket.socket, verb: str, asked: dict[str, str]) -> None:
        body, more, status = "", "", "200 OK"
        wanted = base64.b64encode((self.login or "").encode()).decode()
        if self.login and verb != "OPTIONS" and asked.get("authorization", "").lower() != f"basic {wanted}".lower():
            status, more = "401 Unauthorized", 'WWW-Authenticate: Basic realm="camera"\r\n'
        elif verb == "OPTIONS":
            more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n"
        elif verb == "DESCRIBE":
            body = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
                f"a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=framerate:{self.fps}\r\n"
                "a=control:trackID=0\r\n"
            )
            more = f"Content-Base: {self.address}/\r\nContent-Type: application/sdp\r\n"
        elif verb == "SETUP":
            more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
        elif verb in {"PLAY", "TEARDOWN"}:
            more = "Session: 1\r\n"
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        wire.sendall(f"RTSP/1.0 {status}\r\nCSeq: {asked.get('cseq', 0)}\r\n{more}{length}\r\n{body}".encode())
        if verb == "PLAY" and status.startswith("200"):
            self.clients += 1
            self._begin(self._play, wire)

    def _play(self, wire: socket.socket) -> None:
        """Send what FFmpeg packs, one packet of RTP after the other behind `$`, channel and length."""
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packed:
            packed.bind(("127.0.0.1", 0))
            packed.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            packed.settimeout(0.0)
            for _ in self._pack(f"rtp://127.0.0.1:{packed.getsockname()[1]}?pkt_size=1200"):
                while not self.silent.is_set():
                    try:
                        packet = packed.recv(65536)
                    except BlockingIOError:
                        break
                    wire.sendall(b"$\0" + struct.pack(">H", len(packet)) + packet)

    def _pack(self, address: str) -> Iterator[None]:
        begun, number, size, stream, out = time.monotonic(), 0, (0, 0), None, None
        while self._up:
            image = self.draw(number)
            if (image.shape[1], image.shape[0]) != size:
                size = image.shape[1], image.shape[0]
                out = out or av.open(address, "w", format="rtp")
                encoder = _encoder(self.fps, size)
                stream = stream or out.add_stream("libx264", rate=self.fps, width=size[0], height=size[1])
            picture = av.VideoFrame.from_ndarray(image, format="bgr24")
            picture.pts, picture.time_base = number, Fraction(1, self.fps)
            for packet in encoder.encode(picture):
                packet.stream = stream
                out.mux(packet)  # type: ignore[union-attr]
            yield
            number += 1
            time.sleep(max(0.0, begun + number / self.fps - time.monotonic()))


def _encoder(fps: int, size: tuple[int, int]) -> Any:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, fps), Fraction(fps)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(max(2, fps // 2))}
    return encoder


@contextmanager
def motion_jpeg(fps: float, draw: Picture | None = None) -> Iterator[str]:
    """A camera that serves pictures over HTTP, one after the other; gives its address."""
    import cv2

    shown = draw or bars()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            with suppress(OSError):
                for number in range(10_000):
                    data = cv2.imencode(".jpg", shown(number))[1].tobytes()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                    self.wfile.write(head.encode() + data + b"\r\n")
                    time.sleep(1 / fps)

        def log_message(self, *_: object) -> None: ...

    with serving(Answer) as address:
        yield f"{address}/video.mjpg"


@contextmanager
def serving(answer: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """An HTTP server on this machine; gives its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), answer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
