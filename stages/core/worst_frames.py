"""The highest-scoring frame of every clip, gathered while windows are scored piece by piece."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stages.core.scoring import Scores
from stages.core.windows import Windows


@dataclass(frozen=True, eq=False)
class WorstFrame:
    """A frame of a clip.

    Args:
        score: of the frame.
        sample: which of the window's samples it is.
        window: the window it was scored in, alone.
    """

    score: float
    sample: int
    window: Windows

    @property
    def frame(self) -> int:
        """Which frame of the clip."""
        row = self.window.index.iloc[0]
        return int(np.rint(float(row["start_frame"]) + self.sample * float(row["step"])))


class WorstFrames:
    """The highest-scoring frame of each clip that was seen so far, by clip."""

    def __init__(self) -> None:
        self.found: dict[str, WorstFrame] = {}

    def see(self, windows: Windows, scores: Scores) -> None:
        """Look at more windows.

        Args:
            windows: N.
            scores: `(N, T)`, of their frames.
        """
        clips = windows.index["clip"].astype(str).to_numpy()
        for clip in np.unique(clips):
            rows = np.flatnonzero(clips == clip)
            row, sample = np.unravel_index(int(scores[rows].argmax()), scores[rows].shape)
            score = float(scores[rows[row], sample])
            if clip not in self.found or score > self.found[clip].score:
                self.found[str(clip)] = WorstFrame(score, int(sample), windows.take(rows[[row]]))
