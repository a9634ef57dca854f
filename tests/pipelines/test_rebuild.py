"""The graph in parallel: order, failures, what nothing changed for, and what a person sees of it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import log_runs
from pipelines.dag import Stage, in_order, read_dag, wanted
from pipelines.rebuild import clock, log_file, rebuild, repro, walk
from pipelines.runner import Runner
from stages.core.errors import PipelineError
from stages.core.paths import Project

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # DVC's own

GRAPH = [Stage("a", ""), Stage("b", "", ("a",)), Stage("c", "", ("a",)), Stage("d", "", ("b", "c")), Stage("e", "")]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Stage], set[str], set[str], int]:
    """A graph, which of its stages are stale, which of them fail, and how many run at a time."""
    size = draw(st.integers(1, 9))
    stages = [
        Stage(str(number), "", tuple(sorted(draw(st.sets(st.sampled_from([str(n) for n in range(number)]))))))
        if number
        else Stage("0", "")
        for number in range(size)
    ]
    names = st.sets(st.sampled_from([stage.name for stage in stages]))
    return stages, draw(names), draw(names), draw(st.integers(1, 4))


@given(graphs())
def test_each_stage_once_after_all_it_needs(drawn: tuple[list[Stage], set[str], set[str], int]) -> None:
    stages, stale, broken, jobs = drawn
    begun: list[str] = []
    ended: list[str] = []
    upstream = {stage.name: set(stage.upstream) for stage in stages}

    def work(stage: Stage) -> bool:
        assert upstream[stage.name] <= set(ended)
        begun.append(stage.name)
        if stage.name in broken:
            raise PipelineError(f"{stage.name} is broken")
        ended.append(stage.name)
        return stage.name in stale

    outcome = walk(stages, work, jobs)
    assert len(begun) == len(set(begun))
    assert set(begun) == {*outcome.done, *outcome.fresh, *outcome.failed}
    assert set(outcome.failed) <= broken
    assert sorted([*outcome.done, *outcome.fresh, *outcome.failed, *outcome.missed]) == sorted(upstream)
    assert set(outcome.done) <= stale
    for name in outcome.missed:  # each for a reason
        assert upstream[name] & {*outcome.failed, *outcome.missed}


def test_siblings_run_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def work(stage: Stage) -> bool:
        if stage.name in "bc":
            meeting.wait()
        return True

    assert walk(GRAPH, work, 2).failed == {}


def test_a_mistake_of_ours_is_not_taken_for_a_failed_stage() -> None:
    def work(_: Stage) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        walk(GRAPH, work, 1)


def test_targets_bring_what_they_need() -> None:
    assert [stage.name for stage in wanted(GRAPH, ["c"])] == ["a", "c"]
    assert wanted(GRAPH, []) == GRAPH
    family = [Stage("train@x", ""), Stage("train@y", ""), Stage("score@x", "", ("train@x",))]
    assert [stage.name for stage in wanted(family, ["train"])] == ["train@x", "train@y"]
    with pytest.raises(PipelineError, match="no stage 'trian'; did you mean 'train'"):
        wanted(family, ["trian"])


@given(st.permutations(GRAPH))
def test_order_does_not_depend_on_how_stages_are_listed(stages: list[Stage]) -> None:
    names = [stage.name for stage in in_order(stages)]
    assert all(names.index(up) < names.index(stage.name) for stage in stages for up in stage.upstream)


def test_everything_then_nothing(project: Project) -> None:
    with Runner(project) as runner:
        first = rebuild(runner, 2)
        again = rebuild(runner, 2)
    assert (len(first.done), first.fresh, first.failed) == (7, [], {})
    assert (again.done, len(again.fresh)) == ([], 7)
    text = log_file(project, "train@run0").read_text()
    assert "working on train-street-near" in text
    assert "done after" in text


@pytest.mark.slow
def test_only_what_changed_and_what_that_changes_is_looked_at(built: Project) -> None:
    built.params.write_text(built.params.read_text().replace("k: 5", "k: 6"))
    with Runner(built) as runner:
        assert runner.changed() == {"train@run0"}
        outcome = rebuild(runner, 1)
        assert outcome.done == ["train@run0"]  # it made the same as before: those below need no look
        assert len(outcome.fresh) == 6
        step = built.root / "step.py"
        step.write_text(step.read_text().replace('{"windows": 7', '{"windows": 8'))
        check = (built.root / "dvc.yaml").read_text().replace("    deps: [data/checked.txt]", "    deps: [step.py]")
        (built.root / "dvc.yaml").write_text(check)
        assert sorted(rebuild(runner, 2).done) == sorted(stage.name for stage in read_dag(built))


def test_a_failure_stops_those_below_and_no_others(project: Project) -> None:
    (project.root / "break-train-street-near").touch()
    with Runner(project) as runner:
        outcome = rebuild(runner, 2)
    assert list(outcome.failed) == ["train@run0"]
    assert sorted(outcome.missed) == ["evaluate@run0", "score@run0"]
    assert "evaluate@run1" in outcome.done
    with pytest.raises(PipelineError) as caught:
        outcome.demand()
    assert caught.value.what.startswith("failed: train@run0; not reached: ")
    assert "train-street-near is broken on purpose" in caught.value.where
    assert caught.value.fix == "mend what its log says, then `normotion repro train@run0`"


def test_only_listed_targets_are_rebuilt(project: Project) -> None:
    with Runner(project) as runner:
        rebuild(runner, 1, ["train@run0"])
    assert (project.root / "data/models/street/near/seed-0/fit.json").exists()
    assert not (project.root / "data/models/street/far").exists()


@pytest.mark.slow
def test_a_rebuild_ends_with_the_log(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[Project] = []
    monkeypatch.setattr(log_runs, "run", logged.append)
    repro(built, jobs="2")
    assert logged == [built]


def test_a_failed_rebuild_logs_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[Project] = []
    monkeypatch.setattr(log_runs, "run", logged.append)
    (project.root / "break-check").touch()
    with pytest.raises(PipelineError, match="failed: check; not reached: "):
        repro(project)
    assert logged == []


@pytest.mark.parametrize("jobs", ["0", "-1", "two"])
def test_jobs_are_a_number(project: Project, jobs: str) -> None:
    with pytest.raises(PipelineError, match="whole number from 1"):
        repro(project, jobs=jobs)


def test_durations_as_people_read_them() -> None:
    assert [clock(seconds) for seconds in (12.34, 245, 7620)] == ["12.3 s", "4 min 05 s", "2 h 07 min"]


def test_the_log_file_of_a_stage_lies_in_the_project(tmp_path: Path) -> None:
    assert log_file(Project(tmp_path), "a/dvc.yaml:b").parent == tmp_path / ".normotion" / "logs"
