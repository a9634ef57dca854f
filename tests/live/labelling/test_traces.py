"""Scores under the video: of the clip, of one seed, joined where a clip is long."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import DatasetError, SchemaError
from stages.core.schemas import FRAME_SCORES, Rows
from stages.core.tables import write
from stages.live.labelling import traces
from stages.live.labelling.traces import Traces, given


def table(path: Path, clip: str, raw: list[float], seeds: tuple[int, ...] = (0,)) -> Path:
    """Frames 0, 1 … with these scores, smoothed half as high, and ten more for each further seed."""
    count = len(raw)
    frames = pd.concat(
        [
            pd.DataFrame(
                {
                    "clip": clip, "frame": np.arange(count, dtype=np.int32), "seed": seed, "scored": True,
                    "raw": np.array(raw, np.float32) + 10 * place, "smoothed": np.array(raw, np.float32) / 2,
                    "track": pd.array([1] * count, dtype="Int32"), "label": pd.array([None] * count, dtype="Int8"),
                    "p": np.full(count, np.nan, np.float32),
                }
            )
            for place, seed in enumerate(seeds)
        ],
        ignore_index=True,
    )  # fmt: skip
    write(path, FRAME_SCORES, Rows(frames, None, dict.fromkeys(FRAME_SCORES.facts, "x")))
    return path


def test_the_scores_of_a_clip(tmp_path: Path) -> None:
    found = Traces(
        {
            "knn": table(tmp_path / "knn.parquet", "a", [1, 2, 3], seeds=(4, 3)),
            "gepc": table(tmp_path / "g.parquet", "b", [1]),
        }
    )
    # Seed 3 is the lowest; frame 3 was not scored; gepc knows nothing about the clip.
    assert {name: trace.table() for name, trace in found.of("a", 4).items()} == {
        "knn": {"every": 1, "raw": [11, 12, 13, None], "smoothed": [0.5, 1, 1.5, None]}
    }


def test_a_file_of_one_clip_is_about_the_one_there_is(tmp_path: Path) -> None:
    path = table(tmp_path / "scores.parquet", "other", [1, 2])
    assert given(path).of("mine", 2)["scores"].table()["raw"] == [1, 2]


def test_a_long_clips_frames_are_joined_by_their_highest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "MOST", 2)
    found = given(table(tmp_path / "s.parquet", "a", [1, 5, 2, 3, 4])).of("a", 5)["s"]
    assert (found.every, found.raw.tolist()) == (3, [5, 4])


def test_scores_behind_the_last_frame_are_told(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    found = given(table(tmp_path / "s.parquet", "a", [1, 2, 3])).of("a", 2)
    assert found["s"].raw.tolist() == [1, 2]
    assert "1 scores are of frames behind" in said.text


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such file of scores"):
        given(tmp_path / "s.parquet")
    (tmp_path / "s.parquet").write_text("x")
    with pytest.raises(SchemaError):
        given(tmp_path / "s.parquet")
