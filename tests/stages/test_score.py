"""The score stage: rows, order, batches, and refusal of what is not a number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from stages import score, train
from stages.core.errors import ModelError, SchemaError, ScoreError
from stages.core.paths import Project, seed_folder, split_file
from stages.core.schemas import NORMALIZED, SCORES, Rows
from stages.core.tables import read, read_meta, write
from stages.core.windows import Windows
from stages.detectors.registry import DETECTORS
from tests.detectors.gait import walkers, windows
from tests.stages.test_train import with_params
from tests.stages.toy import SAMPLES, Marker, project, put


@pytest.fixture(autouse=True)
def _marker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DETECTORS, "marker", "tests.stages.toy:Marker")
    monkeypatch.setattr(Marker, "batches", [])


def trained(here: Project) -> Project:
    put(here, "train", {"t": [(0, 0)]})
    put(here, "validation", {})
    train.run(here, "d", "marker")
    return here


def scored(here: Project) -> pd.DataFrame:
    score.run(here, "d", "marker")
    return read(here.scores("d", "marker"), SCORES).frame


def test_a_row_per_window_and_seed(tmp_path: Path) -> None:
    here = trained(project(tmp_path, seeds=(0, 10)))
    put(here, "test", {"a": [(1, 0), (2, 1)], "b": [(3, 0)]})
    rows = scored(here)
    # Marks 1, 2, 3, plus the seed; all seeds of a row group, then the next.
    assert rows["score"].tolist() == [1, 2, 11, 12, 3, 13]
    assert rows["seed"].tolist() == [0, 0, 10, 10, 0, 10]
    assert rows["clip"].tolist() == ["a", "a", "a", "a", "b", "b"]
    assert rows["start_frame"].tolist() == [0, 10, 0, 10, 0, 0]
    assert (rows["track"] == 5).all()
    assert (rows["step"] == 2.5).all()
    assert (rows["length"] == SAMPLES).all()
    assert (rows["part"] == "score").all()
    assert rows["frame"].isna().all()


def test_the_file_says_what_it_holds(tmp_path: Path) -> None:
    here = trained(project(tmp_path))
    put(here, "test", {"a": [(1, 0)]})
    score.run(here, "d", "marker")
    meta = read_meta(here.scores("d", "marker"), SCORES)
    assert {key: meta[key] for key in ("unit", "detector", "dataset", "window")} == {
        "unit": "marks",
        "detector": "marker",
        "dataset": "d",
        "window": "w",
    }


def test_a_detector_may_score_every_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DETECTORS, "marker", "tests.stages.toy:EveryFrame")
    here = trained(project(tmp_path))
    put(here, "test", {"a": [(1, 0), (2, 0)]})
    rows = scored(here)
    # The second window starts at frame 10; its samples lie 2.5 frames apart: 10, 12.5, 15, 17.5, rounded to even.
    assert rows["part"].tolist() == ["motion"] * 8 + ["place"] * 8
    assert rows["frame"].tolist()[:8] == [0, 2, 5, 8, 10, 12, 15, 18]
    np.testing.assert_allclose(rows["score"][:8], [1, 1.1, 1.2, 1.3, 2, 2.1, 2.2, 2.3], rtol=1e-6)
    assert rows["start_frame"].tolist()[:8] == [0] * 4 + [10] * 4


def test_batches_bound_the_memory_and_change_nothing(tmp_path: Path) -> None:
    here = trained(project(tmp_path, seeds=(0, 1)))
    put(here, "test", {"a": [(mark, 0) for mark in range(5)]})
    whole = scored(here)
    assert [size for size in Marker.batches if size] == [5, 5]
    first = here.scores("d", "marker").read_bytes()
    Marker.batches.clear()
    pd.testing.assert_frame_equal(scored(project(tmp_path, seeds=(0, 1), batch=2)), whole)
    assert [size for size in Marker.batches if size] == [2, 2, 1] * 2
    assert here.scores("d", "marker").read_bytes() == first


def test_the_validation_split_is_scored_into_a_file_of_its_own(tmp_path: Path) -> None:
    here = trained(project(tmp_path))
    put(here, "test", {"a": [(1, 0)]})
    put(here, "validation", {"quiet": [(7, 0), (8, 0)]})
    assert scored(here)["clip"].tolist() == ["a"]
    normal = read(here.scores("d", "marker", "validation"), SCORES).frame
    assert normal["clip"].tolist() == ["quiet", "quiet"]
    assert normal["score"].tolist() == [7, 8]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_no_number_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    here = trained(project(tmp_path))
    put(here, "test", {"a": [(1, 0)], "b": [(2, 0), (3, 0), (4, 0)]})
    score.run(here, "d", "marker")
    before = here.scores("d", "marker").read_bytes()

    def broken(self: Marker, given: Windows) -> dict[str, NDArray[np.float32]]:
        marks = given.poses[:, 0, 0, 0]
        return {"score": np.where(marks >= 3, np.float32(value), marks)}

    monkeypatch.setattr(Marker, "score", broken)
    with pytest.raises(ScoreError, match="2 of 3 windows") as caught:
        score.run(here, "d", "marker")
    assert caught.value.where == "clip b, track 5, window from frame 10"
    assert here.scores("d", "marker").read_bytes() == before


def test_an_empty_test_split_gives_an_empty_table_and_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    here = trained(project(tmp_path))
    put(here, "test", {})
    assert scored(here).empty
    assert "the test split has no windows" in caplog.text


def test_no_model_is_refused(tmp_path: Path) -> None:
    here = with_params(tmp_path, "knn", {})
    with pytest.raises(ModelError, match="no readable model") as caught:
        score.run(here, "d", "knn")
    assert "seed-0" in caught.value.where


def test_no_windows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="no normalized table"):
        scored(trained(project(tmp_path)))


def test_a_model_of_another_window_is_refused(tmp_path: Path) -> None:
    here = with_params(tmp_path, "knn", {})
    store(here, "train", windows(walkers(20)))
    store(here, "validation", windows(walkers(2)))
    train.run(here, "d", "knn")
    store(here, "test", windows(walkers(3, samples=12)))
    with pytest.raises(ModelError, match="12 samples"):
        score.run(here, "d", "knn")


def test_scores_of_a_real_detector_are_those_of_its_model(tmp_path: Path) -> None:
    here, walking, running = with_params(tmp_path, "knn", {}), windows(walkers(60)), windows(walkers(9, speed=3.0))
    store(here, "train", walking)
    store(here, "validation", walking)
    store(here, "test", running)
    train.run(here, "d", "knn")
    score.run(here, "d", "knn")
    from stages.detectors.knn import Knn

    model = Knn.load(seed_folder(here.model("d", "knn"), 0))
    rows = read(here.scores("d", "knn"), SCORES)
    np.testing.assert_array_equal(rows.frame["score"], model.score(running)["score"])
    assert rows.meta["unit"] == Knn.unit


def store(here: Project, split: str, given: Windows) -> None:
    rows = given.index.drop(columns=["dataset", "split"])
    meta = {"layout": given.layout, "channels": ",".join(given.channels)}
    write(split_file(here.normalized("d", "w"), split), NORMALIZED, Rows(rows, given.poses, meta))
