"""A trained STG-NF for programs without normotion: as ONNX, or as a program of PyTorch (`torch.export`, .pt2).

What is written has one input, `windows`, `(N, C, T, V)` float32, normalized as the model's training windows were, any
N ≥ 1; and one output, `score`, `(N,)` float32, bits per dimension, higher = more abnormal.
"""

from __future__ import annotations

import copy
import importlib.util
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stages.core.errors import ModelError
from stages.core.storage import atomic_file
from stages.detectors.base import Form
from stages.detectors.layers.flow import Chain, bit_shares

KINDS = ("onnx", "torch")
"""What can be written."""
FORMAT = 1
"""Raised whenever the meaning of the input, the output or the metadata changes."""
OPSET = 18
"""Of ONNX: what runtimes have read since early 2023."""
METADATA = "metadata.json"
"""Name of the metadata among the extra files of a .pt2."""
TRACED = 2
"""Windows that the network is traced with. With one, the trace would be of a single window."""


class Scorer(nn.Module):
    """A trained network and its prior as one function from windows to scores.

    Args:
        network: in evaluation mode.
        prior_mean: of the normal windows' Gaussian in every latent element.
        contrast: mean of a second Gaussian. With it a score says how much likelier the window is under that one.
    """

    def __init__(self, network: Chain, prior_mean: float, contrast: float | None = None) -> None:
        super().__init__()
        self.network, self.prior_mean, self.contrast = network, prior_mean, contrast

    def forward(self, windows: Tensor) -> Tensor:
        """Score `(N, C, T, V)`; gives `(N,)`. By shares, because `len` of a tensor would fix N in a trace."""
        z, volume = self.network.transform(windows)
        bits = bit_shares(z, volume, self.prior_mean).sum(dim=(1, 2))
        return bits if self.contrast is None else bits - bit_shares(z, volume, self.contrast).sum(dim=(1, 2))


def write(path: Path, kind: str, scorer: Scorer, form: Form, about: Mapping[str, str]) -> None:
    """Write a trained network atomically.

    Args:
        path: the file.
        kind: `onnx` or `torch`.
        scorer: of a trained network; it stays as it is, wherever it is.
        form: what its windows look like.
        about: the metadata beside those of the form and the format: detector, unit …

    Raises:
        ModelError: no such kind, or the packages that write ONNX are not installed.
        StorageError: the file cannot be written.
    """
    if kind not in KINDS:
        raise ModelError(f"a model cannot be exported as {kind!r}", fix=f"give one of: {', '.join(KINDS)}")
    if kind == "onnx" and (absent := [name for name in ("onnx", "onnxscript") if not importlib.util.find_spec(name)]):
        raise ModelError(
            f"writing ONNX needs {' and '.join(absent)}, not installed here",
            fix="pip install 'normotion[export]', or `make setup`",
        )
    facts = {**about, **describe(form)}
    with _quiet():
        program = _trace(scorer, form)
        data = _onnx(program, facts) if kind == "onnx" else _pt2(program, facts)
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)


def describe(form: Form) -> dict[str, str]:
    """The metadata that say what the input must be; lists are joined by commas, in the input's order."""
    return {
        "channels": ",".join(form.channels),
        "layout": form.layout,
        "joints": str(form.joints),
        "samples": str(form.samples),
        "format": str(FORMAT),
    }


def _trace(scorer: Scorer, form: Form) -> torch.export.ExportedProgram:
    """Its program for any number of windows, on the CPU."""
    scorer = copy.deepcopy(scorer).cpu().eval().requires_grad_(requires_grad=False)
    example = torch.zeros(TRACED, len(form.channels), form.samples, form.joints)
    batch = torch.export.Dim("windows", min=1)
    program = torch.export.export(scorer, (example,), dynamic_shapes={"windows": {0: batch}})
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # names files of the machine that exports
    return program


def _onnx(program: torch.export.ExportedProgram, facts: Mapping[str, str]) -> bytes:
    import onnx

    exported: Any = torch.onnx.export(
        program, dynamo=True, opset_version=OPSET, input_names=["windows"], output_names=["score"], verbose=False
    )
    model = exported.model_proto
    graph = model.graph
    # How the exporter came by each part: three quarters of the file, and nothing that a runtime reads.
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
    for end in (*graph.input, *graph.output):
        end.type.tensor_type.shape.dim[0].dim_param = "windows"
    del graph.value_info[:]
    onnx.helper.set_model_props(model, dict(facts))
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _pt2(program: torch.export.ExportedProgram, facts: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={METADATA: json.dumps(facts, sort_keys=True)})
    return buffer.getvalue()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks about its own insides and about packages that nothing here uses."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        log.setLevel(before)
