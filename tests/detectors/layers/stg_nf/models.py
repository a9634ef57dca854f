"""Small STG-NF models and windows that the tests of the package share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from stages.core.windows import Windows
from stages.detectors.base import Form
from stages.detectors.layers.flow import Chain
from stages.detectors.layers.stg_nf.network import build
from stages.detectors.layers.stg_nf.params import StgNfParams

LAYOUTS = {17: "coco17", 18: "openpose18", 25: "ntu25"}


def params(**given: Any) -> StgNfParams:
    """These, and else what the preset says."""
    return StgNfParams.model_validate({"window": "second"} | given)


def small(**changes: Any) -> StgNfParams:
    """Enough to run: two steps, one epoch."""
    return params(**({"steps": 2, "epochs": 1, "batch": 32} | changes))


def form(samples: int, joints: int = 18) -> Form:
    """Windows of x and y."""
    return Form(("x", "y"), samples, joints, LAYOUTS[joints])


def as_windows(poses: Tensor) -> Windows:
    """Windows with these values, `(N, 2, T, V)`, and an index that nobody reads."""
    index = pd.DataFrame({"track": range(len(poses))})
    return Windows(index, poses.float().numpy(), ("x", "y"), LAYOUTS[poses.shape[-1]])


def networks(
    seeds: Sequence[int], samples: int, joints: int = 18, *, dtype: torch.dtype = torch.float64, **changes: Any
) -> list[Chain]:
    """In training, with weights far from where they begin, ActNorms and running statistics too.

    Args:
        seeds: one per network.
        samples: T.
        joints: V.
        dtype: of the weights.
        changes: of `small`.
    """
    torch.manual_seed(len(seeds))
    made = []
    for seed in seeds:
        network = build(form(samples, joints), small(**({"max_hop": joints} | changes)), seed).to(dtype).train()
        with torch.no_grad():
            for weight in network.parameters():
                weight.add_(0.3 * torch.randn_like(weight))
            network(torch.randn(32, 2, samples, joints, dtype=dtype))
        made.append(network)
    return made


def copied(network: Chain, samples: int, joints: int = 18, **changes: Any) -> Chain:
    """The same network once more, of the same precision, in training."""
    choice = small(**({"max_hop": joints} | changes))
    copy = build(form(samples, joints), choice, 0).to(next(network.parameters()).dtype).train()
    copy.load_state_dict(network.state_dict())
    return copy
