"""Per-clip folders look after themselves."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core import incremental, tables
from stages.core.errors import VideoError
from stages.core.incremental import Digests, made_with, quarantine, say_kept, set_aside, tidy
from stages.core.paths import Project
from stages.core.schemas import POSES, TRACKS, Rows, Schema, pose_meta
from stages.core.tables import write


def save(path: Path, **meta: str) -> None:
    person = {"x": 0.0, "y": 0.0, "w": 1.0, "h": 1.0, "score": 0.5, "track": 3}
    frame = pd.DataFrame({"clip": ["a"], "frame": [0], **person})
    write(path, POSES, Rows(frame, np.ones((1, 17, 3), np.float32), {**pose_meta("coco17"), **meta}))


def test_only_listed_clips_stay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "poses" / "gate"
    for clip in ("a", "b"):
        save(folder / f"{clip}.parquet")
    (folder / ".c.parquet.tmp-999999999").write_text("half a table of a writer that is gone")
    with caplog.at_level("INFO", logger="normotion"):
        tidy(folder, ["a", "c"])
    assert os.listdir(folder) == ["a.parquet"]
    assert "b: no longer in clips.csv, its poses are removed" in caplog.text


def test_a_new_folder_is_made(tmp_path: Path) -> None:
    tidy(tmp_path / "poses" / "gate", ["a"])
    assert os.listdir(tmp_path / "poses" / "gate") == []


def test_keys(tmp_path: Path) -> None:
    save(tmp_path / "a.parquet", key="k1")
    save(tmp_path / "b.parquet")
    (tmp_path / "c.parquet").write_text("no table")
    assert made_with(tmp_path / "a.parquet", POSES) == "k1"
    assert made_with(tmp_path / "a.parquet", TRACKS) is None  # of another table
    assert [made_with(tmp_path / f"{clip}.parquet", POSES) for clip in "bcd"] == [None, None, None]


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level("INFO", logger="normotion")
    return caplog


def test_few_unchanged_clips_are_named_and_many_counted(said: pytest.LogCaptureFixture) -> None:
    say_kept(["a", "b"], "poses")
    assert said.messages == ["a is unchanged, its poses are kept", "b is unchanged, its poses are kept"]
    said.clear()
    say_kept([str(number) for number in range(11)], "tracks")
    assert said.messages == ["11 clips are unchanged, their tracks are kept"]
    said.clear()
    say_kept([], "poses")
    assert said.messages == []


HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
"""sha256 of `hello`, as published with the algorithm's test values."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """One clip, of which `check` says something that betrays whether it was believed."""
    here = Project(tmp_path)
    (here.raw("gate") / "videos").mkdir(parents=True)
    (here.raw("gate") / "videos" / "a.mp4").write_text("hello")
    here.checked("gate").parent.mkdir()
    here.checked("gate").write_text(json.dumps({"clips": {"a": {"path": "videos/a.mp4", "sha256": "as checked"}}}))
    later(here.checked("gate"), 1)
    return here


def later(path: Path, seconds: float) -> None:
    """Let a file look younger than it is."""
    moment = path.stat().st_mtime + seconds
    os.utime(path, (moment, moment))


def test_what_check_says_is_believed(project: Project) -> None:
    assert Digests(project, "gate").of("a", "videos/a.mp4") == "as checked"


def change(project: Project) -> None:
    later(project.raw("gate") / "videos" / "a.mp4", 2)


def forget(project: Project) -> None:
    project.checked("gate").unlink()


def rename(project: Project) -> None:
    project.checked("gate").write_text(project.checked("gate").read_text().replace("videos/a", "videos/b"))
    later(project.checked("gate"), 1)


def backdate(project: Project) -> None:
    """Put a file there that kept its old date: when that was done, the system still knows."""
    later(project.checked("gate"), -3600)
    later(project.raw("gate") / "videos" / "a.mp4", -7200)


@pytest.mark.parametrize("event", [change, forget, rename, backdate])
def test_where_check_cannot_know_the_file_is_hashed(project: Project, event: Callable[[Project], None]) -> None:
    event(project)
    assert Digests(project, "gate").of("a", "videos/a.mp4") == HELLO


def test_a_file_that_is_missing_has_no_digest(project: Project) -> None:
    assert Digests(project, "gate").of("b", "videos/b.mp4") is None
    assert Digests(project, "gate").of("b", "videos") is None  # a folder is no file


def test_clips_that_were_set_aside_are_on_record_until_they_are_done(tmp_path: Path) -> None:
    set_aside(tmp_path, {"b": VideoError("é is missing", where="b.mp4", fix="put it there"), "a": VideoError("no")})
    assert json.loads(quarantine(tmp_path).read_text()) == {
        "a": {"reason": "no", "where": "", "fix": ""},
        "b": {"reason": "é is missing", "where": "b.mp4", "fix": "put it there"},
    }
    assert quarantine(tmp_path).read_text().index('"a"') < quarantine(tmp_path).read_text().index('"b"')
    set_aside(tmp_path, {})
    assert os.listdir(tmp_path) == []
    set_aside(tmp_path, {})  # nothing to remove is no trouble


@pytest.mark.parametrize("number", [10, 40])
def test_a_clip_costs_one_look_however_many_there_are(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "poses" / "gate"
    clips = [f"c{index}" for index in range(number)]
    for clip in clips:
        save(folder / f"{clip}.parquet", key=clip)
    looks: list[Path] = []

    def look(path: Path, schema: Schema) -> dict[str, str]:
        looks.append(path)
        return tables.read_meta(path, schema)

    monkeypatch.setattr(incremental, "read_meta", look)
    tidy(folder, clips)
    assert [made_with(folder / f"{clip}.parquet", POSES) for clip in clips] == clips
    assert len(looks) == number
