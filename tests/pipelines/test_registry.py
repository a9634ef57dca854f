"""Saved MLflow models: loaded by a clean process they score as the stages do, and nothing in them is pickled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from pipelines import registry
from pipelines.__main__ import main
from stages import normalize, score, segment
from stages.core.errors import DatasetError, NormotionError, SchemaError
from stages.core.loading import load_windows
from stages.core.paths import Project, clip_file, seed_folder, split_file
from stages.core.schemas import SCORES, TRACKS, Rows, pose_meta
from stages.core.tables import read, write
from stages.detectors.knn import Knn, KnnParams
from stages.detectors.stg_nf import StgNf
from stages.live.tracks_scorer import Card, TracksScorer
from tests.core.street import FPS, make, tracks
from tests.detectors.layers.stg_nf.models import small

pytest.importorskip("mlflow")

PARAMS: dict[str, Any] = {
    "windows": {"second": {"rate": 10.0, "length": 8, "stride_score": 2}},
    "train": {"seeds": [3]},
    "score": {"device": "cpu", "batch": 40},
    "detectors": {"stg_nf": {"window": "second"}, "knn": {"window": "second"}},
}

CLIENT = """
import json, sys
import pandas as pd
from mlflow import pyfunc
from mlflow.exceptions import MlflowException

folder, given, out = sys.argv[1:]
model = pyfunc.load_model(folder)
tracks = pd.read_parquet(given)
model.predict(tracks).to_parquet(out)
said = []
for wrong in (tracks.drop(columns="fps"), tracks.assign(track=tracks["track"] + 0.5), tracks.assign(keypoints="x")):
    try:
        model.predict(wrong)
    except MlflowException as error:
        said.append(str(error))
none = model.predict(tracks[tracks["frame"] < 5])
import pipelines, stages
print(json.dumps({"said": said, "none": [len(none), list(none)], "code": [pipelines.__file__, stages.__file__]}))
"""


def given(project: Project) -> pd.DataFrame:
    """The table of tracks that the project's TRACKS make."""
    pieces = []
    for clip, fps in FPS.items():
        rows = read(clip_file(project.tracks("gate"), clip), TRACKS)
        keypoints = pd.Series(list(rows.arrays.reshape(len(rows), 51).astype(np.float64)), dtype=object)
        pieces.append(rows.frame[["clip", "track", "frame"]].assign(fps=fps, keypoints=keypoints))
    return pd.concat(pieces, ignore_index=True).astype({"clip": "str", "track": "int64", "frame": "int64"})


def train(project: Project) -> None:
    """Models of both detectors, and the stages' scores by them."""
    segment.run(project, "gate", "second")
    normalize.run(project, "gate", "second")
    windows = load_windows(split_file(project.normalized("gate", "second"), "test"), "gate", "test")
    flow, knn = StgNf(small(), device="cpu", seed=3), Knn(KnnParams(window="second"), seed=3)
    for name, model in (("stg_nf", flow), ("knn", knn)):
        model.fit(windows)
        model.save(seed_folder(project.model("gate", name), 3))
        score.run(project, "gate", name)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    here = Project(tmp_path_factory.mktemp("project"))
    make(here, PARAMS)
    train(here)
    return here


@pytest.fixture(scope="module")
def saved(project: Project) -> Path:
    folder = project.root / "saved" / "stg_nf"
    registry.run(project, "gate", "stg_nf", str(folder))
    return folder


@pytest.fixture(scope="module")
def scorer(project: Project) -> TracksScorer:
    folder = project.root / "saved" / "knn"
    registry.run(project, "gate", "knn", str(folder), seed="3")
    return TracksScorer.load(folder / "artifacts" / "seed-3", folder / "artifacts" / "card.json")


