"""When an alarm rings: the height up to which a threshold may rise until a frame belongs to no alarm any more.

Above any threshold, frames over it that lie close together are one alarm, and one too short is none. Filling short gaps
and dropping short stretches at every threshold at once is grey closing and opening with flat elements (Serra, "Image
Analysis and Mathematical Morphology", 1982, chapter XII): the frames of alarms at threshold t are those whose level is
over t. So the alarms at all thresholds are counted by sorting once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.evaluation.footage import Footage

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SLACK = 1e-9
"""Frames by which a time may miss a whole number of frames, from rounding alone."""

CELLS = 2**22
"""Scores × replicates held at a time."""


def levels(scores: Floats, found: Footage, merge_seconds: float, least_seconds: float) -> Floats:
    """Height up to which each frame belongs to an alarm.

    Args:
        scores: `(N,)` of the frames of `found`; -inf where no alarm may be.
        found: says which clip and frame they are of.
        merge_seconds: alarms less than this apart in a clip are one.
        least_seconds: alarms shorter than this, gaps filled, are none.

    Returns:
        `(N,)`: at threshold t the frames of alarms are those whose level is over t.
    """
    result = np.empty(len(scores))
    for fps in np.unique(found.fps):
        chosen = (found.fps == fps)[found.clip]
        gap = max(0, int(np.ceil(merge_seconds * fps - SLACK)) - 1)
        length = max(1, int(np.ceil(least_seconds * fps - SLACK)))
        padded, place = spread(scores[chosen], found.clip[chosen], max(gap + 1, length))
        closed = _eroded(_dilated(padded, gap + 1), gap + 1)
        result[chosen] = _dilated(_eroded(closed, length), length)[place]
    return result


def spread(values: Floats, clip: Ints, pad: int) -> tuple[Floats, Ints]:
    """Lay clips end to end with `pad` frames of -inf around each, so that none reaches into the next.

    Args:
        values: `(N,)`, clip after clip.
        clip: `(N,)`, the clip of each.
        pad: frames between two clips.

    Returns:
        The padded values, and where each of `values` stands in them, `(N,)`.
    """
    starts = np.append(np.ones(min(1, len(clip)), dtype=bool), clip[1:] != clip[:-1])
    place = np.arange(len(values)) + pad * np.cumsum(starts)
    padded = np.full(len(values) + pad * (int(starts.sum()) + 1), -np.inf)
    padded[place] = values
    return padded, place


def runs(flag: Bools, clip: Ints) -> tuple[Ints, Ints]:
    """Stretches of flagged frames within a clip: the first of each, and the one after its last, as indices."""
    padded, place = spread(np.where(flag, 0.0, -np.inf), clip, 1)
    edge = np.flatnonzero((padded[1:] == 0) != (padded[:-1] == 0))
    return np.searchsorted(place, edge[::2] + 1), np.searchsorted(place, edge[1::2], side="right")


class Rises(NamedTuple):
    """Alarms of their own: in `clip`, at thresholds from `low` up to below `high`; each `(alarms,)`."""

    clip: Ints
    low: Floats
    high: Floats

    def of(self, chosen: Bools) -> Rises:
        """Those of the clips `chosen`, `(clips,)`."""
        own = chosen[self.clip]
        return Rises(self.clip[own], self.low[own], self.high[own])


def rises(level: Floats, clip: Ints) -> Rises:
    """Each peak of the levels `(N,)` with the lowest level since the peak before it in the clip, or since its start."""
    padded, place = spread(level, clip, 1)
    owner = np.zeros(len(padded), dtype=np.int64)
    owner[place] = clip
    turns = np.flatnonzero(np.append(True, padded[1:] != padded[:-1]))
    up = padded[turns[1:]] > padded[turns[:-1]]
    high = turns[1:-1][up[:-1] & ~up[1:]]
    low = np.append(turns[:1], turns[1:-1][~up[:-1] & up[1:]])[: len(high)]
    return Rises(owner[high], padded[low], padded[high])


def lowest(found: Rises, weights: Floats, allowed: Floats) -> tuple[Floats, Ints, Bools]:
    """The lowest threshold with few enough alarms, none of the higher ones having more than allowed.

    Lower down, alarms grow together until a single one never ends, and count as fewer again: such thresholds are no
    candidates. Alarms change in number at the ends of rises alone; where there are never too many, the threshold is the
    end at which most ring, the highest of such.

    Args:
        found: rises of the normal footage.
        weights: `(B, clips)`, multiplicity of each clip.
        allowed: `(B,)`, alarms that may ring, ≥ 0.

    Returns:
        Threshold, alarms over it, and whether there were ever too many, each `(B,)`.
    """
    value, clip = np.append(found.high, found.low), np.append(found.clip, found.clip)
    sign = np.repeat([1.0, -1.0], len(found.clip))
    order = np.argsort(-value, kind="stable")
    order = order[np.isfinite(value[order])]
    value, clip, sign = value[order], clip[order], sign[order]
    last = np.flatnonzero(np.append(value[1:] != value[:-1], True))
    block = max(1, CELLS // len(value))
    starts = range(0, len(weights), block)
    below = (np.cumsum(weights[start : start + block, clip] * sign, axis=1)[:, last] for start in starts)
    pieces = [_crossing(each, allowed[start:][:block]) for each, start in zip(below, starts, strict=True)]
    place, alarms, crossed = (np.concatenate(column) for column in zip(*pieces, strict=True))
    return value[last][place], alarms.astype(np.int64), crossed


def _dilated(values: Floats, size: int) -> Floats:
    """Highest of each value and the `size - 1` before it."""
    from scipy.ndimage import maximum_filter1d

    return np.asarray(maximum_filter1d(values, size, mode="constant", cval=-np.inf, origin=(size - 1) // 2))


def _eroded(values: Floats, size: int) -> Floats:
    """Lowest of each value and the `size - 1` after it."""
    from scipy.ndimage import minimum_filter1d

    return np.asarray(minimum_filter1d(values, size, mode="constant", cval=-np.inf, origin=-(size // 2)))


def _crossing(below: Floats, allowed: Floats) -> tuple[Ints, Floats, Bools]:
    """Which value to take, alarms at it, and whether any lower one has too many, each `(B,)`.

    Args:
        below: `(B, values)`, alarms at thresholds just below each value; values fall.
        allowed: `(B,)`.
    """
    at = np.concatenate([np.zeros((len(below), 1)), below], axis=1)  # at each value, then under the last
    over = at > allowed[:, None]
    crossed = np.asarray(over.any(axis=1))
    place = np.where(crossed, over.argmax(axis=1) - 1, at[:, :-1].argmax(axis=1))
    return place, at[np.arange(len(at)), place], crossed
