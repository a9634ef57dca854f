"""What FFmpeg makes of a source's packets, and how it names what it can make nothing of."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any


def pictures_of(packet: Any) -> list[Any]:
    """What a packet holds: nothing if it is damaged. That a source is gone shows when it is read, not here."""
    import av

    with suppress(av.error.FFmpegError):  # any: decoders have many words for what they make nothing of
        try:
            return list(packet.decode())
        except av.error.EOFError:  # an empty packet had told the decoder that nothing more would come
            packet.stream.codec_context.flush_buffers()
            return list(packet.decode())
    return []


def compression(container: Any) -> str:
    """The code by which a container names the compression of its first pictures; empty if it names none."""
    import av

    before = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)  # FFmpeg tells it in its log alone
    try:
        told = re.search(r"Video: (\w+)(?: \(([^()]+?) / 0x)?", container.dumps_format())
    finally:
        av.logging.set_level(before)
    code = told and (told[2] if told[1] == "none" else told[1])
    return code or ""
