"""Window → person → frame → clip: the rules that every detector's scores go through alike.

Source of the published rules: Hirschorn and Avidan, "Normalizing Flows for Human Pose Anomaly Detection" (STG-NF),
ICCV 2023, and the protocol its figures were made with: a window's score on its middle frame, the worst person per
frame, frames with nobody as normal as the most normal frame, six Gaussians in a row within each clip.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from stages.core.errors import ScoreError
from stages.core.params import Section
from stages.core.progress import log

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CASCADE = (1, 2, 3, 4, 5, 6)
"""Widths, in frames, of the published Gaussians in a row; together about one of 9.5 frames."""

NOBODY = -1
"""Stands for a null track while scores are joined; tracks are ≥ 0."""


class SmoothingParams(Section):
    """How a clip's frame scores are blurred in time; raw figures are always reported beside.

    Args:
        kind: `none`; `gaussian`, one of `seconds`; `cascade`, the published six of 1 … 6 frames in a row.
        seconds: standard deviation of the Gaussian in seconds, so that it means the same at any frame rate. Larger
            joins neighbouring alarms and delays their edges. The cascade at 24 frames/s is about 0.4.
    """

    kind: Literal["none", "gaussian", "cascade"] = "gaussian"
    seconds: float = Field(default=0.4, ge=0, allow_inf_nan=False)


class EvaluateParams(Section):
    """The `evaluate` section.

    Args:
        landing: which frames a window's score is for: those of its first sample (`start`), of sample `length // 2`
            (`centre`, the published rule), or of all its samples, where windows of the same person that overlap give
            their mean (`all_mean`) or highest score (`all_max`). A score per frame lands on the frame it is of.
        persons: `worst`: a frame is as abnormal as its most abnormal person.
        nobody: what a frame gets that no score landed on: the lowest frame score of the test split (`lowest`, the
            published rule), or of its own clip (`clip_lowest`; of the split for a clip without any).
        part: which of the detector's scores is judged; null for detectors that give one.
        smoothing: see `SmoothingParams`.
    """

    landing: Literal["start", "centre", "all_mean", "all_max"] = "all_mean"
    persons: Literal["worst"] = "worst"
    nobody: Literal["lowest", "clip_lowest"] = "lowest"
    part: str | None = None
    smoothing: SmoothingParams = SmoothingParams()

    def rules(self) -> list[str]:
        """The choices as sentences for a report."""
        smoothing = {
            "none": "Smoothed scores are the raw ones.",
            "gaussian": f"Smoothing: one Gaussian of {self.smoothing.seconds:g} s within each clip.",
            "cascade": "Smoothing: Gaussians of 1, 2, 3, 4, 5 and 6 frames in a row within each clip.",
        }
        return [LANDING[self.landing], PERSONS[self.persons], FILLING[self.nobody], smoothing[self.smoothing.kind]]


LANDING = {
    "start": "A window's score is for the frames of its first sample.",
    "centre": "A window's score is for the frames of its middle sample.",
    "all_mean": "A window's score is for all its frames; where windows of a person overlap, their mean.",
    "all_max": "A window's score is for all its frames; where windows of a person overlap, the highest.",
}
PERSONS = {"worst": "A frame is as abnormal as its most abnormal person."}
FILLING = {
    "lowest": "A frame in which nobody was scored gets the lowest frame score of the test split.",
    "clip_lowest": "A frame in which nobody was scored gets the lowest frame score of its clip.",
}


def aggregate(scores: pd.DataFrame, clips: pd.DataFrame, params: EvaluateParams) -> pd.DataFrame:
    """Bring window scores down to one score per frame of every clip and seed.

    Args:
        scores: rows of SCORES; may be empty (then every frame is filled with 0 and none counts as scored).
        clips: `clip`, `frames`, `fps` of the clips to judge, scored or not.
        params: the rules.

    Returns:
        FRAME_SCORES without `label`, `raw` and `smoothed` as float64, sorted by seed, clip and frame.

    Raises:
        ScoreError: as `person_scores`.
    """
    frames = _worst(person_scores(scores, clips, params), scores, clips)
    filled = _fill(frames, params.nobody)
    rates = dict(zip(clips["clip"], clips["fps"], strict=True))
    pieces = [
        smooth(group["raw"].to_numpy(), rates[str(clip)], params.smoothing)
        for (_, clip), group in filled.groupby(["seed", "clip"], sort=False)
    ]
    return filled.assign(smoothed=np.concatenate(pieces) if pieces else np.empty(0))


def person_scores(scores: pd.DataFrame, clips: pd.DataFrame, params: EvaluateParams) -> pd.DataFrame:
    """Score of each person in each frame that a window's score landed on.

    Args:
        scores: rows of SCORES.
        clips: `clip` and `frames` of the clips to judge.
        params: `landing` and `part` are used.

    Returns:
        seed, clip, track (null where a detector scores whole frames), frame, score; sorted by the first four.

    Raises:
        ScoreError: a score is NaN or infinite, a row names an unknown clip or a frame outside its clip, or a detector
            gives several parts and `part` names none of them.
    """
    rows = _checked(scores, clips, params.part)
    lengths = dict(zip(clips["clip"], clips["frames"].astype(int), strict=True))
    pieces = [_land(group, lengths[str(clip)], params.landing) for clip, group in rows.groupby("clip", sort=True)]
    found = pd.concat(pieces) if pieces else pd.DataFrame({**_NO_PEOPLE, "clip": pd.Series(dtype=str)})
    found = found.sort_values(["seed", "clip", "track", "frame"], ignore_index=True)
    track = found["track"].astype("Int32")
    return found.assign(track=track.mask(track == NOBODY))[["seed", "clip", "track", "frame", "score"]]


_NO_PEOPLE = {
    "seed": pd.Series(dtype=np.int64),
    "track": pd.Series(dtype=np.int64),
    "frame": pd.Series(dtype=np.int64),
    "score": pd.Series(dtype=np.float64),
}


def smooth(scores: Floats, fps: float, params: SmoothingParams) -> Floats:
    """Blur one clip's frame scores in time, mirrored at its ends, Gaussians cut off at four deviations.

    Args:
        scores: `(frames,)`, one clip, higher = more abnormal.
        fps: the clip's frames per second.
        params: see `SmoothingParams`.

    Returns:
        `(frames,)`, same unit. Never mixes two clips.
    """
    from scipy.ndimage import gaussian_filter1d

    widths = {"none": (), "gaussian": (params.seconds * fps,), "cascade": CASCADE}[params.kind]
    for width in widths:
        if width > 0:
            scores = gaussian_filter1d(scores, width, mode="reflect", truncate=4.0)
    return scores


def _checked(scores: pd.DataFrame, clips: pd.DataFrame, part: str | None) -> pd.DataFrame:
    """The rows of the part to be judged, all of them finite and of known clips."""
    parts = sorted(scores["part"].unique())
    if (part is None and len(parts) > 1) or (part is not None and parts and part not in parts):
        raise ScoreError(
            f"the detector gives the parts {parts}, asked was {part!r}",
            fix="set evaluate.part in params.yaml to one of them",
        )
    rows = (scores if part is None else scores[scores["part"] == part]).reset_index(drop=True)
    bad = ~np.isfinite(rows["score"].to_numpy(dtype=np.float64))
    if bad.any():
        first = rows.iloc[int(bad.argmax())]
        raise ScoreError(
            f"{int(bad.sum())} scores are NaN or infinite",
            where=f"clip {first['clip']!r}, window at frame {first['start_frame']:g}",
            fix="train the detector anew",
        )
    unknown = sorted(set(rows["clip"]) - set(clips["clip"]))
    if unknown:
        raise ScoreError(f"scores of clips that are not in the test split: {unknown}", fix="score anew: `dvc repro`")
    return rows


def _land(rows: pd.DataFrame, frames: int, landing: str) -> pd.DataFrame:
    """One clip: spread each row's score over its frames and join rows of the same person and frame."""
    first, stop = _reach(rows, landing)
    outside = (first < 0) | (first >= frames)
    if outside.any():
        raise ScoreError(
            f"{int(outside.sum())} scores lie outside their clip of {frames} frames",
            where=f"clip {rows['clip'].iloc[0]!r}, frame {int(first[outside][0])}",
            fix="score anew: `dvc repro`",
        )
    count = np.minimum(stop, frames) - first
    track = rows["track"].astype("Int64").fillna(NOBODY).astype(np.int64)
    keys = pd.DataFrame(
        {"seed": rows["seed"], "clip": rows["clip"], "track": track, "score": rows["score"].astype(float)}
    )
    spread = keys.loc[keys.index.repeat(count)].assign(frame=_ranges(first, count))
    people = spread.groupby(["seed", "clip", "track", "frame"])["score"]
    return (people.max() if landing == "all_max" else people.mean()).reset_index()


