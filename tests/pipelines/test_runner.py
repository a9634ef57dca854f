"""Stages run as processes: in order, watched, stopped as a group, and believed only when their outputs landed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipelines import runner
from pipelines.dag import Stage, read_dag
from pipelines.runner import Runner
from stages.core.errors import PipelineError
from stages.core.paths import Project
from tests.pipelines.helpers import await_file, call, gone, linux, small_disk

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # DVC's own


CHECK = Stage("check", "python step.py stages check")
TRAIN = Stage("train@run0", "python step.py stages train street near", ("check",))


def test_a_stage_after_the_one_it_needs(project: Project) -> None:
    lines: list[str] = []
    with Runner(project) as at_work:
        for stage in read_dag(project)[:2]:
            at_work.run(stage, lines.append)
    # each stage's own output came through, and both landed
    worked = [line for line in lines if line.startswith("working on")]
    assert worked == ["working on check", "working on train-street-near"]
    assert (project.root / "data/models/street/near/seed-0/fit.json").exists()


@pytest.mark.slow
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


def test_landed_means_in_the_cache(built: Project) -> None:
    # as after a full disk: dvc.lock names the output, the cache does not hold it and cannot
    shutil.rmtree(built.root / ".dvc/cache/files")
    (built.root / ".dvc/cache/files").touch()
    with pytest.raises(PipelineError) as caught, Runner(built) as at_work:
        at_work.run(TRAIN, lambda _: None)
    assert TRAIN.name in caught.value.what


def test_nothing_begins_without_room(built: Project) -> None:
    with pytest.raises(PipelineError, match="GiB are free, and a rebuild wants 1e\\+09"):
        Runner(built, least_free=1e9).__enter__()
    with Runner(built):  # and the lock was let go
        pass


def test_the_deadline_stops_everything(project: Project) -> None:
    (project.root / "slow-check").touch()
    with pytest.raises(PipelineError, match="deadline passed"), Runner(project, deadline=3) as at_work:
        at_work.run(CHECK, lambda _: None)
    assert not (project.root / "finished-check").exists()


def test_a_fault_that_passes_is_tried_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "PAUSE", 0.1)
    once = "if not Path('tried').exists():\n    Path('tried').touch()\n    sys.exit(75)\n"
    step = project.root / "step.py"
    step.write_text(step.read_text().replace("words = ", once + "words = ", 1))
    lines: list[str] = []
    with Runner(project) as at_work:
        at_work.run(CHECK, lines.append)
    assert "the stage met something that passes; trying again in 0.1 s (1 of 4)" in lines
    assert (project.root / "data/checked.txt").exists()


def test_what_an_interrupted_stage_left_is_swept(project: Project) -> None:
    left = project.root / "data" / ".model.tmp-999999999"
    left.mkdir(parents=True)
    with Runner(project):
        assert not left.exists()


@linux
@pytest.mark.faults
def test_full_cache_disk_is_no_success(project: Project, tmp_path: Path) -> None:
    # three files of 40 KB do not fit into 64 KiB; `dvc repro` prints errors, writes dvc.lock and exits with 0
    (project.root / "big.py").write_text(
        "from pathlib import Path\nPath('out').mkdir()\nfor n in '123':\n    Path('out', n).write_text(n * 40_000)\n"
    )
    (project.root / "dvc.yaml").write_text("stages:\n  big: {cmd: python big.py, outs: [out]}\n")
    with small_disk(tmp_path / "small", "64k") as disk:
        assert call(project.root, "dvc", "cache", "dir", "--local", str(disk)).returncode == 0
        assert call(project.root, "dvc", "repro").returncode == 0  # the trap itself
        with pytest.raises(PipelineError, match="stage big ran, but") as caught, Runner(project) as at_work:
            at_work.run(Stage("big", "python big.py"), lambda _: None)
        assert "No space left" in caught.value.where
    call(project.root, "dvc", "config", "--local", "--unset", "cache.dir")
    with Runner(project) as at_work:  # with room again, the same call mends it
        at_work.run(Stage("big", "python big.py"), lambda _: None)


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
        with pytest.raises(PipelineError, match="nothing more is started"):
            at_work.run(CHECK)
    assert not (project.root / "finished-check").exists()


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
