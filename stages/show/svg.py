"""Lines for inline SVG: small, sharp at any size, and coloured by the page's own light or dark style."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.show.timeline import Curve

Floats = NDArray[np.float64]

POINTS = 400
"""Points of a drawn line: more than a phone has pixels across, few enough for a hundred lines on a page."""


def roc_path(curve: pd.DataFrame) -> str:
    """Path of a ROC curve in a box of 100 × 100, corner (0, 0) at the bottom left.

    Args:
        curve: fpr, tpr; may be empty.
    """
    return path(curve["fpr"].to_numpy(dtype=np.float64) * 100, 100 - curve["tpr"].to_numpy(dtype=np.float64) * 100)


def pr_path(curve: pd.DataFrame) -> str:
    """Path of a precision-recall curve, likewise.

    Args:
        curve: recall, precision; may be empty.
    """
    return path(
        curve["recall"].to_numpy(dtype=np.float64) * 100, 100 - curve["precision"].to_numpy(dtype=np.float64) * 100
    )


def band_path(along: Floats, low: Floats, high: Floats) -> str:
    """Path around the area between two curves, in the same box.

    Args:
        along: `(places,)`, 0 … 1, rising.
        low: `(places,)`, 0 … 1.
        high: `(places,)`, likewise.
    """
    x = np.concatenate([along, along[::-1]]) * 100
    y = 100 - np.concatenate([high, low[::-1]]) * 100
    return path(x, np.round(y, 2)) + "Z"


def score_path(scores: Floats, ends: tuple[float, float]) -> str:
    """Path of one clip's frame scores in a box of 1000 × 100, each point the highest of its frames.

    Args:
        scores: `(frames,)`, NaN where the line is broken.
        ends: scores at the bottom and the top of the box.
    """
    starts = np.unique(np.linspace(0, len(scores), min(POINTS, len(scores)), endpoint=False).astype(int))
    highest = np.fmax.reduceat(scores, starts)
    centres = (starts + np.append(starts[1:], len(scores))) / 2
    across, down = centres / len(scores) * 1000, 100 - (highest - ends[0]) / (ends[1] - ends[0]) * 100
    return path(np.round(across), np.round(down, 1))  # finer than is seen, and a page holds hundreds of them


def path(x: Floats, y: Floats) -> str:
    """A path through points, broken where y is NaN; a point alone becomes a short dash."""
    drawn = ~np.isnan(y)
    begins = drawn & ~np.append(False, drawn[:-1])
    alone = begins & ~np.append(drawn[1:], False)
    steps = [
        f"{'M' if begin else 'L'}{left:.4g},{down:.4g}" + ("h1" if single else "")
        for left, down, begin, single in zip(x[drawn], y[drawn], begins[drawn], alone[drawn], strict=True)
    ]
    return "".join(steps)


def raw_path(curve: Curve) -> str:
    """Raw scores, mean over seeds, broken where nobody was scored."""
    return score_path(np.where(curve.scored, curve.raw.mean(axis=0), np.nan), curve.ends)


def smoothed_path(curve: Curve) -> str:
    """Smoothed scores, mean over seeds."""
    return score_path(curve.smoothed.mean(axis=0), curve.ends)
