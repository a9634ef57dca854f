"""Alarms to send."""

from __future__ import annotations

from datetime import UTC, datetime

from stages.live.judged import Event, Judged
from stages.live.sinks import Alert

BEGAN = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def over(number: int = 1, *, began: datetime | None = BEGAN, track: int | None = 7) -> Alert:
    event = Event(
        start_frame=100, end_frame=119, start_seconds=10.0, end_seconds=12.0, peak_frame=110, peak_score=1 / 3,
        threshold=0.25, track=track, p=0.001,
    )  # fmt: skip
    return Alert(f"w-{number}", "rtsp://me:***@camera/1", began, event=event)


def rings(number: int = 1) -> Alert:
    judged = Judged(105, 10.5, (), 0.3, 0.28, 7)
    return Alert(f"w-{number}", "rtsp://me:***@camera/1", BEGAN, judged=judged, threshold=0.25)
