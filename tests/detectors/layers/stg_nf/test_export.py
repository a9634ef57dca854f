"""Exported models give the trained one's scores, for any number of windows, and say what they read."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stages.core.errors import ModelError, StorageError
from stages.detectors.layers.stg_nf import export
from stages.detectors.stg_nf import StgNf
from stages.detectors.stg_nf_supervised import StgNfSupervised
from tests.detectors.gait import joined, shuffled, upside_down, walkers, windows
from tests.detectors.layers.stg_nf.models import small

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

Floats = NDArray[np.float32]
Score = Callable[[Floats], Floats]


def run_onnx(path: Path) -> tuple[Score, dict[str, str]]:
    """What another program does with an ONNX file: a function, and the metadata."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda poses: session.run(["score"], {"windows": poses})[0], session.get_modelmeta().custom_metadata_map


def run_pt2(path: Path) -> tuple[Score, dict[str, str]]:
    extra = {export.METADATA: ""}
    module = torch.export.load(path, extra_files=extra).module()
    return lambda poses: module(torch.from_numpy(poses)).numpy(), json.loads(extra[export.METADATA])


def people(count: int, samples: int, seed: int) -> Floats:
    """Walkers whose joints are seen more or less well."""
    found = walkers(count, samples=samples, seed=seed)
    found[..., 2] = np.random.default_rng(seed).uniform(0.3, 1, found.shape[:-1])
    return found


@pytest.fixture(scope="module", params=["8 samples", "24 samples with confidence", "supervised"])
def trained(request: pytest.FixtureRequest) -> tuple[Any, bool]:
    """A fitted detector, and whether its windows have confidence."""
    confidence = "confidence" in request.param
    normal = windows(people(80, 24 if confidence else 8, 1), confidence=confidence)
    if request.param == "supervised":
        settings = small().model_dump() | {"prior_mean": 3.0, "scoring": "likelihood_ratio"}
        supervised = StgNfSupervised(StgNfSupervised.Params.model_validate(settings), device="cpu")
        supervised.fit(joined(normal, windows(shuffled(walkers(40, seed=2)), label=1)))
        return supervised, confidence
    detector = StgNf(small(epochs=2), device="cpu")
    detector.fit(normal)
    return detector, confidence


@pytest.mark.parametrize(("kind", "run"), [("onnx", run_onnx), ("torch", run_pt2)])
def test_the_exported_model_scores_as_the_trained_one(
    trained: tuple[Any, bool], kind: str, run: Callable[[Path], tuple[Score, dict[str, str]]], tmp_path: Path
) -> None:
    detector, confidence = trained
    samples = detector._form.samples
    path = tmp_path / f"model.{'onnx' if kind == 'onnx' else 'pt2'}"
    detector.export(path, kind)
    score, facts = run(path)
    assert facts == {
        "detector": detector.name, "unit": "bits per dimension", "format": "1", "layout": "openpose18", "joints": "18",
        "channels": "x,y,confidence" if confidence else "x,y", "samples": str(samples),
    }  # fmt: skip
    for count in (1, 5, 300):  # none of which was traced
        walking = people(count, samples, seed=count)
        for keypoints in (walking, upside_down(walking), shuffled(walking)):  # like what was learned, and unlike it
            data = windows(keypoints, confidence=confidence)
            found = score(data.poses)
            assert found.shape == (count,)
            assert found.dtype == np.float32
            wanted = detector.score(data)["score"]
            # A ratio is a difference of likelihoods: it is as exact as they are large.
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(wanted).max())))
    assert [left.name for left in tmp_path.iterdir()] == [path.name]


@pytest.fixture(scope="module")
def plain() -> StgNf:
    detector = StgNf(small(), device="cpu")
    detector.fit(windows(walkers(40)))
    return detector


@pytest.mark.parametrize("kind", export.KINDS)
def test_the_same_model_gives_the_same_bytes_and_names_no_file(plain: StgNf, kind: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first.pt2", tmp_path / "second.pt2"
    plain.export(first, kind)
    plain.export(second, kind)
    assert first.read_bytes() == second.read_bytes()
    for text in (b".py", b"site-packages", str(Path(export.__file__).parent).encode()):
        assert text not in first.read_bytes()
    if kind == "onnx":
        session = onnxruntime.InferenceSession(first, providers=["CPUExecutionProvider"])
        ends = [(end.name, end.shape, end.type) for end in (*session.get_inputs(), *session.get_outputs())]
        # the number of windows is open
        assert ends == [("windows", ["windows", 2, 8, 18], "tensor(float)"), ("score", ["windows"], "tensor(float)")]


def test_exporting_leaves_the_model_as_it_was(plain: StgNf, tmp_path: Path) -> None:
    _, network = plain._fitted()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    plain.export(tmp_path / "m.pt2", "torch")
    assert all(weight.requires_grad for weight in network.parameters())
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_an_exporter_that_fails_leaves_the_old_file(
    plain: StgNf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.pt2"
    path.write_bytes(b"old")
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        plain.export(tmp_path / "file" / "m.pt2", "torch")

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(torch.export, "save", fail)
    with pytest.raises(RuntimeError):
        plain.export(path, "torch")
    assert path.read_bytes() == b"old"
    assert logging.getLogger("torch.onnx").level == logging.NOTSET


def test_what_cannot_be_exported_is_refused(plain: StgNf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="'tflite'") as caught:
        plain.export(tmp_path / "m", "tflite")
    assert "onnx, torch" in caught.value.fix
    with pytest.raises(ModelError, match="not fitted"):
        StgNf(small(), device="cpu").export(tmp_path / "m")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(ModelError, match="needs onnxscript, not installed") as caught:
        plain.export(tmp_path / "m")
    assert "normotion[export]" in caught.value.fix
    assert not list(tmp_path.iterdir())
