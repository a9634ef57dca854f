"""Figures of parts of the test set: a scene, a camera, one kind of abnormal behaviour, a named subset of clips.

Every part is a `Ranking` over the same clips in the same order, so that one set of weights gives each part's figures
in the same bootstrap replicates as the whole's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.errors import ScoreError
from stages.evaluation.metrics import checked, undefined
from stages.evaluation.ranking import Bools, Ranking


@dataclass(frozen=True, eq=False)
class Part:
    """Some of the frames whose label is known.

    Args:
        ranking: of these frames; its clips are those of the whole `Breakdown`.
        frames: how many there are.
        abnormal: how many of them are abnormal.
        clips: how many clips have any of them.
        abnormal_clips: how many clips have an abnormal one of them.
        reason: why figures are undefined; empty where they are not.
    """

    ranking: Ranking
    frames: int
    abnormal: int
    clips: int
    abnormal_clips: int
    reason: str

    @property
    def auc(self) -> float | None:
        """Micro area under the ROC curve of these frames; None where they are of one class."""
        return None if self.reason else float(self.ranking.auc(np.ones((1, self.ranking.clips)))[0])


class Breakdown:
    """The frames of one detector and seed, ready to be taken apart.

    Args:
        frames: `clip`, `label` (1 abnormal, 0 normal, null unknown), the score, and the columns to group by.
        score: column of scores, finite, higher = more abnormal.

    Attributes:
        clips: names that the columns of weights stand for, sorted.

    Raises:
        ScoreError: a score is NaN or infinite, a label is neither 0, 1 nor unknown, or there are several seeds.
    """

    def __init__(self, frames: pd.DataFrame, score: str = "smoothed") -> None:
        seeds = sorted(frames["seed"].unique()) if "seed" in frames else []
        if len(seeds) > 1:
            raise ScoreError(f"the frames hold the scores of {len(seeds)} seeds", fix="give those of one at a time")
        self._frames = frames
        table = checked(frames["label"], frames[score], frames["clip"])
        codes, names = pd.factorize(table["clip"], sort=True)
        self.clips = [str(name) for name in names]
        self._codes = codes.astype(np.int64)
        self._scores = table["score"].to_numpy(dtype=np.float64)
        self._known: Bools = table["label"].notna().to_numpy()
        self._abnormal: Bools = table["label"].to_numpy() == 1

    def part(self, keep: NDArray[np.bool_]) -> Part:
        """The frames that are kept and whose label is known.

        Args:
            keep: `(frames,)`, in the order of the frames given.

        Raises:
            ScoreError: `keep` has another length.
        """
        keep = self._known & self._fitting(keep)
        truth, codes = self._abnormal[keep], self._codes[keep]
        abnormal = int(truth.sum())
        return Part(
            Ranking(truth, self._scores[keep], codes, len(self.clips)),
            frames=len(truth),
            abnormal=abnormal,
            clips=len(np.unique(codes)),
            abnormal_clips=len(np.unique(codes[truth])),
            reason=undefined(abnormal, len(truth) - abnormal),
        )

    def whole(self) -> Part:
        """All frames."""
        return self.part(np.ones(len(self._scores), dtype=bool))

    def by(self, column: str) -> dict[str, Part]:
        """The frames of each scene or camera, by its name, sorted; frames where it is null are in none.

        Args:
            column: of the frames given, such as `scene` or `camera`.

        Raises:
            ScoreError: there is no such column.
        """
        if column not in self._frames:
            raise ScoreError(
                f"frames cannot be grouped by {column!r}, which they lack", fix=f"join the column {column}"
            )
        values = self._frames[column]
        named = values.where(values.isna(), values.astype(str))
        return {name: self.part((named == name).to_numpy(dtype=bool)) for name in sorted(named.dropna().unique())}

    def by_kind(self, kinds: Mapping[str, NDArray[np.bool_]]) -> dict[str, Part]:
        """The abnormal frames of each kind against all normal frames; those of other kinds are left out.

        Args:
            kinds: where each kind happens, `(frames,)`, in the order of the frames given; they may overlap. Where a
                frame of a kind is not labelled abnormal, its label counts.

        Raises:
            ScoreError: a mask has another length than the frames.
        """
        return {name: self.part(self._fitting(mask) | ~self._abnormal) for name, mask in kinds.items()}

    def without(self, subsets: Mapping[str, Collection[str]]) -> dict[str, Part]:
        """The frames of each subset, such as HR-ShanghaiTech.

        Args:
            subsets: clips that each subset leaves out.

        Raises:
            ScoreError: a subset leaves out a clip that is not there.
        """
        parts = {}
        for name, dropped in subsets.items():
            unknown = sorted(set(dropped) - set(self.clips))
            if unknown:
                raise ScoreError(
                    f"the subset {name!r} leaves out clips that are not in the test split: {unknown}",
                    fix="name clips of the test split",
                )
            places = [self.clips.index(clip) for clip in sorted(set(dropped))]
            parts[name] = self.part(~np.isin(self._codes, places))
        return parts

    def _fitting(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        if len(mask) != len(self._scores):
            raise ScoreError(
                f"a mask of {len(mask)} frames does not fit the {len(self._scores)} scored", fix="give one per frame"
            )
        return mask
