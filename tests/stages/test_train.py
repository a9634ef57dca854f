"""The train stage: what a detector is given, what lands on disk, and what survives a failure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages import train
from stages.core.errors import ParamsError, SchemaError, TrainingError
from stages.core.paths import Project, seed_folder, split_file
from stages.core.schemas import NORMALIZED, Rows
from stages.core.tables import write
from stages.core.windows import Windows
from stages.detectors.base import FitReport
from stages.detectors.registry import DETECTORS, detector
from tests.detectors.gait import walkers, windows
from tests.stages.toy import Marker, Supervised, project, put


@pytest.fixture(autouse=True)
def _marker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DETECTORS, "marker", "tests.stages.toy:Marker")
    monkeypatch.setattr(Marker, "fitted", [])
    monkeypatch.setattr(Marker, "watched", [])


def marks(given: Windows | None) -> list[float]:
    assert given is not None
    return [float(mark) for mark in given.poses[:, 0, 0, 0]]


def test_a_model_and_its_fit_land_in_a_folder_per_seed(tmp_path: Path) -> None:
    here = project(tmp_path, seeds=(3, 8), shift=0.5)
    put(here, "train", {"a": [(1, 0), (2, 0)]})
    put(here, "validation", {})
    train.run(here, "d", "marker")
    folder = here.model("d", "marker")
    assert sorted(path.name for path in folder.iterdir()) == ["seed-3", "seed-8"]
    assert json.loads((seed_folder(folder, 8) / "marker.json").read_text()) == {"shift": 0.5, "seed": 8}
    fit = json.loads((seed_folder(folder, 3) / "fit.json").read_text())
    assert fit == {"windows": 2, "parameters": 1, "curves": {"loss": [2.0, 1.0]}}


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    here = project(tmp_path)
    put(here, "train", {"a": [(1, 0)]})
    put(here, "validation", {})
    written = []
    for _ in range(2):
        train.run(here, "d", "marker")
        written.append([path.read_bytes() for path in sorted(here.model("d", "marker").rglob("*.json"))])
    assert written[0] == written[1]
    assert len(written[0]) == 2


def test_windows_that_touch_abnormal_frames_are_not_learned_from(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    here = project(tmp_path)
    put(here, "train", {"a": [(1, 0), (2, 1)], "b": [(3, 1), (4, None)]})
    put(here, "validation", {"c": [(5, 0), (6, 1)]})
    with caplog.at_level("INFO", logger="normotion"):
        train.run(here, "d", "marker")
    assert marks(Marker.fitted[0]) == [1, 4]
    assert marks(Marker.watched[0]) == [5]
    assert "train: 2 windows that touch labelled abnormal frames are left out" in caplog.text
    assert "train: 1 windows without a label are taken for normal" in caplog.text
    assert "validation: 1 windows that touch" in caplog.text


def test_a_supervised_detector_is_given_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DETECTORS, "marker", "tests.stages.toy:Supervised")
    here = project(tmp_path)
    put(here, "train", {"a": [(1, 0), (2, 1), (3, None)]})
    put(here, "validation", {})
    train.run(here, "d", "marker")
    assert marks(Supervised.fitted[0]) == [1, 2, 3]
    assert Supervised.fitted[0].index["label"].tolist()[:2] == [0, 1]


def test_windows_know_the_camera_they_are_from(tmp_path: Path) -> None:
    here = project(tmp_path)
    put(here, "train", {"a": [(1, 0), (2, 0)], "b": [(3, 0)]})
    put(here, "validation", {"c": [(4, 0)]})
    here.checked("d").parent.mkdir(parents=True)
    clips = {clip: {"path": clip, "sha256": clip, "camera": camera} for clip, camera in zip("abc", "NSN", strict=True)}
    here.checked("d").write_text(json.dumps({"clips": clips}))
    train.run(here, "d", "marker")
    assert Marker.fitted[0].index["camera"].tolist() == ["N", "N", "S"]
    watched = Marker.watched[0]
    assert watched is not None
    assert watched.index["camera"].tolist() == ["N"]


def test_no_validation_windows_are_none(tmp_path: Path) -> None:
    here = project(tmp_path)
    put(here, "train", {"a": [(1, 0)]})
    put(here, "validation", {})
    train.run(here, "d", "marker")
    assert Marker.watched == [None]


@pytest.mark.parametrize("labels", [[], [1, 1]])
def test_nothing_to_learn_from_is_refused_with_a_way_out(tmp_path: Path, labels: list[int]) -> None:
    here = project(tmp_path)
    put(here, "train", {"a": [(1, label) for label in labels]})
    put(here, "validation", {})
    with pytest.raises(TrainingError, match="no windows to learn from") as caught:
        train.run(here, "d", "marker")
    assert "clips.csv" in caught.value.fix
    assert "train.parquet" in caught.value.where


def test_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="no normalized table"):
        train.run(project(tmp_path), "d", "marker")


def test_unknown_detectors_and_parameters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="did you mean 'marker'"):
        train.run(project(tmp_path), "d", "markre")
    with pytest.raises(ParamsError, match="did you mean 'shift'"):
        train.run(project(tmp_path, shfit=1.0), "d", "marker")


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), TrainingError("no")])
def test_a_failed_fit_leaves_the_earlier_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    here = project(tmp_path, seeds=(0, 1))
    put(here, "train", {"a": [(1, 0)]})
    put(here, "validation", {})
    train.run(here, "d", "marker")
    project(tmp_path, seeds=(0, 1, 2), shift=9.0)
    fit = Marker.fit

    def failing(self: Marker, *args: Any, **options: Any) -> FitReport:
        if self.seed == 1:
            raise fault
        return fit(self, *args, **options)

    monkeypatch.setattr(Marker, "fit", failing)
    with pytest.raises(type(fault)):
        train.run(here, "d", "marker")
    shifts = {
        path.parent.name: json.loads(path.read_text())["shift"]
        for path in here.model("d", "marker").glob("*/marker.json")
    }
    assert shifts == {"seed-0": 9.0, "seed-1": 0.0}


def test_a_failed_save_leaves_the_earlier_model_and_no_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = project(tmp_path)
    put(here, "train", {"a": [(1, 0)]})
    put(here, "validation", {})
    train.run(here, "d", "marker")

    def half(self: Marker, folder: Path) -> None:
        (folder / "marker.json").write_text("{")
        raise KeyboardInterrupt

    monkeypatch.setattr(Marker, "save", half)
    with pytest.raises(KeyboardInterrupt):
        train.run(here, "d", "marker")
    folder = here.model("d", "marker")
    assert [path.name for path in folder.iterdir()] == ["seed-0"]
    assert json.loads((folder / "seed-0" / "marker.json").read_text())["seed"] == 0


def test_models_of_seeds_no_longer_listed_go(tmp_path: Path) -> None:
    here = project(tmp_path, seeds=(0, 1))
    put(here, "train", {"a": [(1, 0)]})
    put(here, "validation", {})
    train.run(here, "d", "marker")
    train.run(project(tmp_path, seeds=(1,)), "d", "marker")
    assert [path.name for path in here.model("d", "marker").iterdir()] == ["seed-1"]


def test_leftovers_of_a_killed_run_are_swept(tmp_path: Path) -> None:
    here = project(tmp_path)
    put(here, "train", {"a": [(1, 0)]})
    put(here, "validation", {})
    leftover = here.model("d", "marker") / ".seed-0.tmp-999999999"
    leftover.mkdir(parents=True)
    train.run(here, "d", "marker")
    assert not leftover.exists()


@pytest.mark.parametrize(
    ("name", "settings"), [("knn", {}), ("stg_nf", {"steps": 2, "epochs": 2, "batch": 32, "learning_rate": 0.02})]
)
def test_real_detectors_train_from_tables_to_the_same_bytes(
    tmp_path: Path, name: str, settings: dict[str, Any]
) -> None:
    walking = windows(walkers(64))
    written = []
    for attempt in ("a", "b"):
        (tmp_path / attempt).mkdir()
        here = with_params(tmp_path / attempt, name, settings)
        put_windows(here, walking)
        train.run(here, "d", name)
        written.append({p.name: p.read_bytes() for p in sorted(here.model("d", name).rglob("*")) if p.is_file()})
    assert written[0] == written[1]
    assert set(written[0]) == {"detector.json", "fit.json", "weights.safetensors"}
    assert json.loads(written[0]["fit.json"])["windows"] == 64
    assert np.isfinite(json.loads(written[0]["fit.json"])["curves"].get("validation_loss", [0])).all()


def with_params(
    root: Path, name: str, settings: dict[str, Any], train_too: str = "", seeds: tuple[int, ...] = (0,)
) -> Project:
    here = project(root, seeds=seeds)
    text = here.params.read_text().replace("marker:", f"{name}:").replace("train:\n", f"train:\n  {train_too}\n")
    for key, value in settings.items():
        text = text.replace(f"{name}:\n", f"{name}:\n    {key}: {value}\n")
    here.params.write_text(text)
    return here


def put_windows(here: Project, given: Windows) -> None:
    meta = {"layout": given.layout, "channels": ",".join(given.channels)}
    rows = Rows(given.index.drop(columns=["dataset", "split"]), given.poses, meta)
    for split in ("train", "validation"):
        write(split_file(here.normalized("d", "w"), split), NORMALIZED, rows)


@pytest.mark.parametrize("name", ["stg_nf", "knn"])
def test_seeds_may_train_together_and_become_what_they_would_have_become_alone(tmp_path: Path, name: str) -> None:
    walking, scores = windows(walkers(64)), dict[tuple[str, int], Any]()
    settings = {"steps": 2, "epochs": 2, "batch": 32, "learning_rate": 0.02} if name == "stg_nf" else {}
    for together in ("true", "false"):
        (tmp_path / together).mkdir()
        here = with_params(tmp_path / together, name, settings, f"together: {together}", seeds=(3, 8))
        put_windows(here, walking)
        train.run(here, "d", name)
        for seed in (3, 8):
            model = detector(name).load(seed_folder(here.model("d", name), seed), device="cpu")
            assert model.seed == seed
            scores[together, seed] = model.score(walking)["score"]
    for seed in (3, 8):
        np.testing.assert_allclose(scores["true", seed], scores["false", seed], atol=1e-4, rtol=1e-4)
    assert (name == "knn") == np.allclose(scores["true", 3], scores["true", 8])


def test_a_student_starts_from_its_bases_model_of_the_same_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    fit = Marker.fit

    def noting(self: Marker, *args: Any, base: Any = None, **options: Any) -> FitReport:
        given.append(base)
        return fit(self, *args, **options)

    monkeypatch.setattr(Marker, "fit", noting)
    here = project(tmp_path, seeds=(3, 8))
    put(here, "train", {"a": [(1, 0)]})
    put(here, "validation", {})
    train.run(here, "d", "marker")
    assert given == [None, None]
    listed = "students:\n- {dataset: d, detector: marker, base: other}\n- {dataset: e, detector: marker, base: more}\n"
    here.params.write_text(here.params.read_text().replace("train:\n", f"{listed}train:\n  together: true\n"))
    train.run(here, "d", "marker")
    assert given[2:] == [{"other": seed_folder(here.model("d", "other"), seed)} for seed in (3, 8)]
