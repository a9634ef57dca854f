"""The `evaluate` section: the referee's rules, all in one place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

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
        of: by dataset, rules that take the place of those above, e.g. `of: {ped2: {fusion: itae_ped2}}`.
    """

    bootstrap: BootstrapParams = BootstrapParams()
    regions: RegionParams = RegionParams()
    calibration: CalibrationParams = CalibrationParams()
    compare: tuple[Protocol, ...] = tuple(PRESETS)  # type: ignore[arg-type]
    timelines: bool = True
    of: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _all_make_sense(self) -> Self:
        for dataset, own in self.of.items():
            if "of" in own:
                raise ValueError(f"of.{dataset}.of: rules of rules; write the rules under {dataset} themselves")
            try:
                self.on(dataset)
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                key = ".".join(["of", dataset, *map(str, first["loc"])])
                raise ValueError(f"{key}: {first['msg']}, got {first['input']!r}") from error
        return self

    def on(self, dataset: str) -> EvaluateParams:
        """The rules for one dataset."""
        if dataset not in self.of:
            return self
        general = self.model_dump(mode="json", include=self.model_fields_set - {"of"})
        return EvaluateParams.model_validate_json(json.dumps({**general, **self.of[dataset]}))
