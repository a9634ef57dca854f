"""The graph is DVC's own, in an order that can be run."""

from __future__ import annotations

from graphlib import CycleError
from pathlib import Path

import pytest

from pipelines.dag import Stage, in_order, read_dag
from stages.core.errors import PipelineError
from stages.core.paths import Project

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # DVC's own


def test_graph_is_that_of_dvc(project: Project) -> None:
    found = {stage.name: stage for stage in read_dag(project)}
    assert set(found) == {"check", *(f"{verb}@run{n}" for verb in ("train", "score", "evaluate") for n in (0, 1))}
    assert found["check"].upstream == ()
    assert found["train@run0"].upstream == ("check",)
    assert found["evaluate@run1"].upstream == ("score@run1",)
    assert found["score@run1"].cmd == "python step.py stages score street far"


def test_each_stage_comes_after_all_it_needs(project: Project) -> None:
    # dvc.yaml names evaluate before train and score: the order must come from the edges.
    seen: set[str] = set()
    for stage in read_dag(project):
        assert seen.issuperset(stage.upstream)
        seen.add(stage.name)


def test_ties_keep_the_given_order() -> None:
    # b and a need nothing: they stay as given; c needs both.
    stages = [Stage("c", "", ("a", "b")), Stage("b", ""), Stage("a", "")]
    assert [stage.name for stage in in_order(stages)] == ["b", "a", "c"]


def test_a_circle_has_no_order() -> None:
    with pytest.raises(CycleError):
        in_order([Stage("a", "", ("b",)), Stage("b", "", ("a",))])


def test_data_tracked_without_a_command_is_no_stage(project: Project) -> None:
    (project.root / "step.py.dvc").write_text("outs:\n- path: step.py\n  md5: d41d8cd98f00b204e9800998ecf8427e\n")
    found = read_dag(project)
    # check depends on step.py, but a file has no command to run
    assert found[0] == Stage("check", "python step.py stages check", ())
    assert len(found) == 7


def test_no_repository_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="dvc init"):
        read_dag(Project(tmp_path))


def test_broken_dvc_yaml_names_the_file(project: Project) -> None:
    (project.root / "dvc.yaml").write_text("stages: [\n")
    with pytest.raises(PipelineError, match=r"dvc\.yaml"):
        read_dag(project)
