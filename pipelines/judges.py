"""The model that judges a camera, as the verbs `run`, `watch` and `calibrate` name it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from stages.core.errors import PipelineError
from stages.core.paths import Project
from stages.live.choosing import choose
from stages.live.model import Model
from stages.live.threshold import Chosen, choose_threshold


def judge_of(project: Project, model: str | None, detector: str | None) -> Model:
    """Find the model a user means.

    Args:
        project: the project around the current folder; without params.yaml it has no models.
        model: a folder that `normotion pack` made, or a data set of the project; None: the package's own.
        detector: whose model of that data set.

    Raises:
        ModelError: there is no such model.
    """
    if not project.params.is_file():
        return choose(model, detector)
    from pipelines.pack import pack

    return choose(model, detector, partial(pack, project))


def threshold_of(model: Model, calibration: str | None, camera: str | None, threshold: str | None) -> Chosen:
    """Find the threshold a user means. See `choose_threshold`.

    Raises:
        PipelineError: `threshold` is no number.
        ParamsError: it is not a finite one; or as `choose_threshold`.
    """
    try:
        given = None if threshold is None else float(threshold)
    except ValueError as error:
        raise PipelineError(f"a threshold is a number, not {threshold!r}", fix="e.g. --threshold 4.2") from error
    return choose_threshold(model, given=given, calibration=Path(calibration) if calibration else None, camera=camera)


def whole(text: str, name: str) -> int:
    """A whole number from 1, as an option has it.

    Raises:
        PipelineError: it is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise PipelineError(f"--{name} is a whole number from 1, not {text!r}", fix=f"e.g. --{name} 3")
    return int(text)
