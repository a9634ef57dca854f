"""Per-clip folders look after themselves."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.incremental import made_with, tidy
from stages.core.schemas import POSES, TRACKS, Rows, pose_meta
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
