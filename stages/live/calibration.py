"""Thresholds of one's own cameras, from normal footage of theirs, in a file of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Literal, Self

import pandas as pd
from pydantic import Field, ValidationError

from stages.core.errors import ModelError, ParamsError
from stages.core.params import Section
from stages.core.storage import write_text
from stages.evaluation.alarms import SLACK
from stages.evaluation.calibrate import CalibrationParams, calibrate
from stages.evaluation.conformal import Tail
from stages.evaluation.uncertainty import BootstrapParams
from stages.live.model import Model
from stages.live.sharing import alone
from stages.live.stretches import ends, stretches

HOURS = {"hour": 1.0, "h": 1.0, "day": 24.0, "d": 24.0, "week": 168.0, "w": 168.0, "month": 730.0}
TOLD = {"an hour": 1.0, "a day": 24.0, "a week": 168.0, "a month": 730.0}
"""Hours of the times by which people tell a rate."""


class CameraThreshold(Section):
    """What normal footage says about one camera.

    Args:
        threshold: alarms ring at scores above it.
        low, high: its interval, by drawing stretches of the footage anew; None where that tells nothing.
        hours: of normal footage.
        alarms: that ring in that footage.
        at_most: false alarms per hour that it gives at most, with a confidence of 95 %.
        reason: why the target is not kept, or what else to know; empty if nothing.
        target: false alarms per hour that were asked for; None in files that were written before it was kept.
        count, ranks, scores: of its normal frames' scores, as `Tail` keeps them, for p-values.
    """

    threshold: float = Field(allow_inf_nan=False)
    low: float | None
    high: float | None
    hours: float
    alarms: int
    at_most: float
    reason: str
    target: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    count: int
    ranks: tuple[int, ...]
    scores: tuple[float, ...]

    @property
    def tail(self) -> Tail:
        """For p-values of frames."""
        return Tail(self.count, self.ranks, self.scores)

    @property
    def promise(self) -> str:
        """What was asked for, and what the footage lets one believe, in words."""
        footage, bound = f"{self.hours:.3g} h of normal footage", f"at most {rate(self.at_most)} (95 %)"
        asked = f"{rate(self.target)} asked for, " if self.target is not None else ""
        if self.target is not None and self.target * self.hours < 1 - SLACK:
            return f"{asked}for which {footage} are too short: they promise {bound}"
        known = self.reason.partition(":")[0]
        return f"{asked}{footage} promise {bound}" + (f"; {known}" if known else "")


class Calibration(Section):
    """A calibration file.

    Args:
        format: raised whenever the meaning of a key changes.
        detector: of the model, for people.
        model: digest of the model it is for; thresholds mean nothing to another one.
        alarms: what an alarm is. How many false ones an hour may have is kept with each camera; the number in here is
            that of the camera calibrated last.
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


def rate(per_hour: float) -> str:
    """A rate as people say it: `1 false alarm a day`, `216 false alarms an hour`."""
    rare = list(TOLD)[-1]
    time = next((name for name, hours in TOLD.items() if per_hour * hours >= 1 - SLACK), rare)
    number = per_hour * TOLD[time]
    return f"{counted(f'{number:,.0f}' if number >= 100 else f'{number:.3g}', 'false alarm')} {time}"


def counted(number: str, what: str) -> str:
    """A number of things, of which one is `what`."""
    return f"{number} {what}{'' if number == '1' else 's'}"


def threshold_of(frames: pd.DataFrame, clips: pd.DataFrame, params: CalibrationParams) -> CameraThreshold:
    """Find one camera's threshold. Footage is cut where nothing was recorded; how its interval is found: `ends`.

    Args:
        frames: clip, frame, seed, smoothed, track and label 0 of normal footage of it, of one seed.
        clips: clip and fps.
        params: the target and what an alarm is.
    """
    cut = stretches(frames, clips)
    # Its own interval would draw recordings anew, of which there may be a single long one: it is not taken.
    found = calibrate(cut.frames, cut.clips, params, BootstrapParams(replicates=1))
    if found.joined is None:
        raise ParamsError(found.reason, fix=ANEW)
    told, between = asdict(found.joined.threshold), ends(cut, params)
    return CameraThreshold(
        threshold=told["value"],
        low=between[0] if between else None,
        high=between[1] if between else None,
        target=params.false_alarms_per_hour,
        **{name: told[name] for name in ("hours", "alarms", "at_most", "reason")},
        **asdict(found.joined.frames),
    )


def keep(path: Path, camera: str, found: CameraThreshold, model: Model, alarms: CalibrationParams) -> None:
    """Put a camera into a file. Other cameras in it stay, those too that were calibrated while this one was.

    Args:
        path: the file; made if need be.
        camera: name in the file; an earlier one of that name is replaced.
        found: its threshold.
        model: whose scores it is for.
        alarms: what an alarm is.

    Raises:
        ParamsError, ModelError: the file that is there by now is damaged, or of another model.
        StorageError: it cannot be written.
    """
    with alone(path.parent):
        before = Calibration.load(path, model).cameras if path.exists() else {}
        cameras = {**before, camera: found}
        Calibration(detector=model.origin, model=model.digest, alarms=alarms, cameras=cameras).save(path)
