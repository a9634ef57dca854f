"""How numbers are written, so that a file that is read and written again says the same.

POSES hold float32. A source may have written them in as few digits as tell them apart (1310.57), or as the double they
equal (54.21041488647461, which AlphaPose writes); both come back exactly. Doubles with more digits are rounded.
"""

from __future__ import annotations

import numpy as np
import orjson
from numpy.typing import NDArray

SHORTEST, EXACT = "shortest", "exact"
MOST = 10**6
"""Numbers of at most six digits are below it, without their point."""


def decimals(values: NDArray[np.float64]) -> tuple[str, int]:
    """How the numbers of a source were written.

    Args:
        values: as parsed.

    Returns:
        SHORTEST or EXACT, and how many of the numbers do not come back when float32 is written that way.
    """
    values = values.ravel()
    single = values.astype(np.float32)
    inexact = int((single.astype(np.float64) != values).sum())
    doubtful = np.flatnonzero(~_short(values))
    lost = int((_shortest(single[doubtful]) != values[doubtful]).sum()) if len(doubtful) else 0
    return (SHORTEST, lost) if lost <= inexact else (EXACT, inexact)


def spelled(values: NDArray[np.float32], style: str) -> NDArray[np.floating]:
    """The array which orjson writes in the given style."""
    return np.ascontiguousarray(values.astype(np.float64) if style == EXACT else values)


def _short(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Numbers of at most six digits, of which float32 always keeps all: the quick way for most."""
    found = np.zeros(len(values), dtype=bool)
    for scale in (1e2, 1e3, 1e0, 1e1, 1e4, 1e5):
        rest = np.flatnonzero(~found)
        digits = np.rint(values[rest] * scale)
        found[rest] = (digits / scale == values[rest]) & (np.abs(digits) < MOST)
    return found


def _shortest(single: NDArray[np.float32]) -> NDArray[np.float64]:
    text = orjson.dumps(np.ascontiguousarray(single).ravel(), option=orjson.OPT_SERIALIZE_NUMPY)
    return np.array(orjson.loads(text), dtype=np.float64)
