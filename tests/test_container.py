"""The container's recipe, as no engine builds it here: a linter's opinion, and what a linter does not know."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from dockerfile_parse import DockerfileParser

from pipelines.environment import QUIET
from tests.test_house import TRACKED

ROOT = Path(__file__).resolve().parents[1]
PARSED = DockerfileParser(path=str(ROOT / "Dockerfile"))
STEPS: list[dict[str, Any]] = PARSED.structure
IGNORED = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]


def steps(name: str) -> list[str]:
    return [step["value"] for step in STEPS if step["instruction"] == name]


def copied() -> list[str]:
    """What is taken from the checkout."""
    taken = [value.split() for value in steps("COPY") if "--from=" not in value]
    return [word.rstrip("/") for words in taken for word in words[:-1]]


def test_the_linter_finds_nothing() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    found = str(linter) if linter.exists() else shutil.which("hadolint")
    if not found:
        pytest.skip("hadolint is not installed")
    done = subprocess.run(
        [found, "--failure-threshold", "style", "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_bases_are_pinned_to_one_python_that_the_package_takes() -> None:
    bases = {value.split()[0] for value in steps("FROM")}
    assert len(bases) == 1
    name, _, tag = bases.pop().partition(":")
    assert name == "python"
    assert re.fullmatch(r"3\.1[123](\.\d+)?-slim-\w+", tag)


def test_it_runs_as_nobody_in_particular() -> None:
    assert steps("USER")[-1] not in ("root", "0")
    after = STEPS[max(number for number, step in enumerate(STEPS) if step["instruction"] == "USER") :]
    assert not [step for step in after if step["instruction"] == "RUN"]


def test_only_what_is_tracked_goes_in() -> None:
    for path in copied():
        assert path != "."
        assert path in TRACKED or any(file.startswith(f"{path}/") for file in TRACKED), f"{path} is not in git"
    assert not steps("ADD"), "ADD fetches and unpacks; COPY says what it does"


def test_what_is_copied_is_what_the_build_sees() -> None:
    """`.dockerignore` leaves everything out but what it names: no data, no video, no key lies in an image by chance."""
    assert IGNORED[0] == "*"
    seen = {line[1:] for line in IGNORED if line.startswith("!")}
    assert seen == set(copied())
    assert any(fnmatch("stages/core/__pycache__", line) for line in IGNORED[1:])


def test_what_the_code_reads_beside_it_is_part_of_the_package() -> None:
    """Weights, templates and pages would be missing from an installed package, and nowhere else."""
    import tomllib

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    packed = {
        str(path.relative_to(ROOT))
        for package, patterns in settings.items()
        for pattern in patterns
        for path in ROOT.joinpath(*package.split(".")).glob(pattern)
    }
    read = [file for file in TRACKED if file.split("/")[0] in ("normotion", "stages", "pipelines")]
    assert [file for file in read if not file.endswith(".py") and file not in packed] == []


def test_nothing_is_fetched_and_run() -> None:
    for value in steps("RUN"):
        assert not re.search(r"\b(curl|wget)\b|\|\s*(ba)?sh\b|https?://", value), value


def test_torch_is_the_version_that_is_pinned() -> None:
    pinned = re.search(r"^torch==[\d.]+$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned
    assert f'TORCH="{pinned[0]}"' in " ".join(steps("ARG"))


def test_it_tells_nobody_anything() -> None:
    assert {name: PARSED.envs.get(name) for name in QUIET} == QUIET


def test_it_calls_the_command_with_extras_that_exist() -> None:
    import tomllib

    assert steps("ENTRYPOINT") == ['["normotion"]']
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = re.search(r'EXTRAS="([\w,]+)"', " ".join(steps("ARG")))
    assert extras
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])
