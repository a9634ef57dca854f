"""Figures for boxes: region-based and track-based detection criterion (RBDC, TBDC), whole or under weighted clips.

Source: Ramachandra and Jones, "Street Scene: A new dataset and evaluation protocol for video anomaly detection", WACV
2020, by the rules of the script that published figures are made with (Georgescu et al., "A Background-Agnostic
Framework with Adversarial Training for Abnormal Event Detection in Video", TPAMI 2021): detections are taken from the
highest score down; one that overlaps no region is a false alarm; one that overlaps regions finds those of them that
were not found before, and is neither true nor false where all were. The area is taken up to one false alarm per frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import Field

from stages.core.errors import ScoreError
from stages.core.params import Section
from stages.evaluation.boxes import Boxes, Floats, Ints, overlap, refuse, sound
from stages.evaluation.ranking import CELLS, checked_weights, ratio


class RegionParams(Section):
    """When a box finds a region, and enough boxes a track.

    Args:
        alpha: least overlap (intersection over union, 1 is the same box) with which a detection finds a region.
            Larger asks for better boxes.
        beta: least share of a track's regions to be found for the track to be found. Larger asks for steadier alarms.
    """

    alpha: float = Field(default=0.1, gt=0, le=1)
    beta: float = Field(default=0.1, gt=0, le=1)


@dataclass(frozen=True, eq=False)
class RegionMetrics:
    """What `rbdc_tbdc` found.

    Args:
        rbdc: area under found regions against false alarms per frame, 0 … 1; None where no region is labelled.
        tbdc: the same for tracks.
        regions: labelled boxes.
        tracks: labelled tracks.
        detections: boxes that were judged.
        covered: share of the regions that some detection finds, whatever its score; None as `rbdc`.
        reason: why the figures are undefined; empty where they are not.
        curves: fpr (false alarms per frame), rbdr, tbdr (shares of regions and tracks found) after each detection,
            from (0, 0, 0) to the last with fpr ≤ 1, led on flat to 1.
    """

    rbdc: float | None
    tbdc: float | None
    regions: int
    tracks: int
    detections: int
    covered: float | None
    reason: str
    curves: pd.DataFrame


def rbdc_tbdc(
    detections: pd.DataFrame,
    regions: pd.DataFrame,
    n_frames: int | Mapping[str, int],
    alpha: float = 0.1,
    beta: float = 0.1,
) -> RegionMetrics:
    """Compare scored boxes with labelled ones.

    Equal scores are taken in the order of clip (by name), frame and row, each a point of its own as in the original,
    so that the result does not depend on the order of the rows but for equal scores within one frame.

    Args:
        detections: clip, frame, x1, y1, x2, y2 (px, both edges belong to the box: 1 px is added to each side), score
            (higher = more abnormal). Those in a frame or clip without regions are false alarms. May be empty.
        regions: clip, track, frame, x1, y1, x2, y2 of what is abnormal; a track is known by clip and track.
        n_frames: frames of the whole test set, also those without any box; in all, or per clip. Per clip, the clips
            and frames of all boxes are checked against it.
        alpha: see `RegionParams`.
        beta: see `RegionParams`.

    Returns:
        Figures; None, with the reason, where there are no regions. Without detections they are 0.

    Raises:
        ScoreError: a column is missing; a frame, coordinate or score is missing, NaN or infinite; a box ends before
            it begins; a region stands there twice; a clip is not in `n_frames` or a frame outside it; `n_frames` is
            no whole number or less than the frames that hold boxes; alpha or beta is not in (0, 1].
    """
    ranking = RegionRanking(detections, regions, n_frames, alpha, beta)
    found = {name: None if np.isnan(value) else value for name, value in ranking.whole().items()}
    total = int(ranking.regions.sum())
    return RegionMetrics(
        rbdc=found["rbdc"],
        tbdc=found["tbdc"],
        regions=total,
        tracks=int(ranking.tracks.sum()),
        detections=len(detections),
        covered=float(ranking.found.sum() / total) if total else None,
        reason="" if total else "no abnormal region is labelled",
        curves=ranking.curves(),
    )


class RegionRanking:
    """Detections in the order of their scores, matched once, ready to be weighted clip by clip.

    Args:
        detections: as in `rbdc_tbdc`.
        regions: as in `rbdc_tbdc`.
        frames: as `n_frames` in `rbdc_tbdc`.
        alpha: see `RegionParams`.
        beta: see `RegionParams`.

    Attributes:
        clips: names that the columns of weights stand for, sorted: those of `frames`, or else those of the boxes.
        regions: `(clips,)`, labelled boxes.
        tracks: `(clips,)`, labelled tracks.
        found: `(detections,)`, regions that each detection is the first to find, from the highest score down.

    Raises:
        ScoreError: as `rbdc_tbdc`.
    """

    def __init__(
        self,
        detections: pd.DataFrame,
        regions: pd.DataFrame,
        frames: int | Mapping[str, int],
        alpha: float = 0.1,
        beta: float = 0.1,
    ) -> None:
        for name, value in (("alpha", alpha), ("beta", beta)):
            if not 0 < value <= 1:
                raise ScoreError(f"{name} is {value}", fix=f"give {name} > 0 and ≤ 1")
        boxes, truth = sound(detections, "detections", "score"), sound(regions, "regions", "track")
        refuse(truth, truth.duplicated(["clip", "track", "frame"]), "regions stand there twice", "keep one of each")
        lengths = _counted(frames)
        self.clips = sorted(
            lengths if isinstance(lengths, dict) else {*boxes["clip"].unique(), *truth["clip"].unique()}
        )
        places = pd.concat([table[["clip", "frame"]] for table in (boxes, truth)], ignore_index=True)
        self._frames, self._by_clip = _lengths(places, lengths), isinstance(lengths, dict)
        seen = Boxes.of(boxes, boxes["score"].to_numpy(), self.clips)
        seen = seen.take(np.argsort(-seen.value, kind="stable"))
        labelled = Boxes.of(truth, pd.factorize(truth["track"])[0].astype(np.float64), self.clips)
        self._match(seen, labelled, alpha, beta)

    def whole(self) -> dict[str, float]:
        """`rbdc` and `tbdc` of all clips together; NaN where there are no regions."""
        found = self._areas(np.ones((1, len(self.clips))), np.full(1, self._frames.sum()))
        return {name: float(values[0]) for name, values in found.items()}

    def figures(self, weights: Floats) -> dict[str, Floats]:
        """`rbdc` and `tbdc`, each `(B,)`, with every clip counted as often as its weight says; NaN without regions.

        Equals clips written down as often, but for equal scores within a clip, of which a copy's come after all of
        the original's.

        Args:
            weights: `(B, clips)`, finite, ≥ 0.

        Raises:
            ScoreError: the weights do not fit, or the frames of each clip were not given.
        """
        if not self._by_clip:
            raise ScoreError("clips cannot be weighted: only their frames in all are known", fix="give frames per clip")
        weights = checked_weights(weights, len(self.clips))
        return self._areas(weights, weights @ self._frames)

    def curves(self) -> pd.DataFrame:
        """See `RegionMetrics.curves`; empty where there are no regions."""
        counts = {"fpr": self._false, "rbdr": self.found, "tbdr": self._found_tracks}
        totals = {"fpr": self._frames.sum(), "rbdr": self.regions.sum(), "tbdr": self.tracks.sum()}
        if not totals["rbdr"]:
            return pd.DataFrame(columns=list(counts), dtype=np.float64)
        curve = pd.DataFrame({name: np.append(0, np.cumsum(counts[name])) / totals[name] for name in counts})
        curve = curve[curve["fpr"] <= 1]
        if curve["fpr"].iloc[-1] == 1:
            return curve
        return pd.concat([curve, curve.tail(1).assign(fpr=1.0)], ignore_index=True)

    def _match(self, seen: Boxes, truth: Boxes, alpha: float, beta: float) -> None:
        """Which detection is the first to find each region and track; no later one can change that."""
        count, never = len(self.clips), len(seen.clip)
        detection, region = _overlapping(seen, truth, alpha)
        first = np.full(len(truth.clip), never)
        np.minimum.at(first, region, detection)
        owner, enough = _track_first(truth, first, beta, never)
        self._clip = seen.clip
        self._false = np.ones(never)
        self._false[detection] = 0
        self.found, self._found_tracks = (np.bincount(f, minlength=never + 1)[:never] * 1.0 for f in (first, enough))
        self.regions, self.tracks = (np.bincount(clip, minlength=count) * 1.0 for clip in (truth.clip, owner))

    def _areas(self, weights: Floats, frames: Floats) -> dict[str, Floats]:
        """Areas up to one false alarm per frame: each first find counts from its false alarms on to the end."""
        clips = len(self.clips)
        finds = np.flatnonzero((self.found > 0) | (self._found_tracks > 0))
        alarms = np.flatnonzero(self._false > 0)
        following = np.searchsorted(finds, alarms)  # the first find that each false alarm comes before
        area = {"rbdc": np.zeros(len(weights)), "tbdc": np.zeros(len(weights))}
        passed = np.zeros(clips)
        block = max(1, CELLS // max(1, clips, len(weights)))
        for start in range(0, len(finds), block):
            chosen = finds[start : start + block]
            inside = slice(*np.searchsorted(following, (start, start + len(chosen))))
            cell = (following[inside] - start) * clips + self._clip[alarms[inside]]
            counted = np.bincount(cell, minlength=len(chosen) * clips).reshape(-1, clips)
            before = passed + np.cumsum(counted, axis=0)  # (finds, clips)
            passed = before[-1]
            left = np.maximum(frames - before @ weights.T, 0) * weights.T[self._clip[chosen]]  # (finds, B)
            area["rbdc"] += self.found[chosen] @ left
            area["tbdc"] += self._found_tracks[chosen] @ left
        totals = {"rbdc": self.regions, "tbdc": self.tracks}
        return {name: ratio(area[name], frames * (weights @ totals[name])) for name in area}


def _counted(frames: int | Mapping[str, int]) -> int | dict[str, int]:
    """Whole numbers of frames ≥ 0, clips as text."""
    try:
        given = {str(clip): count for clip, count in frames.items()} if isinstance(frames, Mapping) else {"": frames}
        counts = {clip: int(count) for clip, count in given.items()}
        whole = all(count == given[clip] and count >= 0 for clip, count in counts.items())
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole:
        raise ScoreError(
            f"n_frames is {frames!r:.80}: no whole number of frames ≥ 0",
            fix="give the frames of the whole test set as one number, or a dictionary of clip to number",
        )
    return counts if isinstance(frames, Mapping) else counts[""]


def _lengths(boxes: pd.DataFrame, frames: int | dict[str, int]) -> Floats:
    """Frames per clip, by name, or one number for all; known to hold the boxes, of which clip and frame are given."""
    if isinstance(frames, dict):
        length = boxes["clip"].map(frames).astype(np.float64)
        fix = "give the frames of every clip of the test set, and boxes of no other"
        refuse(boxes, length.isna(), "boxes are in clips whose number of frames is not given", fix)
        refuse(boxes, boxes["frame"] >= length, "boxes lie behind the end of their clip", "count frames from 0")
        return np.array([frames[clip] for clip in sorted(frames)], dtype=np.float64)
    least = len(boxes.drop_duplicates())
    if frames < max(1, least):
        raise ScoreError(f"n_frames is {frames}, but boxes lie in {least} frames", fix="count all frames of the test")
    return np.array([frames], dtype=np.float64)


def _overlapping(seen: Boxes, truth: Boxes, alpha: float) -> tuple[Ints, Ints]:
    """Pairs of a detection and a region of its frame with an overlap of at least alpha."""
    stride = 1 + max((int(boxes.frame.max()) for boxes in (seen, truth) if len(boxes.frame)), default=0)
    wanted, present = seen.clip * stride + seen.frame, truth.clip * stride + truth.frame
    begin = np.searchsorted(present, wanted)
    count = np.searchsorted(present, wanted, side="right") - begin
    detection = np.repeat(np.arange(len(wanted)), count)
    region = np.arange(len(detection)) + np.repeat(begin - np.cumsum(count) + count, count)
    found = overlap(seen.corners[detection], truth.corners[region]) >= alpha
    return detection[found], region[found]


def _track_first(truth: Boxes, first: Ints, beta: float, never: int) -> tuple[Ints, Ints]:
    """Clip of each track, and the detection with which enough of its regions are found."""
    tracks, track = np.unique(np.column_stack([truth.clip, truth.value]), axis=0, return_inverse=True)
    order = np.lexsort((first, track))
    track, first = track[order], first[order]
    length = np.bincount(track)
    place = 1 + np.arange(len(track)) - (np.cumsum(length) - length)[track]
    reached = place / length[track] >= beta
    found = np.full(len(tracks), never)
    np.minimum.at(found, track[reached], first[reached])
    return tracks[:, 0].astype(np.int64), found
