"""The engine: which processor is taken, and what is said when something is missing."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stages.core.errors import BackendError
from stages.core.storage import sha256_file
from stages.pose import onnx
from stages.pose.nanodet import NANODET
from stages.pose.onnx import WEIGHTS, Network
from stages.pose.video import probe


class Session:
    """Stands in for an inference session; remembers what it was asked for."""

    def __init__(self, path: str, options: SimpleNamespace, providers: list[str]) -> None:
        self.path, self.options, self.providers = path, options, providers

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="pixels", shape=[1, 2])]

    def get_providers(self) -> list[str]:
        return self.providers

    def run(self, _: None, feed: dict[str, Any]) -> list[Any]:
        return [feed["pixels"] * 2]


def engine(monkeypatch: pytest.MonkeyPatch, *offered: str) -> None:
    """Put an engine in place that offers these execution providers."""
    fake = SimpleNamespace(
        __version__="9.9",
        SessionOptions=SimpleNamespace,
        InferenceSession=Session,
        get_available_providers=lambda: list(offered),
    )
    monkeypatch.setattr(onnx, "_runtime", lambda: fake)


def test_a_gpu_is_taken_when_it_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    engine(monkeypatch, "CPUExecutionProvider", "AzureExecutionProvider", "CUDAExecutionProvider")
    network = Network(Path("net.onnx"))
    assert network.engine == "onnxruntime 9.9 CUDAExecutionProvider"
    assert network._session.providers == ["CUDAExecutionProvider", "CPUExecutionProvider"]  # the CPU for the rest


def test_a_cpu_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    engine(monkeypatch, "AzureExecutionProvider", "CPUExecutionProvider")
    network = Network(Path("net.onnx"), threads=3)
    assert network.engine == "onnxruntime 9.9 CPUExecutionProvider"
    assert network._session.options.intra_op_num_threads == 3
    assert network.shape == (1, 2)
    assert network(np.array([[1, 2]]))[0].tolist() == [[2, 4]]


def test_a_missing_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BackendError, match="onnxruntime is not installed") as error:
        Network(NANODET)
    assert error.value.fix == "pip install 'normotion[pose]'"


def test_a_missing_decoder_says_what_to_install(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(BackendError, match="OpenCV is not installed") as error:
        probe(root / "data" / "raw" / "demo" / "videos" / "street_train.mp4")
    assert error.value.fix == "pip install 'normotion[pose]'"


@pytest.mark.parametrize("data", [None, b"", b"not a network"], ids=["missing", "empty", "text"])
def test_a_bad_network_is_refused(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "net.onnx"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BackendError, match="cannot be loaded") as error:
        Network(path)
    assert error.value.where == str(path)


def test_every_network_that_is_shipped_is_named_with_its_hash() -> None:
    named = (WEIGHTS / "README.md").read_text(encoding="utf-8")
    shipped = sorted(WEIGHTS.glob("*.onnx"))
    assert [path.name for path in shipped] == ["movenet_lightning.onnx", "nanodet.onnx"]
    for path in shipped:
        assert f"| {path.name} | {sha256_file(path)} |" in named
    assert (WEIGHTS / "human-models.LICENSE").read_text().startswith("MIT License")
