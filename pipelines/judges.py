"""The model that judges a camera, as the verbs `run`, `watch` and `calibrate` name it."""

from __future__ import annotations

from functools import partial

from stages.core.paths import Project
from stages.live.choosing import choose
from stages.live.model import Model


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
