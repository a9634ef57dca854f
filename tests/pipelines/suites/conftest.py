"""A pretending project per test, and suites that are not logged unless a test wants them to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.suites import suite
from pipelines.suites.registry import SUITES
from stages.core.paths import Project
from tests.pipelines.suites import toy


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setitem(SUITES, "toy", toy.TOY)
    return toy.make(tmp_path / "project")


@pytest.fixture
def unlogged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "log_outcomes", lambda *_: None)
