"""Every run reaches MLflow once, whole, with what it came from; and an MLflow that is down costs no data."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pipelines import lineage, log_runs, registry
from pipelines.tracking import EXPERIMENT, KEY, PENDING, Tracking
from stages.core.errors import ModelError, PipelineError
from stages.core.paths import Project
from tests.pipelines.helpers import ROOT, free_port, open_browser


def runs(project: Project) -> list[Any]:
    """All finished runs of a project, as MLflow gives them."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{project.root / 'mlflow.db'}")
    found: Any = client.get_experiment_by_name(EXPERIMENT)
    return list(client.search_runs([found.experiment_id]))


def test_a_run_holds_figures_curves_params_tags_and_files(logged: Project) -> None:
    log_runs.run(logged)
    found = {run.info.run_name: run for run in runs(logged)}
    assert set(found) == {"street/near/seed-0", "street/far/seed-0"}
    near = found["street/near/seed-0"]
    assert near.info.status == "FINISHED"
    assert near.data.metrics["smoothed/auc"] == 0.75
    assert near.data.params["detectors.near.k"] == "5"
    assert {"dataset": "street", "detector": "near", "seed": "0"}.items() <= near.data.tags.items()
    assert near.data.tags["git.dirty"] == "false"
    assert len(near.data.tags["git.commit"]) == 40
    assert len(near.data.tags["dvc.lock.sha256"]) == 64
    assert PENDING not in near.data.tags
    assert near.inputs.dataset_inputs[0].dataset.name == "street"
    files = Path(near.info.artifact_uri.removeprefix("file://"))
    assert files.is_relative_to(logged.root / "mlartifacts")
    kept = {str(path.relative_to(files)) for path in files.rglob("*") if path.is_file()}
    assert kept == {"dvc.lock", "dvc.yaml", "params.yaml", "metrics/near.json", "model/fit.json"}


