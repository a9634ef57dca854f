"""The score at which an alarm should ring, from normal footage alone and per camera, stated as false alarms per hour.

Counted are alarms, not frames: one person who strays for a minute is one false alarm. The threshold is the lowest at
which, and above which, normal footage gives few enough of them. It is taken from the footage it is counted on, so the
(k + 1)-th alarm is what stops it: if k ring in h hours, new footage like it gives (k + 1) / h per hour on average. The
threshold therefore lets k + 1 be at most target × h. That rate, as a random number, follows a gamma distribution with
k + 1 alarms in h hours; its upper bound is the exact one of Garwood, "Fiducial Limits for the Poisson Distribution",
1936, and 3 / h, the rule of three, where k is 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from stages.core.params import Section
from stages.core.progress import log
from stages.evaluation.alarms import SLACK, Bools, Floats, Rises, levels, lowest, rises
from stages.evaluation.conformal import Tail
from stages.evaluation.footage import Footage, footage
from stages.evaluation.uncertainty import BootstrapParams, draw, interval


class CalibrationParams(Section):
    """When an alarm rings.

    Args:
        false_alarms_per_hour: how many alarms an hour of one camera's normal footage may give on average. Lower needs
            longer normal footage: a rate of r takes more than 1 / r hours.
        merge_seconds: alarms less than this apart are one. Larger rings less often for longer.
        least_seconds: an alarm shorter than this, short gaps filled, is none. Larger misses short events.
    """

    false_alarms_per_hour: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    merge_seconds: float = Field(default=2.0, ge=0, allow_inf_nan=False)
    least_seconds: float = Field(default=0.5, ge=0, allow_inf_nan=False)


@dataclass(frozen=True)
class Threshold:
    """Where alarms begin: at scores above `value`.

    Args:
        value: in the unit of the scores.
        hours: of normal footage it was found on.
        alarms: that ring in that footage.
        at_most: false alarms per hour that it gives at most, with the confidence of the bootstrap.
        interval: of `value`, by drawing the camera's clips anew; None where that tells nothing.
        reason: why the target is not kept, or what else to know; empty if nothing.
    """

    value: float
    hours: float
    alarms: int
    at_most: float
    interval: tuple[float, float] | None
    reason: str


@dataclass(frozen=True)
class Camera:
    """What normal footage says about one camera.

    Args:
        threshold: where alarms begin.
        frames: scores of its normal frames.
        clips: highest score of each of its normal clips.
    """

    threshold: Threshold
    frames: Tail
    clips: Tail


@dataclass(frozen=True)
class Calibration:
    """Thresholds and p-values for the scores of one detector.

    Args:
        params: what was asked for.
        cameras: by name, those with normal footage.
        joined: of all cameras together, for those without; None where there is no normal footage at all.
        reason: why there is none; empty otherwise.
    """

    params: CalibrationParams
    cameras: Mapping[str, Camera]
    joined: Camera | None
    reason: str = ""

    def of(self, camera: str) -> Camera | None:
        """A camera's own calibration, or that of all cameras joined, or None."""
        return self.cameras.get(camera, self.joined)

    def summary(self, cameras: Iterable[str]) -> dict[str, Any]:
        """Target, reason and, per camera asked for, its threshold and `pooled`: whether it is that of all joined."""
        found = {camera: self.of(camera) for camera in sorted(cameras)}
        rows = {
            name: {**asdict(camera.threshold), "pooled": name not in self.cameras}
            for name, camera in found.items()
            if camera is not None
        }
        for row in rows.values():
            row["threshold"] = row.pop("value")
        return {"target": self.params.false_alarms_per_hour, "reason": self.reason, "cameras": rows}


