"""A trained detector with all that judging a camera takes beside it: one folder, made by `normotion pack`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from pydantic import Field, ValidationError

from stages.core.errors import ModelError
from stages.core.params import Section
from stages.core.storage import atomic_folder, sha256_file, sha256_text, write_text
from stages.detectors import registry
from stages.detectors.base import DETECTOR_FILE, WEIGHTS_FILE, Detector
from stages.detectors.neighbours import NORMALS_FILE, Normals
from stages.evaluation.calibrate import CalibrationParams
from stages.evaluation.conformal import Tail
from stages.evaluation.protocol import Rules
from stages.live.tracks_scorer import Card
from stages.pose.estimators import ExtractParams
from stages.pose.poseflow import TrackParams

S = TypeVar("S", bound=Section)

SHIPPED = Path(__file__).parent / "shipped"
"""The model that comes with the package."""
CARD, REFERENCE, DETECTOR, NORMALS = "card.json", "reference.json", "detector", "normals"
"""What a model's folder holds."""
PACKED = (
    CARD, REFERENCE, DETECTOR, f"{DETECTOR}/{DETECTOR_FILE}", f"{DETECTOR}/{WEIGHTS_FILE}",
    NORMALS, f"{NORMALS}/{NORMALS_FILE}", f"{NORMALS}/{WEIGHTS_FILE}",
)  # fmt: skip
"""All that may lie in it: whatever else does is not ours to delete."""
USUAL, ALARMING = 0.0, 0.8
"""Heat (`stages/show/palette.py`) of the median of normal footage, and of the threshold."""


class CameraCard(Card):
    """What of a model no weights say.

    Args:
        people: who counts as a person, and which networks find their poses.
        track: how people are followed.
        rules: how windows' scores become frames' scores.
        alarms: what an alarm is.
    """

    people: ExtractParams
    track: TrackParams
    rules: Rules
    alarms: CalibrationParams


class Reference(Section):
    """How high normal footage scores.

    Args:
        footage: which it was, in words.
        hours: how much.
        floor: lowest score of a frame of it: what a frame gets in which nobody was scored.
        median: of its frames' smoothed scores.
        threshold: the lowest score over which no alarm rings in it. It promises nothing of other cameras.
        count, ranks, scores: of its smoothed scores, as `Tail` keeps them, for p-values.
    """

    footage: str
    hours: float = Field(ge=0, allow_inf_nan=False)
    floor: float = Field(allow_inf_nan=False)
    median: float = Field(allow_inf_nan=False)
    threshold: float = Field(allow_inf_nan=False)
    count: int = Field(ge=1)
    ranks: tuple[int, ...]
    scores: tuple[float, ...]

    @property
    def tail(self) -> Tail:
        """For p-values of frames."""
        return Tail(self.count, self.ranks, self.scores)


@dataclass(frozen=True)
class Model:
    """A detector that judges cameras.

    Args:
        detector: trained.
        card: what it reads and how it is judged.
        reference: normal footage.
        normals: normal windows, to say what of a new one is unlike them; None where none were kept.
        origin: what it is, in words: printed, and written on pages.
        digest: sha256 over all of its files: what a calibration is for.
    """

    detector: Detector
    card: CameraCard
    reference: Reference
    normals: Normals | None
    origin: str
    digest: str

    @cached_property
    def part(self) -> str:
        """Which of the detector's scores is judged.

        Raises:
            ModelError: it gives several, and the rules name none of them.
        """
        parts = self.detector.parts
        named = self.card.rules.part
        if (named is None and len(parts) > 1) or (named is not None and named not in parts):
            raise ModelError(
                f"{self.card.detector} gives {', '.join(parts)}, and the rules name {named or 'none of them'}",
                fix="choose one by evaluate.part in params.yaml, and pack the model anew",
            )
        return named or parts[0]

    def heat(self, score: float | None, threshold: float) -> float | None:
        """A score as a colour's place: 0 usual (the median of normal footage), 0.8 at the threshold, at most 1.

        Args:
            score: of a person or a frame; None stays None.
            threshold: at which alarms ring.
        """
        if score is None:
            return None
        span = max(threshold - self.reference.median, 1e-9)
        return float(np.clip((score - self.reference.median) / span * ALARMING, USUAL, 1.0))

    @classmethod
    def load(cls, folder: Path, origin: str = "", *, device: str = "auto") -> Self:
        """Read a model's folder; nothing in it is executed.

        Raises:
            ModelError: something of it is missing, damaged, or of another version.
        """
        card, reference = _read(folder / CARD, CameraCard), _read(folder / REFERENCE, Reference)
        detector = registry.detector(card.detector).load(folder / DETECTOR, device=device)
        normals = Normals.load(folder / NORMALS) if (folder / NORMALS).is_dir() else None
        origin = origin or f"{card.detector} of {card.dataset}, from {folder}"
        return cls(detector, card, reference, normals, origin, digest(folder))

    @classmethod
    def shipped(cls, *, device: str = "auto") -> Self:
        """The model that comes with the package: STG-NF of one street scene."""
        return cls.load(SHIPPED, "the STG-NF that comes with normotion, trained on one street", device=device)

    def save(self, folder: Path) -> None:
        """Write the folder, whole or not at all, in place of a packed model or where there is nothing.

        Raises:
            ModelError: something else is in it, which would be lost.
        """
        refuse_others(folder)
        with atomic_folder(folder.resolve()) as out:  # `.` has no name to put another beside, a link no content
            self.detector.save(out / DETECTOR)
            if self.normals is not None:
                self.normals.save(out / NORMALS)
            for name, section, indent in ((CARD, self.card, 1), (REFERENCE, self.reference, None)):
                text = json.dumps(section.model_dump(mode="json"), indent=indent, sort_keys=True)
                write_text(out / name, f"{text}\n")


def refuse_others(folder: Path) -> None:
    """See that nothing but a packed model would be lost if `folder` were written anew.

    Raises:
        ModelError: it holds something else, or is a file.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    other = "a file of that name"
    if folder.is_dir():
        known = {Path(name) for name in PACKED}
        strangers = (path.relative_to(folder) for path in folder.rglob("*"))
        lacking = None if (folder / CARD).is_file() else f"what is no packed model, for it lacks {CARD}"
        other = next((str(path) for path in strangers if path not in known), lacking or "")
    if other:
        raise ModelError(
            f"there is something else in the way: {other}",
            where=str(folder),
            fix="name a new folder, such as `models/mine`; a packed model is replaced",
        )


def digest(folder: Path) -> str:
    """A hash of all files of a model's folder and of where they lie in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return sha256_text(*(f"{path.relative_to(folder).as_posix()} {sha256_file(path)}" for path in files))


def _read(path: Path, kind: type[S]) -> S:
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise ModelError(
            f"this is no model that judges cameras: {_first_line(error)}",
            where=str(path),
            fix="make one of a trained model: `normotion pack DATASET DETECTOR FOLDER`",
        ) from error


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problem: Mapping[str, Any] = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}"
    return str(error)
