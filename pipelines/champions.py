"""Which trained model is in use: MLflow's aliases `champion` and `challenger`, and the way back.

Per dataset and detector there is one registered model, `normotion-DATASET-DETECTOR`; each version is the model of one
logged run, that of the first seed. Figures that decide are of all seeds together.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pipelines.locks import log_lock
from pipelines.records import Record
from pipelines.tracking import KEY, Tracking
from stages.core.errors import PipelineError
from stages.core.paths import Project
from stages.core.progress import log

T = TypeVar("T")

CHAMPION = "champion"
CHALLENGER = "challenger"
BEFORE = "normotion.before"
"""Tag of a version: the champion it replaced."""
REJECTED = "normotion.rolled_back"
"""Tag of a version that a person took out of use: it is not promoted again."""


@dataclass(frozen=True)
class Version:
    """One version of a registered model.

    Args:
        number: as MLflow counts them, from 1.
        run: id of the MLflow run it is of.
        tags: its tags.
    """

    number: str
    run: str
    tags: dict[str, str]


class Champions:
    """The versions of one detector on one dataset; `pipelines.locks.log_lock` must be held while they change.

    Args:
        tracking: the project's experiment.
        dataset: its name.
        detector: its name.
    """

    def __init__(self, tracking: Tracking, dataset: str, detector: str) -> None:
        self.name = f"normotion-{dataset}-{detector}"
        self._tracking = tracking
        self._client = tracking.client

    def at(self, alias: str) -> Version | None:
        """The version an alias stands for; None where it stands for none."""
        from mlflow.exceptions import MlflowException

        try:
            found = self._client.get_model_version_by_alias(self.name, alias)
        except MlflowException as error:
            if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return None
            raise self._tracking.unavailable(error) from error
        return _version(found)

    def enter(self, run: Any) -> Version:
        """Make a run's model the challenger: its version, registered if it is not yet.

        Raises:
            PipelineError: the run has no model that MLflow loads.
        """
        return self._try(lambda: self._enter(run))

    def promote(self, version: Version) -> None:
        """Make a version the champion; it remembers whom it replaced."""
        self._try(lambda: self._promote(version))

    def rollback(self) -> tuple[Version, Version]:
        """Put the champion's predecessor in its place again; returns the one that goes and the one that comes.

        Raises:
            PipelineError: there is no champion, or it replaced none.
        """
        goes = self.at(CHAMPION)
        if goes is None:
            raise PipelineError(f"{self.name} has no champion", fix="`normotion retrain` makes the first one")
        if BEFORE not in goes.tags:
            raise PipelineError(f"version {goes.number} of {self.name} is the first champion: there is none before it")
        comes = self._try(lambda: _version(self._client.get_model_version(self.name, goes.tags[BEFORE])))
        self._try(lambda: self._client.set_model_version_tag(self.name, goes.number, REJECTED, "true"))
        self._try(lambda: self._client.set_registered_model_alias(self.name, CHAMPION, comes.number))
        return goes, comes

    def tags_of(self, version: Version) -> dict[str, str]:
        """Tags of the run that a version is of."""
        return dict(self._try(lambda: self._client.get_run(version.run)).data.tags)

    def file(self, version: Version, path: str, folder: Path) -> Path | None:
        """A file that was attached to a version's run, copied into `folder`; None where there is none."""
        from mlflow.exceptions import MlflowException

        try:
            return Path(self._client.download_artifacts(version.run, path, str(folder)))
        except (MlflowException, OSError):
            return None

    def _enter(self, run: Any) -> Version:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(self.name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        known = self._client.search_model_versions(f"name = '{self.name}'")
        found = next((version for version in known if version.run_id == run.info.run_id), None)
        if found is None:
            if not any(item.path == "pyfunc" for item in self._client.list_artifacts(run.info.run_id)):
                raise PipelineError(
                    f"{run.info.run_name} has no MLflow model attached", fix="the log of its logging says why"
                )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                source = f"{run.info.artifact_uri}/pyfunc"
                found = self._client.create_model_version(
                    self.name, source, run.info.run_id, tags={KEY: run.data.tags[KEY]}
                )
        self._client.set_registered_model_alias(self.name, CHALLENGER, found.version)
        return _version(found)

    def _promote(self, version: Version) -> None:
        before = self.at(CHAMPION)
        if before and before.number != version.number:
            self._client.set_model_version_tag(self.name, version.number, BEFORE, before.number)
        self._client.set_registered_model_alias(self.name, CHAMPION, version.number)
        self._client.delete_registered_model_alias(self.name, CHALLENGER)

    def _try(self, call: Callable[[], T]) -> T:
        """What `call` returns, with MLflow's errors as ours."""
        try:
            return call()
        except PipelineError:
            raise
        except Exception as error:
            raise self._tracking.unavailable(error) from error


def rollback(project: Project, dataset: str, detector: str) -> None:
    """Take the champion out of use and put its predecessor back: `normotion rollback`.

    Raises:
        PipelineError: there is none, or MLflow does not answer.
    """
    with log_lock(project):
        champions = Champions(Tracking(project), dataset, detector)
        goes, comes = champions.rollback()
    log.info("%s: version %s is champion again, version %s is out of use", champions.name, comes.number, goes.number)


def promote(project: Project, dataset: str, detector: str) -> None:
    """Make the challenger the champion whatever the figures say: `normotion promote`.

    Raises:
        PipelineError: there is no challenger, or MLflow does not answer.
    """
    with log_lock(project):
        champions = Champions(Tracking(project), dataset, detector)
        challenger = champions.at(CHALLENGER)
        if challenger is None:
            raise PipelineError(f"{champions.name} has no challenger", fix="`normotion retrain` makes one")
        champions.promote(challenger)
    log.info("%s: version %s is champion; `normotion rollback` takes it back", champions.name, challenger.number)


def first_seed(runs: list[tuple[Record, Any]]) -> dict[tuple[str, str], Any]:
    """By dataset and detector, MLflow's run of the first seed."""
    found: dict[tuple[str, str], Any] = {}
    for record, run in runs:
        found.setdefault((record.dataset, record.detector), run)
    return found


def _version(found: Any) -> Version:
    return Version(str(found.version), str(found.run_id), dict(found.tags or {}))
