"""Checkpoint files laid out like the published ones, from the oracles or from a network of our own."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from stages.core.windows import Windows
from stages.detectors.base import Form
from stages.detectors.layers.flow import Chain
from stages.detectors.layers.stg_nf.network import build
from stages.detectors.layers.stg_nf.params import StgNfParams

State = dict[str, Any]

EPOCH, SEED = 7, 13885348966504797713
"""The seed is one of the published ones: it has no place in 64 bits with a sign."""


def write(path: Path, state: State, **top: Any) -> Path:
    """A file as the training code leaves it: weights, the optimizer's state and the arguments of the command.

    Args:
        path: of the file.
        state: published names → tensors.
        top: what the dict holds otherwise.
    """
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.Adamax([weight])
    weight.sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    args = Namespace(permute="invcov", R=3.0, seed=SEED, device="cuda:0", pose_path={"train": "data/Train"}, lr=5e-4)
    held = {"epoch": EPOCH, "state_dict": state, "optimizer": optimizer.state_dict(), "args": args}
    torch.save({name: value for name, value in {**held, **top}.items() if value is not None}, path)
    return path


def network(samples: int = 8, steps: int = 2, channels: tuple[str, ...] = ("x", "y"), **changes: Any) -> Chain:
    """A flow of the published form, on which a training pass has left its mark, ready to score."""
    params = StgNfParams(window="published", preset="published", steps=steps, **changes)
    flow = build(Form(channels, samples, 18, "openpose18"), params, seed=3).train()
    flow(poses(64, samples, len(channels)))
    return flow.eval()


def state(flow: Chain, samples: int = 8, mean: float = 3.0, channels: int = 2) -> State:
    """Its weights under the published names, with the priors."""
    ours = {name: value for name, value in flow.state_dict().items() if not name.endswith("initialised")}
    theirs = {f"flow.layers.{name.replace('coupling.net', 'block')}": value for name, value in ours.items()}
    means, logs = torch.full((channels, samples, 18), mean), torch.zeros(channels, samples, 18)
    priors = {"prior_h_normal": torch.cat([means, logs]), "prior_h_abnormal": torch.cat([-means, logs])}
    return {"prior_h": torch.zeros(1, 2 * channels, samples, 18), **priors, **theirs}


def published(oracle: dict[str, NDArray[Any]]) -> State:
    """The state dict that an oracle keeps."""
    return {name.removeprefix("sd/"): torch.tensor(oracle[name]) for name in oracle if name.startswith("sd/")}


def oracle(shared: Path, name: str) -> dict[str, NDArray[Any]]:
    """What the published code computed with a published checkpoint."""
    return dict(np.load(shared / "oracles" / f"stgnf_oracle_{name}.npz"))


def poses(count: int, samples: int = 8, channels: int = 2) -> Tensor:
    """Windows of noise, `(count, channels, samples, 18)`."""
    return torch.randn(count, channels, samples, 18, generator=torch.Generator().manual_seed(5))


def as_windows(values: Tensor | NDArray[np.float32], channels: tuple[str, ...] = ("x", "y")) -> Windows:
    """Windows with these values and an index that nobody reads."""
    return Windows(pd.DataFrame({"track": range(len(values))}), np.asarray(values), channels, "openpose18")
