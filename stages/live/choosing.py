"""Which model judges: the one that comes with the package, a packed folder, or a project's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stages.core.errors import ModelError
from stages.core.progress import log
from stages.live.model import CARD, Model

DETECTOR = "stg_nf"
"""Whose model is taken where only the data set is named."""


def choose(
    model: str | None, detector: str | None, pack: Callable[[str, str], Model] | None = None, *, device: str = "auto"
) -> Model:
    """Find the model that a user means, and say which it is.

    Args:
        model: a folder that `normotion pack` made, or the name of a project's data set; None: the package's own.
        detector: whose model of that data set; STG-NF's without it.
        pack: makes a model of a data set and a detector, where there is a project.
        device: for the detector.

    Raises:
        ModelError: there is no such model, or the folder's is of another detector.
    """
    if model is None and detector is None:
        found = Model.shipped(device=device)
        log.info(
            f"no model was named: judged by {found.origin} ({found.reference.hours * 60:.0f} min). It knows people who "
            "walk, and nothing of your camera; better: train on your own normal footage, then name it by --model"
        )
        return found
    if model is not None and (Path(model) / CARD).is_file():
        found = Model.load(Path(model), device=device)
        if detector not in (None, found.card.detector):
            raise ModelError(
                f"the model is of {found.card.detector}, not of {detector}",
                where=model,
                fix="leave out --detector, or name another --model",
            )
    elif model is not None and pack is not None and "/" not in model:
        found = pack(model, detector or DETECTOR)
    else:
        raise _unknown(model, detector, project=pack is not None)
    log.info(f"judged by {found.origin}")
    return found


def _unknown(model: str | None, detector: str | None, *, project: bool) -> ModelError:
    if model is None:
        return ModelError(
            f"only STG-NF comes with the package, and --detector {detector} names another",
            fix="name the data set whose model it is, e.g. --model demo, or a folder that `normotion pack` made",
        )
    return ModelError(
        f"there is no model {model!r}",
        where=str(Path(model).absolute()) if "/" in model or not project else "",
        fix="name a folder that `normotion pack` made, or, inside a project, a data set whose models are trained",
    )
