"""`normotion check`: what the stage vouches for, and then words for a newcomer."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import check
from pipelines.__main__ import VERBS, main
from stages import check as stage
from stages.__main__ import STAGES
from stages.core.errors import DatasetError, ParamsError
from stages.core.paths import Project
from stages.core.progress import log
from tests.stages.demo import demo, own_params, save


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return demo(tmp_path, own_params())


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    before = log.handlers[:], log.level, log.propagate
    yield
    log.handlers[:], log.level, log.propagate = before[0], before[1], before[2]


def said(project: Project, caplog: pytest.LogCaptureFixture, *names: str) -> str:
    caplog.clear()
    with caplog.at_level("INFO", "normotion"):
        check.run(project, *names)
    return "\n".join(record.getMessage() for record in caplog.records)


def test_the_demo_is_explained(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    text = said(project, caplog)
    for expected in (
        "all as declared",
        "demo: A street, the same street hurried, and a flip off a roof",
        "train            1      50 s         500       0.0%",
        "test             2      24 s         345      40.0%",  # 50 + 88 of 345
        "2 cameras, 2 scenes; 10, 30 frames/s; 768 × 576, 1768 × 994 px",
        "windows `second`, read by stg_nf, knn: one person's joints, 8 samples, 10 samples a second",
        "8 frames = 0.8 s at 10 frames/s, 24 frames = 0.8 s at 30 frames/s",
        "sought by movenet in 845 frames of 3 clips; none has poses yet",
        "about 2.6 min on two cores: an estimate, from 5.5 frames/s",  # 845 / 5.5 = 154 s
        "6 things to look at, none of them an error",
        "no clip is for validation",
        "2 test clips, below 5",
        "1 camera without training footage: roof",
        "mend: ",
    ):
        assert expected in text


def test_it_vouches_for_what_the_stage_vouches_for(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    said(project, caplog)
    found = project.checked("demo").read_bytes()
    stage.run(project)
    assert project.checked("demo").read_bytes() == found


def test_poses_that_are_there_are_counted(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    project.poses("demo").mkdir(parents=True)
    (project.poses("demo") / "roof_flip.parquet").touch()
    assert "of 3 clips; 1 clip has poses already" in said(project, caplog)


def test_a_dataset_is_explained_before_params_yaml_names_it(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copytree(project.raw("demo"), project.raw("gate"))
    text = said(project, caplog, "gate")
    assert "params.yaml does not name gate" in text
    assert "no detector runs on gate" in text
    assert "\ndemo: " not in text
    assert not project.checked("gate").exists()


def test_one_file_under_two_names_is_found_by_its_bytes(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    clips = project.raw("demo") / "clips.csv"
    clips.write_text(clips.read_text() + "again,test,videos/again.mp4,street,street,10,768,576,500,,0\n")
    shutil.copy2(project.raw("demo") / "videos/street_train.mp4", project.raw("demo") / "videos/again.mp4")
    text = said(project, caplog)
    assert "again, street_train are the same file, in different splits" in text


def test_mistakes_are_told_before_anything_is_explained(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    (project.raw("demo") / "videos/roof_flip.mp4").unlink()
    for names in ((), ("demo",)):
        with pytest.raises(DatasetError, match="roof_flip"):
            said(project, caplog, *names)
        assert caplog.text == ""
    with pytest.raises(DatasetError, match="did you mean 'demo'"):
        said(project, caplog, "dmeo")
    save(project.root, own_params() | {"trakc": {}})
    with pytest.raises(ParamsError, match="did you mean 'track'"):
        said(project, caplog, "demo")


def test_the_command_explains_and_the_stage_of_the_graph_does_not(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.root)
    assert main(["check"]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "things to look at" in shown.err
    assert [verb.name for verb in VERBS[: len(STAGES)]] == [verb.name for verb in STAGES]
    assert next(verb for verb in STAGES if verb.name == "check").positionals == ()  # DVC's command has no words more