def _reach(rows: pd.DataFrame, landing: str) -> tuple[Ints, Ints]:
    """First frame, and the one after the last, that each row's score is for.

    Sample i of a window stands for the frames from round(start + i × step) up to where the next sample's begin.
    """
    start, step = rows["start_frame"].to_numpy(dtype=np.float64), rows["step"].to_numpy(dtype=np.float64)
    length = rows["length"].to_numpy(dtype=np.int64)
    frame = rows["frame"].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    own = ~np.isnan(frame)  # a score per frame lands on the sample that the frame was taken for
    landed = length // 2 if landing == "centre" else np.zeros_like(length)
    sample = np.where(own, np.rint((np.where(own, frame, start) - start) / step), landed)
    count = np.where(own | (landing in ("start", "centre")), 1, length)
    first = np.where(own, frame, np.rint(start + sample * step)).astype(np.int64)
    stop = np.rint(start + (sample + count) * step).astype(np.int64)
    return first, np.maximum(stop, first + 1)


def _ranges(first: Ints, count: Ints) -> Ints:
    """`first[0] … first[0] + count[0] - 1, first[1] …` as one array."""
    return np.arange(count.sum()) + np.repeat(first - np.cumsum(count) + count, count)


def _worst(people: pd.DataFrame, scores: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Every frame of every seed and clip with its most abnormal person; of equals the lowest track."""
    seeds = np.unique(scores["seed"].to_numpy(dtype=np.int64)) if len(scores) else np.zeros(1, dtype=np.int64)
    ordered = clips.sort_values("clip", ignore_index=True)
    lengths = ordered["frames"].to_numpy(dtype=np.int64)
    every = pd.DataFrame(
        {
            "seed": np.repeat(seeds, lengths.sum()),
            "clip": np.tile(np.repeat(ordered["clip"].to_numpy(), lengths), len(seeds)),
            "frame": np.tile(_ranges(np.zeros_like(lengths), lengths), len(seeds)),
        }
    )
    worst = people.loc[people.groupby(["seed", "clip", "frame"])["score"].idxmax()]
    joined = every.merge(worst, on=["seed", "clip", "frame"], how="left", validate="one_to_one")
    joined["scored"] = joined["score"].notna()
    return joined.rename(columns={"score": "raw"})


def _fill(frames: pd.DataFrame, nobody: str) -> pd.DataFrame:
    """Give frames on which no score landed the lowest one, and say how many there were."""
    missing = int((~frames["scored"]).sum())
    if missing:
        log.info("nobody was scored in %d of %d frames; they get the lowest score (%s)", missing, len(frames), nobody)
    if missing == len(frames):
        log.warning("no frame carries a score: all get 0")
    lowest = frames.groupby("seed")["raw"].transform("min")
    if nobody == "clip_lowest":
        lowest = frames.groupby(["seed", "clip"])["raw"].transform("min").fillna(lowest)
    return frames.assign(raw=frames["raw"].fillna(lowest).fillna(0.0))
