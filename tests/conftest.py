"""What all tests share."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

# A shell starts what runs in its background with Ctrl-C ignored, and our children would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


LONGEST = "test_tiny_dag"
"""The file that takes longest: begun first, so that no process waits for it at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest file first; pytest itself sorts what it is told to collect."""
    items.sort(key=lambda item: LONGEST not in item.nodeid)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout under test."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Reference computations and data that stand beside a developer's checkout."""
    if not (SHARED / "oracles").is_dir():
        pytest.skip("no ../shared beside this checkout: reference computations are not checked")
    return SHARED


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """What a person reads while a stage works."""
    monkeypatch.setattr(logging.getLogger("normotion"), "propagate", True)
    caplog.set_level(logging.INFO, logger="normotion")
    return caplog


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium; skips where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api")
    from tests.pipelines.helpers import open_browser

    with sync_api.sync_playwright() as playwright:
        found = open_browser(playwright)
        yield found
        found.close()
