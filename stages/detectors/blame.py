"""Which joints and samples of a window made its score: exact where the detector can say, by ablation elsewhere.

Ablation asks the detector's `score` alone: joint after joint, in stretches of time, is replaced by what the most
similar normal window has there, until nothing of the window is left, and each replacement is credited with the score's
fall. The mean over several orders is the value of Owen, "Values of games with a priori unions", 1977, whose unions are
the joints, drawn as Castro et al., "Polynomial calculation of the Shapley value based on sampling", 2009, do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.errors import ModelError, ParamsError, ScoreError
from stages.core.seeding import stream
from stages.core.skeleton import Layout, layout
from stages.core.windows import Windows
from stages.detectors.base import Detector, Modality
from stages.detectors.neighbours import Normals

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Reader = Callable[[pd.Series], NDArray[np.uint8]]

STRETCHES = 4
"""Parts that a window's time is cut into, where it has as many samples."""
AT_ONCE = 20_000
"""Windows that a detector is asked to score at a time; one window's ablations are never parted."""


@runtime_checkable
class Explaining(Protocol):
    """A detector that can say where its score comes from."""

    def explain(self, windows: Windows) -> Floats:
        """What each sample and joint adds to the score, `(N, T, V)`; they sum to the score."""
        ...


@dataclass(frozen=True, eq=False)
class Blame:
    """What made scores.

    Args:
        shares: `(N, T, V)` what each sample and joint adds, in the unit of the score; below 0 where it speaks against.
        rest: `(N,)` what no joint is blamed for, so that `shares.sum((1, 2)) + rest` is the score. With ablation that
            is the score of what the joints were replaced by; where shares are exact, rounding alone.
        how: `exact`, or `ablation`.
    """

    shares: Floats
    rest: Floats
    how: Literal["exact", "ablation"]


