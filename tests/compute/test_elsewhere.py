"""A stage handed to a real Ray cluster on this machine: same output, same words, same exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from numpy.testing import assert_allclose

from stages.compute import elsewhere
from tests.checkout import Checkout


def test_only_training_and_scoring_are_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not elsewhere.wanted(["train", "demo", "knn"])
    monkeypatch.setenv(elsewhere.ADDRESS, "auto")
    assert elsewhere.wanted(["train", "demo", "knn"])
    assert elsewhere.wanted(["score", "demo", "knn"])
    assert not elsewhere.wanted(["extract", "demo"])
    assert not elsewhere.wanted([])


def test_no_ray_is_a_message(tmp_path: Path) -> None:
    if elsewhere_is_there():
        pytest.skip("Ray is installed")
    done = subprocess.run(
        [sys.executable, "-m", "stages", "train", "demo", "knn"],
        env={**os.environ, elsewhere.ADDRESS: "local"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "pipelines.engine is ray, and Ray is not installed" in done.stderr
    assert "Traceback" not in done.stderr


def elsewhere_is_there() -> bool:
    from importlib.util import find_spec

    return find_spec("ray") is not None


@pytest.mark.ray
@pytest.mark.slow
def test_the_dag_on_a_cluster_gives_the_same(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the ray extra is not installed")
    checkout = Checkout(tmp_path)
    checkout.set("pipelines.jobs", 2)
    checkout.run("normotion", "repro", "evaluate")
    made = [path for path in (checkout.root / "data" / "models").rglob("*") if path.is_file()]
    made += [path for path in (checkout.root / "data" / "scores").rglob("*") if path.is_file()]
    scores = {path: pd.read_parquet(path)["score"] for path in made if path.suffix == ".parquet"}
    assert len(scores) >= 2
    for path in made:
        path.unlink()
    (checkout.root / "dvc.lock").unlink()
    (checkout.root / ".dvc" / "cache" / "runs").rename(checkout.root / "runs")  # or DVC would remember
    checkout.set("pipelines.engine", "ray")
    checkout.set("pipelines.address", "local")
    said = checkout.run("normotion", "repro", "evaluate")
    assert "[train@run0] stg_nf on demo: seed 0" in said  # what it says comes through
    assert all(path.exists() for path in made)
    for path, before in scores.items():  # a task has one thread, and sums add up in another order
        assert_allclose(pd.read_parquet(path)["score"], before, rtol=1e-4, atol=1e-5)
    assert list((checkout.root / ".dvc" / "tmp").glob(".ray.tmp-*")) == []
    checkout.set("detectors.stg_nf.window", "none")
    failed = checkout.run("normotion", "repro", "train", ok=False)  # and so does how it ends
    assert "Traceback" not in failed
