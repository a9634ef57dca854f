"""Extract on several clips: broken ones are set aside, and processes share the work without changing it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stages import extract
from stages.core.errors import BackendError, DatasetError, StorageError, VideoError
from stages.core.incremental import quarantine
from stages.core.paths import Project
from stages.pose.base import NOBODY, People
from tests.stages.footage import FRAMES, digests, film, list_clips, make_project, reader, set_params


class Nobody:
    """Sees nobody; raises what it is told at the first frame."""

    version = "nobody 1.0"

    def __init__(self, trouble: BaseException | None = None) -> None:
        self.trouble = trouble
        self.frames = 0

    def __call__(self, image: object) -> People:  # noqa: ARG002
        self.frames += 1
        if self.trouble:
            raise self.trouble
        return NOBODY


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> Nobody:
    find = Nobody()
    monkeypatch.setattr(extract, "estimator", lambda _: find)
    return find


def spoil(project: Project, clip: str) -> Path:
    video = project.raw("demo") / "videos" / f"{clip}.avi"
    video.write_bytes(b"milk, bread, eggs\n" * 99)
    return video


def test_a_broken_clip_stops_all_unless_told_otherwise(project: Project, nobody: Nobody) -> None:
    spoil(project, "void")
    with pytest.raises(VideoError, match="this is no video"):
        extract.run(project, "demo")
    assert list(digests(project)) == ["gate.parquet"]


@pytest.mark.parametrize("by", ["argument", "parameter"])
def test_a_broken_clip_is_set_aside_and_the_rest_goes_on(
    project: Project, nobody: Nobody, said: pytest.LogCaptureFixture, by: str
) -> None:
    set_params(project, keep_going=by == "parameter")
    video = spoil(project, "gate")
    (project.raw("demo") / "videos" / "void.avi").unlink()
    with pytest.raises(DatasetError) as error:
        extract.run(project, "demo", keep_going=by == "argument")
    first, *listed = error.value.what.splitlines()
    assert first == "2 of 3 clips were set aside, the others are done:"
    assert [line[:20] for line in listed] == ["  - gate: this is no", "  - void: the video "]
    assert error.value.where == str(quarantine(project.poses("demo")))
    record = json.loads(quarantine(project.poses("demo")).read_text())
    assert set(record) == {"gate", "void"}
    assert record["gate"]["where"] == str(video)
    assert list(digests(project)) == ["quarantine.json", "yard.parquet"]
    assert nobody.frames == FRAMES["yard"]
    assert "clip 1 of 3: gate is set aside: this is no video" in said.text


def test_only_what_was_set_aside_is_tried_again(project: Project, nobody: Nobody) -> None:
    spoil(project, "void")
    with pytest.raises(DatasetError):
        extract.run(project, "demo", keep_going=True)
    before = nobody.frames
    with pytest.raises(DatasetError, match="1 of 3 clips were set aside"):
        extract.run(project, "demo", keep_going=True)
    assert nobody.frames == before
    film(project.raw("demo") / "videos" / "void.avi", FRAMES["void"], step=0)
    extract.run(project, "demo", keep_going=True)
    assert nobody.frames == before + FRAMES["void"]
    assert list(digests(project)) == ["gate.parquet", "void.parquet", "yard.parquet"]  # and no record any more


@pytest.mark.parametrize("trouble", [StorageError("the disk is full"), BackendError("the GPU is gone")])
def test_what_no_clip_is_to_blame_for_stops_all(project: Project, nobody: Nobody, trouble: Exception) -> None:
    nobody.trouble = trouble
    with pytest.raises(type(trouble)):
        extract.run(project, "demo", keep_going=True)
    assert nobody.frames <= FRAMES["gate"]
    assert list(digests(project)) == []


def test_an_interruption_leaves_a_record_of_what_was_set_aside(project: Project, nobody: Nobody) -> None:
    spoil(project, "gate")
    nobody.trouble = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        extract.run(project, "demo", keep_going=True)
    assert list(digests(project)) == ["quarantine.json"]


def test_processes_give_the_same_files_and_tell_what_they_did(project: Project, said: pytest.LogCaptureFixture) -> None:
    extract.run(project, "demo")
    first = digests(project)
    for path in project.poses("demo").iterdir():
        path.unlink()
    said.clear()
    set_params(project, workers=2)
    extract.run(project, "demo")
    assert digests(project) == first
    assert "gate: 0 poses in 6 frames" in said.text
    assert [record.getMessage() for record in said.records if record.levelname == "WARNING"].count(
        "void: nobody was found in it, its table of poses is empty"
    ) == 1


def test_processes_set_aside_what_is_broken(project: Project) -> None:
    set_params(project, workers=2)
    list_clips(project, {**FRAMES, "yard": 5})
    with pytest.raises(DatasetError, match=r"  - yard: 4 frames could be decoded, but clips\.csv declares 5"):
        extract.run(project, "demo", keep_going=True)
    assert list(digests(project)) == ["gate.parquet", "quarantine.json", "void.parquet"]


def test_ctrl_c_leaves_no_half_file_and_no_process(project: Project, root: Path) -> None:
    set_params(project, workers=2, threads=1)
    for clip in FRAMES:
        film(project.raw("demo") / "videos" / f"{clip}.avi", 3000, step=0)
    list_clips(project, dict.fromkeys(FRAMES, 3000))
    with subprocess.Popen(
        [sys.executable, "-m", "stages", "extract", "demo"],
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as stage:
        try:
            workers = [reader(project.raw("demo") / "videos" / f"{clip}.avi") for clip in ("gate", "void")]
            os.killpg(stage.pid, signal.SIGINT)  # as a terminal does: to the stage and all its processes
            said = stage.communicate(timeout=60)[1]
        finally:
            stage.kill()
    assert stage.returncode == 130
    assert "Traceback" not in said
    assert os.listdir(project.poses("demo")) == []
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
