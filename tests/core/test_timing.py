"""Seconds that stages took: noted when they end well, asked for by name, and no obstacle where they cannot be noted."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from stages import train
from stages.__main__ import STAGES, Verb, run_command
from stages.core.errors import ParamsError
from stages.core.paths import Project
from stages.core.timing import keep, took


def test_what_was_kept_is_told_and_the_last_run_counts(tmp_path: Path) -> None:
    project = Project(tmp_path)
    keep(project, "train", ("demo", "knn"), 3.0)
    keep(project, "train", ("demo", "knn"), 2.34567)
    keep(project, "report", (), 1.0)
    assert took(project, "train", ("demo", "knn")) == 2.346
    assert took(project, "report", ()) == 1.0
    assert (tmp_path / ".normotion" / "took" / "train" / "demo" / "knn.json").is_file()


@pytest.mark.parametrize("text", [None, "", "[]", '{"seconds": "soon"}', "{}"])
def test_what_nobody_noted_is_unknown(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / ".normotion" / "took" / "train" / "demo" / "knn.json"
    if text is not None:
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    assert took(Project(tmp_path), "train", ("demo", "knn")) is None


def test_a_note_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / ".normotion").write_text("in the way", encoding="utf-8")
    keep(Project(tmp_path), "report", (), 1.0)
    assert took(Project(tmp_path), "report", ()) is None


def test_a_stage_that_ends_well_is_timed_and_one_that_fails_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ParamsError("nothing is right")

    project = Project(tmp_path)
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as changed:
        changed.setattr(train, "run", fails)
        assert run_command("stages", STAGES, ["train", "toy", "knn"]) == 1
    assert took(project, "train", ("toy", "knn")) is None
    monkeypatch.setattr(train, "run", lambda *_: time.sleep(0.05))
    assert run_command("stages", STAGES, ["train", "toy", "knn"]) == 0
    assert 0.05 <= (took(project, "train", ("toy", "knn")) or 0) < 5


def test_verbs_that_are_no_stages_are_not_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    verb = Verb("look", "look", target="builtins:print", anywhere=True)
    assert run_command("normotion", [verb], ["look"]) == 0
    assert not (tmp_path / ".normotion").exists()
