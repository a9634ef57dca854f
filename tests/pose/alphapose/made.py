"""Weights that anybody can make again, for networks whose real ones cannot be had here."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from stages.pose.alphapose.checkpoints import Shapes, shapes, skeleton


def fill(wanted: Shapes) -> dict[str, Tensor]:
    """Weights from a generator of their own for each key, seeded by its place in the alphabet."""
    return {key: _fill(key, wanted[key], seed) for seed, key in enumerate(sorted(wanted))}


def _fill(key: str, shape: tuple[int, ...], seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    if key.endswith("num_batches_tracked"):
        return torch.tensor(0)
    if key.endswith("running_var"):
        return torch.rand(shape, generator=generator) + 0.5
    if len(shape) > 1:
        return torch.randn(shape, generator=generator) / math.sqrt(math.prod(shape[1:]))
    return torch.randn(shape, generator=generator) * 0.1 + (1 if key.endswith("weight") else 0)


def checkpoint(path: Path, name: str, *, wrapped: bool = False) -> Path:
    """Save made weights of a network, bare or as YOLOX's training keeps them."""
    weights = fill(shapes(skeleton(name)))
    for level in range(3):
        if f"head.cls_preds.{level}.bias" in weights:
            weights[f"head.cls_preds.{level}.bias"][0] = 5.0  # so that whatever is seen is a person
    torch.save({"start_epoch": 300, "model": weights} if wrapped else weights, path)
    return path
