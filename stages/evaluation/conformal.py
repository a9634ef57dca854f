"""How rare a score is in normal footage: conformal p-values.

Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005, chapter 2: of a normal score that is
exchangeable with n others known to be normal, p = (1 + how many of them are as high) / (n + 1) is at most alpha with
a probability of at most alpha. Frames of one clip are not exchangeable with those of others, so p of a frame only says
where it stands among the frames of normal footage. Clips are: p of a clip's highest score keeps that promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

STEP = 1.01
"""Ratio of the ranks that are kept of many scores: p-values are at most 1 % of themselves too large."""


@dataclass(frozen=True)
class Tail:
    """Normal scores from the highest down, thinned where they lie dense, for p-values.

    Args:
        count: how many normal scores there were.
        ranks: which of them were kept, rising from 1, the highest.
        scores: those, falling.
    """

    count: int
    ranks: tuple[int, ...]
    scores: tuple[float, ...]

    @classmethod
    def of(cls, scores: ArrayLike) -> Self:
        """Keep what p-values need: the hundred highest scores, and of the others one per step of rank."""
        falling = -np.sort(-np.asarray(scores, dtype=np.float64).reshape(-1))
        ranks = [1]
        while ranks[-1] < len(falling):
            ranks.append(min(len(falling), max(ranks[-1] + 1, int(ranks[-1] * STEP))))
        kept = np.array(ranks[: len(falling)], dtype=np.int64)
        return cls(len(falling), tuple(kept.tolist()), tuple(falling[kept - 1].tolist()))

    def p(self, scores: ArrayLike) -> Floats:
        """P-values of scores `(N,)`, from `1 / (count + 1)` to 1; thinning makes none too small."""
        rising = np.asarray(self.scores, dtype=np.float64)[::-1]
        reached = len(rising) - np.searchsorted(rising, np.asarray(scores, dtype=np.float64), side="left")
        as_high = np.append(np.array(self.ranks, dtype=np.int64) - 1, self.count)[reached]
        return np.asarray((1 + as_high) / (1 + self.count))


def frame_p(frames: pd.DataFrame, normal: pd.DataFrame, clips: pd.DataFrame) -> Floats:
    """Where each frame stands among the frames of normal footage of its camera and seed.

    Args:
        frames: rows of FRAME_SCORES to judge: clip, seed, smoothed.
        normal: rows of FRAME_SCORES; those labelled 0 are taken.
        clips: clip and camera of all clips of both.

    Returns:
        `(N,)` in the order of `frames`; a camera without normal footage is held against that of all cameras; NaN where
        a seed has no normal footage at all.
    """
    camera = dict(zip(clips["clip"], clips["camera"], strict=True))
    known = normal[normal["label"].eq(0).fillna(value=False).to_numpy(dtype=bool)]
    known = known.assign(camera=known["clip"].map(camera))
    own: dict[Any, Tail] = {
        (seed, name): Tail.of(rows["smoothed"]) for (seed, name), rows in known.groupby(["seed", "camera"])
    }
    joined: dict[Any, Tail] = {seed: Tail.of(rows["smoothed"]) for seed, rows in known.groupby("seed")}
    result = np.full(len(frames), np.nan)
    scores = frames["smoothed"].to_numpy(dtype=np.float64)
    groups = frames.reset_index(drop=True).groupby(["seed", frames["clip"].map(camera).to_numpy()])
    for (seed, name), group in groups:
        tail = own.get((seed, name), joined.get(seed))
        rows = group.index.to_numpy()
        if tail is not None:
            result[rows] = tail.p(scores[rows])
    return result
