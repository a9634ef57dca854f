"""Poses that came with a data set: checked row group by row group, so that what follows can rely on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.errors import DatasetError, SchemaError
from stages.core.params import nearest
from stages.core.schemas import POSES, Rows
from stages.core.skeleton import LAYOUTS
from stages.core.storage import sha256_text
from stages.core.tables import read_groups

FIX = "mend the poses where they come from, and `normotion import` them again"


def given(path: Path, clip: str, frames: int) -> Iterator[Rows]:
    """Read and check the POSES of one clip, a row group at a time.

    Args:
        path: the POSES file.
        clip: the clip that all of its rows must be of.
        frames: how many frames the clip has.

    Yields:
        Its row groups as they are; one without rows if nobody is in it.

    Raises:
        SchemaError: the file is missing, no POSES table, or of another version.
        DatasetError: the layout is unknown; joints or coordinates are not those declared; a row is of another clip or
            past its last frame; rows are not in the order of their frames; a value is not finite, or negative where
            none can be; somebody stands in a frame twice. Names file, frame and, where given, the person.
    """
    last = _Last()
    try:
        for rows in read_groups(path, POSES):
            _demand_layout(rows, path)
            _demand_rows(rows, path, clip, frames)
            last = last.followed_by(rows.frame, path)
            yield rows
    except SchemaError as error:
        raise SchemaError(error.what, where=error.where, fix=FIX) from error


def fingerprint() -> str:
    """A hash of the checks: poses are looked at again when they change."""
    return sha256_text("given", Path(__file__).read_text(encoding="utf-8"))


def _demand_layout(rows: Rows, path: Path) -> None:
    name = rows.meta.get("layout", "")
    if name not in LAYOUTS:
        raise _refused(f"joint layout {name!r} is unknown; {nearest(name, list(LAYOUTS))}", path)
    coordinates = rows.meta.get("coordinates", "")
    if coordinates not in ("xy", "xyz"):
        raise _refused(f"coordinates are {coordinates!r}, and must be xy or xyz", path)
    declared, found = (len(LAYOUTS[name]), len(coordinates) + 1), rows.arrays.shape[1:]
    if found != declared:
        raise _refused(
            f"joints × channels are {_times(found)}, where {name} in {coordinates} has {_times(declared)}", path
        )


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _demand_rows(rows: Rows, path: Path, clip: str, frames: int) -> None:
    """Refuse the first row that cannot be, with its frame."""
    table, keypoints = rows.frame, rows.arrays
    numbers = table[["x", "y", "w", "h", "score"]].to_numpy()
    wrong = {
        f"is of another clip than {clip!r}": table["clip"].to_numpy() != clip,
        f"lies past the last frame, {frames - 1}": table["frame"].to_numpy() >= frames,
        "lies before frame 0": table["frame"].to_numpy() < 0,
        "has a box or score that is NaN or infinite": ~np.isfinite(numbers).all(axis=1),
        "has keypoints that are NaN or infinite": ~np.isfinite(keypoints).all(axis=(1, 2)),
        "has a box of negative width or height": (numbers[:, 2:4] < 0).any(axis=1),
        "has a negative score": numbers[:, 4] < 0,
        "has a negative confidence": (keypoints[..., -1] < 0).any(axis=1),
    }
    for what, bad in wrong.items():
        if bad.any():
            first = table.iloc[int(bad.argmax())]
            raise _refused(f"a pose {what} ({int(bad.sum())} in this row group)", path, f"frame {first['frame']}")


class _Last:
    """The end of what was read: its last frame and who of known id was in it."""

    def __init__(self, frame: int = -1, ids: frozenset[int] = frozenset()) -> None:
        self._frame, self._ids = frame, ids

    def followed_by(self, table: pd.DataFrame, path: Path) -> _Last:
        """Refuse rows that go back in time or hold somebody twice in a frame; gives the new end."""
        if table.empty:
            return self
        frames = np.concatenate([[self._frame], table["frame"].to_numpy()])
        back = np.flatnonzero(np.diff(frames) < 0)
        if len(back):
            before, after = frames[back[0]], frames[back[0] + 1]
            raise _refused("rows are not in the order of their frames", path, f"frame {after} after frame {before}")
        known = table[table["track"].notna()]
        twice = known.duplicated(["frame", "track"]) | (
            (known["frame"] == self._frame) & known["track"].isin(list(self._ids))
        )
        if twice.any():
            first = known[twice].iloc[0]
            raise _refused(
                f"person {first['track']} stands there twice", path, f"clip {first['clip']!r}, frame {first['frame']}"
            )
        end = int(frames[-1])
        ids = frozenset(known["track"][known["frame"] == end].astype(int))
        return _Last(end, ids | self._ids if end == self._frame else ids)


def _refused(what: str, path: Path, place: str = "") -> DatasetError:
    return DatasetError(what, where=f"{path}, {place}" if place else str(path), fix=FIX)
