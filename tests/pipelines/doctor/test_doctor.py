"""What the doctor finds in a real DVC project that was broken on purpose, and what a plain rebuild then makes of it."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path

import pytest

from pipelines.doctor import visit
from pipelines.locks import run_lock
from stages.core.errors import PipelineError
from stages.core.paths import Project
from tests.pipelines.helpers import call

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # DVC's own


def objects(project: Project) -> list[Path]:
    return sorted(path for path in (project.root / ".dvc/cache/files/md5").rglob("*") if path.is_file())


def whole(project: Project) -> bool:
    """Whether DVC finds everything, in the workspace as in the cache."""
    return call(project.root, "dvc", "status", "-q").returncode == 0


def test_a_healthy_project_is_left_alone(built: Project, said: pytest.LogCaptureFixture) -> None:
    before = {path: path.read_bytes() for path in built.root.rglob("*") if path.is_file() and ".git/" not in str(path)}
    visit.run(built)
    assert said.messages[-1] == "all is well"
    assert {path: path.read_bytes() for path in before if "tmp" not in path.parts} == {
        path: content for path, content in before.items() if "tmp" not in path.parts
    }


def test_nothing_is_touched_while_a_run_is_at_work(built: Project) -> None:
    with run_lock(built), pytest.raises(PipelineError, match="another run is at work"):
        visit.run(built)


@pytest.mark.parametrize("text", ['{"read": {"/a": [{"pid": 99', "", "[]"], ids=["half", "empty", "other"])
def test_a_broken_lock_of_paths_goes(built: Project, text: str, said: pytest.LogCaptureFixture) -> None:
    lock = built.root / ".dvc/tmp/rwlock"
    lock.write_text(text)
    visit.run(built)
    assert "DVC's lock of paths was cut off in mid-write: removed .dvc/tmp/rwlock" in said.messages
    assert whole(built)


def test_a_lock_whose_number_now_is_another_process_goes(built: Project, said: pytest.LogCaptureFixture) -> None:
    holder = {"pid": os.getppid(), "cmd": "dvc repro"}  # alive, and no DVC
    (built.root / ".dvc/tmp/rwlock").write_text(json.dumps({"write": {str(built.root / "data"): holder}, "read": {}}))
    if b"dvc" in Path(f"/proc/{os.getppid()}/cmdline").read_bytes():
        pytest.skip("the process above names DVC")
    visit.run(built)
    assert "held by processes that are gone" in said.text
    assert call(built.root, "dvc", "repro").returncode == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_cut_off_dvc_lock_comes_back(built: Project, seed: int) -> None:
    lock = built.root / "dvc.lock"
    text = lock.read_text()
    for words in (
        ["add", "-f", "dvc.lock"],
        ["-c", "user.name=t", "-c", "user.email=t@x.org", "commit", "-qm", "lock"],
    ):
        assert os.spawnlp(os.P_WAIT, "git", "git", "-C", str(built.root), *words) == 0
    lock.write_text(text[: random.Random(seed).randrange(12, len(text) - 1)].rstrip() + "\n  {")
    visit.run(built)
    assert lock.read_text() == text
    assert whole(built)


def test_a_dvc_lock_that_git_does_not_hold_is_put_aside_and_built_anew(built: Project) -> None:
    (built.root / "dvc.lock").write_text("stages: [")
    visit.run(built)
    assert (built.root / "dvc.lock.broken").read_text() == "stages: ["
    done = call(built.root, "dvc", "repro")
    assert done.returncode == 0
    assert whole(built)


@pytest.mark.parametrize("seed", range(5))
def test_objects_come_back_from_the_workspace(built: Project, seed: int) -> None:
    chance = random.Random(seed)
    broken = chance.sample(objects(built), 3)
    before = {path: path.read_bytes() for path in objects(built)}
    for path, how in zip(broken, ("gone", "cut", "gone"), strict=True):
        path.chmod(0o644)
        path.unlink() if how == "gone" else path.write_bytes(path.read_bytes()[:-1])
    visit.run(built)
    assert {path: path.read_bytes() for path in objects(built)} == before
    assert whole(built)


def test_what_is_nowhere_any_more_is_left_to_a_rebuild(built: Project, said: pytest.LogCaptureFixture) -> None:
    shutil.rmtree(built.root / ".dvc/cache/files")
    shutil.rmtree(built.root / "data/models/street/near")
    with pytest.raises(PipelineError, match="1 are left to you"):
        visit.run(built)
    assert "`normotion repro train@run0` makes it anew" in said.text
    assert call(built.root, "dvc", "repro").returncode == 0
    assert whole(built)


def test_half_written_outputs_go(built: Project, said: pytest.LogCaptureFixture) -> None:
    left = built.root / "data" / "models" / ".near.tmp-999999999"
    left.mkdir()
    mine = built.root / "data" / f".mine.tmp-{os.getpid()}"
    mine.touch()
    visit.run(built)
    assert not left.exists()
    assert mine.exists()  # its writer is at work
    assert "data/models/.near.tmp-999999999 was never finished: removed" in said.messages


def test_a_removed_detector_leaves_no_model_behind(built: Project, said: pytest.LogCaptureFixture) -> None:
    text = built.params.read_text()
    built.params.write_text(text.replace("  - {dataset: street, detector: far}\n", ""))
    visit.run(built)
    assert not (built.root / "data/models/street/far").exists()
    assert (built.root / "data/models/street/near").exists()
    built.params.write_text(text)
    ran = call(built.root, "dvc", "repro").stdout
    assert "Running stage 'train@run1'" not in ran  # the cache has it
    assert (built.root / "data/models/street/far").exists()


def test_a_strangers_files_are_told_of_and_left(built: Project) -> None:
    stranger = built.root / "data/models/street/mine"
    stranger.mkdir()
    with pytest.raises(PipelineError, match="left to you"):
        visit.run(built)
    assert stranger.exists()


def test_versions_are_held_against_the_pins(
    built: Project, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    import importlib.metadata

    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.165.0" if name == "fastapi" else real(name))
    with pytest.raises(PipelineError):
        visit.run(built)
    assert "fastapi 0.165.0 is installed, and fastapi" in said.text
    assert "make setup" in said.text


def test_the_database_is_looked_at(logged: Project, said: pytest.LogCaptureFixture) -> None:
    from pipelines.tracking import PENDING, Tracking

    tracking = Tracking(logged)
    tracking.client.create_run(tracking.experiment, tags={PENDING: "abc"})
    visit.run(logged)
    assert "1 MLflow runs were never finished: removed; `normotion log` writes them anew" in said.messages
