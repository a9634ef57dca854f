"""Stages run as processes: in order, watched, stopped as a group, and believed only when their outputs landed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipelines import log_runs, runner
from pipelines.dag import Stage, read_dag
from pipelines.runner import Runner, repro
from stages.core.errors import PipelineError
from stages.core.paths import Project
from tests.pipelines.helpers import await_file, call, gone, linux

CHECK = Stage("check", "python step.py stages check")
TRAIN = Stage("train@run0", "python step.py stages train street near", ("check",))


def test_stages_in_graph_order_bring_all_up_to_date(project: Project) -> None:
    lines: list[str] = []
    with Runner(project) as at_work:
        for stage in read_dag(project):
            if stage.name != "train@run1" and not stage.name.endswith("run1"):
                at_work.run(stage, lines.append)
    # each stage's own output came through, in the order of the graph
    worked = [line for line in lines if line.startswith("working on")]
    assert worked == [
        "working on check",
        "working on train-street-near",
        "working on score-street-near",
        "working on evaluate-street-near",
    ]


def test_second_run_does_nothing(built: Project) -> None:
    lines: list[str] = []
    with Runner(built) as at_work:
        at_work.run(TRAIN, lines.append)
    assert any("didn't change, skipping" in line for line in lines)
    assert not any("working on" in line for line in lines)


def test_failing_stage_is_named_with_its_last_lines(project: Project) -> None:
    (project.root / "break-check").touch()
    with pytest.raises(PipelineError) as caught, Runner(project) as at_work:
        at_work.run(CHECK, lambda _: None)
    assert "stage check failed" in caught.value.what
    assert "check is broken on purpose" in caught.value.where


def test_repro_stops_below_a_failure(project: Project) -> None:
    (project.root / "break-train-street-near").touch()
    with pytest.raises(PipelineError, match="rebuild stopped"), Runner(project) as at_work:
        at_work.repro()
    assert (project.root / "data/checked.txt").exists()
    assert not (project.root / "data/scores/street/near").exists()


def test_output_missing_from_the_cache_is_no_success(built: Project) -> None:
    # What a full cache disk leaves behind: dvc.lock names the output, the object is not there, `dvc repro` says 0.
    # `.dvc/tmp` remembers what the cache held; a disk that filled up never had it.
    shutil.rmtree(built.root / ".dvc/cache/files")
    shutil.rmtree(built.root / ".dvc/tmp")
    with pytest.raises(PipelineError, match="not in DVC's cache"), Runner(built) as at_work:
        at_work._check_landed([TRAIN.name], "it is not in DVC's cache")


def test_only_listed_targets_are_rebuilt(project: Project) -> None:
    with Runner(project) as at_work:
        at_work.repro(["train@run0"])
    assert (project.root / "data/models/street/near/seed-0/fit.json").exists()
    assert not (project.root / "data/models/street/far").exists()


def test_cancel_stops_the_stage_and_later_ones(project: Project) -> None:
    (project.root / "slow-check").touch()
    with Runner(project) as at_work:
        caught: list[PipelineError] = []

        def work() -> None:
            try:
                at_work.run(CHECK, lambda _: None)
            except PipelineError as error:
                caught.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        await_file(project.root / "started-check")
        start = time.monotonic()
        at_work.cancel()
        thread.join()
        assert time.monotonic() - start < runner.GRACE + 5
        assert "cancelled" in caught[0].what
        with pytest.raises(PipelineError, match="cancelled"):
            at_work.run(CHECK)
    assert not (project.root / "finished-check").exists()


def test_rebuild_ends_with_the_log(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[Project] = []
    monkeypatch.setattr(log_runs, "run", logged.append)
    repro(built)
    assert logged == [built]


def test_failed_rebuild_logs_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[Project] = []
    monkeypatch.setattr(log_runs, "run", logged.append)
    (project.root / "break-check").touch()
    with pytest.raises(PipelineError):
        repro(project)
    assert logged == []


RUN = """
import sys
from pathlib import Path
from pipelines.dag import Stage
from pipelines.runner import Runner
from stages.core.paths import Project
with Runner(Project(Path(sys.argv[1]))) as at_work:
    at_work.run(Stage("check", ""), lambda _: None)
"""


@linux
@pytest.mark.faults
def test_killed_runner_takes_dvc_along_and_a_plain_repro_mends(project: Project, root: Path) -> None:
    (project.root / "slow-check").touch()
    with subprocess.Popen([sys.executable, "-c", RUN, str(project.root)], cwd=root) as process:
        await_file(project.root / "started-check")
        child = int(subprocess.check_output(["pgrep", "-P", str(process.pid)], text=True).split()[0])
        process.kill()
    assert gone(child)
    (project.root / "slow-check").unlink()
    done = call(project.root, "dvc", "repro", "check")
    assert done.returncode == 0, done.stderr
    assert (project.root / "data/checked.txt").read_text() == "checked"
