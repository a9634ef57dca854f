"""A camera watched live: `normotion watch SOURCE`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from pipelines.judges import judge_of, threshold_of, whole
from pipelines.stopping import until_stopped
from stages.core.paths import Project
from stages.core.progress import log
from stages.live.camera import QUEUE, Camera
from stages.live.judging import finder
from stages.live.sinks import JsonLines, Sink, Table
from stages.live.watch import Latency, Status, Watch
from stages.live.webhook import UNDELIVERED, Webhook

TERMINAL, LOG = 2.0, 10.0
"""Seconds between two lines of progress."""


def run(
    project: Project, source: str, detector: str | None = None, model: str | None = None,
    calibration: str | None = None, camera: str | None = None, threshold: str | None = None,
    jsonl: str | None = None, csv: str | None = None, webhook: str | None = None, undelivered: str = str(UNDELIVERED),
    every: str = "1", queue: str = str(QUEUE),
) -> None:  # fmt: skip
    """Watch a webcam or stream until SIGTERM or Ctrl-C, or a file to its end.

    Args:
        project: whose models may be named.
        source: a webcam's number, an RTSP or HTTP address, or a file.
        detector: see `judge_of`.
        model: see `judge_of`.
        calibration: a file of `normotion calibrate`.
        camera: which of its cameras.
        threshold: over which alarms ring, in place of a calibration.
        jsonl: file for alarms, a line of JSON each; `-`, which is what is done without any sink: standard output.
        csv: file for alarms, a row each.
        webhook: address to which alarms are posted as JSON.
        undelivered: file for what the webhook does not take.
        every: look for people in every n-th frame.
        queue: frames that may wait.

    Raises:
        VideoError: there is no such source, or a file broke off.
        ModelError, ParamsError, PipelineError: an argument does not fit.
        StorageError: a file cannot be written to.
    """
    step, room = whole(every, "every"), whole(queue, "queue")
    judge = judge_of(project, model, detector)
    chosen = threshold_of(judge, calibration, camera, threshold)
    log.info(f"alarms ring at scores above {chosen.threshold:.4g}: {chosen.origin}")
    find = finder(judge)
    eye = Camera(source, queue=room)
    try:
        sinks = _sinks(jsonl, csv, webhook, Path(undelivered))
    except BaseException:
        eye.stop()
        raise
    line = _Line(sys.stderr.isatty())
    watch = Watch(
        eye,
        judge,
        find,
        partial(chosen.alarms, judge),
        sinks,
        every=step,
        tell=line.show,
        tell_every=TERMINAL if line.terminal else LOG,
    )
    log.info(f"watching {eye.name}; end it with Ctrl-C or SIGTERM")
    with until_stopped() as stop:
        try:
            status = watch.run(stop)
        finally:
            line.end()
    log.info(f"ended after {told(status)}")


def told(status: Status) -> str:
    """A status in one line."""
    parts = [f"{status.frames} frames", f"{status.dropped} dropped"]
    parts += [f"{status.reconnects} reconnects"] if status.reconnects else []
    parts += [f"{status.people} people", "ALARM" if status.ringing else "quiet", f"{status.alarms} alarms before"]
    parts += ["BLIND: nobody can be scored"] if status.blind else []
    for name, latency in (("pose", status.pose), ("scoring", status.scoring), ("in all", status.total)):
        parts.append(f"{name} {_ms(latency)}")
    parts += [f"no frame for {status.silence:.0f} s"] if status.silence > 2 else []
    return ", ".join(parts)


def _ms(latency: Latency) -> str:
    if latency.median != latency.median:  # NaN
        return "unknown"
    return f"{latency.median * 1000:.0f} ms (95 %: {latency.most * 1000:.0f})"


class _Line:
    """A line that is drawn over itself on a terminal, and a log line elsewhere."""

    def __init__(self, terminal: bool) -> None:
        self.terminal = terminal
        self._drawn = False

    def show(self, status: Status) -> None:
        if not self.terminal:
            log.info(told(status))
            return
        sys.stderr.write(f"\r\x1b[K{told(status)}")
        sys.stderr.flush()
        self._drawn = True

    def end(self) -> None:
        if self._drawn:
            sys.stderr.write("\n")


def _sinks(jsonl: str | None, csv: str | None, webhook: str | None, undelivered: Path) -> tuple[Sink, ...]:
    found: list[Sink] = []
    if jsonl or not (csv or webhook):
        found.append(JsonLines(jsonl or "-"))
    if csv:
        found.append(Table(Path(csv)))
    if webhook:
        found.append(Webhook(webhook, undelivered=undelivered))
    return tuple(found)
