"""Windows scored in batches by a fitted detector, and no score taken that is NaN or infinite."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.errors import ScoreError
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
