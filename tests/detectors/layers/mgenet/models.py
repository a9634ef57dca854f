"""Networks of MGENet that are small enough to look into."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from stages.detectors.base import Form
from stages.detectors.layers.mgenet.network import MgeNet
from stages.detectors.layers.mgenet.params import MgeNetParams
from stages.detectors.layers.stg_nf.network import build

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
