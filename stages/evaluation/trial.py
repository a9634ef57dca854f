"""Everything a detector's figures are taken from, seed by seed, and the figures: values, deviations, intervals."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.evaluation.breakdown import Breakdown, Part
from stages.evaluation.curves import Floats
from stages.evaluation.metrics import FrameMetrics, frame_metrics, rounded
from stages.evaluation.params import EvaluateParams
from stages.evaluation.ranking import FIGURES
from stages.evaluation.regions import RegionRanking
from stages.evaluation.uncertainty import Replicates, bootstrap, digest, draw, interval, why_none

KINDS = ("raw", "smoothed")
REGIONAL = ("rbdc", "tbdc")
HEAD = "smoothed/auc"
"""The figure that the leaderboard is ordered by."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One detector's frame scores of the test split, and the truth.

    Args:
        frames: rows of FRAME_SCORES with `scene` and `camera`; every seed has the same frames in the same order.
        kinds: where each kind of abnormal behaviour happens, `(frames of one seed,)`.
        subsets: clips that each named subset leaves out.
        detections: by seed, scored boxes as in `rbdc_tbdc`; empty where nothing has a box.
        regions: abnormal regions of the test split; None where nobody labelled any.
        lengths: frames of each test clip.
        params: the rules.
    """

    frames: pd.DataFrame
    kinds: Mapping[str, NDArray[np.bool_]]
    subsets: Mapping[str, Collection[str]]
    detections: Mapping[int, pd.DataFrame]
    regions: pd.DataFrame | None
    lengths: Mapping[str, int]
    params: EvaluateParams

    @cached_property
    def seeds(self) -> dict[int, pd.DataFrame]:
        """Each seed's frames."""
        return {int(str(seed)): rows.reset_index(drop=True) for seed, rows in self.frames.groupby("seed")}

    @cached_property
    def metrics(self) -> dict[int, dict[str, FrameMetrics]]:
        """Frame figures of each seed, raw and smoothed."""
        return {
            seed: {kind: frame_metrics(rows["label"], rows[kind], rows["clip"]) for kind in KINDS}
            for seed, rows in self.seeds.items()
        }

    @cached_property
    def breakdowns(self) -> dict[str, list[Breakdown]]:
        """By kind of score, each seed's."""
        return {kind: [Breakdown(rows, kind) for rows in self.seeds.values()] for kind in KINDS}

    @cached_property
    def boxes(self) -> dict[int, RegionRanking]:
        """Each seed's detections against the regions; empty where there are no regions, or no boxes to hold to them."""
        if self.why_no_regions:
            return {}
        alpha, beta = self.params.regions.alpha, self.params.regions.beta
        return {
            seed: RegionRanking(found, self.regions, self.lengths, alpha, beta)  # type: ignore[arg-type]
            for seed, found in self.detections.items()
        }

    @cached_property
    def why_no_regions(self) -> str:
        """Why there are no figures of regions; empty where there are."""
        if self.regions is None or self.regions.empty:
            return "the dataset has no labelled regions"
        if all(found.empty for found in self.detections.values()):
            return "no score belongs to a person in the picture"
        return ""

    @cached_property
    def weights(self) -> Floats:
        """`(replicates, clips)`, how often each clip was drawn."""
        return draw(self.clips, self.params.bootstrap)

    @property
    def clips(self) -> list[str]:
        """Names of the test clips, sorted: the columns of `weights`."""
        return sorted(self.lengths)

    @cached_property
    def replicates(self) -> Replicates:
        """Every figure of the whole under every draw of clips."""
        values: dict[str, Floats] = {}
        for kind in KINDS:
            found = bootstrap([each.whole().ranking.figures for each in self.breakdowns[kind]], self.weights)
            values |= {f"{kind}/{name}": found[name] for name in FIGURES}
        found = bootstrap([each.figures for each in self.boxes.values()], self.weights)
        values |= {f"regions/{name}": found[name] for name in found}
        return Replicates(values, len(self.clips), digest(self.clips, self.params.bootstrap))

    def ends(self, figure: str) -> list[float] | None:
        """Interval of a figure of the whole, such as `smoothed/auc`; None where there is none."""
        values = self.replicates.figures.get(figure)
        return None if values is None else written(interval(values, len(self.clips), self.params.bootstrap))

    def why_no_interval(self) -> str:
        """Why the figure that counts has no interval, or nothing."""
        return why_none(self.replicates.figures[HEAD], len(self.clips), self.params.bootstrap)

    def parts(self, take: Callable[[Breakdown], Mapping[str, Part]]) -> dict[str, dict[str, Any]]:
        """Figures of parts of the test split.

        Args:
            take: gives a breakdown's parts by name.

        Returns:
            By name: `frames` and `clips` of the part, `abnormal` frames and `abnormal_clips`, AUC `raw` and
            `smoothed` (means over seeds, None where undefined, then with a `reason`), `interval` of the smoothed one.
        """
        taken = {kind: [take(each) for each in self.breakdowns[kind]] for kind in KINDS}
        return {
            name: self._part({kind: [each[name] for each in taken[kind]] for kind in KINDS}) for name in _names(taken)
        }

    def _part(self, seeds: Mapping[str, list[Part]]) -> dict[str, Any]:
        one = seeds["smoothed"][0]
        drawn = bootstrap([_auc(part) for part in seeds["smoothed"]], self.weights)["auc"]
        # An interval from few clips is too narrow; in a part it is the abnormal ones that are few.
        ends = interval(drawn, min(one.clips, one.abnormal_clips), self.params.bootstrap)
        aucs = {kind: mean([part.auc for part in parts]) for kind, parts in seeds.items()}
        counts = {name: getattr(one, name) for name in ("frames", "abnormal", "clips", "abnormal_clips", "reason")}
        return {**counts, **aucs, "interval": written(ends)}

    def over_seeds(self, kind: str) -> Iterator[tuple[str, list[float | None]]]:
        """Each frame figure with its values, a seed each."""
        for name in FIGURES:
            yield name, [getattr(metrics[kind], name) for metrics in self.metrics.values()]


def mean(values: list[float | None]) -> float | None:
    """Mean over seeds as it is written; None where any seed's is undefined."""
    return None if None in values or not values else rounded(float(np.mean(np.array(values, dtype=np.float64))))


def deviation(values: list[float | None]) -> float | None:
    """Standard deviation over two seeds or more as it is written; None where any seed's is undefined."""
    return None if None in values else rounded(float(np.std(np.array(values, dtype=np.float64), ddof=1)))


def written(ends: tuple[float, float] | None) -> list[float] | None:
    """An interval as it is written."""
    return None if ends is None else [round(end, 6) for end in ends]


def _names(taken: Mapping[str, list[Mapping[str, Part]]]) -> list[str]:
    return list(taken["raw"][0]) if taken["raw"] else []


def _auc(part: Part) -> Callable[[Floats], Mapping[str, Floats]]:
    return lambda weights: {"auc": part.ranking.auc(weights)}
