"""Pictures of people beside their windows: two arrays per split, which `normalize` writes, mapped when read.

A tube is a window's pictures of its person. It is cut and shrunk once, while the clip is decoded once for everybody in
it; training then reads it in any order without decoding anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.errors import SchemaError
from stages.core.tables import REMAKE

Pixels = NDArray[np.uint8]

ROW = "tube"
"""Column of a windows' index: which row of the arrays is the window's."""


def tubes_file(folder: Path, split: str) -> Path:
    """Pictures of people: a NumPy array `(N, T, 3, S, S)` uint8, RGB, a row per window of the split's table."""
    return folder / f"{split}-tubes.npy"


def places_file(folder: Path, split: str) -> Path:
    """The places they are in: a NumPy array `(N, 3, S, S)` uint8, RGB, a row per window likewise."""
    return folder / f"{split}-places.npy"


@dataclass(frozen=True)
class TubeCache:
    """Pictures of the people of a dataset's windows.

    Args:
        folder: where they lie.
        picture: `(C, H, W)` of every picture of a person.
    """

    folder: Path
    picture: tuple[int, ...]
    _open: dict[Path, Pixels] = field(default_factory=dict, compare=False, repr=False)

    def window(self, row: pd.Series) -> Pixels:
        """Pictures of one window's person, `(T, 3, S, S)`: a view, not a copy.

        Args:
            row: of a windows' index, with `ROW`.

        Raises:
            SchemaError: they are missing or damaged, or fewer than windows.
        """
        return self._row(tubes_file(self.folder, str(row["split"])), row)

    def place(self, row: pd.Series) -> Pixels:
        """The place of one window, `(3, S, S)`.

        Raises:
            SchemaError: as `window`.
        """
        return self._row(places_file(self.folder, str(row["split"])), row)

    def _row(self, path: Path, row: pd.Series) -> Pixels:
        if path not in self._open:
            self._open[path] = mapped(path)
        number, pixels = int(row[ROW]), self._open[path]
        if number >= len(pixels):
            raise SchemaError(f"{len(pixels)} pictures, and window {number} wants one", where=str(path), fix=REMAKE)
        return np.asarray(pixels[number])


def tube_cache(folder: Path) -> TubeCache | None:
    """The pictures beside windows in a folder of `normalize`; None where the spec asks for none, or nothing was cut.

    Raises:
        SchemaError: an array cannot be read.
    """
    found = sorted(folder.glob(tubes_file(folder, "*").name))
    return TubeCache(folder, mapped(found[0]).shape[2:]) if found else None


def mapped(path: Path) -> Pixels:
    """An array on disk, of which only what is looked at is read.

    Args:
        path: of tubes or places, as its name tells.

    Raises:
        SchemaError: it cannot be read, or holds none of these.
    """
    try:
        pixels: Pixels = np.lib.format.open_memmap(path, mode="r")  # np.load would take an archive for one too
    except (OSError, ValueError, EOFError) as error:
        raise SchemaError(f"pictures cannot be read: {error}", where=str(path), fix=REMAKE) from error
    if pixels.dtype != np.uint8 or pixels.ndim != (5 if path.stem.endswith("-tubes") else 4):
        raise SchemaError(f"no pictures: {pixels.shape} of {pixels.dtype}", where=str(path), fix=REMAKE)
    return pixels
