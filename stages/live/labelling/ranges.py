"""Parts of files, as players ask for them. Source: RFC 9110, section 14, "Range Requests"."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


@dataclass(frozen=True)
class Part:
    """Bytes `start` up to, without, `stop`; `partial` where they were asked for."""

    start: int
    stop: int
    partial: bool


def part(asked: str | None, size: int) -> Part | None:
    """What a `Range` header asks for.

    Args:
        asked: the header, or None; one that makes no sense, or names several parts, counts as none.
        size: of the file, bytes.

    Returns:
        The part, or None where no byte of it is in the file: an answer 416.
    """
    found = _ONE.fullmatch(asked.strip()) if asked else None
    if found is None or found.group(0) == "bytes=-":
        return Part(0, size, partial=False)
    first, last = found.groups()
    if not first:  # the last so many bytes
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return Part(0, size, partial=False)
    return Part(start, stop, partial=True) if start < stop else None
