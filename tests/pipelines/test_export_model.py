"""`normotion export-model`: from a trained model folder to a file, or to a message."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import yaml

from pipelines.__main__ import main
from stages.core.paths import Project, seed_folder
from stages.detectors.knn import Knn, KnnParams
from stages.detectors.stg_nf import StgNf
from tests.detectors.gait import walkers, windows
from tests.detectors.layers.stg_nf.models import small


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with two models of stg_nf and one of knn."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.params.write_text(yaml.safe_dump({"train": {"seeds": [3, 4]}}))
    train = windows(walkers(40))
    for seed in (3, 4):
        detector = StgNf(small(), device="cpu", seed=seed)
        detector.fit(train)
        detector.save(seed_folder(project.model("street", "stg_nf"), seed))
    knn = Knn(KnnParams(window="second"), seed=3)
    knn.fit(train)
    knn.save(seed_folder(project.model("street", "knn"), 3))
    return project


@pytest.fixture
def here(models: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(models.root)
    return models


def test_a_model_becomes_an_onnx_file(here: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxscript")
    path = tmp_path / "new" / "m.onnx"
    assert main(["export-model", "street", "stg_nf", str(path)]) == 0
    assert f"{path}: stg_nf on street, seed 3" in capsys.readouterr().err
    data = windows(walkers(7, seed=1))
    known = StgNf.load(seed_folder(here.model("street", "stg_nf"), 3), device="cpu").score(data)["score"]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"windows": data.poses})[0], known, rtol=1e-5, atol=1e-5)


def test_the_seed_is_chosen_and_the_ending_names_the_format(here: Project) -> None:
    assert main(["export-model", "street", "stg_nf", "m.pt2", "--seed", "4"]) == 0
    assert main(["export-model", "street", "stg_nf", "copy", "--format", "torch", "--seed", "4"]) == 0
    assert (here.root / "copy").read_bytes() == (here.root / "m.pt2").read_bytes()
    data = windows(walkers(7, seed=1))
    known = StgNf.load(seed_folder(here.model("street", "stg_nf"), 4), device="cpu").score(data)["score"]
    found = torch.export.load(here.root / "m.pt2").module()(torch.from_numpy(data.poses))
    np.testing.assert_allclose(found, known, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["street", "stg_nf", "m.onnx", "--seed", "9"], ["no model of stg_nf on street with seed 9", "seed-3, seed-4"]),
        (["lane", "stg_nf", "m.onnx"], ["no model of stg_nf on lane with seed 3", "dvc repro"]),
        (["street", "stg_nf", "m.onnx", "--seed", "x"], ["a seed is a whole number, not 'x'"]),
        (["street", "stgnf", "m.onnx"], ["unknown detector 'stgnf'", "stg_nf"]),
        (["street", "knn", "m.onnx"], ["knn cannot be exported", "normotion pyfunc street knn"]),
        (["street", "stg_nf", "m.h5"], ["'.h5' names no format", "m.onnx or"]),
    ],
)
def test_what_cannot_be_done_is_a_message(
    here: Project, capsys: pytest.CaptureFixture[str], words: list[str], said: list[str]
) -> None:
    assert main(["export-model", *words]) == 1
    told = capsys.readouterr().err
    assert all(text in told for text in said)
    assert not (here.root / words[2]).exists()


def test_a_missing_extra_is_a_message(
    here: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert main(["export-model", "street", "stg_nf", "late.onnx"]) == 1
    assert "pip install 'normotion[export]'" in capsys.readouterr().err


def test_a_damaged_model_is_a_message(here: Project, capsys: pytest.CaptureFixture[str]) -> None:
    folder = seed_folder(here.model("damaged", "stg_nf"), 3)
    folder.mkdir(parents=True)
    (folder / "detector.json").write_text("{")
    assert main(["export-model", "damaged", "stg_nf", "m.onnx"]) == 1
    assert "no readable model here" in capsys.readouterr().err
