"""Frame scores as alarms are found on them: one score per frame, the seeds joined, clip after clip, checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.errors import DatasetError, ScoreError
from stages.evaluation.landing import track_ids

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Footage:
    """Frames of some clips, by clip and frame, one score each.

    Args:
        clips: clip, camera, fps; one row per clip that has frames, sorted by clip.
        clip: `(N,)`, row of `clips`.
        frame: `(N,)`, 0-based; consecutive within a clip.
        score: `(N,)`, mean over seeds, higher = more abnormal.
        track: `(N,)`, worst person, by the seed that is most alarmed; `NOBODY` where nobody was scored.
        label: `(N,)`, 1 abnormal, 0 normal, NaN unknown.
    """

    clips: pd.DataFrame
    clip: Ints
    frame: Ints
    score: Floats
    track: Ints
    label: Floats

    @property
    def fps(self) -> Floats:
        """Frames per second of each clip, `(clips,)`."""
        return self.clips["fps"].to_numpy(dtype=np.float64)

    @property
    def camera(self) -> NDArray[np.object_]:
        """Camera of each clip, `(clips,)`."""
        return self.clips["camera"].to_numpy(dtype=object)

    def hours(self, chosen: Bools) -> Floats:
        """Hours that the chosen frames `(N,)` of each clip last, `(clips,)`."""
        return np.bincount(self.clip[chosen], minlength=len(self.clips)) / self.fps / 3600


def footage(frames: pd.DataFrame, clips: pd.DataFrame) -> Footage:
    """Join the seeds' frame scores and check them.

    Args:
        frames: rows of FRAME_SCORES: clip, frame, seed, smoothed, track, label; may be empty.
        clips: clip, camera, fps of at least those clips.

    Raises:
        ScoreError: a score is NaN or infinite, a clip is unknown, its frames are not consecutive, or seeds differ in
            the frames they have.
        DatasetError: a clip's fps is not above 0.
    """
    _demand_finite(frames)
    code, names = pd.factorize(frames["clip"].to_numpy(dtype=object), sort=True)
    named = clips.set_index("clip")[["camera", "fps"]].reindex(names).rename_axis("clip").reset_index()
    _demand_rates(named, names[~np.isin(names, clips["clip"].to_numpy(dtype=object))])
    frame, seed = (frames[name].to_numpy(dtype=np.int64) for name in ("frame", "seed"))
    score = frames["smoothed"].to_numpy(dtype=np.float64)
    order = np.lexsort((seed, -score, frame, code)).reshape(-1, _seeds(code, frame, seed))
    worst = frames.iloc[order[:, 0]]  # of the seed that is most alarmed
    label = np.asarray(worst["label"].astype("Float64").fillna(np.nan), dtype=np.float64)
    found = Footage(named, code[order[:, 0]], frame[order[:, 0]], score[order].mean(axis=1), track_ids(worst), label)
    _demand_consecutive(found)
    return found


def _demand_finite(frames: pd.DataFrame) -> None:
    bad = ~np.isfinite(frames["smoothed"].to_numpy(dtype=np.float64))
    if bad.any():
        first = frames.iloc[int(bad.argmax())]
        raise ScoreError(
            f"{int(bad.sum())} scores are NaN or infinite", where=f"clip {first['clip']!r}, frame {first['frame']}"
        )


def _demand_rates(named: pd.DataFrame, unknown: NDArray[np.object_]) -> None:
    if len(unknown):
        raise ScoreError(f"scores of clips that the table of clips lacks: {list(unknown)}", fix="score: `dvc repro`")
    slow = ~(named["fps"].to_numpy(dtype=np.float64) > 0)
    if slow.any():
        raise DatasetError(
            f"a clip has {named['fps'][slow.argmax()]:g} frames per second",
            where=f"clip {named['clip'][slow.argmax()]!r}",
            fix="mend `fps` in clips.csv",
        )


def _seeds(clip: Ints, frame: Ints, seed: Ints) -> int:
    """How many seeds there are, each of which has every frame once."""
    seeds = max(1, len(np.unique(seed)))
    each = pd.DataFrame({"clip": clip, "frame": frame, "seed": seed})
    if each.duplicated().any() or len(each) != seeds * len(each[["clip", "frame"]].drop_duplicates()):
        raise ScoreError("the seeds' scores are not of the same frames, each once", fix="score anew: `dvc repro`")
    return seeds


def _demand_consecutive(found: Footage) -> None:
    same = found.clip[1:] == found.clip[:-1]
    torn = same & (np.diff(found.frame) != 1)
    if torn.any():
        row = int(torn.argmax())
        raise ScoreError(
            f"no score for the frames after frame {found.frame[row]}",
            where=f"clip {found.clips['clip'][found.clip[row]]!r}",
            fix="score anew: `dvc repro`",
        )
