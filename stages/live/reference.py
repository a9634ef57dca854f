"""How high normal footage scores: the reference that a model takes along."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from stages.core.clip_windows import clip_windows
from stages.core.errors import ModelError
from stages.core.schemas import Rows
from stages.core.scoring import score_windows, table
from stages.detectors.base import Detector
from stages.evaluation.aggregate import aggregate
from stages.evaluation.calibrate import calibrate
from stages.evaluation.conformal import Tail
from stages.evaluation.uncertainty import BootstrapParams
from stages.live.model import CameraCard, Reference

NEVER = 1e-9
"""False alarms per hour that no footage is long enough for: the threshold is then the lowest without one."""


def refer(detector: Detector, card: CameraCard, clips: pd.DataFrame, tracks: Iterable[Rows], footage: str) -> Reference:
    """Score normal footage as the stages do.

    Args:
        detector: trained.
        card: what it reads and how it is judged.
        clips: clip, camera, fps and frames of the footage.
        tracks: TRACKS of each of those clips, in their order; frames that are labelled abnormal are not told apart.
        footage: which it is, in words.

    Raises:
        ModelError: it has no window.
    """
    pieces = []
    for row, rows in zip(clips.itertuples(), tracks, strict=True):
        windows = clip_windows(str(row.clip), rows, float(str(row.fps)), card.window, card.normalize, card.dataset)
        pieces.append(table(windows, score_windows(detector, windows, card.batch), card.seed))
    scores = pd.concat(pieces, ignore_index=True)
    if scores.empty:
        raise ModelError("nobody in the normal footage is seen for as long as a window lasts", where=footage)
    frames = aggregate(scores, clips, card.rules).assign(label=0)
    found = calibrate(frames, clips, card.alarms.model_copy(update={"false_alarms_per_hour": NEVER}), BootstrapParams())
    if found.joined is None:
        raise ModelError(found.reason, where=footage)
    smoothed = frames["smoothed"].to_numpy(dtype=np.float64)
    tail = Tail.of(smoothed)
    return Reference(
        footage=footage,
        hours=float((clips["frames"] / clips["fps"]).sum() / 3600),
        floor=float(frames["raw"][frames["scored"]].min()),
        median=float(np.median(smoothed)),
        threshold=found.joined.threshold.value,
        count=tail.count,
        ranks=tail.ranks,
        scores=tail.scores,
    )
