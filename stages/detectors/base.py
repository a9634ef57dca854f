"""The contract every detector keeps. `tests/detectors/test_conformance.py` says in code what it means."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError, model_validator

from stages.core.errors import ModelError
from stages.core.params import Section
from stages.core.storage import atomic_file, write_text
from stages.core.windows import Windows

P = TypeVar("P", bound=Section)


class Modality(StrEnum):
    """What a detector looks at."""

    POSE = "pose"
    RGB = "rgb"
    PATCHES = "patches"
    CROPS = "crops"


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


class PresetParams(DetectorParams):
    """Params of which a named preset says what the section leaves out.

    Args:
        preset: which of `presets`; each detector says what its field may be, and which is the default.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]]
    unset: ClassVar[frozenset[str]] = frozenset()
    """Fields that no preset may fill in, as a subclass decides them otherwise."""

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, given: Any) -> Any:
        """Fill in what the preset says; an unknown preset is left for its field to refuse."""
        if not isinstance(given, Mapping):
            return given
        default = cls.model_fields["preset"].default
        preset = cls.presets.get(str(given.get("preset", default)), cls.presets[default])
        settable = cls.model_fields.keys() - cls.unset
        return {**{name: value for name, value in preset.items() if name in settable}, **given}


@runtime_checkable
class Detector(Protocol):
    """A detector: normal windows in, an anomaly score per window out; higher = more abnormal.

    One that can say where in a window its score comes from also has `explain(windows)`, `(N, T, V)` that sum to the
    score. The constructor stores and computes nothing. No threshold, smoothing, clip-level normalization or fusion of
    parts: those are the referee's (`stages/evaluation`).
    """

    Params: ClassVar[type[DetectorParams]]
    needs: ClassVar[frozenset[Modality]]
    parts: ClassVar[tuple[str, ...]]
    supervised: ClassVar[bool]
    unit: ClassVar[str]
    seed: int

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
            train: windows, none of which touches a labelled abnormal frame unless the detector is `supervised`: that is
                given all, and in `person_label` of their index which of them follow somebody abnormal.
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


@runtime_checkable
class Together(Protocol):
    """A detector whose models of several seeds can be fitted at once."""

    @classmethod
    def fit_together(
        cls, models: Sequence[Any], train: Windows, *, validation: Windows | None = None, log: Log = silent
    ) -> list[FitReport]:
        """Fit models that differ in their seeds alone; each becomes what `fit` would make of it, but for rounding."""
        ...


@runtime_checkable
class Mapped(Protocol):
    """A detector of whole frames that can say where in a frame the first of its `parts` comes from."""

    def error_maps(self, windows: Windows) -> NDArray[np.float32]:
        """Error of every pixel of every frame, `(N, T, H, W)`, finite and ≥ 0; of the windows' own size."""
        ...


@dataclass(frozen=True)
class Form:
    """What a window must look like for a fitted model to read it.

    Args:
        channels: names of the C channels.
        samples: T.
        joints: V.
        layout: joint layout.
        picture: `(C, H, W)` of a frame, where windows hold frames.
    """

    channels: tuple[str, ...]
    samples: int
    joints: int
    layout: str
    picture: tuple[int, ...] = ()

    @classmethod
    def of(cls, windows: Windows) -> Self:
        """The form of these windows."""
        samples, joints = windows.poses.shape[2:]
        return cls(tuple(windows.channels), samples, joints, windows.layout, tuple(windows.picture))

    @classmethod
    def from_card(cls, card: Mapping[str, Any], folder: Path) -> Self:
        """The form a saved model was fitted to.

        Raises:
            ModelError: the card does not say.
        """
        try:
            form = card["form"]
            channels, samples, joints = tuple(form["channels"]), int(form["samples"]), int(form["joints"])
            picture = tuple(int(side) for side in form.get("picture", ()))  # cards of before there were any lack it
            return cls(channels, samples, joints, str(form["layout"]), picture)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"the card lacks {error}", where=str(folder / DETECTOR_FILE), fix=RETRAIN) from error

    def check(self, windows: Windows) -> None:
        """Refuse windows of another form.

        Raises:
            ModelError: they differ; says in what.
        """
        found = Form.of(windows)
        if found != self:
            raise ModelError(
                f"the model reads windows of {self}, these are of {found}",
                fix="score with the window spec the model was trained on, or train it anew: `dvc repro`",
            )

    def __str__(self) -> str:
        if self.picture:
            channels, height, width = self.picture
            return f"{self.samples} {'grey' if channels == 1 else 'RGB'} frames of {width} × {height} px"
        return f"{self.samples} samples × {self.joints} joints ({self.layout}; {', '.join(self.channels)})"