def calibrate(
    frames: pd.DataFrame, clips: pd.DataFrame, params: CalibrationParams, bootstrap: BootstrapParams
) -> Calibration:
    """Find each camera's threshold on normal footage.

    Args:
        frames: rows of FRAME_SCORES of footage that no figure is taken from. Frames not labelled 0 are left out.
        clips: clip, camera, fps of at least its clips.
        params: the target and what an alarm is.
        bootstrap: for the intervals of thresholds, and the confidence of bounds.

    Returns:
        Without a normal frame: no camera, and the reason.

    Raises:
        ScoreError, DatasetError: as `footage`.
    """
    found = footage(frames, clips)
    normal = found.label == 0
    if not normal.any():
        return Calibration(params, {}, None, "there is no normal footage to calibrate on")
    if not normal.all():
        log.info("%d of %d frames to calibrate on are not labelled normal: left out", (~normal).sum(), len(normal))
    material = _material(found, normal, params)
    cameras = {
        str(name): _calibrated(material, material.usable & (found.camera == name), params, bootstrap)
        for name in sorted(set(found.camera[material.usable]))
    }
    return Calibration(params, cameras, _calibrated(material, material.usable, params, bootstrap))


class _Material(NamedTuple):
    """Normal footage of all cameras: frames `(N,)`, alarms, and the same where nothing is merged or too short."""

    found: Footage
    normal: Bools
    hours: Floats
    alarms: Rises
    stretches: Rises

    @property
    def usable(self) -> Bools:
        """Clips with normal frames, `(clips,)`."""
        return np.asarray(self.hours > 0)

    def alarms_of(self, chosen: Bools) -> Rises:
        """Alarms of the clips `chosen`, `(clips,)`; plain stretches where every clip is shorter than an alarm."""
        own = self.alarms.of(chosen)
        return own if len(own.clip) else self.stretches.of(chosen)


def _material(found: Footage, normal: Bools, params: CalibrationParams) -> _Material:
    scores = np.where(normal, found.score, -np.inf)
    level = levels(scores, found, params.merge_seconds, params.least_seconds)
    return _Material(found, normal, found.hours(normal), rises(level, found.clip), rises(scores, found.clip))


def _calibrated(material: _Material, chosen: Bools, params: CalibrationParams, bootstrap: BootstrapParams) -> Camera:
    """The clips `chosen`, `(clips,)`, as one camera."""
    found, frames = material.found, material.normal & chosen[material.found.clip]
    highest = np.full(len(chosen), -np.inf)
    np.maximum.at(highest, found.clip[frames], found.score[frames])
    threshold = _threshold(material, chosen, params.false_alarms_per_hour, bootstrap)
    return Camera(threshold, Tail.of(found.score[frames]), Tail.of(highest[chosen]))


def _threshold(material: _Material, chosen: Bools, target: float, bootstrap: BootstrapParams) -> Threshold:
    from scipy.special import gammaincinv

    alarms, hours = material.alarms_of(chosen), float(material.hours[chosen].sum())
    value, ringing, crossed = lowest(alarms, chosen[None].astype(float), _allowed(np.array([target * hours])))
    at_most = float(gammaincinv(ringing[0] + 1, bootstrap.confidence) / hours)
    short = target * hours < 1 - SLACK
    reason = ""
    if short:
        promised = f"{at_most:,.0f}" if at_most >= 100 else f"{at_most:.2g}"
        reason = (
            f"{hours:.2g} h of normal footage are too short for a target of {target:g} per hour: the threshold is the "
            f"lowest without a false alarm, which promises at most {promised} per hour"
        )
    elif not crossed[0]:
        reason = f"normal footage never gives that many alarms: {ringing[0]} ring in {hours:.2g} h"
    # Drawn anew, a highest score is never exceeded: how much higher it could be, its replicates do not tell.
    few = chosen.sum() < bootstrap.least_clips
    ends = None if short or few else _ends(material, chosen, target, bootstrap)
    return Threshold(float(value[0]), hours, int(ringing[0]), at_most, ends, reason)


def _ends(material: _Material, chosen: Bools, target: float, bootstrap: BootstrapParams) -> tuple[float, float] | None:
    """Interval of the threshold, by drawing the chosen clips anew."""
    weights = np.zeros((bootstrap.replicates, len(chosen)))
    weights[:, chosen] = draw(material.found.clips["clip"][chosen].tolist(), bootstrap)
    drawn, _, _ = lowest(material.alarms_of(chosen), weights, _allowed(target * (weights @ material.hours)))
    return interval(drawn, int(chosen.sum()), bootstrap)


def _allowed(expected: Floats) -> Floats:
    """Alarms that may ring where the target allows `expected`, `(B,)`: one less, as the next one sets the threshold."""
    return np.asarray(np.maximum(np.floor(expected + SLACK) - 1, 0))
