"""Small MPED-RNN models and windows in pixels that the tests of the package share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stages.core.normalization import NormalizationParams, normalize
from stages.core.skeleton import OPENPOSE18
from stages.core.windows import Windows
from stages.detectors.base import Form
from stages.detectors.layers.mped_rnn.network import MpedRnn, build
from stages.detectors.layers.mped_rnn.params import MpedRnnParams
from tests.detectors.gait import Floats, walkers, windows

PIXELS = NormalizationParams(centre=False, scale="none", confidence=True)


def params(**given: Any) -> MpedRnnParams:
    """These, and else what the preset says."""
    return MpedRnnParams.model_validate({"window": "second"} | given)


def small(**changes: Any) -> MpedRnnParams:
    """Enough to run."""
    return params(**({"epochs": 2, "batch": 32} | changes))


def in_pixels(keypoints: Floats, cameras: Sequence[str] | None = None) -> Windows:
    """Windows as MPED-RNN is published: pixels, joints whose confidence is 0 missing, from cameras if any are named."""
    made = windows(keypoints)
    index = made.index if cameras is None else made.index.assign(camera=list(cameras))
    return replace(made, index=index, poses=normalize(keypoints, PIXELS, OPENPOSE18), channels=("x", "y", "confidence"))


def with_gaps(keypoints: Floats, share: float = 0.2, seed: int = 0) -> Floats:
    """The same people with some joints missing: their confidence is 0."""
    gone = np.random.default_rng(seed).random(keypoints.shape[:3]) < share
    changed = keypoints.copy()
    changed[gone, 2] = 0
    return changed


def with_garbage(data: Windows, value: float) -> Windows:
    """The same windows with some value in place of the coordinates of missing joints."""
    poses = data.poses.copy()
    poses[:, :2][np.repeat(poses[:, 2:] == 0, 2, axis=1)] = value
    return replace(data, poses=poses)


def network(samples: int = 8, joints: int = 18, seed: int = 0, **changes: Any) -> MpedRnn:
    """With weights far from where they begin, in double precision, so that equal means equal."""
    made = build(Form(("x", "y"), samples, joints, "openpose18"), params(**changes), seed).double()
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        for weight in made.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
    return made


def scaled(count: int = 5, samples: int = 8, joints: int = 18) -> tuple[Tensor, Tensor]:
    """Made-up scaled boxes and joints."""
    with torch.random.fork_rng():
        torch.manual_seed(count)
        return torch.randn(count, samples, 4).double(), torch.randn(count, samples, 2, joints).double()


def people(count: int = 40, *, samples: int = 8, seed: int = 1) -> Windows:
    """Walkers in pixels with some joints missing."""
    return in_pixels(with_gaps(walkers(count, samples=samples, seed=seed)))
