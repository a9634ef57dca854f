"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted([*ROOT.glob("stages/**/*.py"), *ROOT.glob("pipelines/**/*.py")])
TRACKED = subprocess.run(
    ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.splitlines()


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_holds_one_thing(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 320, "split it along its nouns"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_functions_are_short(path: Path) -> None:
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    assert [node.name for node in functions if (node.end_lineno or 0) - node.lineno > 60] == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_can_run_code_out_of_a_data_file(path: Path) -> None:
    text = path.read_text()
    assert not re.search(
        r"\b(pickle|joblib|dill|shelve|marshal)\b\.|import (pickle|joblib|dill|shelve|marshal)\b", text
    )
    assert "allow_pickle=True" not in text
    assert "yaml.load(" not in text
    assert all("weights_only=True" in call for call in re.findall(r"torch\.load\([^)]*\)", text))


@pytest.mark.parametrize("verb", ["check", "evaluate", "report"])
def test_light_stages_do_not_import_torch(verb: str) -> None:
    code = f"import sys, stages.{verb}; print(sorted({{'torch', 'mlflow', 'prefect', 'dvc'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_tree_is_clean() -> None:
    assert [file for file in TRACKED if Path(file).suffix in {".pkl", ".pyc", ".db", ".tmp", ".orig"}] == []
    assert [file for file in TRACKED if (ROOT / file).is_file() and (ROOT / file).stat().st_size > 15e6] == []


def test_no_file_names_a_machine() -> None:
    pattern = re.compile(r"(^|[^.\w])/(work|farm|root|home/\w+)/")
    for file in TRACKED:
        path = ROOT / file
        if path.suffix in {".py", ".md", ".yaml", ".toml", ".txt", ".jinja", ".html", ""} and path.is_file():
            found = [line for line in path.read_text(errors="ignore").splitlines() if pattern.search(line)]
            assert not [line for line in found if "re.compile" not in line], file


def test_the_licences_of_what_is_shipped_are_there() -> None:
    notice = (ROOT / "NOTICE").read_text()
    shipped = [file for file in TRACKED if Path(file).suffix in {".mp4", ".onnx"}]
    assert shipped
    for file in shipped:
        assert Path(file).name in notice or f"{Path(file).parent}/*{Path(file).suffix}" in notice, file
    assert (ROOT / "stages" / "pose" / "weights" / "human-models.LICENSE").is_file()
    assert (ROOT / "data" / "raw" / "demo" / "licences" / "roof_flip.LICENSE").is_file()
