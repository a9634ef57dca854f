"""GEPC and the detectors on its autoencoder: students, scoring, and what is refused. Their life is in conformance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.core.errors import ModelError, TrainingError
from stages.detectors.base import DETECTOR_FILE
from stages.detectors.gepc import Gepc
from stages.detectors.layers.gepc.params import GepcParams, OcSvmParams, ReconstructionParams
from stages.detectors.oc_svm import OcSvm
from stages.detectors.reconstruction import Reconstruction
from tests.detectors.gait import shuffled, walkers, windows

SHAPE: dict[str, Any] = {"graph": "static", "strides": (2, 2), "width": 0.125, "dropout": 0.0, "epochs": 4, "batch": 16}
PARAMS = GepcParams(window="w", **SHAPE, clusters=6, components=3, cluster_epochs=2, learning_rate=3e-2)
PEOPLE = windows(walkers(96))
OTHERS = windows(shuffled(walkers(20, seed=3)))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = Gepc(PARAMS, device="cpu", seed=1)
    model.fit(PEOPLE)
    folder = tmp_path_factory.mktemp("gepc")
    model.save(folder)
    return folder


@pytest.mark.parametrize(("kind", "params"), [(Reconstruction, ReconstructionParams), (OcSvm, OcSvmParams)])
def test_students_take_the_teachers_autoencoder_and_its_shape(
    kind: type[Reconstruction | OcSvm], params: type[ReconstructionParams | OcSvmParams], teacher: Path, tmp_path: Path
) -> None:
    lines: list[str] = []
    student = kind(params(window="w", epochs=500), device="cpu", seed=1)
    report = student.fit(PEOPLE, base={"gepc": teacher}, log=lines.append)
    assert lines[0] == "the autoencoder is the trained one of gepc, as before clustering"
    assert report.curves == {}, "a student reconstructs with what it was given"
    alone = kind(params(window="w", **SHAPE, learning_rate=3e-2), device="cpu", seed=1)
    alone.fit(PEOPLE)
    np.testing.assert_allclose(student.score(OTHERS)["score"], alone.score(OTHERS)["score"], rtol=1e-4, atol=1e-5)
    student.save(tmp_path)
    np.testing.assert_array_equal(
        kind.load(tmp_path, device="cpu").score(OTHERS)["score"], student.score(OTHERS)["score"]
    )


def test_a_student_of_somebody_else_is_refused(teacher: Path) -> None:
    student = Reconstruction(ReconstructionParams(window="w"), device="cpu")
    with pytest.raises(ModelError, match="reconstruction starts from gepc, not from stg_nf"):
        student.fit(PEOPLE, base={"stg_nf": teacher})
    with pytest.raises(ModelError, match="its base reads windows of 8 samples"):
        student.fit(windows(walkers(40, samples=12)), base={"gepc": teacher})


def test_the_mixture_and_the_maximum_say_different_things(teacher: Path) -> None:
    maximum = Gepc(PARAMS.model_copy(update={"scoring": "maximum"}), device="cpu", seed=1)
    maximum.fit(PEOPLE)
    scores = maximum.score(OTHERS)["score"]
    assert ((scores >= 0) & (scores <= 1 - 1 / 6 + 1e-6)).all()
    mixture = Gepc.load(teacher, device="cpu").score(OTHERS)["score"]
    assert abs(np.corrcoef(scores, mixture)[0, 1]) < 0.999


def test_views_are_averaged_for_each_window() -> None:
    model = Gepc(PARAMS.model_copy(update={"transforms": "published", "epochs": 1}), device="cpu", seed=0)
    model.fit(PEOPLE)
    scores = model.score(OTHERS)["score"]
    np.testing.assert_allclose(model.score(OTHERS.take(np.array([3])))["score"], scores[3:4], rtol=1e-4, atol=1e-4)


def test_the_reconstruction_error_is_explained() -> None:
    model = Reconstruction(ReconstructionParams(window="w", **SHAPE), device="cpu", seed=0)
    model.fit(PEOPLE)
    shares = model.explain(OTHERS)
    assert shares.shape == (20, 8, 18)
    np.testing.assert_allclose(shares.sum(axis=(1, 2)), model.score(OTHERS)["score"], rtol=1e-5)


def test_too_little_is_refused() -> None:
    few = PEOPLE.take(np.arange(5))
    with pytest.raises(TrainingError, match="5 training windows are to make 6 clusters"):
        Gepc(PARAMS, device="cpu").fit(few)
    with pytest.raises(TrainingError, match="5 training windows are too few for a border"):
        OcSvm(OcSvmParams(window="w", **SHAPE), device="cpu").fit(few)
    with pytest.raises(TrainingError, match="1 training windows"):
        Reconstruction(ReconstructionParams(window="w", **SHAPE), device="cpu").fit(PEOPLE.take(np.arange(1)))


def test_a_card_of_another_number_of_clusters_is_refused(teacher: Path, tmp_path: Path) -> None:
    for file in teacher.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    card = json.loads((tmp_path / DETECTOR_FILE).read_text())
    card["params"]["clusters"] = 7
    (tmp_path / DETECTOR_FILE).write_text(json.dumps(card))
    with pytest.raises(ModelError, match="there are 6 centres"):
        Gepc.load(tmp_path, device="cpu")
