"""Tables of a recording: FRAME_SCORES, events and people, as `normotion run` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.schemas import FRAME_SCORES, Rows
from stages.core.storage import write_text
from stages.core.tables import write
from stages.evaluation.conformal import Tail
from stages.live.judged import Event, Judged

EVENTS = tuple(Event.__dataclass_fields__)
"""Columns of events.csv."""


def frame_rows(
    clip: str, seed: int, judged: Sequence[Judged], tail: Tail | None, label: int | None = None
) -> pd.DataFrame:
    """Rows of FRAME_SCORES.

    Args:
        clip: name of the recording.
        seed: of the model.
        judged: every frame.
        tail: of normal footage, for p-values; None leaves them null.
        label: of every frame: 1 abnormal, 0 normal, None unknown.
    """
    smoothed = np.array([one.smoothed for one in judged], dtype=np.float32)
    p = tail.p(smoothed) if tail is not None else [None] * len(judged)
    table = pd.DataFrame(
        {
            "clip": clip, "frame": np.array([one.number for one in judged], dtype=np.int32), "seed": seed,
            "scored": np.array([one.scored for one in judged], dtype=bool),
            "raw": np.array([one.raw for one in judged], dtype=np.float32),
            "smoothed": smoothed,
            "track": pd.array([one.track for one in judged], dtype="Int32"),
            "label": pd.array([label] * len(judged), dtype="Int8"),
            "p": pd.array(p, dtype="Float32"),
        }
    )  # fmt: skip
    return table[FRAME_SCORES.names()]


def write_frames(path: Path, rows: pd.DataFrame, *, unit: str, fps: float) -> None:
    """Write scores.parquet: FRAME_SCORES, with the unit and the frame rate in its metadata."""
    write(path, FRAME_SCORES, Rows(rows, meta={"unit": unit, "fps": str(fps)}))


def event_rows(events: Sequence[Event]) -> pd.DataFrame:
    """A row per alarm, by start."""
    table = pd.DataFrame([asdict(event) for event in events], columns=list(EVENTS))
    return table.astype({"track": "Int32"})


def write_events(path: Path, events: Sequence[Event]) -> None:
    """Write events.csv."""
    write_text(path, event_rows(events).to_csv(index=False, float_format=_rounded, lineterminator="\n"))


def _rounded(value: Any) -> str:
    """Six digits, and of the seconds of a long film a millisecond still."""
    return f"{value:.6g}" if abs(value) < 1000 else f"{value:.3f}"
