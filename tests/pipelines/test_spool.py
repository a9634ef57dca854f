"""A server that is down: runs are put aside with their files, and written once it answers."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from pipelines import log_runs, spool
from pipelines.tracking import UnavailableError
from stages.core.paths import Project
from tests.pipelines.helpers import call
from tests.pipelines.test_log_runs import runs

DEAD = "http://127.0.0.1:9"


def test_runs_wait_for_the_server_with_the_files_of_their_time(
    logged: Project, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as down:
        down.setenv("MLFLOW_TRACKING_URI", DEAD)
        for _ in range(2):  # twice is once
            with pytest.raises(UnavailableError):
                log_runs.run(logged)
    assert "2 runs are put aside in .normotion/spool until MLflow answers" in said.messages
    assert len(list(spool.waiting(logged))) == 2
    assert call(logged.root, "dvc", "status").returncode == 0  # the copies of dvc.yaml are no stages of the project
    fit = logged.root / "data/models/street/near/seed-0/fit.json"
    old = fit.read_text()
    fit.write_text('{"windows": 8}')
    lock = logged.root / "dvc.lock"
    lock.write_text(lock.read_text().replace("k: 5", "k: 6"))  # rebuilt meanwhile
    log_runs.run(logged)
    assert list(spool.waiting(logged)) == []
    found = {(run.data.tags["detector"], run.data.params.get("detectors.near.k")): run for run in runs(logged)}
    assert set(found) == {("near", "5"), ("near", "6"), ("far", None)}
    files = Path(found["near", "5"].info.artifact_uri.removeprefix("file://"))
    assert (files / "model" / "fit.json").read_text() == old
    log_runs.run(logged)
    assert len(runs(logged)) == 3


def test_what_was_put_aside_and_broken_is_named_and_left(logged: Project, said: pytest.LogCaptureFixture) -> None:
    folder = logged.root / ".normotion" / "spool" / "abc"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{")
    log_runs.run(logged)
    assert "cannot be read" in said.text
    assert folder.exists()
    shutil.rmtree(folder)


def test_the_time_out_is_a_parameter(logged: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://10.255.255.1:5000")  # swallows packets instead of refusing
    with logged.params.open("a") as stream:
        stream.write("pipelines: {mlflow_timeout: 1}\n")
    begun = time.monotonic()
    with pytest.raises(UnavailableError):
        log_runs.run(logged)
    assert time.monotonic() - begun < 40
