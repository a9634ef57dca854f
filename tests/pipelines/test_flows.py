"""The flow runs the graph, stops below a failure and says so; the clock really ticks."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipelines import deploy, server
from pipelines.environment import prefect_settings
from stages.core.errors import PipelineError
from stages.core.paths import Project
from tests.pipelines.helpers import ROOT, await_file, call, free_port, gone, open_browser

STAGES = {"check", *(f"{verb}@run{number}" for verb in ("train", "score", "evaluate") for number in (0, 1))}


def ask(port: int, what: str, **filters: Any) -> list[dict[str, Any]]:
    """POST a filter to the Prefect API."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/{what}/filter",
        data=json.dumps(filters).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        found: list[dict[str, Any]] = json.load(answer)
        return found


@pytest.fixture
def port(logged: Project) -> int:
    """A free port, written into the project's params."""
    found = free_port()
    with logged.params.open("a") as stream:
        stream.write(f'pipelines: {{prefect_port: {found}, cron: "* * * * *", jobs: 2}}\n')
    return found


@pytest.fixture
def served(logged: Project, port: int) -> Iterator[int]:
    """`normotion prefect` at work: a server and the clock; its port."""
    words = [sys.executable, "-m", "pipelines", "prefect"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, cwd=logged.root, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            yield port
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def until(port: int, what: str, patience: float, **filters: Any) -> list[dict[str, Any]]:
    """Ask until there is an answer."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if found := ask(port, what, **filters):
                return found
        time.sleep(1)
    raise AssertionError(f"no {what} with {filters} within {patience} s")


@pytest.mark.slow
@pytest.mark.ui
def test_the_clock_schedules_and_runs_the_graph(logged: Project, served: int, tmp_path: Path) -> None:
    # The canary for the pinned versions: with newer SQLAlchemy the scheduler dies in silence, with newer FastAPI
    # lists answer 422; and a filter whose fields are null must be taken.
    until(served, "deployments", 180)
    assert ask(served, "flows", flows=None, deployments=None)[0]["name"] == "rebuild"
    done = until(served, "flow_runs", 240, flow_runs={"state": {"type": {"any_": ["COMPLETED", "FAILED"]}}})[0]
    assert done["state"]["message"] == "7 stages are up to date, runs are logged"
    tasks = ask(served, "task_runs", flow_runs={"id": {"any_": [done["id"]]}})
    assert {task["name"]: task["state_type"] for task in tasks} == dict.fromkeys({*STAGES, "log runs"}, "COMPLETED")
    with urllib.request.urlopen(f"http://127.0.0.1:{served}/api/flow_runs/{done['id']}/graph-v2") as answer:
        nodes = dict(json.load(answer)["nodes"])
    above = {node["label"]: {nodes[parent["id"]]["label"] for parent in node["parents"]} for node in nodes.values()}
    assert above["check"] == set()
    assert above["score@run1"] == {"train@run1"}
    assert above["log runs"] == {"evaluate@run0", "evaluate@run1"}
    assert (logged.root / "reports" / "lineage.html").is_file()
    _look(f"http://127.0.0.1:{served}/runs/flow-run/{done['id']}", tmp_path / "flow.png")


def _look(url: str, picture: Path) -> None:
    """The page names the run's state and connects to its server, which on another port than 4200 it has to be told."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = open_browser(playwright)
        page = browser.new_page()
        page.goto(url)
        page.get_by_text("Completed").first.wait_for(timeout=30_000)
        page.get_by_text("Beginning flow run").first.wait_for(timeout=30_000)
        page.get_by_text("Task Runs").first.click()
        for stage in ("train@run0", "evaluate@run1", "log runs"):
            page.get_by_text(stage, exact=True).first.wait_for(timeout=30_000)
        page.screenshot(path=picture)
        assert page.get_by_text("Can't connect to Server API").count() == 0
        browser.close()


@pytest.mark.slow
def test_a_failed_stage_fails_the_flow_and_stops_those_below(logged: Project, port: int) -> None:
    (logged.root / "break-train-street-near").touch()
    logged.params.write_text(logged.params.read_text().replace("k: 5", "k: 6"))
    done = call(logged.root, "pipelines", "flow")
    assert done.returncode == 1
    said = "the flow did not complete: failed: train@run0; not reached: score@run0, evaluate@run0"
    assert said in done.stderr.splitlines()
    assert "train-street-near is broken on purpose" in done.stderr  # its log came through
    assert "Traceback" not in done.stderr
    assert not (logged.root / "reports" / "lineage.html").exists()  # nothing was logged


@pytest.mark.slow
def test_the_retraining_is_a_flow_too(logged: Project, port: int) -> None:
    done = call(logged.root, "pipelines", "flow", "retrain")
    assert done.returncode == 0, done.stderr
    for name in ("look for new clips", "check", "evaluate@run1", "log runs", "judge"):
        assert f"Task run '{name}' - Finished in state Completed()" in done.stderr
    assert "| street | near | 0.750 | kept |" in (logged.root / "reports/retrain.md").read_text()  # no model of ours
    wrong = call(logged.root, "pipelines", "flow", "retrian")
    assert wrong.returncode == 1
    assert "no flow 'retrian'; did you mean 'retrain'?" in wrong.stderr


@contextlib.contextmanager
def flow_at_work(project: Project) -> Iterator[subprocess.Popen[bytes]]:
    """`normotion flow` whose training of `near` has begun, and goes on for a minute."""
    (project.root / "slow-train-street-near").touch()
    project.params.write_text(project.params.read_text().replace("k: 5", "k: 6"))
    words = [sys.executable, "-m", "pipelines", "flow"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, cwd=project.root, env=environment, stderr=subprocess.DEVNULL) as process:
        await_file(project.root / "started-train-street-near", patience=120)
        yield process


@pytest.mark.slow
def test_killed_runs_are_told_from_living_ones(logged: Project, port: int) -> None:
    with flow_at_work(logged) as process:
        below = psutil.Process(process.pid).children(recursive=True)
        servers = [child.pid for child in below if "server" in child.cmdline()]
        process.kill()
    assert servers
    assert all(gone(pid) for pid in servers)
    (logged.root / "slow-train-street-near").unlink()
    done = call(logged.root, "pipelines", "flow")
    assert done.returncode == 0, done.stderr
    assert "1 flow runs that were killed are marked as crashed" in done.stderr


@pytest.mark.slow
def test_logging_that_fails_does_not_fail_the_data(logged: Project, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    done = call(logged.root, "pipelines", "flow")
    assert done.returncode == 0, done.stderr
    assert "the data are rebuilt, but the runs are not logged" in done.stderr
    assert "'log runs' - Finished in state Failed" in done.stderr


@pytest.mark.slow
@pytest.mark.faults
def test_a_terminated_flow_leaves_nothing_at_work(logged: Project, port: int) -> None:
    with flow_at_work(logged) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(90) != 0
    assert not (logged.root / "finished-train-street-near").exists()
    (logged.root / "slow-train-street-near").unlink()
    again = call(logged.root, "dvc", "repro")
    assert again.returncode == 0, again.stderr


def test_serving_needs_a_server(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)
    with project.params.open("a") as stream:
        stream.write(f"pipelines: {{prefect_port: {free_port()}}}\n")
    with pytest.raises(PipelineError, match="normotion prefect"):
        deploy.serve(project)


def test_a_server_of_another_project_is_not_ours(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    # its clock would run our flow in its folder, or its flow in ours
    monkeypatch.chdir(project.root)
    monkeypatch.setattr(server, "home_of", lambda _: "/another/project/.prefect")
    monkeypatch.setenv("PREFECT_HOME", prefect_settings(project, 4200)["PREFECT_HOME"])
    assert not server.is_ours(4200)
    with pytest.raises(PipelineError, match="another project"):
        deploy.prefect(project)


def test_no_server_has_no_home() -> None:
    assert server.home_of(free_port()) == ""


def test_a_wrong_schedule_is_told_before_anything_starts(project: Project) -> None:
    with project.params.open("a") as stream:
        stream.write('pipelines: {cron: "daily", timezone: Mars, prot: 1}\n')
    done = call(project.root, "pipelines", "prefect")
    assert done.returncode == 1
    assert "3 mistakes in params.yaml" in done.stderr
    assert "Traceback" not in done.stderr