DETECTOR_FILE = "detector.json"
WEIGHTS_FILE = "weights.safetensors"
FORMAT = 1
RETRAIN = "train it anew: `dvc repro`"


def not_fitted(name: str) -> ModelError:
    """The error of a detector that is asked to score or save before it has learned anything."""
    return ModelError(f"this {name} is not fitted", fix="call fit, or load a trained model")


def write_card(folder: Path, name: str, params: Section, seed: int, form: Form) -> None:
    """Write detector.json: which detector, its params and seed, and the windows it was fitted to."""
    about = {"detector": name, "format": FORMAT, "params": params.model_dump(mode="json")}
    card = {**about, "seed": seed, "form": asdict(form)}
    write_text(folder / DETECTOR_FILE, json.dumps(card, indent=2, sort_keys=True))


def read_card(folder: Path, name: str) -> dict[str, Any]:
    """Read detector.json and check that it is of this detector and format.

    Raises:
        ModelError: it is not.
    """
    path = folder / DETECTOR_FILE
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"no readable model here: {error}", where=str(path), fix="train it: `dvc repro`") from error
    if not isinstance(card, dict) or card.get("detector") != name:
        found = card.get("detector") if isinstance(card, dict) else None
        raise ModelError(f"this is a model of {found!r}, not of {name!r}", where=str(path), fix="give the right folder")
    if card.get("format") != FORMAT:
        raise ModelError(
            f"model format {card.get('format')}, this normotion reads {FORMAT}", where=str(path), fix=RETRAIN
        )
    return card


def card_params(card: Mapping[str, Any], model: type[P], folder: Path) -> P:
    """The params of a card, validated.

    Raises:
        ModelError: they do not fit this version's model.
    """
    try:
        return model.model_validate_json(json.dumps(card["params"]))
    except (KeyError, ValidationError) as error:
        where = str(folder / DETECTOR_FILE)
        raise ModelError(f"the model's params do not fit: {error}", where=where, fix=RETRAIN) from error


def card_seed(card: Mapping[str, Any], folder: Path) -> int:
    """The seed of a card.

    Raises:
        ModelError: it names none.
    """
    seed = card.get("seed")
    if not isinstance(seed, int):
        raise ModelError(f"the card's seed is {seed!r}", where=str(folder / DETECTOR_FILE), fix=RETRAIN)
    return seed


def write_weights(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write learned arrays to weights.safetensors, atomically."""
    from safetensors.numpy import save

    data = save({name: np.array(array, order="C") for name, array in arrays.items()})
    with atomic_file(folder / WEIGHTS_FILE) as temporary:
        temporary.write_bytes(data)


def read_weights(folder: Path) -> dict[str, NDArray[Any]]:
    """Read what `write_weights` wrote.

    Raises:
        ModelError: the file is missing or damaged, or holds NaN or infinite numbers.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = folder / WEIGHTS_FILE
    try:
        arrays: dict[str, NDArray[Any]] = load(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise ModelError(f"the model's weights cannot be read: {error}", where=str(path), fix=RETRAIN) from error
    bad = sorted(name for name, array in arrays.items() if not np.isfinite(array).all())
    if bad:
        raise ModelError(f"weights are NaN or infinite: {', '.join(bad)}", where=str(path), fix=RETRAIN)
    return arrays
