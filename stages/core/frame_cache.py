"""The frames that windows hold: one array per clip, which `stages/frames.py` writes, mapped into memory when read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.errors import SchemaError
from stages.core.params import Section
from stages.core.paths import Project
from stages.core.tables import REMAKE

Pixels = NDArray[np.uint8]

VERSION = 1
"""Raised when the arrays' layout changes."""


class FramesParams(Section):
    """The `frames` section.

    Args:
        interpolation: how a pixel of a shrunk frame comes about: `area`, the mean of those it covers, or `linear`,
            between the four nearest, which is faster and lets fine patterns flicker.
    """

    interpolation: Literal["area", "linear"] = "area"


def pixels_file(folder: Path, clip: str) -> Path:
    """The frames of one clip: a NumPy array `(S, C, H, W)` uint8, a row per sample time."""
    return folder / f"{clip}.npy"


def about_file(folder: Path, clip: str) -> Path:
    """What they were made from: JSON with `key` and `shape`."""
    return folder / f"{clip}.json"


@dataclass(frozen=True)
class FrameCache:
    """Frames of a dataset's clips at the sample times of one window spec.

    Args:
        folder: where they lie.
        picture: `(C, H, W)` of every frame.
    """

    folder: Path
    picture: tuple[int, int, int]
    _open: dict[str, Pixels] = field(default_factory=dict, compare=False, repr=False)

    def clip(self, name: str) -> Pixels:
        """All frames of a clip, `(S, C, H, W)`, mapped: only what is looked at is read.

        Raises:
            SchemaError: they are missing, or not what their description says.
        """
        if name not in self._open:
            self._open[name] = _mapped(self.folder, name, self.picture)
        return self._open[name]

    def window(self, row: pd.Series) -> Pixels:
        """Frames of one window, `(T, C, H, W)`: a view, not a copy.

        Args:
            row: of a windows' index.

        Raises:
            SchemaError: as `clip`, or the window reaches beyond the clip.
        """
        pixels: Any = self.clip(str(row["clip"]))
        first = round(float(row["start_frame"]) / float(row["step"]))
        stop = first + int(row["length"])
        if first < 0 or stop > len(pixels):
            where = str(pixels_file(self.folder, str(row["clip"])))
            raise SchemaError(f"{len(pixels)} frames; a window wants {first} to {stop - 1}", where=where, fix=REMAKE)
        return np.asarray(pixels[first:stop])


def frame_cache(project: Project, dataset: str, window: str) -> FrameCache | None:
    """The frames of a window spec; None for a spec whose windows hold none.

    Raises:
        SchemaError: a clip's description cannot be read, or clips have frames of several shapes.
    """
    folder = project.frames(dataset, window)
    shapes = {path.stem: shape_of(path) for path in sorted(folder.glob("*.json"))} if folder.is_dir() else {}
    pictures = {shape[1:]: clip for clip, shape in shapes.items()}
    if len(pictures) > 1:
        listed = ", ".join(f"{width} × {height} ({clip})" for (_, height, width), clip in pictures.items())
        raise SchemaError(f"frames of several sizes: {listed}", where=str(folder), fix=REMAKE)
    return FrameCache(folder, next(iter(pictures))) if pictures else None


def described(path: Path) -> dict[str, Any]:
    """What a clip's frames were made from.

    Raises:
        SchemaError: there is no readable description.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SchemaError(f"no readable description of frames: {error}", where=str(path), fix=REMAKE) from error
    if not isinstance(found, dict):
        raise SchemaError("this describes no frames", where=str(path), fix=REMAKE)
    return found


def shape_of(path: Path) -> tuple[int, int, int, int]:
    """`(S, C, H, W)` of a clip's frames by their description.

    Raises:
        SchemaError: it does not say.
    """
    try:
        samples, channels, height, width = (int(side) for side in described(path)["shape"])
    except (KeyError, TypeError, ValueError) as error:
        raise SchemaError(f"the description lacks the frames' shape: {error}", where=str(path), fix=REMAKE) from error
    return samples, channels, height, width


def _mapped(folder: Path, clip: str, picture: tuple[int, int, int]) -> Pixels:
    path = pixels_file(folder, clip)
    try:
        pixels: Pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SchemaError(f"the clip's frames cannot be read: {error}", where=str(path), fix=REMAKE) from error
    if pixels.dtype != np.uint8 or pixels.shape[1:] != picture:
        raise SchemaError(f"frames {pixels.shape} of {pixels.dtype}, not {picture}", where=str(path), fix=REMAKE)
    return pixels
