"""Tiny projects, one for each test, made by copying."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.environment import mlflow_settings, use
from stages.core.paths import Project
from tests.pipelines.helpers import call, make


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny project, never run."""
    return make(tmp_path_factory.mktemp("tiny") / "project").root


@pytest.fixture(scope="session")
def built_template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny project after `dvc repro`."""
    folder = tmp_path_factory.mktemp("built") / "project"
    shutil.copytree(template, folder)
    done = call(folder, "dvc", "repro", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Project:
    """A tiny project of one's own."""
    return Project(Path(shutil.copytree(template, tmp_path / "project")))


@pytest.fixture
def built(built_template: Path, tmp_path: Path) -> Project:
    """A tiny project of one's own, built."""
    return Project(Path(shutil.copytree(built_template, tmp_path / "project")))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs; making one takes seconds, copying it none."""
    use(mlflow_settings())
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}")
    return path


@pytest.fixture
def logged(built: Project, empty_database: Path) -> Project:
    """A tiny project, built, with a database to log to."""
    shutil.copy(empty_database, built.root / "mlflow.db")
    return built


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Servers and databases of the person who runs the tests stay out of them, and settings do not leak."""
    for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "PREFECT_HOME", "DVC_STAGE"):
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
