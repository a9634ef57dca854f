"""Servers keep to themselves, nothing pickled is loaded, and secrets are not told."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.environment import HOST, mlflow_settings, prefect_settings
from stages.core.paths import Project
from tests.pipelines.helpers import ROOT, call, free_port

SAVE = """
import sys
import mlflow
class Evil:
    def __reduce__(self):
        return (open, (sys.argv[2], "w"))
class Model(mlflow.pyfunc.PythonModel):
    def __init__(self):
        self.evil = Evil()
    def predict(self, context, model_input: list[str]):
        return model_input
mlflow.pyfunc.save_model(sys.argv[1], python_model=Model())
"""
LOAD = """
import sys
import mlflow
mlflow.pyfunc.load_model(sys.argv[1])
"""


@pytest.mark.slow
def test_a_pickled_mlflow_model_is_refused_before_it_does_anything(tmp_path: Path) -> None:
    model, trace = tmp_path / "model", tmp_path / "trace"
    quiet = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    subprocess.run([sys.executable, "-c", SAVE, str(model), str(trace)], env=quiet, check=True, capture_output=True)
    trace.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(model)],
        env={**quiet, **mlflow_settings()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "pickle" in done.stderr.lower()
    assert not trace.exists()


def test_both_servers_are_told_to_listen_to_this_machine_alone(tmp_path: Path) -> None:
    settings = prefect_settings(Project(tmp_path), 4200)
    assert HOST == "127.0.0.1"
    assert settings["PREFECT_SERVER_API_HOST"] == HOST
    assert settings["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert settings["DO_NOT_TRACK"] == "true"
    assert mlflow_settings()["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    assert mlflow_settings()["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.slow
def test_mlflows_page_answers_nobody_who_calls_it_otherwise(logged: Project) -> None:
    port = free_port()
    with logged.params.open("a") as stream:
        stream.write(f"pipelines: {{mlflow_port: {port}}}\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "pipelines", "mlflow"], cwd=logged.root, env=environment, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert asked(port, f"127.0.0.1:{port}") == 200
            assert asked(port, "evil.example") == 403
            listening = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True, check=False).stdout
            mine = [line.split()[3] for line in listening.splitlines() if line.split()[3].endswith(f":{port}")]
            assert set(mine) <= {f"127.0.0.1:{port}"}
        finally:
            process.terminate()


def asked(port: int, host: str, patience: float = 90) -> int:
    """Status of the page when it is called by a name."""
    end = time.monotonic() + patience
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/", headers={"Host": host})
            return connection.getresponse().status
        except OSError:
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.5)


def test_secrets_are_not_told(logged: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "MLFLOW_TRACKING_USERNAME": "somebody-known",
        "MLFLOW_TRACKING_PASSWORD": "hunter2-of-mlflow",
        "AWS_SECRET_ACCESS_KEY": "hunter2-of-aws",
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    done = call(logged.root, "pipelines", "-v", "log")
    assert done.returncode == 1
    spooled = "".join(path.read_text() for path in (logged.root / ".normotion" / "spool").rglob("*.json"))
    assert "hunter2" not in done.stdout + done.stderr + spooled
