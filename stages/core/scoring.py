"""Windows scored in batches by a fitted detector, and no score taken that is NaN or infinite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.errors import ScoreError
from stages.core.schemas import SCORES
from stages.core.windows import Windows

Scores = NDArray[np.float32]


class Scorer(Protocol):
    """What of a detector scores; see `stages.detectors.base.Detector`."""

    parts: ClassVar[tuple[str, ...]]

    def score(self, windows: Windows) -> dict[str, Scores]:
        """Scores per part, `(N,)` or `(N, T)`."""
        ...


def score_windows(model: Scorer, windows: Windows, batch: int) -> dict[str, Scores]:
    """Score in batches, to bound the memory a model takes.

    Returns:
        Per part `(N,)`, or `(N, T)` from a detector that scores every frame of a window.

    Raises:
        ScoreError: a score is NaN or infinite; names the clip and the window's first frame.
    """
    starts = range(0, max(len(windows), 1), batch)
    pieces = [model.score(windows.take(np.arange(start, min(start + batch, len(windows))))) for start in starts]
    scores = {part: np.concatenate([piece[part] for piece in pieces]) for part in model.parts}
    for part, values in scores.items():
        _refuse_unfinite(part, values, windows.index)
    return scores


def table(windows: Windows, scores: Mapping[str, Scores], seed: int) -> pd.DataFrame:
    """Rows of SCORES: a window each, or a frame each where a detector scores frames; part after part.

    Args:
        windows: N windows.
        scores: per part `(N,)` or `(N, T)`.
        seed: of the model that scored.
    """
    parts = [_rows(windows.index, values).assign(part=part, seed=seed) for part, values in scores.items()]
    return pd.concat(parts, ignore_index=True)[SCORES.names()]


def _rows(index: pd.DataFrame, values: Scores) -> pd.DataFrame:
    rows = index[["clip", "track", "start_frame", "step", "length"]]
    if values.ndim == 1:
        return rows.assign(frame=pd.array([pd.NA] * len(rows), dtype="Int32"), score=values)
    samples = values.shape[1]
    start, step = (index[name].to_numpy(dtype=np.float64)[:, None] for name in ("start_frame", "step"))
    frames = np.rint(start + np.arange(samples) * step).astype(np.int32)
    repeated = rows.iloc[np.repeat(np.arange(len(rows)), samples)]
    return repeated.assign(frame=pd.array(frames.reshape(-1), dtype="Int32"), score=values.reshape(-1))


def _refuse_unfinite(part: str, values: Scores, index: pd.DataFrame) -> None:
    bad = ~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    if not bad.any():
        return
    first: Any = index.iloc[int(bad.argmax())]
    raise ScoreError(
        f"{int(bad.sum())} of {len(index)} windows have a {part} that is NaN or infinite",
        where=f"clip {first['clip']}, track {first['track']}, window from frame {first['start_frame']:g}",
        fix="look at the training log: a loss that grows asks for a lower learning rate; then `dvc repro`",
    )
