"""How far a figure can be trusted: replicates of it by bootstrap over clips, and intervals.

What is drawn anew is the clip, with all its frames: frames of one clip resemble one another, and intervals that take
them for independent are several times too narrow (docs/decisions/0011). Percentile intervals: Efron and Tibshirani, "An
Introduction to the Bootstrap", 1993, chapter 13, widened for few clips as in Hesterberg, "What Teachers Should Know
About the Bootstrap", 2015, section 3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from stages.core.errors import ScoreError
from stages.core.params import Section
from stages.core.schemas import Rows
from stages.core.seeding import stream
from stages.core.storage import sha256_text

Floats = NDArray[np.float64]

Figures = Callable[[Floats], Mapping[str, Floats]]
"""From weights `(B, clips)` to the value `(B,)` of each figure, NaN where the weighted clips leave it undefined."""

LEAST_DEFINED = 0.9
"""Share of the replicates that must have a value: else what is left is no sample of the whole any more."""


class BootstrapParams(Section):
    """How intervals are found.

    Args:
        replicates: times that the clips are drawn anew. More make the ends of intervals steadier and p-values finer.
            Two detectors can be compared only at equal numbers and seeds.
        confidence: share of such intervals that hold the true figure.
        seed: of the draws.
        least_clips: with fewer clips there is no interval: it would hold the true figure far less often than it says.
    """

    replicates: int = Field(default=1000, ge=1)
    confidence: float = Field(default=0.95, gt=0, lt=1)
    seed: int = Field(default=0, ge=0)
    least_clips: int = Field(default=10, ge=2)


@dataclass(frozen=True, eq=False)
class Replicates:
    """Figures of one detector under the same draws.

    Args:
        figures: by name, `(B,)`: means over seeds, NaN where undefined.
        clips: how many were drawn from.
        draws: `digest` of what was drawn from; equal for detectors that can be compared.
    """

    figures: Mapping[str, Floats]
    clips: int
    draws: str

    def rows(self) -> Rows:
        """As a table REPLICATES."""
        pieces = [
            pd.DataFrame({"figure": figure, "replicate": np.arange(len(values), dtype=np.int32), "value": values})
            for figure, values in self.figures.items()
        ]
        empty = pd.DataFrame({"figure": [], "replicate": [], "value": []})
        meta = {"clips": self.draws, "number": str(self.clips)}
        return Rows(pd.concat(pieces, ignore_index=True) if pieces else empty, meta=meta)

    @classmethod
    def of(cls, rows: Rows) -> Replicates:
        """From a table REPLICATES."""
        ordered = rows.frame.sort_values(["figure", "replicate"])
        figures = ordered.groupby("figure", sort=True)["value"]
        found = {str(name): group.to_numpy(dtype=np.float64) for name, group in figures}
        return cls(found, int(rows.meta["number"]), rows.meta["clips"])


def digest(clips: Sequence[str], params: BootstrapParams) -> str:
    """What the draws depend on, in short: names of the clips in any order, seed, number of replicates."""
    return sha256_text(str(params.seed), str(params.replicates), *sorted(clips))


def draw(clips: Sequence[str], params: BootstrapParams) -> Floats:
    """Draw as many clips as there are, with replacement, many times.

    Args:
        clips: names, each once. A clip's count does not depend on where in the sequence it stands.
        params: `replicates` and `seed` are used.

    Returns:
        `(replicates, clips)`, how often each was drawn; rows sum to the number of clips.

    Raises:
        ScoreError: a name comes twice.
    """
    names = np.asarray(clips, dtype=str)
    order = np.argsort(names, kind="stable")
    if len(np.unique(names)) != len(names):
        raise ScoreError("a clip is named twice among those to draw from", fix="give each clip once")
    weights = np.zeros((params.replicates, len(names)))
    if len(names):
        generator = stream(params.seed, "bootstrap", *names[order].tolist())
        shares = np.full(len(names), 1 / len(names))
        weights[:, order] = generator.multinomial(len(names), shares, size=params.replicates)
    return weights


def bootstrap(seeds: Iterable[Figures], weights: Floats) -> dict[str, Floats]:
    """Each replicate's figures: the mean over the seeds' models, all under the same drawn clips.

    Args:
        seeds: per seed, what gives the figures.
        weights: `(B, clips)`, from `draw`.

    Returns:
        By figure, `(B,)`; NaN where any seed's is.
    """
    found = [figures(weights) for figures in seeds]
    return {name: np.mean([values[name] for values in found], axis=0) for name in (found[0] if found else ())}


def why_none(values: Floats, clips: int, params: BootstrapParams) -> str:
    """Why there is no interval, or nothing.

    Args:
        values: `(B,)`, replicates of a figure.
        clips: how many were drawn from, counting those alone that have a say in the figure.
        params: `least_clips` is used.
    """
    if clips < params.least_clips:
        return f"{clips} clips are too few for an interval, which takes {params.least_clips}"
    defined = float(np.mean(~np.isnan(values)))
    if defined < LEAST_DEFINED:
        return f"the figure is defined in {defined:.0%} of the replicates; an interval takes {LEAST_DEFINED:.0%}"
    return ""


def interval(values: Floats, clips: int, params: BootstrapParams) -> tuple[float, float] | None:
    """Percentile interval of a figure, widened for few clips; None where `why_none` says why.

    Args:
        values: `(B,)`, replicates of the figure.
        clips: as in `why_none`.
        params: `confidence` and `least_clips` are used.
    """
    return None if why_none(values, clips, params) else percentiles(values, clips, params.confidence)


def percentiles(values: Floats, clips: int, confidence: float) -> tuple[float, float]:
    """Interval between quantiles, further out the fewer clips there are, as Student's t is beyond the normal.

    Args:
        values: `(B,)`, replicates; NaN are left out.
        clips: how many were drawn from.
        confidence: share of such intervals that hold the true value.
    """
    from scipy.special import ndtr, stdtrit

    few = max(clips, 2)
    share = ndtr(np.sqrt(few / (few - 1)) * stdtrit(few - 1, (1 - confidence) / 2))
    low, high = np.nanquantile(values, [share, 1 - share])
    return float(low), float(high)
