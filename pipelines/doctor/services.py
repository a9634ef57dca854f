"""MLflow's database, Prefect's runs, and the versions that work together."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator

from pipelines.doctor.finding import Finding
from stages.core.errors import NormotionError
from stages.core.paths import Project


def database(project: Project) -> Iterator[Finding]:
    """The MLflow database: of another version, or with runs that were never finished."""
    if not (project.root / "mlflow.db").is_file():
        return
    from pipelines.environment import mlflow_settings, use
    from pipelines.locks import log_lock

    use(mlflow_settings())
    from pipelines.tracking import Tracking, is_behind

    try:
        with log_lock(project):
            behind = is_behind(project.root / "mlflow.db")
            swept = Tracking(project).sweep()
    except NormotionError as error:
        yield Finding(error.what, fix=error.fix)
        return
    if behind:
        yield Finding("the MLflow database was of another version", done="migrated; mlflow.db.before-upgrade is a copy")
    if swept:
        yield Finding(f"{swept} MLflow runs were never finished", done="removed; `normotion log` writes them anew")


def pins(_: Project) -> Iterator[Finding]:
    """Installed versions against those that this project names: newer ones of some break Prefect in silence."""
    from packaging.requirements import Requirement

    for text in importlib.metadata.requires("normotion") or ():
        need = Requirement(text)
        try:
            found = importlib.metadata.version(need.name)
        except importlib.metadata.PackageNotFoundError:
            continue  # an extra that is not wanted here
        if not need.specifier.contains(found, prereleases=True):
            yield Finding(f"{need.name} {found} is installed, and {need} is needed", fix="make setup")
