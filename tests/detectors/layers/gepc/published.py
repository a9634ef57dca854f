"""State dicts of the reference computations in the names and shapes of `stages.detectors.layers.gepc`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stages.detectors.base import Form

FORM = Form(("x", "y", "confidence"), 12, 18, "openpose18")
"""Of the published windows."""
BLOCK = {"tcn.0.": "before.", "tcn.2.": "temporal.", "tcn.3.": "after.", "residual.": "residual."}
LAST = {"tcn.0.": "norm.", "tcn.2.": "temporal."}
DATA_NORM = "data_bn."

State = dict[str, Tensor]


def oracle(shared: Path) -> Mapping[str, Any]:
    return dict(np.load(shared / "oracles" / "gepc_oracle.npz"))


def tensors(arrays: Mapping[str, Any], prefix: str = "") -> State:
    """Arrays whose name has the prefix, without it."""
    return {
        name.removeprefix(prefix): torch.from_numpy(np.asarray(array))
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def attention(state: State) -> State:
    """Of one spatial-attention graph convolution."""
    kernel = state["expanding_conv.weight"]
    parts = [f"conv_{which}.{subset}" for which in "ab" for subset in range(3)]
    found = {
        "learned": state["g_adj"],
        "embed.weight": torch.cat([state[f"{part}.weight"] for part in parts]),
        "embed.bias": torch.cat([state[f"{part}.bias"] for part in parts]),
        "mix": kernel.view(3, 3, len(kernel) // 9, -1).transpose(2, 3).flatten(1, 2),
        "reduce.weight": state["reduction_conv.weight"],
        "norm.num_batches_tracked": state["gconv.0.bn.num_batches_tracked"],
    }
    for name in ("weight", "bias", "running_mean", "running_var"):
        found[f"norm.{name}"] = torch.cat([state[f"gconv.{kind}.bn.{name}"] for kind in range(3)])
    return found | renamed(state, {"down.": "residual."})


def block(state: State) -> State:
    """Of one block."""
    graph = attention({name.removeprefix("gcn.g_conv."): tensor for name, tensor in state.items()})
    return placed(graph, "graph.") | renamed(state, BLOCK)


def autoencoder(state: State) -> State:
    """Of the whole."""
    found = renamed(state, {DATA_NORM: "norm."})
    for theirs, ours, numbers in (("st_gcn_enc", "encoder", range(9)), ("st_gcn_dec", "decoder", (1, 2, 3, 5, 6))):
        for number in numbers:
            found |= placed(block(inside(state, f"{theirs}.{number}.")), f"{ours}.{number}.")
    last = inside(state, "dec_final_gcn.")
    kernel = last["gcn.g_conv.conv.weight"]
    graph = {
        "graph.mix": kernel.view(3, len(kernel) // 3, -1).transpose(1, 2).reshape(1, -1, len(kernel) // 3),
        "graph.bias": last["gcn.g_conv.conv.bias"].view(3, -1),
    }
    return found | placed(graph | renamed(last, LAST), "decoder.7.")


def inside(state: State, prefix: str) -> State:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def placed(state: State, prefix: str) -> State:
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def renamed(state: State, names: Mapping[str, str]) -> State:
    """What begins with one of the names, so renamed."""
    return {
        ours + name.removeprefix(theirs): tensor
        for name, tensor in state.items()
        for theirs, ours in names.items()
        if name.startswith(theirs)
    }
