"""What a recogniser learns from: windows, and the class of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.core.errors import TrainingError
from stages.core.windows import Windows
from stages.detectors.base import Log
from stages.detectors.layers.recognition.params import RecogniserParams

LABEL = "person_label"
"""Column of the windows' index that says who is abnormal: 1, 0, or null for unknown."""
KIND = "kind"
"""Column that names each window's action."""
LABELS = ("normal", "abnormal")
LEAST = 2
"""Windows of a class."""


@dataclass(frozen=True)
class Lessons:
    """Windows whose class is known.

    Args:
        windows: N of them.
        targets: `(N,)` numbers of classes.
        classes: their names, in order.
    """

    windows: Windows
    targets: NDArray[np.int64]
    classes: tuple[str, ...]


def lessons(train: Windows, params: RecogniserParams, name: str, log: Log) -> Lessons:
    """Training windows whose class is known.

    Raises:
        TrainingError: the index lacks the column, there is a single class, or one has fewer than two windows.
    """
    column = _column(train, params)
    if column is None:
        raise TrainingError(
            f"the windows have no column {_source(params)!r} to learn from",
            fix="make them by `normotion segment` and `normotion normalize`; classes are named by the dataset's `kind`",
        )
    classes = LABELS if params.learns == "labels" else tuple(sorted(column.dropna().unique()))
    found = _lessons(train, column, classes)
    counts = np.bincount(found.targets, minlength=len(classes))
    few = [f"{count} of class {kind}" for kind, count in zip(classes, counts, strict=True) if count < LEAST]
    if few or len(classes) < LEAST:
        what = ", ".join(few) or f"all of {len(found.windows)} of class {', '.join(classes) or 'unknown'}"
        raise TrainingError(
            f"{name} tells {LEAST} classes or more apart, each learned from {LEAST} windows or more; there are {what}",
            fix="give more labelled clips the split `train` in clips.csv, or take a detector that needs no labels",
        )
    told = ", ".join(f"{count} {kind}" for kind, count in zip(classes, counts, strict=True))
    log(f"windows: {told}; {len(train) - len(found.windows)} are left out, as their class is unknown or abnormal")
    return found


def watched(validation: Windows | None, params: RecogniserParams, classes: tuple[str, ...]) -> Lessons | None:
    """Validation windows of the learned classes; None where there are none."""
    column = None if validation is None else _column(validation, params)
    if validation is None or column is None:
        return None
    found = _lessons(validation, column, classes)
    return found if len(found.targets) else None


def _source(params: RecogniserParams) -> str:
    return LABEL if params.learns == "labels" else KIND


def _column(windows: Windows, params: RecogniserParams) -> pd.Series | None:
    """Names of the windows' classes, null where unknown; in place of classes of abnormal people too."""
    index = windows.index
    if _source(params) not in index:
        return None
    if params.learns == "labels":
        return index[LABEL].map(dict(enumerate(LABELS)))
    return index[KIND].mask(index[LABEL].eq(1).fillna(False).astype(bool)) if LABEL in index else index[KIND]  # noqa: FBT003


def _lessons(windows: Windows, column: pd.Series, classes: tuple[str, ...]) -> Lessons:
    """The windows whose class is one of `classes`."""
    numbers = {name: number for number, name in enumerate(classes)}
    targets = np.array([numbers.get(name, -1) for name in column], dtype=np.int64)
    known = targets >= 0
    return Lessons(windows if known.all() else windows.take(known), targets[known], classes)
