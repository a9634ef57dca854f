"""Where windows' scores land: on which frames of which person, and what happens where windows overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.errors import ScoreError
from stages.core.progress import log

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

Landing = Literal["start", "centre", "all_mean", "all_max"]

NOBODY = -1
"""Stands for a null track while scores are joined; tracks are ≥ 0."""

RESCORE = "score anew: `dvc repro`"


@dataclass(frozen=True, eq=False)
class Places:
    """Every (seed, clip, track, frame) a score may land on. Each is one number, a cell; cells sort in that order.

    Args:
        seeds: sorted.
        clips: names, sorted.
        frames: `(clips,)` length of each clip in frames.
        tracks: sorted; `NOBODY` for scores of whole frames.
    """

    seeds: Ints
    clips: pd.Index[str]
    frames: Ints
    tracks: Ints

    @classmethod
    def of(cls, scores: pd.DataFrame, clips: pd.DataFrame) -> Places:
        """The places of these SCORES on clips with `clip` and `frames`; seed 0 where nothing was scored."""
        ordered = clips.sort_values("clip")
        seeds = _distinct(scores["seed"].to_numpy(dtype=np.int64)) if len(scores) else np.zeros(1, dtype=np.int64)
        frames = ordered["frames"].to_numpy(dtype=np.int64)
        return cls(seeds, pd.Index(ordered["clip"]), frames, _distinct(track_ids(scores)))

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Seeds, clips, tracks and frames: one more than the longest clip has, so that no two persons touch."""
        return len(self.seeds), len(self.clips), len(self.tracks), int(self.frames.max(initial=0)) + 1

    def first(self, clip: Ints) -> Ints:
        """Where each clip begins when all clips are laid end to end."""
        return (np.cumsum(self.frames) - self.frames)[clip]

    def cell(self, seed: Ints, clip: Ints, track: Ints, frame: Ints) -> Ints:
        """The cell of each seed, clip and track, by index, and frame."""
        _, clips, tracks, frames = self.shape
        return ((seed * clips + clip) * tracks + track) * frames + frame

    def split(self, cells: Ints) -> tuple[Ints, Ints, Ints, Ints]:
        """Seed, clip and track as indices, and the frame, of each cell."""
        seed, clip, track, frame = np.unravel_index(cells, self.shape)
        return seed, clip, track, frame

    def groups(self, cells: Ints, scope: str) -> Ints | None:
        """Which `clip` or `split`, of which seed, each cell belongs to; None for scope `none`."""
        seed, clip, _, _ = self.split(cells)
        return {"clip": seed * len(self.clips) + clip, "split": seed}.get(scope)


@dataclass(frozen=True, eq=False)
class Landed:
    """Scores of persons in frames.

    Args:
        cells: `(n,)` numbers of `Places`, rising.
        scores: `(n,)`, higher = more abnormal.
    """

    cells: Ints
    scores: Floats

    def at(self, cells: Ints) -> Floats:
        """Scores of some of the cells."""
        return self.scores if cells is self.cells else self.scores[np.searchsorted(self.cells, cells)]


@dataclass(frozen=True, eq=False)
class _Spans:
    """What each score is for: `count` cells from `first` on."""

    first: Ints
    count: Ints
    score: Floats


def land(rows: pd.DataFrame, places: Places, landing: Landing, shift: int = 0) -> Landed:
    """Spread scores over the frames they are for, and join those of the same person and frame.

    Args:
        rows: SCORES of one part, in any order.
        places: of the whole detector.
        landing: see `Rules`.
        shift: frames each score is moved later; what leaves its clip is dropped, and the log says how much.

    Raises:
        ScoreError: a score is NaN or infinite, or a row names an unknown clip or a frame outside its clip.
    """
    spans = _spans(rows, places, landing, shift)
    order = np.argsort(spans.first, kind="stable")
    first, count, score = spans.first[order], spans.count[order], spans.score[order]
    cells, place = _covered(first, count)
    join = _highest if landing == "all_max" else _mean
    return Landed(cells, join(place, count, score, len(cells)))


def track_ids(scores: pd.DataFrame) -> Ints:
    """Tracks, `NOBODY` where null."""
    return np.asarray(scores["track"].astype("Int64").fillna(NOBODY), dtype=np.int64)


def _distinct(values: Ints) -> Ints:
    """As `np.unique`, five times as fast on millions of rows of few values."""
    return np.sort(pd.unique(values)).astype(np.int64)


