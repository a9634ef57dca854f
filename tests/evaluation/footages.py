"""Small footage with scores, as tests of alarms need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd


def scored(
    scores: Mapping[str, Sequence[float]],
    labels: Mapping[str, Sequence[float | None]] | None = None,
    seed: int = 0,
    track: int | None = 0,
) -> pd.DataFrame:
    """FRAME_SCORES of clips with these smoothed scores; labelled normal where `labels` does not say otherwise."""
    pieces = [
        pd.DataFrame(
            {
                "clip": clip,
                "frame": np.arange(len(values)),
                "seed": seed,
                "raw": 0.0,
                "smoothed": np.asarray(values, dtype=np.float32),
                "track": pd.array([track] * len(values), dtype="Int32"),
                "label": pd.array((labels or {}).get(clip, [0] * len(values)), dtype="Int8"),
            }
        )
        for clip, values in scores.items()
    ]
    return pd.concat(pieces, ignore_index=True)


def filmed(cameras: Mapping[str, str], fps: float = 1.0) -> pd.DataFrame:
    """Table of clips: which camera took each."""
    return pd.DataFrame({"clip": list(cameras), "camera": list(cameras.values()), "fps": fps})
