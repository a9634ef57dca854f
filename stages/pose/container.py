"""What a recording's container tells before anything is decoded: whether the file is whole, and when its frames are.

Source: ISO/IEC 14496-12, "ISO base media file format" (MP4, MOV): boxes, `mdhd`, `hdlr` and `stts`; Microsoft's RIFF
(AVI): a length after the first four bytes. Other containers tell nothing here; decoding them finds out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import VideoError

LATE = 0.5
"""Seconds a frame may lie from number ÷ rate. Beyond, scores and alarms name a wrong moment; half a usual window."""
MOST_TIMES = 10_000_000
"""Frames whose times are read; a table that promises more is damaged."""
_HEAD = 8
_TOP = (b"ftyp", b"moov", b"mdat", b"moof", b"wide", b"free", b"skip")
_NESTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


@dataclass(frozen=True)
class Drift:
    """How far frames lie from where their number and the frame rate put them.

    Args:
        frames: how many lie more than one frame's time away.
        first: the first of them; 0 where there is none.
        seconds: of the one farthest away.
    """

    frames: int = 0
    first: int = 0
    seconds: float = 0.0

    def after(self, number: int, seconds: float, fps: float) -> Drift:
        """The same with one more frame, `seconds` after the first one."""
        away = abs(seconds - number / fps)
        off = away > 1.0 / fps + _ROUNDING
        return Drift(self.frames + off, number if off and not self.frames else self.first, max(self.seconds, away))


_ROUNDING = 0.002
"""Seconds; Matroska rounds times to thousandths."""


def demand_whole(path: Path) -> None:
    """Hold a file's length against what its container says.

    Raises:
        VideoError: bytes are missing at its end.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        missing = _missing(stream, size)
    if missing > 0:
        raise VideoError(
            f"the file is cut off: its container names {missing} bytes more than the {size} there are",
            where=str(path),
            fix="copy it from its source again, or save what is left: `ffmpeg -i IN -c copy OUT`",
        )


def frame_times(path: Path) -> NDArray[np.float64] | None:
    """When the frames of an MP4 or MOV file's first video track are shown, in seconds from the first.

    Returns:
        `(frames,)`, ascending; None where the container is another or does not tell.
    """
    with path.open("rb") as stream:
        return next(_video_tracks(stream, path.stat().st_size), None) if _is_iso(stream) else None


def drift(times: NDArray[np.float64], fps: float) -> Drift:
    """Hold times against an even rate.

    Args:
        times: `(frames,)` seconds from the first frame.
        fps: frames per second.
    """
    away = np.abs(times - np.arange(len(times)) / fps)
    off = np.flatnonzero(away > 1.0 / fps + _ROUNDING)
    return Drift(len(off), int(off[0]) if len(off) else 0, float(away.max(initial=0.0)))


def uneven(found: Drift, fps: float, path: Path) -> VideoError:
    """The error for a video whose frames lie too far from an even rate."""
    return VideoError(
        f"variable frame rate: frame {found.first} and others lie up to {found.seconds:.2f} s from number ÷ {fps:g}/s",
        where=str(path),
        fix=f"give it an even rate, `ffmpeg -i IN -vf fps={fps:g} OUT`, and mend `frames` in clips.csv",
    )


def _missing(stream: BinaryIO, size: int) -> int:
    start = stream.read(_HEAD)
    if start[:4] == b"RIFF" and len(start) == _HEAD:
        return _missing_riff(stream, size)
    if _is_iso(stream):
        return max((end - size for kind, _, end in _boxes(stream, 0, size) if kind in _TOP), default=0)
    return 0


def _missing_riff(stream: BinaryIO, size: int) -> int:
    """Recordings above 1 GB are several RIFF chunks on end; a length of 0 is one that was never filled in."""
    position = 0
    while position + _HEAD <= size:
        stream.seek(position)
        name, length = struct.unpack("<4sI", stream.read(_HEAD))
        if name != b"RIFF" or not length:
            return 0
        position += _HEAD + length + length % 2
    return position - size if position > size + 1 else 0


def _is_iso(stream: BinaryIO) -> bool:
    stream.seek(4)
    return stream.read(4) in _TOP


def _boxes(stream: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte of the content and first byte after it of the boxes in a stretch; the last may reach past it."""
    while start + _HEAD <= end:
        stream.seek(start)
        length, kind = struct.unpack(">I4s", stream.read(_HEAD))
        body = start + _HEAD
        if length == 1:
            length = int.from_bytes(stream.read(8), "big")
            body += 8
        elif length == 0:
            length = end - start
        if length < body - start:
            return  # no box: padding, or damage that the decoder will find
        yield kind, body, start + length
        start += length


def _inside(
    stream: BinaryIO, start: int, end: int, nests: tuple[bytes, ...] = _NESTS
) -> Iterator[tuple[bytes, int, int]]:
    """The boxes of a stretch and those nested in them, depth first; each kind of nest but once within itself."""
    for kind, body, after in _boxes(stream, start, end):
        yield kind, body, after
        if kind in nests:
            yield from _inside(stream, body, min(after, end), tuple(nest for nest in nests if nest != kind))


def _video_tracks(stream: BinaryIO, size: int) -> Iterator[NDArray[np.float64]]:
    for kind, body, after in _inside(stream, 0, size):
        if kind != b"trak":
            continue
        found: dict[bytes, tuple[int, int]] = {}
        for name, first, last in _inside(stream, body, min(after, size)):
            found.setdefault(name, (first, last))  # MOV has a second `hdlr` further down, of another meaning
        if not {b"hdlr", b"mdhd", b"stts"} <= set(found) or _bytes(stream, found[b"hdlr"])[8:12] != b"vide":
            continue
        times = _times(_bytes(stream, found[b"stts"]), _ticks(_bytes(stream, found[b"mdhd"])))
        if times is not None:
            yield times


def _bytes(stream: BinaryIO, span: tuple[int, int]) -> bytes:
    stream.seek(span[0])
    return stream.read(span[1] - span[0])


def _ticks(media: bytes) -> int:
    """Ticks per second of a track, from its `mdhd`: version 1 has dates of 8 bytes before it, version 0 of 4."""
    return int.from_bytes(media[20:24] if media[:1] == b"\x01" else media[12:16], "big")


def _times(table: bytes, ticks: int) -> NDArray[np.float64] | None:
    """Decode a `stts`: pairs of how many frames, and how many ticks each lasts."""
    pairs = np.frombuffer(table[8 : 8 + (len(table) - 8) // 8 * 8], dtype=">u4").astype(np.int64).reshape(-1, 2)
    if not ticks or not 0 < pairs[:, 0].sum() <= MOST_TIMES:
        return None
    lengths = np.repeat(pairs[:, 1], pairs[:, 0])
    return np.concatenate([[0], np.cumsum(lengths)[:-1]]) / ticks
