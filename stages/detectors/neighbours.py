"""Normal windows kept beside a model, to show what a new one is most like, and how it differs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.errors import DatasetError, ModelError
from stages.core.seeding import derive, stream
from stages.core.skeleton import LAYOUTS, layout
from stages.core.storage import write_text
from stages.core.windows import Windows
from stages.detectors.base import WEIGHTS_FILE, Form, read_weights, write_weights
from stages.detectors.differing import Difference, difference
from stages.detectors.posture import coordinates, in_body_heights

Floats = NDArray[np.float32]

NORMALS_FILE = "normals.json"
FORMAT = 1
REPACK = "pack the model anew: `normotion pack`"
MOST = 300
"""Windows that are kept at most: finding the nearest takes a millisecond or two."""
SIZE = 200_000
"""Bytes that they may take."""
LOOKED_AT = 8_000
"""Windows that are chosen from; of more, as many are drawn. A choice takes seconds with them."""
SMALL = 16.0
"""Values up to here are kept as float16, which is exact to 0.004 of them; larger ones as float32."""
PLACES = ("clip", "track", "start_frame", "step")
"""What is kept of the windows' index."""


@dataclass(frozen=True, eq=False)
class Normals:
    """A few hundred normal windows.

    Args:
        index: a row each: clip, track, start_frame, step.
        poses: `(M, C, T, V)` as the detector reads them.
        channels: names of the C channels, x and y among them.
        layout: joint layout of the V joints.
    """

    index: pd.DataFrame
    poses: Floats
    channels: tuple[str, ...]
    layout: str

    def __len__(self) -> int:
        return len(self.poses)

    @classmethod
    def choose(cls, windows: Windows, *, seed: int = 0, size: int = SIZE) -> Self:
        """Keep windows that are unlike each other: the seeding of k-means++ (Arthur and Vassilvitskii 2007).

        Each is drawn with a chance that grows with the square of how far it is from those that are kept already, in
        body heights; so what is rare is kept too, and what is common not thrice.

        Args:
            windows: training windows; those labelled abnormal are left out.
            seed: of the draws.
            size: bytes that the poses may take.

        Raises:
            DatasetError: there is no normal window, or they are not of poses.
        """
        from sklearn.cluster import kmeans_plusplus

        coordinates(windows.channels)
        rows = np.flatnonzero(_normal(windows))
        if not len(rows):
            raise DatasetError(f"none of {len(windows)} windows is normal", fix="give training windows")
        if len(rows) > LOOKED_AT:
            rows = np.sort(stream(seed, "normals", "looked at").choice(rows, LOOKED_AT, replace=False))
        kind = _kind(windows.poses[rows])
        each = kind.itemsize * int(np.prod(windows.poses.shape[1:]))
        count = min(MOST, max(1, size // each), len(rows))
        flat = in_body_heights(windows.poses[rows], windows.channels, layout(windows.layout)).reshape(len(rows), -1)
        draws = derive(seed, "normals") % 2**32
        _, found = kmeans_plusplus(flat.astype(np.float64), count, random_state=draws)
        _, each_once = np.unique(flat[found], axis=0, return_index=True)  # where all are kept, equal ones are drawn
        kept = rows[np.sort(found[each_once])]
        poses = windows.poses[kept].astype(kind).astype(np.float32)
        index = windows.index.iloc[kept][list(PLACES)].reset_index(drop=True)
        return cls(index, poses, tuple(windows.channels), windows.layout)

    @cached_property
    def places(self) -> Floats:
        """Where joints are, `(M, T, V, D)` body heights; see `in_body_heights`."""
        return in_body_heights(self.poses, self.channels, layout(self.layout))

    def nearest(self, window: Floats, k: int = 1) -> tuple[NDArray[np.int64], Floats]:
        """The windows most like another.

        Args:
            window: `(C, T, V)`, normalized as these are.
            k: how many; fewer where fewer are kept.

        Returns:
            Their rows, nearest first, and mean distances of a joint in body heights, `(k,)` each.

        Raises:
            ModelError: the window is of another form.
        """
        distances = np.linalg.norm(self.places - self._places(window), axis=-1).mean(axis=(1, 2))
        rows = np.argsort(distances, kind="stable")[:k]
        return rows, distances[rows].astype(np.float32)

    def difference(self, window: Floats, row: int) -> Difference:
        """How a window, `(C, T, V)`, differs from one of these: see `Difference`.

        Raises:
            ModelError: the window is of another form.
        """
        return difference(self._places(window)[0], self.places[row], layout(self.layout))

    def check(self, windows: Windows) -> None:
        """Refuse windows that cannot be compared with these.

        Raises:
            ModelError: they are of another form.
        """
        samples, joints = self.poses.shape[2:]
        Form(self.channels, samples, joints, self.layout).check(windows.blind())

    def save(self, folder: Path) -> None:
        """Write weights.safetensors and normals.json into `folder`."""
        index = {"track": self.index["track"].to_numpy(dtype=np.int64)}
        for name in ("start_frame", "step"):
            index[name] = self.index[name].to_numpy(dtype=np.float64)
        write_weights(folder, {"poses": self.poses.astype(_kind(self.poses)), **index})
        clips = self.index["clip"].astype(str).tolist()
        card = {"format": FORMAT, "channels": list(self.channels), "layout": self.layout, "clip": clips}
        write_text(folder / NORMALS_FILE, json.dumps(card, sort_keys=True))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; nothing in it is executed.

        Raises:
            ModelError: a file is missing, damaged or of another version.
        """
        card, arrays = _card(folder / NORMALS_FILE), read_weights(folder)
        try:
            index = pd.DataFrame(
                {"clip": [str(clip) for clip in card["clip"]], **{name: arrays[name] for name in PLACES[1:]}}
            )
            found = cls(index, arrays["poses"].astype(np.float32), tuple(card["channels"]), str(card["layout"]))
            wanted = (len(index), len(found.channels), found.poses.shape[2], len(LAYOUTS[found.layout]))
            coordinates(found.channels)
        except (DatasetError, IndexError, KeyError, TypeError, ValueError) as error:
            raise _unreadable(folder / NORMALS_FILE, f"it lacks or contradicts {error}") from error
        if found.poses.shape != wanted or not len(found):
            raise _unreadable(folder / WEIGHTS_FILE, f"poses are {found.poses.shape}, not {wanted}")
        return found

    def _places(self, window: Floats) -> Floats:
        if window.shape != self.poses.shape[1:]:
            raise ModelError(
                f"a window of {window.shape} values cannot be compared with those of {self.poses.shape[1:]}",
                fix="give windows of the spec that the model reads",
            )
        return in_body_heights(window[None], self.channels, layout(self.layout))


def _normal(windows: Windows) -> NDArray[np.bool_]:
    """All but those that are known to be abnormal."""
    abnormal = np.zeros(len(windows), dtype=bool)
    for name in ("label", "person_label"):
        if name in windows.index:
            abnormal |= (pd.to_numeric(windows.index[name]).fillna(0) == 1).to_numpy(dtype=bool)
    return ~abnormal


def _kind(poses: Floats) -> np.dtype[Any]:
    return np.dtype(np.float16 if np.abs(poses).max(initial=0.0) <= SMALL else np.float32)


def _card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        found = card.get("format") if isinstance(card, dict) else None
        raise _unreadable(path, f"format {found}, and this normotion reads {FORMAT}")
    return card


def _unreadable(path: Path, reason: str) -> ModelError:
    return ModelError(f"the normal windows cannot be read: {reason}", where=str(path), fix=REPACK)
