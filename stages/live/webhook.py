"""Alarms to a web address, in a thread of their own: a server that hangs delays no camera, and loses no alarm."""

from __future__ import annotations

import base64
import http.client
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import numpy as np

from stages.core.addresses import masked
from stages.core.errors import PipelineError, StorageError
from stages.core.progress import log
from stages.live.lines import Appended, demand_own, line
from stages.live.sinks import Alert

UNDELIVERED = Path("undelivered.jsonl")
"""Where messages are kept that the server did not take."""
WAITING = 1000
"""Messages that may wait; of more, the oldest go to the file of undelivered ones."""
TIMEOUT = 10.0
"""Seconds that a server may be silent."""
ATTEMPTS = 6
"""How often a message is sent before it is given up."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds before the first and before later attempts to send it again."""
GRACE = 5.0
"""Seconds after the end in which what waits may still be delivered."""
PASSING = {408, 425, 429}
"""Answers from 400 to 499 after which it is worth trying again; those from 500 on are too."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Following one turns POST into GET, and the alarm is lost while all looks well."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Webhook:
    """Posts each message as JSON.

    It is sent at least once: a server that answers too late gets it again. `id` and `state` tell that it is the same.

    Args:
        address: http or https; a name and password in it are sent as basic authorization.
        undelivered: file for what the server does not take: one message a line.
        timeout: seconds that the server may be silent.
        attempts: how often a message is sent.
        first_wait: seconds before it is sent again; doubles.
        waiting: messages that may wait.
        grace: seconds after the end in which what waits may still be delivered.

    Attributes:
        delivered: messages the server took.
        kept: messages written to the file.

    Raises:
        PipelineError: the address is none of http or https.
        StorageError: the file holds something else.
    """

    def __init__(
        self, address: str, *, undelivered: Path = UNDELIVERED, timeout: float = TIMEOUT, attempts: int = ATTEMPTS,
        first_wait: float = FIRST_WAIT, waiting: int = WAITING, grace: float = GRACE,
    ) -> None:  # fmt: skip
        self._address, self._headers = _split(address)
        self.name = "{0.scheme}://{0.netloc}".format(urlsplit(self._address))  # paths of webhooks hold their secret
        demand_own(undelivered)
        self._undelivered = undelivered
        self._timeout, self._attempts, self._first_wait, self._grace = timeout, attempts, first_wait, grace
        self._room = waiting
        self.delivered = self.kept = 0
        self._file: Appended | None = None
        self._waiting: deque[dict[str, Any]] = deque()  # the first is in work
        self._turn = threading.Condition()
        self._ending = threading.Event()
        self._done = False
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._jitter = np.random.default_rng()
        self._worker = threading.Thread(target=self._work, name="webhook", daemon=True)
        self._worker.start()

    def send(self, alert: Alert) -> None:
        """Queue it."""
        with self._turn:
            self._waiting.append(alert.message())
            if len(self._waiting) > self._room:
                self._keep(self._waiting.popleft(), "too many wait")  # it may be in work, and arrive all the same
            self._turn.notify_all()

    def close(self) -> None:
        """Deliver what can be delivered within seconds, keep the rest, and say so.

        Raises:
            StorageError: the rest cannot be written; the log has it.
        """
        with self._turn:
            self._ending.set()
            self._turn.notify_all()
            self._turn.wait_for(lambda: not self._waiting, self._grace)
            self._done = True
            while self._waiting:
                self._keep(self._waiting.popleft(), "the watch ended")
            self._turn.notify_all()
        if self.kept:
            log.warning(f"{self.kept} messages were not delivered to {self.name}; they are in {self._undelivered}")
        if self._file is not None:
            self._file.close()

    def _work(self) -> None:
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._waiting or self._ending.is_set())
                if not self._waiting or self._done:
                    return
                message = self._waiting[0]
            trouble = self._deliver(message)
            with self._turn:
                if not self._waiting or self._waiting[0] is not message:
                    continue  # kept meanwhile: too many waited, or the watch is over
                self._waiting.popleft()
                if trouble:
                    self._keep(message, trouble)
                else:
                    self.delivered += 1
                self._turn.notify_all()

    def _deliver(self, message: dict[str, Any]) -> str:
        """Send a message, again and again if need be; gives why that failed, or nothing."""
        wait, trouble = self._first_wait, ""
        for attempt in range(1, self._attempts + 1):
            trouble, again = self._post(message)
            if not trouble or not again:
                break
            if attempt < self._attempts:
                log.warning(f"{self.name}: {trouble}; tried again in {wait:.0f} s")
                if self._ending.wait(wait * float(self._jitter.uniform(0.75, 1.25))) and self._hurry():
                    break
                wait = min(2 * wait, LONGEST_WAIT)
        return trouble

    def _hurry(self) -> bool:
        """After the end, wait a little and not long; whether there is no time left at all."""
        time.sleep(min(self._first_wait, 0.5))
        return self._done

    def _post(self, message: dict[str, Any]) -> tuple[str, bool]:
        """Send a message once; gives why that failed, and whether it is worth trying again."""
        request = urllib.request.Request(self._address, line(message).encode(), self._headers, method="POST")  # noqa: S310 `_split` saw to it
        try:
            with self._opener.open(request, timeout=self._timeout):
                return "", False
        except urllib.error.HTTPError as error:
            error.close()
            if 300 <= error.code < 400:
                return f"it sends us elsewhere (HTTP {error.code}); name that address by --webhook", False
            return f"it answers HTTP {error.code}", error.code >= 500 or error.code in PASSING
        except (OSError, ValueError, http.client.HTTPException) as error:
            return f"it does not answer: {getattr(error, 'reason', None) or error}", True

    def _keep(self, message: dict[str, Any], why: str) -> None:
        """Write a message to the file of undelivered ones."""
        try:
            self._file = self._file or Appended(self._undelivered)
            self._file.add(line(message))
        except StorageError as error:
            log.error(f"{error.what}: {line(message).rstrip()}")  # the last place that is left
        self.kept += 1
        log.error(f"{self.name}: {why}; alarm {message['id']} ({message['state']}) is kept in {self._undelivered}")


def _split(address: str) -> tuple[str, dict[str, str]]:
    """An address without name and password, and the headers to send.

    Raises:
        PipelineError: it is none.
    """
    headers = {"Content-Type": "application/json", "User-Agent": "normotion"}
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise PipelineError(
            "this is no web address", where=f"--webhook {masked(address)}", fix="write one that begins with https://"
        )
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return urlunsplit((parts.scheme, host + port, parts.path, parts.query, "")), headers