def test_a_runs_model_is_attached_as_mlflow_loads_it(
    logged: Project, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    def save(_: Project, dataset: str, detector: str, seed: int, path: Path) -> None:
        if detector == "far":
            raise ModelError("far is too far")
        path.mkdir()
        (path / "MLmodel").write_text(f"{dataset} {detector} {seed}")

    monkeypatch.setattr(registry, "save_pyfunc", save)
    log_runs.run(logged)
    found = {run.data.tags["detector"]: Path(run.info.artifact_uri.removeprefix("file://")) for run in runs(logged)}
    assert (found["near"] / "pyfunc" / "MLmodel").read_text() == "street near 0"
    assert not (found["far"] / "pyfunc").exists()
    assert "street/far/seed-0: no MLflow model attached: far is too far" in said.text


def test_curves_are_replayed_with_their_epochs(logged: Project) -> None:
    from mlflow import MlflowClient

    log_runs.run(logged)
    client = MlflowClient(f"sqlite:///{logged.root / 'mlflow.db'}")
    points = client.get_metric_history(runs(logged)[0].info.run_id, "train/loss")
    assert sorted((point.step, point.value) for point in points) == [(1, 3), (2, 2), (3, 1.5)]


def test_logging_twice_changes_nothing(logged: Project) -> None:
    log_runs.run(logged)
    first = {run.info.run_id for run in runs(logged)}
    log_runs.run(logged)
    assert {run.info.run_id for run in runs(logged)} == first


def test_another_working_directory_means_the_same_database(
    logged: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_runs.run(logged)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    log_runs.run(logged)
    assert len(runs(logged)) == 2
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_changed_lock_is_another_run(logged: Project) -> None:
    log_runs.run(logged)
    lock = logged.root / "dvc.lock"
    lock.write_text(lock.read_text().replace("k: 5", "k: 6"))
    log_runs.run(logged)
    found = [run for run in runs(logged) if run.data.tags["detector"] == "near"]
    assert sorted(run.data.params["detectors.near.k"] for run in found) == ["5", "6"]
    assert len(runs(logged)) == 3
    assert {run.data.tags["git.dirty"] for run in runs(logged)} == {"false"}  # dvc.lock is not tracked here


def test_dirty_means_tracked_files_differ(logged: Project) -> None:
    assert log_runs.git_tags(logged)["git.dirty"] == "false"
    (logged.root / "notes.txt").write_text("not tracked")
    assert log_runs.git_tags(logged)["git.dirty"] == "false"
    logged.params.write_text(logged.params.read_text() + "# edited\n")
    assert log_runs.git_tags(logged)["git.dirty"] == "true"


def test_no_git_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert log_runs.git_tags(Project(tmp_path)) == {"git.commit": "none", "git.dirty": "unknown"}


def test_a_run_that_breaks_in_the_middle_is_removed(logged: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(*_: object) -> None:
        raise OSError("the disk of the artifacts is gone")

    with monkeypatch.context() as broken, pytest.raises(PipelineError, match="the disk of the artifacts is gone"):
        broken.setattr(Tracking, "_fill", break_off)
        log_runs.run(logged)
    assert runs(logged) == []
    log_runs.run(logged)
    assert len(runs(logged)) == 2


def test_a_run_whose_writer_was_killed_is_swept(logged: Project) -> None:
    tracking = Tracking(logged)
    client = tracking.client
    client.create_run(tracking.experiment, tags={PENDING: "abc"})
    log_runs.run(logged)
    assert {run.info.run_name for run in runs(logged)} == {"street/near/seed-0", "street/far/seed-0"}
    assert all(KEY in run.data.tags for run in runs(logged))


def test_lineage_leads_from_figures_to_everything(logged: Project) -> None:
    log_runs.run(logged)
    page = lineage.path(logged).read_text()
    for run in runs(logged):
        for tag in ("git.commit", "dvc.lock.sha256", "data.md5"):
            assert run.data.tags[tag] in page
        assert f"http://127.0.0.1:5000/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}" in page
    assert page.count("0.7500") == 4  # two runs, raw and smoothed AUC
    assert "<script" not in page
    assert "http" not in page.replace("http://127.0.0.1:5000", "")  # self-contained
    assert 'id="street/near/seed-0"' in page  # where the report leads to


def test_compare_url_names_all_runs(logged: Project) -> None:
    url = Tracking(logged).compare_url("http://127.0.0.1:5000", ["a", "b"])
    assert url.startswith("http://127.0.0.1:5000/#/compare-runs?runs=%5B%22a%22%2C%22b%22%5D&experiments=")


def test_a_database_from_another_folder_is_refused(logged: Project, tmp_path: Path) -> None:
    log_runs.run(logged)
    moved = Project(logged.root.rename(tmp_path / "moved"))
    with pytest.raises(PipelineError, match="not in this project"):
        log_runs.run(moved)


OLDER = """
import sys
from alembic import command
from alembic.script import ScriptDirectory
from mlflow.store.db.utils import _get_alembic_config, create_sqlalchemy_engine
from mlflow.store.tracking.dbmodels.initial_models import Base
config = _get_alembic_config(sys.argv[1])
script = ScriptDirectory.from_config(config)
engine = create_sqlalchemy_engine(sys.argv[1])
Base.metadata.create_all(engine)
with engine.begin() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, script.get_revision(script.get_current_head()).down_revision)
"""


@pytest.mark.slow
def test_a_database_of_an_older_mlflow_is_migrated_and_a_copy_kept(built: Project) -> None:
    database = built.root / "mlflow.db"
    subprocess.run([sys.executable, "-c", OLDER, f"sqlite:///{database}"], capture_output=True, check=True)
    older = revision(database)
    log_runs.run(built)
    assert revision(database) != older
    assert revision(built.root / "mlflow.db.before-upgrade") == older
    assert len(runs(built)) == 2


def revision(database: Path) -> str:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        (found,) = connection.execute("select version_num from alembic_version").fetchone()
    return str(found)


def test_a_dead_server_is_reported_soon(logged: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    start = time.monotonic()
    with pytest.raises(PipelineError, match="the data are complete") as caught:
        log_runs.run(logged)
    assert caught.value.where == "http://127.0.0.1:9"
    assert time.monotonic() - start < 60


def test_nothing_built_is_an_error_before_mlflow(project: Project) -> None:
    with pytest.raises(PipelineError, match="nothing was built yet"):
        log_runs.run(project)
    assert not (project.root / "mlflow.db").exists()


@pytest.mark.slow
def test_six_at_once_on_a_fresh_database(built: Project) -> None:
    words = [sys.executable, "-m", "pipelines", "log"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    at_once = [
        subprocess.Popen(words, cwd=built.root, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(6)
    ]
    ends = [process.communicate()[1] for process in at_once]
    assert [process.returncode for process in at_once] == [0] * 6, ends
    assert len(runs(built)) == 2


@pytest.mark.slow
@pytest.mark.ui
def test_the_page_compares_the_runs(logged: Project, tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    log_runs.run(logged)
    with logged.params.open("a") as stream:
        stream.write(f"pipelines: {{mlflow_port: {free_port()}}}\n")
    words = [sys.executable, "-m", "pipelines", "mlflow"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        words, cwd=logged.root, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stderr is not None
            lines = iter(process.stderr.readline, "")
            table = next(line.rpartition(" ")[2].strip() for line in lines if line.startswith("MLflow: "))
            url = next(line.rpartition(" ")[2].strip() for line in lines if "side by side" in line)
            next(line for line in lines if "startup complete" in line)
            with sync_api.sync_playwright() as playwright:
                browser = open_browser(playwright)
                page = browser.new_page()
                page.goto(url)
                page.get_by_text("Comparing 2 Runs from 1 Experiment").wait_for(timeout=60_000)
                for name in ("street/near/seed-0", "street/far/seed-0"):
                    page.get_by_text(name).first.wait_for(timeout=30_000)
                page.screenshot(path=tmp_path / "compare.png")
                page.goto(table)
                for column in ("smoothed/auc", "detector", "seed"):
                    page.get_by_text(column, exact=True).first.wait_for(timeout=60_000)
                assert page.get_by_text("0.75", exact=True).count() == 2
                browser.close()
        finally:  # or leaving the block waits for it for ever, also where there is no browser
            process.terminate()
