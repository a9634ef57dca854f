"""dvc.yaml tells the truth: every file a stage reads is among its deps, every path is the one Python uses."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml

from stages.__main__ import parse_stage
from stages.core.paths import Project
from stages.detectors.registry import DETECTORS
from stages.simulate import DATASET as SIMULATED

ROOT = Path(__file__).resolve().parents[1]
DAG: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
PARAMS: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())

STUDENTS = "_students"
"""Ends the name of a stage that does for students what the one before it does for runs: same verb, module, section."""
MODULES = [stage for stage in DAG if not stage.endswith(STUDENTS)]
DETECTING = [stage for stage in DAG if stage.removesuffix(STUDENTS) in ("train", "score", "coarse")]
"""Stages that run a detector, whose file is named by the matrix."""

EXEMPT = {
    # Names only: it maps a detector's name to the class in the file of that name, which is a dep (tested below).
    "stages/detectors/registry.py",
}


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("stages", cache_dir=None)


def files(module: str) -> set[str]:
    """Files of a module and of all it imports, at any depth, also inside functions."""
    modules = {module, *graph().find_upstream_modules(module)}
    paths = {Path(*name.split(".")) for name in modules}
    return {str(path.with_suffix(".py")) for path in paths if (ROOT / path.with_suffix(".py")).exists()}


def deps(stage: str, **values: str) -> set[str]:
    """A stage's deps with the matrix item filled in."""
    listed = set()
    for dep in DAG[stage]["deps"]:
        for key, value in values.items():
            dep = dep.replace(f"${{item.{key}}}", value).replace(f"${{item.run.{key}}}", value)
        listed.add(dep)
    return listed


def covers(listed: set[str], file: str) -> bool:
    return file in listed or any(str(parent) in listed for parent in Path(file).parents)


def module(stage: str) -> str:
    """The module of a stage."""
    return f"stages.{stage.removesuffix(STUDENTS)}"


@pytest.mark.parametrize("stage", [stage for stage in DAG if stage not in DETECTING])
def test_every_file_a_stage_imports_is_among_its_deps(stage: str) -> None:
    listed = deps(stage)
    assert sorted(file for file in files(module(stage)) - EXEMPT if not covers(listed, file)) == []


@pytest.mark.parametrize("stage", DETECTING)
@pytest.mark.parametrize("name", DETECTORS)
def test_every_file_a_detector_imports_is_among_its_deps(stage: str, name: str) -> None:
    listed = deps(stage, detector=name)
    wanted = files(module(stage)) | files(f"stages.detectors.{name}")
    assert sorted(file for file in wanted - EXEMPT if not covers(listed, file)) == []


def test_every_template_is_among_the_reports_deps() -> None:
    templates = {str(path.relative_to(ROOT)) for path in ROOT.glob("stages/show/*.jinja")}
    templates -= {"stages/show/quality.html.jinja", "stages/show/run_page.html.jinja"}  # pages of other verbs
    assert templates == {dep for dep in deps("report") if dep.endswith(".jinja")}


@pytest.mark.parametrize("stage", DAG)
def test_no_stage_reruns_for_a_file_it_does_not_import(stage: str) -> None:
    detectors = DETECTORS if stage in DETECTING else {}
    imported = files(module(stage)).union(*(files(f"stages.detectors.{name}") for name in detectors))
    listed = {dep for dep in deps(stage) if dep.startswith("stages/") and dep.endswith(".py") and "$" not in dep}
    assert sorted(listed - imported) == []


@pytest.mark.parametrize("stage", DAG)
def test_editing_one_detector_reruns_that_one_only(stage: str) -> None:
    others = {f"stages/detectors/{name}.py" for name in DETECTORS} | {"stages/detectors"}
    assert not others & deps(stage)


def test_packages_hold_no_code_that_deps_would_miss() -> None:
    for path in ROOT.glob("stages/**/__init__.py"):
        body = ast.parse(path.read_text()).body
        assert all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body), path


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_lives_in_the_file_of_its_name(name: str) -> None:
    assert DETECTORS[name].partition(":")[0] == f"stages.detectors.{name}"


def test_one_name_in_five_places() -> None:
    for stage in MODULES:
        assert (ROOT / "stages" / f"{stage}.py").is_file(), f"no module for stage {stage}"
        assert stage in PARAMS, f"no section of params.yaml for stage {stage}"
        assert (ROOT / "tests" / "stages" / f"test_{stage}.py").is_file(), f"no test file for stage {stage}"
        assert DAG[stage]["cmd"].split()[:5] == ["exec", "python", "-m", "stages", stage], f"no verb for stage {stage}"
    modules = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__", "__main__"}
    assert modules == set(MODULES)


def test_students_go_through_the_stages_of_runs_and_nothing_else() -> None:
    """The one exception to the rule: all is the same but whose turn it is, and that a base is trained first."""
    of_runs = {stage for stage in DAG if DAG[stage].get("matrix") == {"run": "${runs}"}}
    of_students = {stage for stage in DAG if stage.endswith(STUDENTS)}
    assert of_students == {f"{stage}{STUDENTS}" for stage in of_runs}
    for stage in of_runs:
        mine = DAG[f"{stage}{STUDENTS}"]
        base = {"data/models/${item.run.dataset}/${item.run.base}"} if stage == "train" else set()
        assert set(mine["deps"]) == set(DAG[stage]["deps"]) | base
        rest = {**DAG[stage], "matrix": {"run": "${students}"}, "deps": mine["deps"]}
        assert mine == rest


def test_a_verb_takes_what_its_stages_give_it() -> None:
    for stage in DAG:
        found = parse_stage(DAG[stage]["cmd"].split())
        assert found, f"{stage} calls no verb as it is"
        assert found[0] == stage.removesuffix(STUDENTS)


def test_dvc_and_python_name_the_same_paths() -> None:
    at = Project(Path())
    dataset, window = "${item.dataset}", "${item.window}"
    run = ("${item.run.dataset}", "${item.run.detector}")
    expected = {
        "simulate": [at.raw(SIMULATED)],
        "check": [at.checked("x").parent],
        "extract": [at.poses(dataset)],
        "track": [at.tracks(dataset)],
        "frames": [at.frames(dataset, "x").parent],
        "segment": [at.segments(dataset, window)],
        "normalize": [at.normalized(dataset, window)],
        "train": [at.model(*run)],
        "score": [at.scores(*run).parent],
        "evaluate": [at.frame_scores(*run), at.replicates(*run), at.events(*run), at.metrics(*run), at.plots(*run)],
        "coarse": [at.clip_scores(*run), at.coarse(*run)],
        "report": [at.report],
    }
    assert set(expected) == set(MODULES)
    for stage, paths in expected.items():
        assert sorted(_outs(stage)) == sorted(map(str, paths)), stage


def _outs(stage: str) -> list[str]:
    entries = [entry for key in ("outs", "metrics", "plots") for entry in DAG[stage].get(key, [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def test_per_clip_outputs_survive_a_rerun() -> None:
    """DVC deletes a stage's outs before it runs; work done clip by clip must not be lost that way."""
    for stage in ("simulate", "extract", "track", "frames", "coarse"):
        assert next(iter(DAG[stage]["outs"][0].values())) == {"persist": True}


def test_every_stage_waits_for_the_check_and_the_check_for_what_is_simulated() -> None:
    assert "data/raw" in DAG["check"]["deps"]
    for stage in DAG:
        if stage not in ("simulate", "check"):
            assert any(dep.startswith("data/checked") for dep in DAG[stage]["deps"]), stage
