"""What every reader of a format and every recipe gives: clips, as the DAG wants them, poses not yet read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stages.core.schemas import Rows


@dataclass(frozen=True)
class Interval:
    """A labelled stretch of a clip: a row of labels.csv.

    Args:
        start: first frame, 0-based.
        end: last frame, inclusive.
        track: the person, where it is of one.
        kind: what happens, where the source says.
        unknown: whether its truth is unknown, so that its frames count for nothing; it is abnormal otherwise.
    """

    start: int
    end: int
    track: int | None = None
    kind: str | None = None
    unknown: bool = False


@dataclass(frozen=True)
class Clip:
    """A clip: a row of clips.csv, its labels, and where its poses or its video come from.

    Args:
        name: the clip's name, letters, digits, `.`, `_`, `-`.
        split: train, validation or test.
        camera: who filmed it; clips of one camera share it.
        scene: the place.
        fps: frames per second.
        width: of a frame, px.
        height: of a frame, px.
        frames: length.
        kind: what it shows, where the source says.
        abnormal: 1 where something abnormal happens and nobody says when, 0 where nothing does, None where
            `labels` tell.
        labels: stretches that are abnormal, or of which nobody knows.
        poses: called once when the clip is written; gives tables of POSES in order of frames, a piece at a time, all
            with the same metadata (layout, coordinates, units, channels, backend, backend_version, source_sha256).
        video: its file, where the data set holds video.
    """

    name: str
    split: str
    camera: str
    scene: str
    fps: float
    width: int
    height: int
    frames: int
    kind: str | None = None
    abnormal: int | None = None
    labels: tuple[Interval, ...] = ()
    poses: Callable[[], Iterator[Rows]] | None = None
    video: Path | None = field(default=None)
