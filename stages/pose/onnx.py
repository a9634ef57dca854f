"""Running neural networks stored as ONNX, on a CUDA GPU when there is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import BackendError

WEIGHTS = Path(__file__).parent / "weights"
"""Folder of the networks that come with the package; its README names their origin."""

_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


class Network:
    """One network, which several threads may call at once.

    Args:
        path: the ONNX file.
        threads: threads that one call may use on a CPU. With 1, concurrent calls divide the cores between them, which
            is faster than one call after another on all cores, and results do not depend on the number of cores.

    Raises:
        BackendError: onnxruntime is not installed, or the file is missing or no ONNX network.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        runtime = _runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors alone
        providers = [name for name in _PROVIDERS if name in runtime.get_available_providers()]
        try:
            self._session = runtime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # onnxruntime's errors share no narrower class
            raise BackendError(
                f"the network cannot be loaded: {error}", where=str(path), fix="git checkout stages/pose/weights"
            ) from error
        self._input = self._session.get_inputs()[0].name
        self.shape: tuple[int, ...] = tuple(self._session.get_inputs()[0].shape)
        self.engine = f"onnxruntime {runtime.__version__} {self._session.get_providers()[0]}"

    def __call__(self, array: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Run the network on one input of its own `shape` and element type; gives its outputs in their order."""
        outputs: list[NDArray[np.float32]] = self._session.run(None, {self._input: array})
        return outputs


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise BackendError("onnxruntime is not installed", fix="pip install 'normotion[pose]'") from error
    return onnxruntime
