"""A camera watched until it is told to stop: frames, people, scores, alarms, and how long each of them took."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from stages.core.errors import ModelError, NormotionError
from stages.core.progress import log
from stages.live.alarms import Alarms
from stages.live.camera import Camera, Stretch
from stages.live.engine import LONGEST_GAP, Engine
from stages.live.judged import Event, Judged
from stages.live.looking import Blind, Looked, Lookers
from stages.live.model import Model
from stages.live.sinks import Alert, Sink, Sinks
from stages.pose.base import Estimator
from stages.pose.parallel import cores

KEPT = 2000
"""Latest frames over which latencies are told."""
TURN = 0.2
"""Seconds after which a loop without frames looks round."""


@dataclass(frozen=True)
class Latency:
    """Seconds that something took over the latest frames.

    Args:
        median: of them; NaN before the first.
        most: what 95 % of them took at most.
    """

    median: float
    most: float


@dataclass(frozen=True)
class Status:
    """How a watch goes.

    Args:
        frames: that came from the source.
        looked: in which people were looked for.
        dropped: that nobody had time for.
        reconnects: how often the source was opened again.
        silence: seconds since a frame came.
        people: followed in the latest frame that is judged.
        windows: scored, of the latest stretch.
        alarms: that are over.
        ringing: whether one rings.
        delay: seconds from a frame to its judgement that windows and smoothing take, whatever the machine.
        pose: finding the people of a frame.
        scoring: following and scoring them.
        total: from the frame's arrival until all that could be judged with it was.
        blind: whether nobody can be scored, so that no alarm can ring.
    """

    frames: int
    looked: int
    dropped: int
    reconnects: int
    silence: float
    people: int
    windows: int
    alarms: int
    ringing: bool
    delay: float
    pose: Latency
    scoring: Latency
    total: Latency
    blind: bool = False


class _Times:
    """The latest of a series of durations."""

    def __init__(self) -> None:
        self._kept: deque[float] = deque(maxlen=KEPT)

    def add(self, seconds: float) -> None:
        self._kept.append(seconds)

    def told(self) -> Latency:
        if not self._kept:
            return Latency(float("nan"), float("nan"))
        return Latency(*(float(each) for each in np.percentile(self._kept, [50, 95])))


class Watch:
    """Judges one camera.

    Tracks and windows go on over a reconnection that is short enough for them, since frames are numbered by time. After
    10 s without a frame all that is known is judged and an alarm that rings ends; so it does when the frames take
    another size. Frames of a rate at which no window gets complete are refused when they are the first; a camera that
    comes back with such a rate is waited for, since it may change again.

    Args:
        camera: where frames come from; the watch stops it.
        model: judges.
        find: finds people.
        alarms: makes the alarms of a stretch, from its frames per second.
        sinks: where alarms go; the watch closes them. One that fails is left out, and fails the watch in the end.
        every: look for people in every n-th frame.
        threads: frames in work at once; None: as many as there are cores.
        tell: is called with the status now and then.
        tell_every: seconds between.
    """

    def __init__(
        self, camera: Camera, model: Model, find: Estimator, alarms: Callable[[float], Alarms],
        sinks: tuple[Sink, ...], *, every: int = 1, threads: int | None = None,
        tell: Callable[[Status], None] | None = None, tell_every: float = 2.0,
    ) -> None:  # fmt: skip
        self._camera, self._model, self._find, self._new_alarms = camera, model, find, alarms
        self._sinks = Sinks(sinks)
        self._every, self._threads = every, threads or cores()
        self._tell, self._tell_every = tell, tell_every
        # By the time, so that ids can be sorted; watches that one command starts share the second.
        self._begun = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        card = model.card  # weak people continue tracks and begin none: they alone are no visit
        self._strong = card.people.strong if card.track.strong is None else card.track.strong
        self._stretch: Stretch | None = None
        self._engine: Engine | None = None
        self._alarms: Alarms | None = None
        self._number = self._over = self._looked = self._people = 0
        self._rings = self._quiet = False
        self._blind: Blind | None = None
        self._pose, self._scoring, self._total = _Times(), _Times(), _Times()

    def run(self, stop: threading.Event) -> Status:
        """Watch until the source is over or `stop` is set; alarms that ring are then ended and told.

        Raises:
            VideoError: a file broke off; what came before was judged.
            ModelError: people are looked for too seldom for the model's windows.
            StorageError: alarms could not be written.
            Exception: what finding people raised.
        """
        lookers = Lookers(self._camera, self._find, threads=self._threads, every=self._every)
        told = time.monotonic()
        try:
            while not stop.is_set() and not lookers.over:
                looked = lookers.next(TURN)
                if looked is not None:
                    self._see(looked)
                elif self._camera.silence > LONGEST_GAP:
                    self._pause()
                if self._tell is not None and time.monotonic() - told > self._tell_every:
                    told = time.monotonic()
                    self._tell(self.status())
        finally:
            troubles = self._end(lookers)
        troubles += [self._camera.trouble] if self._camera.trouble is not None and not stop.is_set() else []
        for trouble in troubles[1:]:
            log.error(str(trouble))
        if troubles:
            raise troubles[0]
        return self.status()

    def status(self) -> Status:
        """How it goes."""
        camera, engine, alarms = self._camera, self._engine, self._alarms
        return Status(
            frames=camera.seen, looked=self._looked, dropped=camera.dropped, reconnects=camera.reconnects,
            silence=camera.silence, people=self._people, windows=engine.windows if engine else 0,
            alarms=self._over, ringing=alarms is not None and alarms.ringing, delay=engine.delay if engine else 0.0,
            pose=self._pose.told(), scoring=self._scoring.told(), total=self._total.told(),
            blind=self._stretch is not None and (self._blind is None or self._blind.now),
        )  # fmt: skip

    def _end(self, lookers: Lookers) -> list[NormotionError]:
        """Stop everybody, whatever happened; gives what the sinks could not do."""
        try:
            self._camera.stop()
            lookers.stop()
            self._pause()
        finally:
            troubles = self._sinks.close()
        return troubles

    def _see(self, looked: Looked) -> None:
        """Judge with a frame what can be judged."""
        shot, begun = looked.shot, time.perf_counter()
        if shot.stretch is not self._stretch:
            self._begin(shot.stretch)
        self._looked += 1
        self._pose.add(looked.seconds)
        if self._engine is None or self._blind is None:
            return
        self._quiet = False
        for judged in self._engine.see(shot.number, looked.people):
            self._judge(judged)
        strong = int((looked.people.scores >= self._strong).sum())
        self._blind.look(shot.number / shot.stretch.fps, strong, self._engine.windows)
        self._scoring.add(time.perf_counter() - begun)
        self._total.add(time.monotonic() - shot.came)

    def _begin(self, stretch: Stretch) -> None:
        """Start anew with frames of another size or rate."""
        if self._stretch is not None:
            before, now = self._stretch, stretch
            log.warning(
                f"{self._camera.name}: from {before.size[0]} × {before.size[1]} at {before.fps:g}/s to {now.size[0]} × "
                f"{now.size[1]} at {now.fps:g}/s: tracks and frame numbers begin anew"
            )
            self._pause()
        first, self._stretch = self._stretch is None, stretch
        self._engine = self._alarms = self._blind = None
        try:
            self._engine = Engine(self._model, fps=stretch.fps, size=stretch.size, every=self._every)
        except ModelError as error:
            if first:
                raise
            log.error(
                f"{self._camera.name}: {error.what}: nobody can be scored, and no alarm rings, until the camera comes "
                "back with more frames"
            )
            return
        self._blind = Blind(self._camera.name, self._model.card.window, stretch.fps)
        self._alarms = self._new_alarms(stretch.fps)

    def _pause(self) -> None:
        """Judge what is known and end what rings: no frame came for long, or none will."""
        if self._quiet or self._engine is None or self._alarms is None:
            return
        self._quiet = True
        for judged in self._engine.finish():
            self._judge(judged)
        for event in self._alarms.finish():
            self._send(event)
        self._rings, self._people = False, 0

    def _judge(self, judged: Judged) -> None:
        """Ring, or stop ringing."""
        alarms = self._alarms
        if alarms is None:
            return
        self._people = len(judged.people)
        for event in alarms.see(judged):
            self._send(event)
            self._rings = False
        if alarms.ringing and not self._rings:
            self._rings = True
            self._number += 1
            self._send(judged)

    def _send(self, what: Event | Judged) -> None:
        """Tell every sink of an alarm that begins to ring, or is over."""
        began = self._stretch.began if self._stretch else None
        name = f"{self._begun}-{self._number:06d}"
        if isinstance(what, Event):
            self._over += 1
            alert = Alert(name, self._camera.name, began, event=what)
        else:
            threshold = self._alarms.threshold if self._alarms else 0.0
            alert = Alert(name, self._camera.name, began, judged=what, threshold=threshold)
        self._sinks.send(alert)
