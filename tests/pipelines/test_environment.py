"""Everything local, nothing phoned home, and the user's own settings win."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pipelines.environment import (
    QUIET,
    mlflow_settings,
    prefect_settings,
    require,
    tool_environment,
    tracking_uri,
    use,
)
from stages.core.errors import PipelineError
from stages.core.paths import Project

HERE = Project(Path("/some/project"))


def test_python_of_the_stages_is_the_one_that_runs_now() -> None:
    first = tool_environment()["PATH"].split(os.pathsep)[0]
    assert Path(first) == Path(sys.executable).parent


def test_telemetry_is_off_everywhere() -> None:
    # MLflow takes only the word `true`
    assert QUIET["DO_NOT_TRACK"] == "true"
    for settings in (tool_environment(), prefect_settings(HERE, 4200), mlflow_settings()):
        assert QUIET.items() <= settings.items()


def test_prefect_lives_in_the_project_and_its_page_knows_the_port() -> None:
    settings = prefect_settings(HERE, 4311)
    assert settings["PREFECT_HOME"] == "/some/project/.prefect"
    assert settings["PREFECT_SERVER_API_HOST"] == "127.0.0.1"
    assert settings["PREFECT_SERVER_UI_API_URL"] == "http://127.0.0.1:4311/api"


def test_database_is_absolute_unless_the_user_names_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tracking_uri(HERE) == "sqlite:////some/project/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server:5000")
    assert tracking_uri(HERE) == "http://server:5000"


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_HOME", "/mine")
    use({"PREFECT_HOME": "/theirs", "NORMOTION_TEST": "set"})
    assert os.environ["PREFECT_HOME"] == "/mine"
    assert os.environ.pop("NORMOTION_TEST") == "set"


def test_a_missing_tool_names_its_extra() -> None:
    require("json", "pipeline")
    with pytest.raises(PipelineError, match=r"normotion\[tracking\]"):
        require("no_such_module", "tracking")
