"""Likelihoods of windows under a trained STG-NF, their shares per sample and joint, and windows drawn from it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from stages.core.seeding import derive
from stages.core.windows import Windows
from stages.detectors.base import Form
from stages.detectors.layers.flow import Chain, bit_shares, bits_per_dimension
from stages.detectors.layers.stg_nf.augment import Mirrored, shared
from stages.detectors.layers.stg_nf.fused import Fused
from stages.detectors.layers.stg_nf.network import device_of, front

Floats = NDArray[np.float32]

SCORE_BATCH = 1024
"""Windows in the network at a time while scoring; scores do not depend on it."""


Whole = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""What `Fused.scorer` gives."""


def whole(network: Chain, form: Form) -> Whole:
    """A trained network of the published form packed for scoring: what every call of `likelihoods` can share."""
    return Fused([network.eval()], form.samples, form.joints).scorer()


@torch.no_grad()
def likelihoods(
    network: Chain, windows: Windows, prior_mean: float, *, fused: bool, packed: Whole | None = None
) -> Floats:
    """Negative log-likelihood, `(N,)` bits per dimension; uses running batch statistics.

    Args:
        network: trained.
        windows: N of them.
        prior_mean: the same for every window.
        fused: whether the network is one that `Fused` computes.
        packed: that network as `whole` gives it, where it is at hand.
    """
    scores = np.empty(len(windows), dtype=np.float32)
    device = device_of(network.eval())
    data = Mirrored(windows, "none", device)
    means = torch.full((1, 1), prior_mean, device=device)
    if fused:
        packed = packed or whole(network, Form.of(windows))
        data.standardize(front(network))
    for start in range(0, len(windows), SCORE_BATCH):
        rows = torch.arange(start, min(start + SCORE_BATCH, len(windows)), device=device)
        if packed is not None:
            found = packed(data.columns(rows), means)[0]
        else:
            z, logdet = network(data.take(rows))
            found = bits_per_dimension(z, logdet, means[0])
        scores[start : start + SCORE_BATCH] = found.cpu().numpy()
    return scores


@torch.no_grad()
def shares(network: Chain, windows: Windows, prior_mean: float) -> Floats:
    """What each sample and joint adds to a window's score, `(N, T, V)` bits per dimension; they sum to the score."""
    count, _, samples, joints = windows.poses.shape
    found = np.empty((count, samples, joints), dtype=np.float32)
    poses, device = shared(windows.poses), device_of(network.eval())
    for start in range(0, count, SCORE_BATCH):
        z, volume = network.transform(poses[start : start + SCORE_BATCH].to(device))
        found[start : start + SCORE_BATCH] = bit_shares(z, volume, prior_mean).cpu().numpy()
    return found


@torch.no_grad()
def sample(network: Chain, form: Form, count: int, prior_mean: float, seed: int) -> Floats:
    """Windows drawn from the prior and sent back through the flow, `(count, C, T, V)`."""
    generator = torch.Generator().manual_seed(derive(seed, "stg_nf", "sample"))
    latent = torch.randn(count, len(form.channels), form.samples, form.joints, generator=generator) + prior_mean
    return np.asarray(network.eval().inverse(latent.to(device_of(network))).cpu().numpy())
