"""The project's experiment in MLflow: opened safely, searched by key, written whole or not at all."""

from __future__ import annotations

import contextlib
import logging
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines import view
from pipelines.environment import HOST, mlflow_settings, require, tool_environment, tracking_uri, use
from pipelines.records import Record
from stages.core.errors import PipelineError
from stages.core.params import load_section
from stages.core.paths import Project
from stages.core.pipelines_params import PipelinesParams
from stages.core.progress import log

EXPERIMENT = "normotion"
COARSE = "normotion-coarse"
"""The experiment of the coarse-grained protocol, whose figures are not to be compared with the others."""
KEY = "normotion.key"
"""The tag that makes logging idempotent; set last, so that only a whole run carries it."""
PENDING = "normotion.pending"
"""The tag of a run that is being written."""
BATCH = 1000
"""Metric values that MLflow takes in one call."""


class UnavailableError(PipelineError):
    """MLflow does not answer, or refuses: the data are complete all the same."""


def home(uri: str, project: Project) -> Path:
    """Folder whose `mlartifacts` holds the runs' files: that of a local database, which another project may lend."""
    local = uri.removeprefix("sqlite:///")
    return Path(local).parent if local != uri and Path(local).is_absolute() else project.root


class Tracking:
    """The experiment of one project; `pipelines.locks.log_lock` must be held while it is opened and written to.

    Args:
        project: where. A local database is created, or migrated after a copy was made.
        name: of the experiment.

    Attributes:
        uri: where the runs are.
        client: MLflow's own, for what is not said here.
        experiment: its id.

    Raises:
        PipelineError: MLflow is not installed, or the database belongs to another folder.
        UnavailableError: MLflow does not answer.
    """

    def __init__(self, project: Project, name: str = EXPERIMENT) -> None:
        require("mlflow", "tracking")
        self._name = name
        params = load_section(project, "pipelines", PipelinesParams)
        use(mlflow_settings(params.mlflow_timeout))
        logging.getLogger("alembic").setLevel(logging.WARNING)
        self.uri = tracking_uri(project)
        self.artifacts = (home(self.uri, project) / "mlartifacts").as_uri()
        try:
            self.client = _open(self.uri, project)
            self.experiment = self._experiment()
            self._set_view()
        except Exception as error:
            raise self.unavailable(error) from error

    def find(self, key: str) -> Any | None:
        """The finished run with this key, as MLflow's `Run`, or None."""
        found = self.client.search_runs([self.experiment], f"tags.`{KEY}` = '{key}'", max_results=1)
        return found[0] if found else None

    def write(self, record: Record, tags: Mapping[str, str], artifacts: Sequence[tuple[Path, str]]) -> Any:
        """Write one run whole; one that fails in the middle is removed again.

        Args:
            record: what to log.
            tags: beside those of the record.
            artifacts: files and folders, and the folder of the run each goes into ("" is its top).

        Returns:
            MLflow's `Run`.

        Raises:
            UnavailableError: MLflow refused or does not answer.
        """
        run_id = ""
        try:
            run_id = self.client.create_run(
                self.experiment, tags={**tags, PENDING: record.key}, run_name=record.name
            ).info.run_id
            self._fill(run_id, record, artifacts)
            self.client.set_terminated(run_id)
            self.client.set_tag(run_id, KEY, record.key)
            self.client.delete_tag(run_id, PENDING)
            return self.client.get_run(run_id)
        except BaseException as error:
            self._remove(run_id)
            if isinstance(error, PipelineError) or not isinstance(error, Exception):
                raise
            raise self.unavailable(error) from error

    def sweep(self) -> int:
        """Remove runs whose writer was killed in the middle; returns how many there were."""
        found = self.client.search_runs([self.experiment], f"tags.`{PENDING}` != ''")
        broken = [run.info.run_id for run in found if KEY not in run.data.tags]
        for run_id in broken:
            self._remove(run_id)
        return len(broken)

    def compare_url(self, base: str, run_ids: Sequence[str]) -> str:
        """Address of MLflow's page that compares these runs side by side."""
        import json
        from urllib.parse import quote

        runs, experiments = (
            quote(json.dumps(ids, separators=(",", ":"))) for ids in (list(run_ids), [self.experiment])
        )
        return f"{base}/#/compare-runs?runs={runs}&experiments={experiments}"

    def _fill(self, run_id: str, record: Record, artifacts: Sequence[tuple[Path, str]]) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag, Param

        self.client.log_batch(run_id, params=[Param(name, value) for name, value in record.params.items()])
        metrics = list(_metrics(record))
        for start in range(0, len(metrics), BATCH):
            self.client.log_batch(run_id, metrics=metrics[start : start + BATCH])
        data = Dataset(record.dataset, record.data[:36], "local", f"data/normalized/{record.dataset}")
        self.client.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])
        for path, folder in artifacts:
            save = self.client.log_artifacts if path.is_dir() else self.client.log_artifact
            save(run_id, str(path), folder or None)

    def _experiment(self) -> str:
        """Its id; made on first use with an artifact folder in the project, wherever the command is called from."""
        found = self.client.get_experiment_by_name(self._name)
        if found is None:
            local = self.artifacts if self.uri.startswith("sqlite:") else None
            return str(self.client.create_experiment(self._name, artifact_location=local))
        if self.uri.startswith("sqlite:") and found.artifact_location != self.artifacts:
            raise PipelineError(
                f"the MLflow database keeps its files in {found.artifact_location}, not in this project",
                where=self.uri,
                fix="move the project back, or put mlflow.db and mlartifacts aside and log anew: `normotion log`",
            )
        return str(found.experiment_id)

    def _set_view(self) -> None:
        """Let MLflow's page show what is compared; where it shows it already, nothing is written."""
        found = self.client.get_experiment(self.experiment).tags
        for name, value in view.tags(view.COARSE if self._name == COARSE else view.COLUMNS).items():
            if found.get(name) != value:
                self.client.set_experiment_tag(self.experiment, name, value)

    def _remove(self, run_id: str) -> None:
        """Take a half-written run out of sight; the error that led here matters more than one that arises now."""
        try:
            if run_id:
                self.client.delete_run(run_id)
        except Exception as error:  # noqa: BLE001 MLflow raises what its backends raise
            log.warning("an unfinished MLflow run could not be removed: %s (%s)", run_id, error)

    def unavailable(self, error: Exception) -> PipelineError:
        """What to raise where MLflow raised this."""
        if isinstance(error, PipelineError):
            return error
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        return UnavailableError(
            f"MLflow could not be used: {reason}",
            where=self.uri,
            fix="the data are complete; when MLflow answers again, `normotion log` catches up",
        )