def test_a_clean_process_scores_as_the_stages_do(project: Project, saved: Path, tmp_path: Path) -> None:
    given(project).to_parquet(tmp_path / "tracks.parquet")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, saved, "tracks.parquet", "scores.parquet"],
        cwd=tmp_path, env={**environment, "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    wanted = read(project.scores("gate", "stg_nf"), SCORES).frame
    found = pd.read_parquet(tmp_path / "scores.parquet")
    pd.testing.assert_frame_equal(found.drop(columns="score"), wanted.drop(columns="score"))
    np.testing.assert_allclose(found["score"], wanted["score"], rtol=1e-6)
    told = json.loads(done.stdout)
    assert [Path(file).relative_to(saved).parts[0] for file in told["code"]] == ["code", "code"]
    assert told["none"] == [0, SCORES.names()]
    missing, half, text = told["said"]
    assert "fps" in missing
    assert "track" in half
    assert "keypoints" in text or "list or numpy array" in text


def test_nothing_is_pickled_and_all_that_is_needed_is_there(saved: Path) -> None:
    files = {str(path.relative_to(saved)) for path in saved.rglob("*") if path.is_file()}
    assert not [file for file in files if file.endswith((".pkl", ".pickle", ".pyc", ".pt", ".pth"))]
    assert {"MLmodel", "pyfunc_model.py", "artifacts/card.json", "code/stages/live/tracks_scorer.py"} <= files
    assert {"artifacts/seed-3/detector.json", "artifacts/seed-3/weights.safetensors"} <= files
    needed = (saved / "requirements.txt").read_text().split()
    assert all("==" in package and "+" not in package for package in needed)
    assert {"torch", "scikit-learn", "mlflow"} <= {package.partition("==")[0] for package in needed}
    assert not {"normotion", "dvc", "prefect"} & {package.partition("==")[0] for package in needed}


def test_the_card_says_what_the_model_takes(saved: Path) -> None:
    card = Card.read(saved / "artifacts" / "card.json")
    assert (card.dataset, card.detector, card.seed, card.layout, card.units) == ("gate", "stg_nf", 3, "coco17", "px")
    assert (card.window.samples, card.window.stride_score, card.batch) == (8, 2, 40)
    assert card.width == 17 * 3
    deep = card.model_copy(update={"layout": "ntu25", "coordinates": "xyz", "units": "m"})
    assert deep.width == 25 * 4
    assert Card.model_validate_json(deep.text()) == deep


def test_the_order_of_the_rows_is_no_matter(project: Project, scorer: TracksScorer) -> None:
    table = given(project)
    found = scorer.score(table.sample(frac=1, random_state=0))
    wanted = read(project.scores("gate", "knn"), SCORES).frame
    pd.testing.assert_frame_equal(found, wanted)
    lists = table.assign(keypoints=table["keypoints"].map(np.ndarray.tolist))
    pd.testing.assert_frame_equal(scorer.score(lists), wanted)


@pytest.mark.parametrize("rows", [slice(0, 0), slice(0, 3)])
def test_no_long_enough_track_gives_an_empty_table_of_scores(
    project: Project, scorer: TracksScorer, rows: slice
) -> None:
    found = scorer.score(given(project)[rows])
    assert len(found) == 0
    wanted = read(project.scores("gate", "knn"), SCORES).frame
    assert (found.dtypes == wanted.dtypes).all()


WRONG: dict[str, tuple[dict[str, Any], type[NormotionError], str]] = {
    "twice": ({"track": 0, "frame": 7}, SchemaError, "a person twice in one frame"),
    "before": ({"frame": -1}, SchemaError, "a negative track or frame in 1 of"),
    "late": ({"frame": 2**40}, SchemaError, "beyond int32"),
    "still": ({"fps": 0.0}, SchemaError, "no frame rate"),
    "rates": ({"fps": 24.0}, SchemaError, "clips with several fps"),
    "unnamed": ({"clip": None}, SchemaError, "null values in 1 of"),
    "short": ({"keypoints": [1.0] * 50}, DatasetError, "keypoints must be 51 numbers, found 50 numbers"),
    "unseen": ({"keypoints": [np.nan] * 51}, DatasetError, "null, NaN or infinite"),
    "huge": ({"keypoints": [1e300] * 51}, DatasetError, "float32"),
}


@pytest.mark.parametrize("name", WRONG)
def test_tables_that_no_tracks_can_be_are_refused(project: Project, scorer: TracksScorer, name: str) -> None:
    changes, kind, said = WRONG[name]
    table = given(project).sort_values(["clip", "track", "frame"], ignore_index=True)
    row = int(np.flatnonzero((table["track"] == 0) & (table["frame"] > 20))[0])
    records: list[dict[Any, Any]] = table.to_dict("records")
    records[row] |= changes
    if name == "twice":
        records.append(records[row])
    with pytest.raises(kind, match=said) as caught:
        scorer.score(pd.DataFrame(records))
    assert "the table of tracks" in caught.value.where


def test_the_verb_saves_and_saves_again(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.root)
    (tmp_path / "out").mkdir()  # an empty folder may be there
    for _ in range(2):
        assert main(["pyfunc", "gate", "knn", str(tmp_path / "out")]) == 0
    assert "knn on gate, seed 3, as an MLflow model; it takes tracks of 51 numbers" in capsys.readouterr().err
    assert [left.name for left in tmp_path.iterdir()] == ["out"]


def test_what_cannot_be_saved_is_a_message_and_touches_nothing(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.root)
    (tmp_path / "letters").write_text("mine")
    for words, said in (
        (["gate", "knn", str(tmp_path)], "something other than an MLflow model is there"),
        (["gate", "knn", str(tmp_path / "out"), "--seed", "4"], "no model of knn on gate with seed 4"),
        (["gate", "kmm", str(tmp_path / "out")], "unknown detector 'kmm'"),
    ):
        assert main(["pyfunc", *words]) == 1
        assert said in capsys.readouterr().err
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert main(["pyfunc", "gate", "knn", str(tmp_path / "out")]) == 1
    assert "pip install 'normotion[tracking]'" in capsys.readouterr().err
    assert [left.name for left in tmp_path.iterdir()] == ["letters"]


def test_a_window_spec_that_has_changed_since_and_tracks_of_two_kinds_are_refused(tmp_path: Path) -> None:
    here = Project(tmp_path / "project")
    make(here, PARAMS)
    train(here)
    here.params.write_text(yaml.safe_dump(PARAMS | {"windows": {"second": {"rate": 10.0, "length": 12}}}))
    with pytest.raises(NormotionError, match="reads windows of 8 samples .* windows.second now makes 12 samples"):
        registry.save_pyfunc(here, "gate", "knn", None, tmp_path / "out")
    other = tracks("b", 1)
    write(clip_file(here.tracks("gate"), "b"), TRACKS, Rows(other.frame, other.arrays, pose_meta("coco17", units="m")))
    with pytest.raises(DatasetError, match=r"coco17 xy px \('a'\), coco17 xy m \('b'\)"):
        registry.save_pyfunc(here, "gate", "knn", None, tmp_path / "out")
    clip_file(here.tracks("gate"), "a").unlink()
    with pytest.raises(SchemaError, match="no tracks table"):
        registry.save_pyfunc(here, "gate", "knn", None, tmp_path / "out")
    assert not (tmp_path / "out").exists()
