"""From tracks to windows: resampling to a common rate, and cutting. Vectorized: no loop over tracks or windows.

Source of the published rule (`rate` null, `fill` 0, `keep_last` false): Hirschorn and Avidan, STG-NF, ICCV 2023, as
released: consecutive entries of a track, of which all but two must lie within the window's time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.schemas import Rows
from stages.core.skeleton import convert
from stages.core.windows import WindowSpec

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Entries:
    """Tracked people of one clip at sample times, sorted by track, then sample.

    Args:
        track: `(E,)`.
        sample: `(E,)` sample time: frame = sample × step.
        filled: `(E,)` whether the entry was interpolated within a gap.
        keypoints: `(E, V, D + 1)`: D coordinates, confidence.
    """

    track: Ints
    sample: Ints
    filled: NDArray[np.bool_]
    keypoints: Floats


def track_entries(tracks: Rows, spec: WindowSpec, fps: float) -> Entries:
    """Bring one clip's tracks to the window spec's joints and rate.

    Args:
        tracks: rows of TRACKS.
        spec: layout, rate and fill.
        fps: frames per second of the clip.

    Raises:
        DatasetError: there is no way from the tracks' layout to the spec's.
    """
    keypoints = convert(tracks.arrays, tracks.meta["layout"], spec.layout)
    track, frame = (tracks.frame[name].to_numpy(dtype=np.int64) for name in ("track", "frame"))
    return resample(track, frame, keypoints, spec, fps)


def frame_entries(frames: int, spec: WindowSpec, fps: float) -> Entries:
    """The sample times of a clip for windows of whole frames: one "person" who is always there.

    Args:
        frames: of the clip.
        spec: its rate.
        fps: frames per second of the clip.

    Returns:
        Entries whose only value is the number of the frame nearest to the sample, `(E, 1, 1)`.
    """
    step = spec.step(fps)
    sample = np.arange(int((frames - 1) / step + 1e-9) + 1 if frames else 0)
    nobody = np.zeros(len(sample), dtype=np.int64)
    numbers = np.rint(sample * step).astype(np.float32)[:, None, None]
    return Entries(nobody, sample, np.zeros(len(sample), dtype=bool), numbers)


def resample(track: Ints, frame: Ints, keypoints: Floats, spec: WindowSpec, fps: float) -> Entries:
    """Bring one clip's tracks to the window spec's rate.

    A sample is seen when the track has an entry within half a sample of it; its keypoints are interpolated linearly
    between the entries before and after. Samples in gaps of at most `spec.fill` are interpolated likewise and marked.

    Args:
        track: `(n,)` ids, any order.
        frame: `(n,)` frames of the clip; unique within a track.
        keypoints: `(n, V, D + 1)`.
        spec: rate and fill.
        fps: frames per second of the clip.
    """
    order = np.lexsort((frame, track))
    track, frame, keypoints = track[order], frame[order], keypoints[order]
    if (spec.rate is None and spec.fill == 0) or not len(track):
        return Entries(track, frame, np.zeros(len(track), dtype=bool), keypoints)
    step = spec.step(fps)
    first, last = _ends(track)
    low = np.ceil(frame[first] / step - 1e-9).astype(np.int64)
    high = np.floor(frame[last] / step + 1e-9).astype(np.int64)
    counts = np.maximum(high - low + 1, 0)
    owner = np.repeat(np.arange(len(first)), counts)
    sample = low[owner] + _within(counts)
    before, after, weight, near, span = _neighbours(
        frame, first, last, owner, np.asarray(sample * step, dtype=np.float64)
    )
    seen = near <= max(step, 1.0) / 2
    # A gap of g samples leaves g + 1 steps between the entries on its sides.
    keep = seen | (span <= (spec.fill + 1) * max(step, 1.0) + 1e-9)
    before, after, weight = before[keep], after[keep], weight[keep, None, None].astype(np.float32)
    values = keypoints[before] * (1 - weight) + keypoints[after] * weight
    return Entries(track[first][owner[keep]], sample[keep], ~seen[keep], values.astype(np.float32, copy=False))


def cut(entries: Entries, spec: WindowSpec, stride: int) -> tuple[Ints, Ints]:
    """Cut windows of `spec.samples` consecutive entries of one track.

    Args:
        entries: one clip's.
        spec: length, gap rule and whether a track's last window is kept.
        stride: entries from one window to the next.

    Returns:
        First row of each accepted window among the entries `(N,)`, and how many of its samples were not seen `(N,)`.
    """
    length = spec.samples
    if len(entries.track) < length:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    first, last = _ends(entries.track)
    spare = last - first + 1 - length
    counts = np.maximum(spare // stride + 1, 0) if spec.keep_last else np.maximum(-(-spare // stride), 0)
    owner = np.repeat(np.arange(len(first)), counts)
    start = first[owner] + _within(counts) * stride
    rows = start[:, None] + np.arange(length)
    outside = (entries.sample[rows] >= entries.sample[start][:, None] + length).sum(axis=1)
    missing = outside + entries.filled[rows].sum(axis=1)
    accepted = missing <= spec.max_missing
    return start[accepted], missing[accepted]


def window_places(clip: str, entries: Entries, start: Ints, missing: Ints, samples: int, step: float) -> pd.DataFrame:
    """Whom and when each window shows, a row each: clip, track, start_frame, step, length, missing.

    Args:
        clip: name of the clip.
        entries: of the clip.
        start: `(N,)` of `cut`.
        missing: `(N,)` of `cut`.
        samples: in a window.
        step: frames of the clip from one sample to the next.
    """
    return pd.DataFrame(
        {
            "clip": clip,
            "track": entries.track[start],
            "start_frame": entries.sample[start] * step,
            "step": step,
            "length": samples,
            "missing": missing,
        }
    )


def window_labels(truth: Floats, start: NDArray[np.float64], end: NDArray[np.float64]) -> pd.arrays.IntegerArray:
    """Label of windows that cover frames `[start, end)`: 1 if any is abnormal, else null if any is unknown, else 0.

    Args:
        truth: `(frames,)` 1 abnormal, 0 normal, NaN unknown.
        start: `(N,)` first frame covered.
        end: `(N,)` first frame no longer covered.
    """
    low = np.clip(np.rint(start).astype(np.int64), 0, len(truth))
    high = np.clip(np.rint(end).astype(np.int64), low, len(truth))
    abnormal = _count(truth == 1, low, high) > 0
    unknown = (_count(np.isnan(truth), low, high) > 0) & ~abnormal
    return pd.arrays.IntegerArray(abnormal.astype(np.int8), unknown)


def _ends(track: Ints) -> tuple[Ints, Ints]:
    """First and last row of each run of equal ids."""
    change = np.flatnonzero(np.diff(track)) + 1
    return np.concatenate([[0], change]), np.concatenate([change, [len(track)]]) - 1


def _within(counts: Ints) -> Ints:
    """Count from 0 within each group: 0 … counts[0] - 1, 0 … counts[1] - 1 and so on."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def _neighbours(
    frame: Ints, first: Ints, last: Ints, owner: Ints, time: Doubles
) -> tuple[Ints, Ints, Doubles, Doubles, Doubles]:
    """Find the entries before and after each sample time within its track.

    Returns:
        Their rows, the weight of the later one, the frames to the nearer one, and the frames between the two.
    """
    stretch = float(frame.max()) + 2.0
    key = frame + np.repeat(np.arange(len(first)) * stretch, last - first + 1)
    before = np.searchsorted(key, time + owner * stretch + 1e-6, side="right") - 1
    before = np.clip(before, first[owner], last[owner])
    exact = np.abs(frame[before] - time) < 1e-6
    after = np.where(exact, before, np.minimum(before + 1, last[owner]))
    span = (frame[after] - frame[before]).astype(np.float64)
    weight = np.divide(time - frame[before], span, out=np.zeros_like(span), where=span > 0)
    near = np.minimum(np.abs(time - frame[before]), np.abs(frame[after] - time))
    return before, after, np.clip(weight, 0, 1), near, span


def _count(mask: NDArray[np.bool_], low: Ints, high: Ints) -> Ints:
    total = np.concatenate([[0], np.cumsum(mask)])
    return np.asarray(total[high] - total[low])
