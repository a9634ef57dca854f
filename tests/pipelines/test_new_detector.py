"""`normotion new-detector`: what it makes works at once, and nothing else in the project changes."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipelines import new_detector
from pipelines.insertion import into_mapping, into_sequence
from stages.core.errors import ParamsError, StorageError
from stages.core.paths import Project
from stages.core.storage import write_text
from tests.detectors.conformance import check_detector

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A checkout's code and params, without data."""
    shutil.copytree(ROOT / "stages", tmp_path / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "params.yaml", tmp_path)
    return Project(tmp_path)


def contents(folder: Path) -> dict[str, str]:
    texts = [path for path in folder.rglob("*") if path.suffix in {".py", ".yaml", ".tmp"}]
    return {str(path.relative_to(folder)): path.read_text() for path in texts}


def refused(project: Project, name: str, **options: object) -> str:
    before = contents(project.root)
    with pytest.raises(ParamsError) as error:
        new_detector.run(project, name, **options)  # type: ignore[arg-type]
    assert contents(project.root) == before
    return str(error.value)


def test_lines_are_added_and_none_is_changed(project: Project) -> None:
    before = contents(project.root)
    new_detector.run(project, "my_flow")
    after = contents(project.root)
    assert after.keys() - before.keys() == {"stages/detectors/my_flow.py"}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"params.yaml", "stages/detectors/registry.py"}
    added = {}
    for name in changed:
        old, new = before[name].splitlines(), after[name].splitlines()
        added[name] = [line for line in new if line not in old]
        assert [line for line in new if line not in added[name]] == old
    assert added["params.yaml"] == ["  - {dataset: demo, detector: my_flow}", "  my_flow: {window: second}"]
    assert added["stages/detectors/registry.py"] == ['    "my_flow": "stages.detectors.my_flow:MyFlow",']


def test_it_runs_last_so_that_no_other_run_is_renamed(project: Project) -> None:
    before = yaml.safe_load(project.params.read_text())["runs"]
    new_detector.run(project, "my_flow", dataset=("simulated", "demo"))
    mine = [{"dataset": name, "detector": "my_flow"} for name in ("simulated", "demo")]
    assert yaml.safe_load(project.params.read_text())["runs"] == [*before, *mine]


