"""What a format's reader is given, and what it gives for each clip it finds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from stages.ingest.people import People, metadata


@dataclass(frozen=True)
class Given:
    """What the user says of a source, for formats that do not say it themselves.

    Args:
        layout: joints, in the names of core/skeleton.py.
        size: width and height of every frame, px.
    """

    layout: str | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Recording:
    """A clip as a file tells of it; None where it does not.

    Args:
        name: the clip's name.
        path: its file within the source.
        people: who is in it.
        meta: metadata of its POSES.
        frames: length.
        fps: frames per second.
        size: width and height, px.
        camera: who filmed it.
        scene: the place.
        kind: what it shows.
        numbered: whether the format itself says which frame is a clip's first, so that nobody else may.
    """

    name: str
    path: str
    people: People
    meta: Mapping[str, str]
    frames: int | None = None
    fps: float | None = None
    size: tuple[int, int] | None = None
    camera: str | None = None
    scene: str | None = None
    kind: str | None = None
    numbered: bool = False


def told(data: bytes, layout: str, source: str, *, coordinates: str = "xy", units: str = "px") -> dict[str, str]:
    """Metadata of a clip read from `data`, as `metadata` has it."""
    digest = hashlib.sha256(data).hexdigest()
    return metadata(layout, source, digest, coordinates=coordinates, units=units)
