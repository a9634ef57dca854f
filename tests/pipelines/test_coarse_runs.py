"""Results of the coarse-grained protocol in MLflow: once, whole, and apart from runs that are compared by frames."""

from __future__ import annotations

import hashlib
from typing import Any

import yaml

from pipelines import coarse_runs, log_runs
from pipelines.tracking import COARSE, EXPERIMENT
from stages.core.paths import Project
from tests.show.test_coarse import coarse, none


def put(project: Project, *results: Any) -> None:
    """Results as if the stage had made them, vouched for by dvc.lock."""
    lock, params = (yaml.safe_load((project.root / name).read_text()) for name in ("dvc.lock", "params.yaml"))
    for number, result in enumerate(results):
        path = project.coarse(result.dataset, result.detector)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(result.model_dump_json())
        digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        lock["stages"][f"coarse@run{number}"] = {
            "cmd": f"exec python -m stages coarse {result.dataset} {result.detector}",
            "deps": [{"path": f"data/normalized/{result.dataset}", "md5": "ab" * 16}],
            "params": {"params.yaml": {"coarse.over_windows": "mean"}},
            "outs": [{"path": str(path.relative_to(project.root)), "md5": digest}],
        }
    params["coarse"] = {"runs": [{"dataset": one.dataset, "detector": one.detector} for one in results]}
    (project.root / "dvc.lock").write_text(yaml.safe_dump(lock))
    project.params.write_text(yaml.safe_dump(params))


def runs(project: Project, experiment: str) -> list[Any]:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{project.root / 'mlflow.db'}")
    found: Any = client.get_experiment_by_name(experiment)
    return list(client.search_runs([found.experiment_id])) if found else []


def test_one_run_per_pair_in_an_experiment_of_its_own(logged: Project) -> None:
    put(logged, coarse("near", 0.7, parts=("a", "b")), none("far"))
    for _ in range(2):
        log_runs.run(logged)
        (run,) = runs(logged, COARSE)
    assert run.info.run_name == "gym/near/coarse"
    assert {"protocol": "coarse", "dataset": "gym", "detector": "near"}.items() <= run.data.tags.items()
    assert run.data.metrics["coarse/few_vs_many/random/auc_mean"] == 0.7
    assert run.data.metrics["coarse/few_vs_many/random/auc_mean_b"] == 0.7
    assert run.data.metrics["coarse/few_vs_many/random/auc_sd"] == 0.02
    assert run.data.metrics["coarse/few_vs_many/split/calm"] == 0.7
    assert run.data.params["coarse.over_windows"] == "mean"
    assert "coarse/many_vs_few/meaningful/auc_sd" not in run.data.metrics
    assert {one.info.run_name for one in runs(logged, EXPERIMENT)} == {"street/near/seed-0", "street/far/seed-0"}


def test_what_dvc_does_not_vouch_for_is_not_logged(built: Project) -> None:
    put(built, coarse("near", 0.7))
    assert len(list(coarse_runs.records(built))) == 1
    path = built.coarse("gym", "near")
    path.write_text(path.read_text() + " ")
    assert list(coarse_runs.records(built)) == []


def test_without_results_no_experiment_is_made(logged: Project) -> None:
    log_runs.run(logged)
    assert runs(logged, COARSE) == []
