"""Calibrated alarms: a threshold per camera from normal footage, and how its alarms fare in the test clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.core.params import dig
from stages.show.figures import DASH, Figure, number
from stages.show.palette import Style
from stages.show.views import Entry


@dataclass(frozen=True)
class Threshold:
    """A threshold of one detector for one camera.

    Args:
        detector: its name.
        style: colour and dash of its lines.
        camera: its name.
        value: the score above which there is an alarm, with its interval.
        hours: of normal footage it was taken from.
        alarms: raised in those hours.
        at_most: false alarms per hour that are to be expected at most.
        note: what else to know of it; empty if nothing.
    """

    detector: str
    style: Style
    camera: str
    value: Figure
    hours: str
    alarms: str
    at_most: str
    note: str


@dataclass(frozen=True)
class Alarms:
    """How a detector's alarms fare in the test clips.

    Args:
        detector: its name.
        style: colour and dash of its lines.
        precision: share of alarms that meet something labelled.
        recall: share of labelled events that were alarmed.
        delay: median time from the start of an event to its alarm.
        raised: alarms that are true, of all.
        found: labelled events that were found, of all.
        false: false alarms per camera-hour of normal test footage.
        counted: what that rests on: how many false alarms in how many hours; empty where there is nothing.
    """

    detector: str
    style: Style
    precision: str
    recall: str
    delay: str
    raised: str
    found: str
    false: str
    counted: str


@dataclass(frozen=True)
class Calibration:
    """What the page says of alarms on one dataset.

    Args:
        target: false alarms per camera-hour that were asked for; empty where nothing is calibrated.
        kept: how many thresholds cannot keep the target, and what they promise; empty where all can.
        thresholds: by detector and camera.
        alarms: by detector.
        reasons: why detectors are not calibrated.
    """

    target: str
    kept: str
    thresholds: tuple[Threshold, ...]
    alarms: tuple[Alarms, ...]
    reasons: tuple[str, ...]


def calibration(entries: Sequence[Entry]) -> Calibration:
    """Gather the calibrations of all runs on one dataset; metrics may hold none."""
    done = [entry for entry in entries if not _reason(entry.metrics)]
    targets = dict.fromkeys(f"{dig(entry.metrics, 'calibration.target'):g}" for entry in done)
    thresholds = [
        _threshold(entry, camera, found)
        for entry in done
        for camera, found in (dig(entry.metrics, "calibration.cameras") or {}).items()
    ]
    judged = [_alarms(entry, dig(entry.metrics, "calibration.events")) for entry in done]
    return Calibration(
        " or ".join(targets),
        _kept(done),
        tuple(thresholds),
        tuple(row for row in judged if row),
        _reasons(entries, done),
    )


def _kept(done: Sequence[Entry]) -> str:
    """A target of one alarm in more hours than there were cannot be kept, only neared."""
    every = [
        (found["hours"] * dig(entry.metrics, "calibration.target"), found["at_most"])
        for entry in done
        for found in (dig(entry.metrics, "calibration.cameras") or {}).values()
    ]
    least = [at_most for expected, at_most in every if expected < 1]
    if not least:
        return ""
    ends = dict.fromkeys((_short(min(least)), _short(max(least))))
    return (
        f"{len(least)} of {len(every)} thresholds rest on too little normal footage to keep that:"
        f" they promise no better than {' to '.join(ends)} false alarms per hour."
    )


def _reasons(entries: Sequence[Entry], done: Sequence[Entry]) -> tuple[str, ...]:
    """Each reason once; with the detectors it holds for, unless it holds for all."""
    why: dict[str, list[str]] = {}
    for entry in entries:
        if entry not in done:
            why.setdefault(_reason(entry.metrics), []).append(entry.detector)
    return tuple(why if not done and len(why) == 1 else (f"{', '.join(names)}: {said}" for said, names in why.items()))


def _reason(metrics: Mapping[str, Any]) -> str:
    found = dig(metrics, "calibration")
    return str(found["reason"]) if found else "the figures hold no calibration"


def _threshold(entry: Entry, camera: str, found: Mapping[str, Any]) -> Threshold:
    ends, alarms = found.get("interval"), found.get("alarms")
    pooled = "From all cameras joined, as this one has no normal footage." if found.get("pooled") else ""
    reason = str(found.get("reason") or "")
    return Threshold(
        detector=entry.detector,
        style=entry.style,
        camera=camera,
        value=Figure(_short(found.get("threshold")), interval="" if ends is None else f"{ends[0]:.3g}–{ends[1]:.3g}"),
        hours=_short(found.get("hours")),
        alarms=DASH if alarms is None else f"{alarms:g}",
        at_most=_short(found.get("at_most")),
        note=f"{pooled} {reason[:1].upper()}{reason[1:]}".strip(),
    )


def _alarms(entry: Entry, found: Mapping[str, Any] | None) -> Alarms | None:
    if not found:
        return None
    delay = found.get("delay_seconds")
    return Alarms(
        detector=entry.detector,
        style=entry.style,
        precision=number(found.get("precision")),
        recall=number(found.get("recall")),
        delay=DASH if delay is None else f"{delay:.1f} s",
        raised=f"{found['true']:g} of {found['events']:g}",
        found=f"{found['found']:g} of {found['labelled']:g}",
        false=_short(found.get("false_per_hour")),
        counted=f"{found['false']:g} in {_span(found['normal_hours'])}" if found.get("normal_hours") else "",
    )


def _span(hours: float) -> str:
    return f"{_short(hours)} h" if hours >= 1 else f"{_short(60 * hours)} min"


def _short(value: float | None) -> str:
    """Three digits that count, all of them before the point, or a dash for None."""
    if value is None:
        return DASH
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"
