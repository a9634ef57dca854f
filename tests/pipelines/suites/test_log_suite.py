"""Suites in MLflow: one flat run per variant, detector and seed, once; and an MLflow that is down costs no figure."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from pipelines.suites import log_suite
from pipelines.suites.plan import plan
from pipelines.suites.suite import result_file, run
from pipelines.tracking import EXPERIMENT, KEY
from stages.core.errors import PipelineError
from stages.core.paths import Project
from stages.show.suite_result import read
from tests.pipelines.suites.toy import TOY, ran


def runs(here: Project) -> dict[str, Any]:
    """Finished runs by name."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{here.root / 'mlflow.db'}")
    found: Any = client.get_experiment_by_name(EXPERIMENT)
    return {run.info.run_name: run for run in client.search_runs([found.experiment_id])}


def test_every_seed_is_a_run_with_its_tags_and_is_logged_once(here: Project, empty_database: Path) -> None:
    shutil.copy(empty_database, here.root / "mlflow.db")
    run(here, "toy", dataset="gate", seeds="3,4")
    found = runs(here)
    assert set(found) == {f"toy/{k}/gate/knn/seed-{seed}" for k in (5, 20) for seed in (3, 4)}
    one = found["toy/20/gate/knn/seed-4"]
    wanted = {"suite": "toy", "variant": "20", "dataset": "gate", "detector": "knn", "seed": "4"}
    assert wanted.items() <= one.data.tags.items()
    assert len(one.data.tags[KEY]) == 64
    assert one.data.metrics["raw/auc"] == pytest.approx(0.7)
    assert one.data.metrics["train/windows"] == 7
    assert one.data.params["detectors.knn.neighbours"] == "20"
    assert one.info.status == "FINISHED"
    run(here, "toy", dataset="gate", seeds="3,4")
    assert {run.info.run_id for run in runs(here).values()} == {run.info.run_id for run in found.values()}


def test_an_mlflow_that_is_down_costs_no_figure(here: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(PipelineError, match="MLflow could not be used") as caught:
        run(here, "toy", dataset="gate")
    assert "`normotion suite toy`" in caught.value.fix
    assert [point.raw for point in read(result_file(here, "toy", "gate")).points] == [0.55, 0.7]
    ran(here)
    monkeypatch.setattr("pipelines.suites.suite.log_outcomes", lambda *_: None)
    run(here, "toy", dataset="gate")
    assert ran(here) == []


def test_equal_jobs_of_two_suites_are_two_runs(here: Project) -> None:
    job = plan(here, TOY, "gate", ("knn",), (0,))[0]
    figures = {"raw": {"auc": 0.7, "eer": None}}
    outcome = {"metrics": {"seeds": {"0": figures}, "counts": {"frames": 40}}, "fits": {}}
    (first,), (second,) = (list(log_suite.records(name, job, outcome)) for name in ("one", "two"))
    assert first.key != second.key
    assert first.metrics == {"raw/auc": 0.7, "counts/frames": 40.0}  # what is undefined is left out
    assert first.name == "one/5/gate/knn/seed-0"
    assert first.params["train_on"] == "gate"