def test_what_to_do_next_is_said(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    count = len(yaml.safe_load(project.params.read_text())["runs"])
    with caplog.at_level("INFO", "normotion"):
        new_detector.run(project, "my_flow")
    assert "pytest tests/detectors -k my_flow" in caplog.text
    assert f"normotion repro evaluate@run{count} " in caplog.text


def test_the_copy_is_a_detector_of_its_own(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    new_detector.run(project, "my_flow")
    text = (project.root / "stages/detectors/my_flow.py").read_text()
    assert "emplate" not in text
    monkeypatch.setattr(
        importlib.import_module("stages.detectors"), "__path__", [str(project.root / "stages/detectors")]
    )
    module = importlib.import_module("stages.detectors.my_flow")
    assert module.MyFlow.name == "my_flow"
    check_detector(module.MyFlow, module.MyFlowParams(window="second", epochs=8))
    del sys.modules["stages.detectors.my_flow"]


def test_the_check_takes_it_in_its_own_checkout(project: Project) -> None:
    new_detector.run(project, "my_flow")
    code = "import stages.check as c, stages.core.paths as p; c.check_params(p.find_project())"
    environment = {**os.environ, "PYTHONPATH": str(project.root)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project.root, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["", "My", "my-flow", "class", "1st", "../x", "a b"])
def test_what_cannot_be_a_file_a_module_and_a_key_is_no_name(project: Project, name: str) -> None:
    assert "cannot name a detector" in refused(project, name)


@pytest.mark.parametrize("name", ["knn", "base", "registry", "layers", "template"])
def test_a_taken_name_is_refused(project: Project, name: str) -> None:
    assert "is taken" in refused(project, name)


def test_a_second_time_is_refused(project: Project) -> None:
    new_detector.run(project, "my_flow")
    text = refused(project, "my_flow")
    assert "registry.py" in text
    assert "my_flow.py" in text
    assert "detectors.my_flow in params.yaml" in text


def test_unknown_datasets_and_windows_are_refused(project: Project) -> None:
    assert "did you mean 'demo'?" in refused(project, "my_flow", dataset=("dmeo",))
    assert "did you mean 'second'?" in refused(project, "my_flow", window="secnod")


def test_a_folder_without_code_is_refused(tmp_path: Path) -> None:
    shutil.copy2(ROOT / "params.yaml", tmp_path)
    assert "clone the repository" in refused(Project(tmp_path), "my_flow")


def test_a_registry_that_was_rewritten_is_left_alone(project: Project) -> None:
    registry = project.root / new_detector.REGISTRY
    registry.write_text(registry.read_text().replace("DETECTORS = {", "DETECTORS = dict({"))
    assert 'add by hand: "my_flow"' in refused(project, "my_flow")


def test_params_that_no_rule_fits_are_left_alone(project: Project) -> None:
    project.params.write_text(yaml.safe_dump(yaml.safe_load(project.params.read_text()), default_flow_style=True))
    assert "cannot add to" in refused(project, "my_flow")


def test_a_disk_that_fills_up_leaves_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(project.root)

    def full(path: Path, text: str) -> None:
        if path == project.params and "my_flow" in text:
            raise StorageError("the disk is full")
        write_text(path, text)

    monkeypatch.setattr("pipelines.new_detector.write_text", full)
    with pytest.raises(StorageError):
        new_detector.run(project, "my_flow")
    assert contents(project.root) == before


def test_a_detector_of_another_package(project: Project) -> None:
    new_detector.run(project, "near", of="stages.detectors.knn:Knn")
    text = (project.root / "stages/detectors/near.py").read_text()
    assert "from stages.detectors.knn import Knn as Near\n" in text
    space: dict[str, object] = {}
    exec(compile(text, "near.py", "exec"), space)
    assert space["Near"] is importlib.import_module("stages.detectors.knn").Knn


def test_it_reads_windows_that_hold_what_it_looks_at(project: Project) -> None:
    new_detector.run(project, "film", of="stages.detectors.ffp:Ffp")
    assert yaml.safe_load(project.params.read_text())["detectors"]["film"] == {"window": "scene"}
    assert "holds patches" in refused(project, "near", of="stages.detectors.gepc_patches:GepcPatches")


@pytest.mark.parametrize(
    ("of", "complaint"),
    [
        ("stages.detectors.knn", "names no class"),
        ("no_such_module:Mine", "there is no detector"),
        ("stages.detectors.knn:Missing", "there is no detector"),
        ("stages.detectors.knn:Memory", "it has no Params, needs"),
    ],
)
def test_what_is_no_detector_is_refused(project: Project, of: str, complaint: str) -> None:
    assert complaint in refused(project, "mine", of=of)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a:\n  x: 1\n\n# of b\nb: 2\n", "a:\n  x: 1\n  k: {w: s}\n\n# of b\nb: 2\n"),
        ("a:\n    x: {p: 1,\n      q: 2}\n    # last\n", "a:\n    x: {p: 1,\n      q: 2}\n    k: {w: s}\n    # last\n"),
        ("a: {}  # none yet\nb: 2\n", "a:  # none yet\n  k: {w: s}\nb: 2\n"),
        ("a:\nb: 2\n", "a:\n  k: {w: s}\nb: 2\n"),
        ("b: 2\n", "b: 2\n\na:\n  k: {w: s}\n"),
    ],
)
def test_an_entry_of_a_mapping(text: str, wanted: str) -> None:
    assert into_mapping(text, "a", "k", {"w": "s"}) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a:\n  - {x: 1}\n# of b\nb: 2\n", "a:\n  - {x: 1}\n  - {w: s}\n# of b\nb: 2\n"),
        ("a:\n- x: 1\n  y: 2\nb: 2\n", "a:\n- x: 1\n  y: 2\n- {w: s}\nb: 2\n"),
        ("a: []\nb: 2\n", "a:\n  - {w: s}\nb: 2\n"),
        ("ab:\n  - 1\na:\n  - {x: 1}", "ab:\n  - 1\na:\n  - {x: 1}\n  - {w: s}\n"),
    ],
)
def test_an_entry_of_a_list(text: str, wanted: str) -> None:
    assert into_sequence(text, "a", {"w": "s"}) == wanted
