"""What an ablation suite found: figures of every variant and detector, read from reports/suites."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from stages.core.errors import SchemaError
from stages.core.params import Section

Scale = Literal["linear", "log", "names"]
Interval = tuple[float, float]


class Point(Section):
    """One detector under one variant; figures are those of `evaluate`, means over seeds.

    Args:
        variant: its label.
        value: on the axis; None on an axis of names.
        detector: its name.
        baseline: whether the variant is what params.yaml says.
        raw: micro AUC without smoothing; None where it is undefined or the run failed.
        smoothed: with smoothing.
        raw_sd: standard deviation over seeds; None with one seed.
        smoothed_sd: likewise.
        raw_interval: lower and upper end over bootstrapped test clips; None where there is none.
        smoothed_interval: likewise.
        seconds: it took, from tracks to figures.
        key: of everything it depends on.
        reason: why it failed; empty where it did not.
    """

    variant: str
    value: float | None
    detector: str
    baseline: bool
    raw: float | None
    smoothed: float | None
    raw_sd: float | None
    smoothed_sd: float | None
    raw_interval: Interval | None
    smoothed_interval: Interval | None
    seconds: float
    key: str
    reason: str = ""


class Result(Section):
    """What a suite found on one dataset.

    Args:
        suite: its name.
        question: that it answers.
        source: the paper's figure it mirrors.
        axis: what varied, with its unit.
        scale: of that axis.
        dataset: what was tested on.
        seeds: of the models.
        points: variant by variant, detector by detector.
    """

    suite: str
    question: str
    source: str
    axis: str
    scale: Scale
    dataset: str
    seeds: tuple[int, ...]
    points: tuple[Point, ...]

    @property
    def detectors(self) -> list[str]:
        """Names, in order of appearance."""
        return list(dict.fromkeys(point.detector for point in self.points))

    @property
    def variants(self) -> list[str]:
        """Labels, in order of the axis."""
        return list(dict.fromkeys(point.variant for point in self.points))


def read(path: Path) -> Result:
    """Read a result that `normotion suite` wrote.

    Raises:
        SchemaError: the file is missing or is no such result.
    """
    try:
        return Result.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        reason = next(iter(str(error).splitlines()))
        fix = "delete it and run its suite again: `normotion suite NAME`"
        raise SchemaError(f"not a readable suite result: {reason}", where=str(path), fix=fix) from error
