"""The `evaluate` section: the referee's rules, all in one place."""

from __future__ import annotations

from stages.evaluation.calibrate import CalibrationParams
from stages.evaluation.protocol import PRESETS, Protocol, Rules
from stages.evaluation.regions import RegionParams
from stages.evaluation.uncertainty import BootstrapParams


class EvaluateParams(Rules):
    """The `evaluate` section: `Rules`, and how their figures are judged.

    Args:
        bootstrap: see `BootstrapParams`.
        regions: see `RegionParams`.
        calibration: see `CalibrationParams`.
        compare: protocols whose figures are shown beside; see `PRESETS`.
        timelines: draw the scores of every test clip over time; no figure depends on it.
    """

    bootstrap: BootstrapParams = BootstrapParams()
    regions: RegionParams = RegionParams()
    calibration: CalibrationParams = CalibrationParams()
    compare: tuple[Protocol, ...] = tuple(PRESETS)  # type: ignore[arg-type]
    timelines: bool = True
