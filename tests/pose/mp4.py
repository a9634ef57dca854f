"""MP4 files changed by hand: a phone's rotation, uneven frame times, the index in front."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

NESTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
TURNS = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}
"""The a, b, c, d of a track's matrix that turns its frames clockwise."""


def turn(path: Path, degrees: int) -> Path:
    """Tell players to turn the frames clockwise, as a phone held upright does; no frame is touched."""
    data = bytearray(path.read_bytes())
    a, b, c, d = (value << 16 for value in TURNS[degrees])
    matrix = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    start = data.index(b"tkhd") + 4 + 40  # version and flags, dates, id, duration, layer, volume come first
    data[start : start + 36] = matrix
    path.write_bytes(data)
    return path


def retime(path: Path, seconds: Sequence[float]) -> Path:
    """Let each frame last as long as told. The index must stand behind the frames, whose offsets then hold."""
    data = path.read_bytes()
    ticks = _ticks(data)
    pairs = b"".join(struct.pack(">II", 1, round(each * ticks)) for each in seconds)
    changed = _replace(data, b"stts", struct.pack(">II", 0, len(seconds)) + pairs)
    path.write_bytes(changed.replace(b"edts", b"skip"))  # or the old length would cut the new frames off
    return path


def index_first(path: Path) -> Path:
    """Move the index before the frames, as files for the web have it: such a file opens even when it is cut off."""
    data = path.read_bytes()
    boxes = _boxes(data)
    moov, mdat = boxes[b"moov"], boxes[b"mdat"]
    assert moov[0] > mdat[0]
    index = bytearray(data[moov[0] : moov[1]])
    place = index.index(b"stco") + 4
    count = int.from_bytes(index[place + 4 : place + 8], "big")
    for entry in range(place + 8, place + 8 + 4 * count, 4):
        offset = int.from_bytes(index[entry : entry + 4], "big") + len(index)
        index[entry : entry + 4] = offset.to_bytes(4, "big")
    path.write_bytes(data[: mdat[0]] + bytes(index) + data[mdat[0] : moov[0]] + data[moov[1] :])
    return path


def _ticks(data: bytes) -> int:
    place = data.index(b"mdhd") + 4
    return int.from_bytes(data[place + 12 : place + 16], "big")


def _boxes(data: bytes) -> dict[bytes, tuple[int, int]]:
    found, start = {}, 0
    while start < len(data):
        length, kind = struct.unpack(">I4s", data[start : start + 8])
        found[kind] = (start, start + length)
        start += length
    return found


def _replace(data: bytes, kind: bytes, body: bytes) -> bytes:
    """Give the box of that kind another content and let the boxes round it grow with it."""
    pieces = []
    for name, (start, end) in _boxes(data).items():
        inner = data[start + 8 : end]
        if name == kind:
            inner = body
        elif name in NESTS:
            inner = _replace(inner, kind, body)
        pieces.append(struct.pack(">I4s", len(inner) + 8, name) + inner)
    return b"".join(pieces)
