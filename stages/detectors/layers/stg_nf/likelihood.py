"""Likelihoods of a published STG-NF by running statistics: each window by itself.

What running statistics leave of a step is a few numbers: batch normalization becomes part of the convolutions. As torch
operations, for any device, and on the CPU compiled (`likelihood_cpu.py`).

Source: Hirschorn and Avidan, STG-NF, ICCV 2023, section 3.2, equations 2 and 5.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from stages.detectors.layers.stg_nf.couple import Inputs, couple, log_volume
from stages.detectors.layers.stg_nf.pooled_net import EPS, Weights, mix

Pair = tuple[Tensor, Tensor]
"""Both channels of windows or of their latent, `(S, T, V, N)` each."""


class Pending(NamedTuple):
    """What ActNorm does to the raw tensors in each step, `(K, S)` each.

    Args:
        kept_scale: of the channel that is kept.
        kept_shift: of the same.
        scale: of the channel that is changed, which was kept in the step before, up to here.
        shift: of the same.
    """

    kept_scale: Tensor
    kept_shift: Tensor
    scale: Tensor
    shift: Tensor

    @classmethod
    def of(cls, weights: Tensor) -> Pending:
        """From weights by step, `(K, S, …)`."""
        bias, logs = weights[..., 0:2], weights[..., 2:4]
        scale = logs.exp()
        shift = scale * bias
        (first, kept_scale), (first_shift, kept_shift) = scale.unbind(-1), shift.unbind(-1)
        before = functional.pad(kept_scale[:-1], (0, 0, 1, 0), value=1.0)
        before_shift = functional.pad(kept_shift[:-1], (0, 0, 1, 0))
        return cls(kept_scale.contiguous(), kept_shift.contiguous(), first * before, first * before_shift + first_shift)


class Heads(NamedTuple):
    """All that running statistics leave, `(K, S, …)`.

    Args:
        slope: `(…, 2)`, of the mean over joints, per channel before the first ReLU.
        constant: `(…, 2)`.
        time: `(…, 4 · kernel)`, the temporal convolution.
        bias: `(…, 2)`.
        factor: `(…, 2)`, of the joint's own value.
        pending: see `Pending`.
        volume: `(S,)`, ActNorm's log-volume.
    """

    slope: Tensor
    constant: Tensor
    time: Tensor
    bias: Tensor
    factor: Tensor
    pending: Pending
    volume: Tensor

    @classmethod
    def of(cls, weights: Tensor, statistics: Tensor, elements: int) -> Heads:
        """From weights `(K, S, …)` and running statistics `(K, S, 12)`, for windows of T · V elements a channel."""
        own, pending = Weights.of(weights), Pending.of(weights)
        mean1, variance1, mean2, variance2, mean3, variance3 = torch.split(statistics, 2, dim=-1)
        scale, shift = pending.kept_scale[..., None], pending.kept_shift[..., None]
        first, second, third = (
            norm * torch.rsqrt(variance + EPS)
            for norm, variance in ((own.norm1, variance1), (own.norm2, variance2), (own.norm3, variance3))
        )
        # The first step has no residual: its weights there are zeros.
        residual = (own.skip * shift + own.skip_bias - mean3) * third + own.norm3_bias
        return cls(
            own.graph * scale * first,
            (own.graph * shift + own.graph_bias - mean1) * first + own.norm1_bias,
            own.time * second.repeat_interleave(own.time.shape[-1] // 2, dim=-1),
            (own.time_bias - mean2) * second + own.norm2_bias + residual,
            own.skip * scale * third,
            pending,
            actnorm_volume(weights, elements),
        )


def bits(windows: Tensor, means: Tensor, heads: Heads) -> Tensor:
    """Negative log-likelihood, `(S, N)` bits per dimension.

    Args:
        windows: `(2, S, T, V, N)`.
        means: of the prior, broadcastable to `(S, N)`.
        heads: see `Heads`.
    """
    if windows.device.type == "cpu" and windows.dtype == torch.float32:
        from stages.detectors.layers.stg_nf import likelihood_cpu
        from stages.detectors.layers.stg_nf.compiled import run

        nats = windows.new_empty(windows.shape[1], windows.shape[-1])
        packed = torch.cat([*heads[:5], torch.stack(heads.pending, dim=-1)], dim=-1)
        run(likelihood_cpu.nats, likelihood_cpu.tasks(nats), windows, means.expand_as(nats).contiguous(), packed, nats)
        return in_bits(nats - heads.volume[:, None], windows)
    (changed, kept), pending, samples = windows, heads.pending, windows.shape[2]
    gains = windows.new_empty(len(heads.time), windows.shape[1], samples, windows.shape[-1])
    pooled = kept.mean(dim=2)
    for step, time in enumerate(heads.time):
        slope, constant, bias = (
            numbers[step, :, :, None, None] for numbers in (heads.slope, heads.constant, heads.bias)
        )
        active = torch.addcmul(constant, pooled[:, None], slope).relu_()
        values = torch.bmm(mix(time, samples), active.flatten(1, 2)).view_as(active).add_(bias)
        given = Inputs(kept, changed, values, heads.factor[step], pending.scale[step], pending.shift[step])
        made = couple(given, gains[step])
        changed, kept, pooled = kept, made.result, made.pooled
    volume = log_volume(gains) + heads.volume[:, None]
    return in_bits(prior_nats(latent(changed, kept, pending), means) - volume, windows)


def latent(changed: Tensor, kept: Tensor, pending: Pending) -> Pair:
    """Both channels of the latent: after the last step they have changed their parts."""
    scale, shift = (number[-1][:, None, None, None] for number in (pending.kept_scale, pending.kept_shift))
    return torch.addcmul(shift, changed, scale), kept


def prior_nats(latent: Pair, means: Tensor) -> Tensor:
    """Negative logarithm of the prior, `(S, N)`."""
    first, last = ((part - over_windows(means)).square_().sum(dim=(1, 2)) for part in latent)
    return 0.5 * (first + last + _constant(latent[0]))


class Prior(NamedTuple):
    """The prior's negative logarithm, `(S, N)`, and the gradients of its mean over windows, in units given."""

    nats: Tensor
    changed: Tensor
    kept: Tensor
    scale: Tensor
    shift: Tensor


