"""The score over which alarms ring: calibrated for a camera, given by hand, or that of the model's normal footage."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from stages.core.errors import ParamsError
from stages.evaluation.conformal import Tail
from stages.live.alarms import Alarms
from stages.live.calibration import Calibration
from stages.live.model import Model


@dataclass(frozen=True)
class Chosen:
    """A threshold.

    Args:
        threshold: alarms ring at scores above it, in their unit.
        origin: where it is from, in words.
        tail: normal scores, for p-values.
        calibrated: whether it was found on footage of this camera.
    """

    threshold: float
    origin: str
    tail: Tail
    calibrated: bool = False

    def alarms(self, model: Model, fps: float) -> Alarms:
        """The alarms of one source, by what the model counts as one."""
        meaning = model.card.alarms
        return Alarms(
            self.threshold, merge_seconds=meaning.merge_seconds, least_seconds=meaning.least_seconds, fps=fps,
            tail=self.tail,
        )  # fmt: skip


def choose_threshold(
    model: Model, *, given: float | None = None, calibration: Path | None = None, camera: str | None = None
) -> Chosen:
    """Find the threshold that is meant.

    Args:
        model: judges.
        given: by hand; before all else.
        calibration: a file of `normotion calibrate`.
        camera: which of its cameras.

    Raises:
        ParamsError: the file is none, or has no such camera; or `given` is not finite.
        ModelError: it is of another model.
    """
    reference = model.reference
    if given is not None:
        if not math.isfinite(given):
            raise ParamsError(f"a threshold is a finite number, not {given}", fix="e.g. 4.2")
        return Chosen(given, "given by hand", reference.tail)
    if calibration is None:
        origin = "the highest that the model's own normal footage reached"
        return Chosen(reference.threshold, origin, reference.tail)
    file = Calibration.load(calibration, model)
    name, own = file.of(camera, calibration)
    return Chosen(own.threshold, f"calibrated for {name}: {own.promise}", own.tail, calibrated=True)
