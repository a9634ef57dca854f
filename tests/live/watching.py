"""Watches of made-up cameras, and a sink that keeps what they tell."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stages.core.errors import StorageError
from stages.live.alarms import Alarms
from stages.live.sinks import Alert
from stages.live.watch import Status, Watch
from stages.pose.base import Image, People
from tests.live.films import Film, Finder, as_camera
from tests.live.people import model

THRESHOLD, SHAKES = 0.12, 0.3
"""In tests.live.people.Restless' unit: between people who walk (at most 0.07) and who shake, and of who shakes."""
SHAKING = range(60, 80)


def alarms(fps: float, threshold: float = THRESHOLD) -> Alarms:
    return Alarms(threshold, merge_seconds=2.0, least_seconds=0.5, fps=fps)


@dataclass
class Kept:
    """A sink that keeps what it gets."""

    alerts: list[Alert] = field(default_factory=list)
    name: str = "kept"
    closed: int = 0
    trouble: StorageError | None = None
    on_send: Callable[[Alert], None] = lambda _: None

    def send(self, alert: Alert) -> None:
        self.alerts.append(alert)
        self.on_send(alert)

    def close(self) -> None:
        self.closed += 1
        if self.trouble:
            raise self.trouble

    @property
    def states(self) -> list[str]:
        return [alert.state for alert in self.alerts]


def watch(
    *films: Film, find: Callable[[Image], People] | None = None, sink: Kept | None = None, every: int = 1
) -> tuple[Watch, Kept]:
    """A watch of films; its camera's queue holds all of them, so that nothing is lost."""
    sink = sink or Kept()
    looks: Any = find or Finder(SHAKING)
    return Watch(as_camera(*films, queue=1000), model(), looks, alarms, (sink,), every=every, threads=2), sink


def wait(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


def run_until(watched: Watch, stop: threading.Event, true: Callable[[Status], bool]) -> Status:
    """Run a watch of a camera that never ends until its status is right."""
    found: list[Status] = []
    runner = threading.Thread(target=lambda: found.append(watched.run(stop)))
    runner.start()
    wait(lambda: true(watched.status()))
    stop.set()
    runner.join(20)
    return found[0]