def prior(changed: Tensor, kept: Tensor, means: Tensor, pending: Pending, share: float) -> Prior:
    """Where the flow ends, forth and back.

    Args:
        changed: `(S, T, V, N)`, what the last step left of the channel that it kept.
        kept: `(S, T, V, N)`, what it changed.
        means: of the prior, broadcastable to `(S, N)`.
        pending: see `Pending`; gradients are by its last `kept_scale` and `kept_shift`, `(S,)`.
        share: what the gradients are multiplied with.
    """
    scale, shift = pending.kept_scale[-1], pending.kept_shift[-1]
    if changed.device.type == "cpu" and changed.dtype == torch.float32:
        from stages.detectors.layers.stg_nf import likelihood_cpu
        from stages.detectors.layers.stg_nf.compiled import run

        models, samples, _, windows = changed.shape
        blocks = -(-windows // likelihood_cpu.WIDE)
        by_changed, by_kept = torch.empty_like(changed), torch.empty_like(changed)
        squares, sums = changed.new_empty(models, samples, windows), changed.new_empty(models, samples, blocks, 2)
        given = (changed, kept, means.expand(models, windows).contiguous(), scale, shift, share)
        run(likelihood_cpu.prior, models * samples * blocks, *given, squares, by_changed, by_kept, sums)
        by_scale, by_shift = sums.sum(dim=(1, 2)).unbind(1)
        return Prior(0.5 * (squares.sum(dim=1) + _constant(changed)), by_changed, by_kept, by_scale, by_shift)
    first, last = (part - over_windows(means) for part in latent(changed, kept, pending))
    nats = 0.5 * (first.square().sum(dim=(1, 2)) + last.square().sum(dim=(1, 2)) + _constant(changed))
    by_scale, by_shift = (first * changed).sum(dim=(1, 2, 3)) * share, first.sum(dim=(1, 2, 3)) * share
    return Prior(nats, first.mul_(share * scale[:, None, None, None]), last.mul_(share), by_scale, by_shift)


def _constant(part: Tensor) -> float:
    """Of the prior, from one channel of the latent, `(S, T, V, N)`."""
    return 2 * part[0, ..., 0].numel() * math.log(2 * math.pi)


def actnorm_volume(weights: Tensor, elements: int) -> Tensor:
    """ActNorm's log-volume in windows of T · V elements a channel, `(S,)`, from weights by step."""
    return weights[..., 2:4].sum(dim=(0, 2)) * elements


def in_bits(nats: Tensor, windows: Tensor) -> Tensor:
    """Per dimension of windows `(2, S, T, V, N)`."""
    return nats / (math.log(2) * windows[:, 0, ..., 0].numel())


def over_windows(means: Tensor) -> Tensor:
    """`(S, N)` over samples and joints."""
    return means[..., None, None, :]