def run_url(base: str, run: Any) -> str:
    """Address of one run's page."""
    return f"{base}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"


def base_url(port: int) -> str:
    """Where `normotion mlflow` shows the runs."""
    return f"http://{HOST}:{port}"


def _open(uri: str, project: Project) -> Any:
    """A client whose database exists and is of this MLflow's schema."""
    from mlflow import MlflowClient

    database = Path(uri.removeprefix("sqlite:///"))
    if uri.startswith("sqlite:///") and database.is_file() and is_behind(database):
        _migrate(uri, database, project)
    return MlflowClient(uri)


def is_behind(database: Path) -> bool:
    """Whether another MLflow made the database. MLflow itself migrates some such databases unasked, without a copy."""
    from mlflow.store.db import utils

    newest: Callable[[], str] = utils._get_latest_schema_revision
    with contextlib.closing(sqlite3.connect(database)) as connection:
        tables = connection.execute("select name from sqlite_master where name = 'alembic_version'").fetchall()
        found = connection.execute("select version_num from alembic_version").fetchall() if tables else []
    return bool(found) and found != [(newest(),)]


def _migrate(uri: str, database: Path, project: Project) -> None:
    """Bring the database up to date, after a copy of it was made."""
    copy = database.with_name(f"{database.name}.before-upgrade")
    shutil.copy2(database, copy)
    log.info("the MLflow database is of another version; migrating it (copy kept as %s)", copy.name)
    command = [sys.executable, "-m", "mlflow", "db", "upgrade", uri]
    done = subprocess.run(
        command, cwd=project.root, env=tool_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise PipelineError(
            "the MLflow database could not be migrated",
            where="\n".join(done.stderr.splitlines()[-5:]),
            fix=f"put {copy.name} back and install the MLflow that wrote it",
        )


def _metrics(record: Record) -> Iterator[Any]:
    """Figures, then curves with the epoch, counted from 1, as their step."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    for name, value in record.metrics.items():
        yield Metric(name, value, now, 0)
    for name, curve in record.curves.items():
        for epoch, value in enumerate(curve, start=1):
            yield Metric(name, float(value), now, epoch)
