"""Networks of MGENet that are small enough to look into."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from stages.core.windows import Windows
from stages.detectors.base import Form
from stages.detectors.layers.mgenet.network import MgeNet
from stages.detectors.layers.mgenet.params import MgeNetParams
from stages.detectors.layers.model import weights_of
from stages.detectors.layers.stg_nf.network import build
from stages.detectors.mgenet import MgeNetDetector
from stages.detectors.stg_nf import StgNf

FORM = Form(("x", "y"), 8, 18, "openpose18", (3, 16, 16))
SMALL: dict[str, Any] = {
    "window": "second", "preset": "small", "width": 16, "depth": 1, "heads": 2, "behaviours": 8, "scenes": 4,
    "matches": 8, "features": 4, "teacher": {"steps": 2, "batch": 16}, "threads": 1,
}  # fmt: skip


def network(first: nn.Module | None = None, **changed: Any) -> MgeNet:
    """A network that has learned nothing, at rest; `first` looks at its pictures first."""
    params = MgeNetParams(**{**SMALL, **changed})
    torch.manual_seed(3)
    blind = Form(FORM.channels, FORM.samples, FORM.joints, FORM.layout)
    return MgeNet(FORM, params, build(blind, params.teacher, 0), first).eval()


def untouched(flow: StgNf, windows: Windows, **settings: Any) -> MgeNet:
    """What a fit to these windows starts from, of a detector of seed 0, but for the teacher's weights."""
    teacher = {**flow.params.model_dump(), "window": ""}
    return MgeNetDetector(MgeNetParams(**{**settings, "teacher": teacher}), device="cpu", seed=0)._build(
        Form.of(windows)
    )


def same(one: nn.Module, other: nn.Module) -> bool:
    """Whether weights are equal to the bit."""
    pairs = zip(weights_of(one).values(), weights_of(other).values(), strict=True)
    return all(np.array_equal(first, second) for first, second in pairs)
