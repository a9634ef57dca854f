"""A trained detector behind one door: a table of tracks in, SCORES out, by the code that the stages run.

It is saved with each MLflow model (`pipelines/registry.py`), so it imports nothing that only the DAG needs.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from stages.core.clip_windows import clip_windows
from stages.core.errors import DatasetError, ModelError, SchemaError
from stages.core.foreign import numbers
from stages.core.normalization import NormalizeParams
from stages.core.params import Section
from stages.core.schemas import Rows, pose_meta
from stages.core.scoring import score_windows, table
from stages.core.skeleton import layout
from stages.core.windows import Windows, WindowSpec
from stages.detectors import registry
from stages.detectors.base import Detector

WHERE = "the table of tracks"
TYPES = {
    "clip": "str", "track": "Int32", "length": "int16", "frame": "Int32", "part": "str", "seed": "int64",
    "score": "float32",
}  # fmt: skip
"""Of the columns that are no doubles, as a SCORES file has them."""


class Card(Section):
    """What a saved model must know beside its weights.

    Args:
        format: raised whenever the meaning of a key, the input or the output changes.
        dataset: what the detector was trained on.
        detector: its name.
        seed: of the training.
        layout: joints of the tracks, in their order; the window spec may ask for another layout made from it.
        coordinates: `xy` or `xyz`.
        units: of the coordinates, `px` or `m`.
        window: how windows are cut and normalized.
        normalize: what is no person.
        batch: windows that are scored at a time; scores do not depend on it.
    """

    format: Literal[1] = 1
    dataset: str
    detector: str
    seed: int
    layout: str
    coordinates: str
    units: str
    window: WindowSpec
    normalize: NormalizeParams
    batch: int = Field(ge=1)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a card.

        Raises:
            ModelError: it is missing, or of another version.
        """
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ValidationError) as error:
            raise ModelError(f"no readable card: {error}", where=str(path), fix="save the model anew") from error

    def text(self) -> str:
        """The card as a file has it."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True)

    @property
    def width(self) -> int:
        """Numbers per person and frame: joints × (coordinates, confidence)."""
        return len(layout(self.layout)) * (len(self.coordinates) + 1)


class TracksScorer:
    """Scores tables of tracks.

    Args:
        model: the trained detector.
        card: of the model.
    """

    def __init__(self, model: Detector, card: Card) -> None:
        self.model = model
        self.card = card

    @classmethod
    def load(cls, folder: Path, card: Path) -> Self:
        """Read a model folder and its card; nothing in them is executed.

        Raises:
            ModelError: one of them is missing or damaged.
        """
        found = Card.read(card)
        return cls(registry.detector(found.detector).load(folder), found)

    def score(self, tracks: pd.DataFrame) -> pd.DataFrame:
        """Score every window that the tracks hold.

        Args:
            tracks: a row per person and frame, in any order, of any number of clips: clip, track and frame (whole
                numbers from 0), fps (of the clip), and keypoints, `joints × (coordinates, confidence)` numbers.

        Returns:
            Rows of SCORES, clip after clip by name. Clips whose tracks are all too short have none.

        Raises:
            DatasetError: keypoints are too few or many, or not finite.
            SchemaError: a value is null, negative or given twice, or a clip has several frame rates.
            ScoreError: a score is not finite.
        """
        _check(tracks)
        clips = [self._windows(str(clip), rows) for clip, rows in tracks.groupby("clip", sort=True)]
        clips = clips or [self._windows("", tracks)]  # nobody, in the form of windows
        index = pd.concat([windows.index for windows in clips], ignore_index=True)
        windows = replace(clips[0], index=index, poses=np.concatenate([windows.poses for windows in clips]))
        # All at once: a detector takes the time of some hundred windows to start.
        found = table(windows, score_windows(self.model, windows, self.card.batch), self.card.seed)
        return found.astype(TYPES)

    def _windows(self, clip: str, rows: pd.DataFrame) -> Windows:
        card = self.card
        meta = pose_meta(card.layout, card.coordinates, card.units)
        tracks = Rows(rows[["track", "frame"]], self._keypoints(clip, rows), meta)
        fps = float(rows["fps"].iloc[0]) if len(rows) else 1.0
        return clip_windows(clip, tracks, fps, card.window, card.normalize, card.dataset)

    def _keypoints(self, clip: str, rows: pd.DataFrame) -> NDArray[np.float32]:
        def name(row: int) -> str:
            return f"clip {clip}, track {rows['track'].iloc[row]}, frame {rows['frame'].iloc[row]}"

        lists = [list(person) if isinstance(person, np.ndarray) else person for person in rows["keypoints"]]
        flat = numbers(lists, self.card.width, where=WHERE, what="keypoints", name=name)
        if (np.abs(flat) > np.finfo(np.float32).max).any():
            raise DatasetError("keypoints beyond what float32 holds", where=f"{WHERE}: clip {clip}")
        shape = (len(rows), len(layout(self.card.layout)), len(self.card.coordinates) + 1)
        return flat.astype(np.float32).reshape(shape)


def _check(tracks: pd.DataFrame) -> None:
    """Refuse what TRACKS would not hold.

    Raises:
        SchemaError: see `TracksScorer.score`.
    """
    keys = ["clip", "track", "frame"]
    _refuse(tracks, tracks[[*keys, "fps"]].isna().any(axis=1), "null values")
    _refuse(tracks, (tracks["track"] < 0) | (tracks["frame"] < 0), "a negative track or frame")
    _refuse(tracks, tracks[["track", "frame"]].max(axis=1) > np.iinfo(np.int32).max, "a track or frame beyond int32")
    _refuse(tracks, tracks.duplicated(keys), "a person twice in one frame")
    _refuse(tracks, ~((tracks["fps"] > 0) & np.isfinite(tracks["fps"])), "an fps that is no frame rate")
    _refuse(tracks, tracks.groupby("clip")["fps"].transform("nunique") > 1, "clips with several fps")


def _refuse(tracks: pd.DataFrame, bad: Any, what: str) -> None:
    if bad.any():
        first = tracks.iloc[int(np.argmax(bad.to_numpy(dtype=bool)))]
        raise SchemaError(
            f"{what} in {int(bad.sum())} of {len(tracks)} rows",
            where=f"{WHERE}: first in clip {first['clip']}, track {first['track']}, frame {first['frame']}",
        )
