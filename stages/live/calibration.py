"""Thresholds of one's own cameras, from normal footage of theirs, in a file of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, ValidationError

from stages.core.errors import ModelError, ParamsError
from stages.core.params import Section
from stages.core.storage import write_text
from stages.evaluation.calibrate import CalibrationParams, calibrate
from stages.evaluation.conformal import Tail
from stages.evaluation.uncertainty import BootstrapParams
from stages.live.model import Model

HOURS = {"hour": 1.0, "h": 1.0, "day": 24.0, "d": 24.0, "week": 168.0, "w": 168.0, "month": 730.0}
BLOCKS, LEAST_BLOCK = 20, 60.0
"""Long footage is cut into about so many stretches, of so many seconds at least, to draw from for the interval."""


class CameraThreshold(Section):
    """What normal footage says about one camera.

    Args:
        threshold: alarms ring at scores above it.
        low, high: its interval, by drawing stretches of the footage anew; None where that tells nothing.
        hours: of normal footage.
        alarms: that ring in that footage.
        at_most: false alarms per hour that it gives at most, with a confidence of 95 %.
        reason: why the target is not kept, or what else to know; empty if nothing.
        count, ranks, scores: of its normal frames' scores, as `Tail` keeps them, for p-values.
    """

    threshold: float = Field(allow_inf_nan=False)
    low: float | None
    high: float | None
    hours: float
    alarms: int
    at_most: float
    reason: str
    count: int
    ranks: tuple[int, ...]
    scores: tuple[float, ...]

    @property
    def tail(self) -> Tail:
        """For p-values of frames."""
        return Tail(self.count, self.ranks, self.scores)


class Calibration(Section):
    """A calibration file.

    Args:
        format: raised whenever the meaning of a key changes.
        detector: of the model, for people.
        model: digest of the model it is for; thresholds mean nothing to another one.
        alarms: what an alarm is, and how many false ones an hour may have.
        cameras: by name.
    """

    format: Literal[1] = 1
    detector: str
    model: str
    alarms: CalibrationParams
    cameras: Mapping[str, CameraThreshold]

    @classmethod
    def load(cls, path: Path, model: Model) -> Self:
        """Read a calibration for a model.

        Raises:
            ParamsError: it is missing or damaged.
            ModelError: it is of another model.
        """
        try:
            found = cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ValidationError) as error:
            said = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else error
            raise ParamsError(f"this is no calibration: {said}", where=str(path), fix=ANEW) from error
        if found.model != model.digest:
            raise ModelError(
                f"this calibration is of another model ({found.detector}), and its thresholds mean nothing to "
                f"{model.origin}",
                where=str(path),
                fix=f"name the model it is of by --model, or {ANEW}",
            )
        return found

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        write_text(path, json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True) + "\n")

    def of(self, camera: str | None, where: Path) -> tuple[str, CameraThreshold]:
        """A camera by its name, or the only one there is.

        Raises:
            ParamsError: there is none of that name, or several and none was named.
        """
        names = sorted(self.cameras)
        if camera is None and len(names) == 1:
            return names[0], self.cameras[names[0]]
        if camera in self.cameras:
            return str(camera), self.cameras[str(camera)]
        what = f"no camera {camera!r} was calibrated" if camera else f"{len(names)} cameras were calibrated"
        raise ParamsError(what, where=str(where), fix=f"choose by --camera one of: {', '.join(names)}")


ANEW = "make one: `normotion calibrate NORMAL_FOOTAGE --false-alarms 1/day`"


def per_hour(text: str) -> float:
    """Read a rate: `1/day`, `2/hour`, `0.5/h`, `3/week`.

    Raises:
        ParamsError: it is none, or not above 0.
    """
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*/\s*([a-z]+)\s*", text.lower())
    if not found or found[2] not in HOURS or float(found[1]) <= 0:
        raise ParamsError(
            f"{text!r} is no rate of false alarms", fix="write a number above 0 per hour, day or week, e.g. 1/day"
        )
    return float(found[1]) / HOURS[found[2]]


def threshold_of(frames: pd.DataFrame, clips: pd.DataFrame, params: CalibrationParams) -> CameraThreshold:
    """Find one camera's threshold.

    Args:
        frames: clip, frame, seed, smoothed, track and label 0 of normal footage of it.
        clips: clip and fps.
        params: the target and what an alarm is.
    """
    cut, pieces = blocks(frames, clips)
    found = calibrate(cut, pieces.assign(camera="own"), params, BootstrapParams())
    camera = found.cameras["own"]
    told, ends = asdict(camera.threshold), camera.threshold.interval
    return CameraThreshold(
        threshold=told["value"],
        low=ends[0] if ends else None,
        high=ends[1] if ends else None,
        **{name: told[name] for name in ("hours", "alarms", "at_most", "reason")},
        **asdict(camera.frames),
    )


def blocks(frames: pd.DataFrame, clips: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut long footage into stretches, which are drawn from as clips are: one long recording is not one draw.

    Args:
        frames: clip, frame and other columns.
        clips: clip and fps.

    Returns:
        The frames, and a table of clips, of the stretches.
    """
    rates = dict(zip(clips["clip"], clips["fps"], strict=True))
    total = sum(len(rows) / rates[clip] for clip, rows in frames.groupby("clip"))
    seconds = max(LEAST_BLOCK, total / BLOCKS)
    fps = frames["clip"].map(rates).to_numpy(dtype=np.float64)
    number = (frames["frame"].to_numpy() / (fps * seconds)).astype(np.int64)
    names = frames["clip"].astype(str) + "#" + pd.Series(number, index=frames.index).astype(str)
    pieces = pd.DataFrame({"clip": names, "fps": fps}).drop_duplicates("clip").reset_index(drop=True)
    return frames.assign(clip=names), pieces
