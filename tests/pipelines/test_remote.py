"""The data in another place: a fresh clone pulls them and rebuilds nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipelines import remote
from stages.core.errors import PipelineError
from stages.core.paths import Project
from tests.pipelines.helpers import call


def test_a_clone_that_pulls_rebuilds_nothing(built: Project, tmp_path: Path) -> None:
    store = tmp_path / "store"
    author = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    (built.root / ".gitignore").write_text("/data\n/mlflow.db\n/mlartifacts\n")
    for words in (["add", "."], [*author, "commit", "-qm", "built"]):
        subprocess.run(["git", *words], cwd=built.root, check=True)
    remote.run(built, str(store))
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(built.root), str(clone)], check=True)
    assert call(clone, "dvc", "status", "-q").returncode == 1
    remote.run(Project(clone), str(store))
    pulled = call(clone, "dvc", "pull")
    assert pulled.returncode == 0, pulled.stderr
    assert "Running stage" not in call(clone, "dvc", "repro").stdout
    assert call(clone, "dvc", "status", "-q").returncode == 0
    model = "data/models/street/near/seed-0/fit.json"
    assert (clone / model).read_bytes() == (built.root / model).read_bytes()


def test_the_place_beside_the_project_is_what_is_meant(built: Project) -> None:
    remote.run(built)
    assert any((built.root.parent / f"{built.root.name}-storage").rglob("*.dir"))


def test_a_place_that_is_no_place_is_a_message(built: Project) -> None:
    with pytest.raises(PipelineError, match="dvc remote add.* failed"):
        remote.run(built, "nowhere://at/all")
    with pytest.raises(PipelineError, match="dvc_s3 is not installed"):
        remote.run(built, "s3://bucket/path")
    with pytest.raises(PipelineError, match="one place at a time"):
        remote.run(built, "a", "b")
