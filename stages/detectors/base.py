"""The contract every detector keeps. `tests/detectors/test_conformance.py` says in code what it means."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from stages.core.errors import ModelError
from stages.core.params import Section
from stages.core.storage import write_text
from stages.core.windows import Windows


class Modality(StrEnum):
    """What a detector looks at."""

    POSE = "pose"
    RGB = "rgb"


@dataclass(frozen=True)
class FitReport:
    """What a fit did.

    Args:
        windows: training windows, before augmentation.
        parameters: learned numbers in the model.
        curves: per-epoch figures by name, e.g. `{"loss": [...]}`; the unit is the detector's.
    """

    windows: int
    parameters: int
    curves: dict[str, list[float]] = field(default_factory=dict)


Log = Callable[[str], None]


def silent(_: str) -> None:
    """The default for `log`: says nothing."""


class DetectorParams(Section):
    """What every detector's params section holds.

    Args:
        window: name of the window spec the detector reads.
    """

    window: str


@runtime_checkable
class Detector(Protocol):
    """A detector: normal windows in, an anomaly score per window out; higher = more abnormal.

    The constructor stores and computes nothing. No threshold, smoothing, clip-level normalization or fusion of parts:
    those are the referee's (`stages/evaluation`).
    """

    Params: ClassVar[type[DetectorParams]]
    needs: ClassVar[frozenset[Modality]]
    parts: ClassVar[tuple[str, ...]]
    supervised: ClassVar[bool]
    unit: ClassVar[str]

    def __init__(self, params: Any, *, device: str = "auto", seed: int = 0) -> None: ...

    def fit(
        self,
        train: Windows,
        *,
        validation: Windows | None = None,
        base: Mapping[str, Path] | None = None,
        log: Log = silent,
    ) -> FitReport:
        """Learn what normal is.

        Args:
            train: windows, none of which touches a labelled abnormal frame unless the detector is `supervised`.
            validation: windows to watch, never to learn from.
            base: model folders this detector starts from, by detector name.
            log: takes one line of progress.

        Raises:
            TrainingError: the windows do not suffice.
        """
        ...

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """Scores per part, `(N,)` or `(N, T)`; finite, higher = more abnormal, independent of batch and order.

        Raises:
            ModelError: not fitted, or fitted to windows of another shape.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write weights (safetensors, no pickle) and detector.json into `folder`."""
        ...

    @classmethod
    def load(cls, folder: Path, *, device: str = "auto") -> Self:
        """Read what `save` wrote.

        Raises:
            ModelError: something is missing, or the folder holds another detector.
        """
        ...


DETECTOR_FILE = "detector.json"
WEIGHTS_FILE = "weights.safetensors"
FORMAT = 1


def write_card(folder: Path, name: str, params: Section, seed: int, **facts: Any) -> None:
    """Write detector.json: which detector, its params and seed, and the facts it needs to load again."""
    card = {"detector": name, "format": FORMAT, "params": params.model_dump(mode="json"), "seed": seed, **facts}
    write_text(folder / DETECTOR_FILE, json.dumps(card, indent=2, sort_keys=True))


def read_card(folder: Path, name: str) -> dict[str, Any]:
    """Read detector.json and check that it is of this detector and format.

    Raises:
        ModelError: it is not.
    """
    path = folder / DETECTOR_FILE
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"no readable model here: {error}", where=str(path), fix="train it: `dvc repro`") from error
    if card.get("detector") != name:
        raise ModelError(f"this is a model of {card.get('detector')!r}, not of {name!r}", where=str(path))
    if card.get("format") != FORMAT:
        raise ModelError(
            f"model format {card.get('format')}, this normotion reads {FORMAT}",
            where=str(path),
            fix="train it anew: `dvc repro`",
        )
    return dict(card)


def card_params(card: Mapping[str, Any], model: type[Section], folder: Path) -> Any:
    """The params of a card, validated.

    Raises:
        ModelError: they do not fit this version's model.
    """
    try:
        return model.model_validate_json(json.dumps(card["params"]))
    except (KeyError, ValidationError) as error:
        raise ModelError(
            f"the model's params do not fit: {error}",
            where=str(folder / DETECTOR_FILE),
            fix="train it anew: `dvc repro`",
        ) from error
