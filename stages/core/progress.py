"""What a person sees while a stage works: log lines, and bars with a count, a rate and the time left."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

log = logging.getLogger("normotion")


def set_up_logging(verbose: bool = False) -> None:
    """Send log lines to standard error, one clear line each. Called once by a command, never by the library."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.handlers[:] = [handler]
    log.setLevel(logging.DEBUG if verbose else logging.INFO)
    log.propagate = False


def bar(items: Iterable[T], *, what: str, total: int | None = None, unit: str = "it") -> Iterator[T]:
    """Yield `items` behind a progress bar: label, count, rate and time left.

    On a terminal the bar redraws itself; in a log file it prints one line at most every ten seconds.
    """
    terminal = sys.stderr.isatty()
    return iter(
        tqdm(
            items,
            desc=what,
            total=total,
            unit=unit,
            mininterval=0.2 if terminal else 10.0,
            maxinterval=1.0 if terminal else 30.0,
            ascii=not terminal,
            dynamic_ncols=terminal,
            leave=True,
        )
    )
