"""Frame scores blurred in time, always inside one clip."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from stages.core.params import Section

Floats = NDArray[np.float64]

CASCADE = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
"""Deviations, in frames, of STG-NF's Gaussians in a row; together about one of √91 = 9.54 frames."""

SECONDS = 0.4
"""Deviation where none is given; the cascade at 24 frames/s is about as wide (docs/decisions/0010)."""

REACH = 4.0
"""Deviations at which a Gaussian is cut off, as in the published figures."""


class SmoothingParams(Section):
    """How a clip's frame scores are blurred in time; raw figures are always reported beside.

    All kinds look as far ahead as back, so that nothing is delayed, and none can run on a live camera without waiting
    for the frames ahead.

    Args:
        kind: `none`; `gaussian`, one; `cascade`, STG-NF's six of 1 … 6 frames in a row, which take neither `seconds`
            nor `frames`; `moving_average` and `median`, of the frames around each frame.
        seconds: standard deviation of the Gaussian, or width of the average or median, in seconds, so that it means
            the same at any frame rate; 0.4 where `frames` is not given either. Larger joins neighbouring alarms and
            wears off short ones.
        frames: the same in frames, in place of `seconds`, as papers state it. An average or median takes
            2⌊frames / 2⌋ + 1 frames, so that it has a middle.
    """

    kind: Literal["none", "gaussian", "cascade", "moving_average", "median"] = "gaussian"
    seconds: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    frames: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one_width(self) -> SmoothingParams:
        if self.frames is not None and self.seconds is not None:
            raise ValueError("give either seconds or frames")
        return self

    def width(self, fps: float) -> float:
        """Deviation or width in frames of a clip with `fps` frames per second."""
        return self._seconds * fps if self.frames is None else self.frames

    @property
    def _seconds(self) -> float:
        return SECONDS if self.seconds is None else self.seconds

    def sentence(self) -> str:
        """The choice in words, for a report."""
        width = f"{self._seconds:g} s" if self.frames is None else f"{self.frames:g} frames"
        return {
            "none": "Smoothed scores are the raw ones.",
            "gaussian": f"Smoothing: one Gaussian of {width} within each clip.",
            "cascade": "Smoothing: Gaussians of 1, 2, 3, 4, 5 and 6 frames in a row within each clip.",
            "moving_average": f"Smoothing: the mean over {width} around each frame, within each clip.",
            "median": f"Smoothing: the median over {width} around each frame, within each clip.",
        }[self.kind]


def smooth(scores: Floats, fps: float, params: SmoothingParams) -> Floats:
    """Blur one clip's frame scores in time.

    Beyond its ends a clip is mirrored, the outermost frame included (c b a | a b c | c b a), as often as the filter
    reaches; a filter wider than the clip therefore comes close to the clip's mean, or median.

    Args:
        scores: `(frames,)`, one clip, higher = more abnormal.
        fps: the clip's frames per second.
        params: see `SmoothingParams`.

    Returns:
        `(frames,)`, same unit. Never mixes two clips.
    """
    if params.kind == "cascade":
        for deviation in CASCADE:
            scores = _gaussian(scores, deviation)
        return scores
    filters = {"gaussian": _gaussian, "moving_average": _mean, "median": _median}
    return filters[params.kind](scores, params.width(fps)) if params.kind in filters else scores


def reach(fps: float, params: SmoothingParams) -> int:
    """Frames before and after a frame that its smoothed score depends on: how long a live camera has to wait."""
    if params.kind == "none":
        return 0
    if params.kind == "cascade":
        return sum(_gaussian_reach(deviation) for deviation in CASCADE)
    width = params.width(fps)
    return _gaussian_reach(width) if params.kind == "gaussian" else _reach(width)


def _gaussian_reach(deviation: float) -> int:
    """As SciPy cuts a Gaussian off."""
    return int(REACH * deviation + 0.5)


def _gaussian(scores: Floats, deviation: float) -> Floats:
    from scipy.ndimage import gaussian_filter1d

    if deviation < 0.5 / REACH:  # reaches no other frame; SciPy divides by its square, which may be 0
        return scores
    return np.asarray(gaussian_filter1d(scores, deviation, mode="reflect", truncate=REACH))


def _mean(scores: Floats, width: float) -> Floats:
    from scipy.ndimage import uniform_filter1d

    return np.asarray(uniform_filter1d(scores, 2 * _reach(width) + 1, mode="reflect"))


def _median(scores: Floats, width: float) -> Floats:
    from scipy.ndimage import median_filter

    # Mirrored here: SciPy's own edges go wrong where a median is much wider than the clip.
    reach = _reach(width)
    padded = np.pad(scores, reach, mode="symmetric") if len(scores) else scores
    return np.asarray(median_filter(padded, size=2 * reach + 1)[reach : reach + len(scores)])


def _reach(width: float) -> int:
    """Frames before and after the middle one."""
    return int(width // 2)
