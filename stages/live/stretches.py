"""Footage cut where nothing was recorded, and blocks of it to draw anew for the interval of a threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.evaluation.alarms import SLACK, Floats, Ints, levels, lowest, rises, spread
from stages.evaluation.calibrate import CalibrationParams
from stages.evaluation.footage import footage
from stages.evaluation.uncertainty import BootstrapParams, draw, interval

BLOCKS, LEAST_BLOCK = 20, 60.0
"""Footage is cut into about so many blocks, of so many seconds at least, to draw from for the interval."""


@dataclass(frozen=True, eq=False)
class Stretches:
    """Footage without holes.

    Args:
        frames: as they came, by recording and time; clip is the stretch, whose names sort as the frames do.
        clips: clip, fps and camera of each stretch.
        block: of each frame `(N,)`, counted from 0.
    """

    frames: pd.DataFrame
    clips: pd.DataFrame
    block: Ints


def stretches(frames: pd.DataFrame, clips: pd.DataFrame) -> Stretches:
    """Cut recordings where frames are missing: only what was seen counts, and no alarm reaches over a hole.

    Blocks are of equal footage, counted over the holes of a recording: what was recorded within minutes is more alike
    than what was recorded on another day, and had better be drawn together. None reaches over two recordings.

    Args:
        frames: clip, frame and other columns, of one seed.
        clips: clip and fps.
    """
    frames = frames.sort_values(["clip", "frame"], ignore_index=True)
    clip, names = pd.factorize(frames["clip"].to_numpy(dtype=object))
    fps = clips.set_index("clip")["fps"].reindex(names).to_numpy(dtype=np.float64)[clip]
    new = np.append(True, clip[1:] != clip[:-1])
    begins = new | np.append(True, np.diff(frames["frame"].to_numpy(dtype=np.int64)) > 1)
    own = np.array([f"{place:08d} {names[of]}" for place, of in enumerate(clip[begins])], dtype=object)
    seconds = max(LEAST_BLOCK, float((1 / fps).sum()) / BLOCKS)
    place = np.arange(len(clip)) - np.flatnonzero(new)[clip]
    number = (place / (fps * seconds)).astype(np.int64)
    block = np.cumsum(new | np.append(True, np.diff(number) != 0)) - 1
    pieces = pd.DataFrame({"clip": own, "fps": fps[begins], "camera": "own"})
    return Stretches(frames.assign(clip=own[np.cumsum(begins) - 1]), pieces, block)


def ends(cut: Stretches, params: CalibrationParams) -> tuple[float, float] | None:
    """Interval of the threshold that `calibrate` finds on stretches, by drawing blocks anew.

    One long recording is not one draw, and a block's border is nothing that a camera sees. So alarms are found on whole
    stretches, and each counts whole in the block in which it peaks. With every block once these are the alarms and the
    hours that the threshold was found on: it is what this gives for the footage as it was.

    Args:
        cut: normal footage.
        params: the target and what an alarm is.

    Returns:
        None where it tells nothing: there are too few blocks, no alarms, or less footage than the target takes.
    """
    bootstrap, target = BootstrapParams(), params.false_alarms_per_hour
    found = footage(cut.frames, cut.clips)
    hours = np.bincount(cut.block, weights=1 / found.fps[found.clip]) / 3600
    # Drawn anew, a highest score is never exceeded: how much higher it could be, its replicates do not tell.
    if target * hours.sum() < 1 - SLACK or len(hours) < bootstrap.least_clips:
        return None
    level = levels(found.score, found, params.merge_seconds, params.least_seconds)
    alarms = rises(level, found.clip)
    if not len(alarms.clip):
        return None
    alarms = alarms._replace(clip=cut.block[peaks(level, found.clip)])
    weights = draw([str(number) for number in range(len(hours))], bootstrap)
    # One less than may be expected, as the next one sets the threshold.
    allowed = np.maximum(np.floor(target * (weights @ hours) + SLACK) - 1, 0)
    return interval(lowest(alarms, weights, allowed)[0], len(hours), bootstrap)


def peaks(level: Floats, clip: Ints) -> Ints:
    """Where each of the `rises` of levels `(N,)` of clips `(N,)` comes to its height, in their order."""
    padded, place = spread(level, clip, 1)
    turns = np.flatnonzero(np.append(True, padded[1:] != padded[:-1]))
    up = padded[turns[1:]] > padded[turns[:-1]]
    return np.asarray(np.searchsorted(place, turns[1:-1][up[:-1] & ~up[1:]]))