def _spans(rows: pd.DataFrame, places: Places, landing: Landing, shift: int) -> _Spans:
    score = rows["score"].to_numpy(dtype=np.float64)
    _refuse_unfinite(score, rows)
    codes, names = pd.factorize(rows["clip"])
    clip = np.append(places.clips.get_indexer(pd.Index(names)), -1)[codes]
    _refuse_unknown(clip, rows)
    first, stop = _reach(rows, landing)
    frames = places.frames[clip]
    _refuse_outside(first, frames, rows)
    first, stop = first + shift, np.minimum(stop + shift, frames)
    inside = first < stop
    if not inside.all():
        log.info("%d of %d scores leave their clip when moved %d frames later", (~inside).sum(), len(rows), shift)
    seed = np.searchsorted(places.seeds, rows["seed"].to_numpy(dtype=np.int64))
    track = np.searchsorted(places.tracks, track_ids(rows))
    cells = places.cell(seed, clip, track, first)
    return _Spans(cells[inside], (stop - first)[inside], score[inside])


def _reach(rows: pd.DataFrame, landing: Landing) -> tuple[Ints, Ints]:
    """First frame, and the one after the last, that each row's score is for."""
    start, step = rows["start_frame"].to_numpy(dtype=np.float64), rows["step"].to_numpy(dtype=np.float64)
    length = rows["length"].to_numpy(dtype=np.int64)
    frame = np.asarray(rows["frame"].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    return landed_frames(start, step, length, frame, landing)


def landed_frames(start: Floats, step: Floats, length: Ints, frame: Floats, landing: Landing) -> tuple[Ints, Ints]:
    """First frame, and the one after the last, that each score is for.

    Sample i of a window stands for the frames from round(start + i × step) up to where the next sample's begin.

    Args:
        start: `(N,)` frame of each window's first sample.
        step: `(N,)` frames from one sample to the next.
        length: `(N,)` samples.
        frame: `(N,)` the frame a score is of, NaN where it is of the whole window.
        landing: see `Rules`.
    """
    own = ~np.isnan(frame)  # a score per frame lands on the sample that the frame was taken for
    landed = length // 2 if landing == "centre" else np.zeros_like(length)
    sample = np.where(own, np.rint((np.where(own, frame, start) - start) / step), landed)
    count = np.where(own | (landing in ("start", "centre")), 1, length)
    first = np.where(own, frame, np.rint(start + sample * step)).astype(np.int64)
    stop = np.rint(start + (sample + count) * step).astype(np.int64)
    return first, np.maximum(stop, first + 1)


def _covered(first: Ints, count: Ints) -> tuple[Ints, Ints]:
    """The cells that rising spans cover, rising, and where among them each span begins."""
    if not len(first):
        return first, first
    furthest = np.maximum.accumulate(first + count)
    opens = np.flatnonzero(np.append(True, first[1:] > furthest[:-1]))  # a run of spans that touch begins
    begin = first[opens]
    size = furthest[np.append(opens[1:], len(first)) - 1] - begin
    run = np.repeat(np.arange(len(opens)), np.diff(np.append(opens, len(first))))
    origin = np.cumsum(size) - size
    cells = np.arange(size.sum()) + np.repeat(begin - origin, size)
    return cells, first - begin[run] + origin[run]


def _mean(place: Ints, count: Ints, score: Floats, cells: int) -> Floats:
    """Mean of the scores that lie on each cell; step by step through the spans, to bound the memory.

    Scores are single precision and sums double, so that in practice no order of rows changes a sum's last digit.
    """
    total = np.zeros(cells)
    for offset in range(count.max(initial=0)):
        on = count > offset
        total += np.bincount(place[on] + offset, weights=score[on], minlength=cells)
    begun, ended = (np.bincount(at, minlength=cells + 1) for at in (place, place + count))
    return total / np.cumsum(begun - ended)[:cells]


def _highest(place: Ints, count: Ints, score: Floats, cells: int) -> Floats:
    """Highest of the scores that lie on each cell."""
    highest = np.full(cells, -np.inf)
    for offset in range(count.max(initial=0)):
        on = count > offset
        np.maximum.at(highest, place[on] + offset, score[on])
    return highest


def _refuse_unfinite(score: Floats, rows: pd.DataFrame) -> None:
    bad = ~np.isfinite(score)
    if bad.any():
        first = rows.iloc[int(bad.argmax())]
        raise ScoreError(
            f"{int(bad.sum())} scores are NaN or infinite",
            where=f"clip {first['clip']!r}, window at frame {first['start_frame']:g}",
            fix="train the detector anew",
        )


def _refuse_unknown(clip: Ints, rows: pd.DataFrame) -> None:
    if (clip < 0).any():
        unknown = sorted(set(rows["clip"][clip < 0]))
        raise ScoreError(f"scores of clips that are not in the test split: {unknown}", fix=RESCORE)


def _refuse_outside(first: Ints, frames: Ints, rows: pd.DataFrame) -> None:
    outside = (first < 0) | (first >= frames)
    if outside.any():
        place = int(outside.argmax())
        raise ScoreError(
            f"{int(outside.sum())} scores lie outside their clip of {frames[place]} frames",
            where=f"clip {rows['clip'].iloc[place]!r}, frame {first[place]}",
            fix=RESCORE,
        )