def shares(
    model: Detector, windows: Windows, normals: Normals | None = None, *, part: str | None = None, orders: int = 16
) -> Blame:
    """Blame joints and samples for each window's score.

    Args:
        model: fitted.
        windows: `(N, C, T, V)` poses, or features of pictures around joints.
        normals: what joints are replaced by, where the detector cannot say by itself: in each window those of the most
            similar one. None replaces each joint by the mean of those it has a bone with, which is coarse: a joint
            beside one out of place is blamed too, or the opposite.
        part: which of the detector's scores; None takes the first. Of a score per sample the highest counts.
        orders: in how many orders joints are replaced, an even number; a window is scored `orders × V × 4` times. More
            make shares less noisy.

    Raises:
        ModelError: the detector looks at no joints, is not fitted, or reads windows of another form than these.
        ParamsError: there is no such part, or orders are odd.
        ScoreError: a score is not finite.
    """
    name = _part(model, part)
    if isinstance(model, Explaining) and len(model.parts) == 1:
        found = np.asarray(model.explain(windows), dtype=np.float32)
        return Blame(found, _scores(model, windows, name) - found.sum(axis=(1, 2), dtype=np.float32), "exact")
    if orders < 2 or orders % 2:
        raise ParamsError(f"{orders} orders", fix="give an even number, as each order is gone through backwards too")
    if normals is not None:
        normals.check(windows)
    samples, joints = windows.poses.shape[2:]
    states, blocks = _states(samples, joints, orders)
    each = max(1, AT_ONCE // len(states))
    pieces = [
        _ablated(model, windows.take(np.arange(start, min(start + each, len(windows)))), normals, name, states, blocks)
        for start in range(0, len(windows), each)
    ]
    none = np.empty((0, samples, joints), dtype=np.float32), np.empty(0, dtype=np.float32)
    found, rest = (np.concatenate(parts) for parts in zip(none, *pieces, strict=True))
    return Blame(found, rest, "ablation")


def _part(model: Detector, part: str | None) -> str:
    """The score that is asked for.

    Raises:
        ModelError, ParamsError: see `shares`.
    """
    if not model.needs & {Modality.POSE, Modality.PATCHES, Modality.CROPS}:
        raise ModelError(
            "this detector looks at whole frames, so no joints made its score",
            fix="look at its error maps, which say where in the frame the score comes from",
        )
    if part is not None and part not in model.parts:
        raise ParamsError(f"no part {part!r} of the score", fix=f"choose one of {', '.join(model.parts)}")
    return part or model.parts[0]


def _scores(model: Detector, windows: Windows, part: str) -> Floats:
    """`(N,)`; the highest sample's where each has a score.

    Raises:
        ScoreError: one is not finite.
    """
    found = model.score(windows)[part].astype(np.float32)
    if not np.isfinite(found).all():
        raise ScoreError("a score is NaN or infinite", fix="train the detector anew")
    return found if found.ndim == 1 else np.asarray(found.max(axis=1))


def _states(samples: int, joints: int, orders: int) -> tuple[Mask, NDArray[np.int64]]:
    """What is replaced when, the same for every window.

    Returns:
        `(E, T, V)` masks: of nothing, of all, then the steps between for each order; and `(orders, V × stretches)`
        numbers of the blocks in the order of their replacement, block = stretch × V + joint.
    """
    draw = stream(0, "blame", str(joints))
    parts = np.arange(min(STRETCHES, samples))
    forth = [
        (parts[None, :] * joints + draw.permutation(joints)[:, None]).reshape(-1)  # a joint's stretches in turn
        for _ in range(orders // 2)
    ]
    blocks = np.stack([order for one in forth for order in (one, one[::-1])])  # and everything backwards
    rank = np.argsort(blocks, axis=1)  # when each block is replaced
    between = rank[:, None, :] < np.arange(1, blocks.shape[1])[None, :, None]  # (orders, steps, blocks)
    ends = np.array([[False], [True]]).repeat(blocks.shape[1], axis=1)
    states = np.concatenate([ends, between.reshape(-1, blocks.shape[1])]).reshape(-1, len(parts), joints)
    return states[:, _stretch(samples)], blocks


def _stretch(samples: int) -> NDArray[np.int64]:
    """Which stretch each sample is in, `(T,)`."""
    return np.arange(samples) * min(STRETCHES, samples) // samples


def _ablated(
    model: Detector, windows: Windows, normals: Normals | None, part: str, states: Mask, blocks: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Shares and rests of a few windows, by the steps of `_states`."""
    count, _, samples, joints = windows.poses.shape
    instead = _beside(windows) if normals is None else _nearest(windows, normals)
    mask = states[None, :, None]  # (1, E, 1, T, V)
    poses = np.where(mask, instead[:, None], windows.poses[:, None]).reshape(-1, *windows.poses.shape[1:])
    rows = _remembering(windows).take(np.repeat(np.arange(count), len(states)))
    scores = _scores(model, replace(rows, poses=poses), part).reshape(count, len(states)).astype(np.float64)
    whole, nothing = scores[:, :1, None], scores[:, 1:2, None]
    ends = [np.repeat(end, len(blocks), axis=1) for end in (whole, nothing)]
    path = np.concatenate([ends[0], scores[:, 2:].reshape(count, len(blocks), -1), ends[1]], axis=2)
    falls = np.empty((count, *blocks.shape))
    np.put_along_axis(falls, np.broadcast_to(blocks, falls.shape), -np.diff(path, axis=2), axis=2)
    found = falls.mean(axis=1).reshape(count, -1, joints)  # (N, stretches, V)
    stretch = _stretch(samples)
    spread = found[:, stretch] / np.bincount(stretch)[stretch][:, None]
    return spread.astype(np.float32), scores[:, 1].astype(np.float32)


def _nearest(windows: Windows, normals: Normals) -> Floats:
    return np.stack([normals.poses[normals.nearest(window)[0][0]] for window in windows.poses])


def _beside(windows: Windows) -> Floats:
    """Each joint where the mean of those is that it has a bone with."""
    near = _adjacency(layout(windows.layout))
    return np.asarray(windows.poses @ (near / near.sum(axis=1, keepdims=True)).T, dtype=np.float32)


def _adjacency(joints: Layout) -> Floats:
    near = np.zeros((len(joints), len(joints)), dtype=np.float32)
    for one, other in joints.bones:
        near[one, other] = near[other, one] = 1
    return near


def _remembering(windows: Windows) -> Windows:
    """The same windows, whose pictures are read once for all ablations."""
    return replace(windows, reader=_once(windows.reader), place=_once(windows.place))


def _once(read: Reader | None) -> Reader | None:
    if read is None:
        return None
    known: dict[tuple[object, ...], NDArray[np.uint8]] = {}

    def remembered(row: pd.Series) -> NDArray[np.uint8]:
        key = tuple(row[name] for name in ("clip", "track", "start_frame"))
        if key not in known:
            known[key] = read(row)
        return known[key]

    return remembered
