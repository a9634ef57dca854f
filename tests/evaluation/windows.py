"""Tables of made-up scores, shared by the tests of aggregation."""

from __future__ import annotations

from typing import Any

import pandas as pd


def row(score: float, start: float, **other: Any) -> dict[str, Any]:
    """A window of 4 samples, one per frame, of person 0 in clip a."""
    default = {"clip": "a", "track": 0, "step": 1.0, "length": 4, "frame": None, "part": "score", "seed": 0}
    return {**default, "start_frame": start, "score": score, **other}


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    """SCORES."""
    columns = ["clip", "track", "start_frame", "step", "length", "frame", "part", "seed", "score"]
    return pd.DataFrame(list(rows), columns=columns).astype({"track": "Int32", "frame": "Int32"})


def clips(**frames: int) -> pd.DataFrame:
    """Clips of these lengths at 10 frames/s."""
    return pd.DataFrame({"clip": list(frames), "frames": list(frames.values()), "fps": 10.0})
