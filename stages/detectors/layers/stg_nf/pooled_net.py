"""The net of a published STG-NF coupling in training, forth and back: one ST-GCN block whose joints all see each other.

The graph convolution gives every joint the mean over joints, so the block runs on `(S, 2, T, N)` in place of
`(S, 2, T, V, N)`: S models, T samples, N windows. Its residual is the joint's own value, scaled and shifted; batch
normalization of it needs the kept channel's mean and variance alone. What the biases before batch normalization add is
subtracted again: they have no gradient.

Written out because these tensors are so small that autograd's bookkeeping costs several times their arithmetic: as
torch operations, for any device, and on the CPU compiled (`pooled_net_cpu.py`).

Source: Yan et al., ST-GCN, AAAI 2018, section 3; Ioffe and Szegedy, "Batch Normalization", ICML 2015, section 3.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

EPS = 1e-5
"""Batch normalization's, torch's default."""


class Weights(NamedTuple):
    """A step's weights in S models, `(S, …)` each, in the order they are packed in, that of `fused.NAMES`."""

    bias: Tensor
    logs: Tensor
    graph: Tensor
    graph_bias: Tensor
    norm1: Tensor
    norm1_bias: Tensor
    time: Tensor
    time_bias: Tensor
    norm2: Tensor
    norm2_bias: Tensor
    skip: Tensor
    skip_bias: Tensor
    norm3: Tensor
    norm3_bias: Tensor

    @classmethod
    def of(cls, packed: Tensor) -> Weights:
        """Take rows `(…, 26 + 4 · kernel)` apart."""
        sizes = [2] * len(cls._fields)
        sizes[cls._fields.index("time")] = packed.shape[-1] - 2 * (len(sizes) - 1)
        return cls(*torch.split(packed, sizes, dim=-1))


class Moments(NamedTuple):
    """Batch statistics, `(…, 1)` or `(…, 2)` each.

    Args:
        centre: mean of the kept channel, as it was left by the step before.
        pooled: variance of its mean over joints.
        whole: its variance.
        inner: mean of what the temporal convolution gives, without its bias, per channel.
        inner_variance: its variance.
    """

    centre: Tensor
    pooled: Tensor
    whole: Tensor
    inner: Tensor
    inner_variance: Tensor

    @classmethod
    def of(cls, packed: Tensor) -> Moments:
        """Take rows `(…, 7)` apart."""
        return cls(*torch.split(packed, [1, 1, 1, 2, 2], dim=-1))


class Passed(NamedTuple):
    """What a pass gives, and what it leaves behind for the way back.

    Args:
        values: `(S, 2, T, N)`, what the net says before its last ReLU, the same for every joint.
        factor: `(S, 2)`, of the joint's own value.
        moments: `(S, 7)`, see `Moments`.
        active: `(S, 2, T, N)`, after the first ReLU.
        standard: `(S, 2, T, N)`, after the second normalization, before its weight and bias.
    """

    values: Tensor
    factor: Tensor
    moments: Tensor
    active: Tensor
    standard: Tensor


class Step(NamedTuple):
    """What a step's net is given.

    Args:
        weights: `(S, 26 + 4 · kernel)`, see `Weights`.
        kept_scale: `(S,)`, ActNorm's, of the kept channel; its shift is subtracted again.
        pooled: `(S, T, N)`, mean over joints of the kept channel as it was left.
        residual: whether there is one.
    """

    weights: Tensor
    kept_scale: Tensor
    pooled: Tensor
    residual: bool


class Gradients(NamedTuple):
    """The way back's end.

    Args:
        weights: `(S, 26 + 4 · kernel)`; those of ActNorm are zero.
        kept_scale: `(S,)`.
        pull: `(S,)`; the gradient by the kept channel, every joint's, is `pull` times it, plus `push`.
        push: `(S, T, N)`.
    """

    weights: Tensor
    kept_scale: Tensor
    pull: Tensor
    push: Tensor


def forward(given: Step, spread: Tensor) -> Passed:
    """One pass by the batch's own statistics.

    Args:
        given: see `Step`.
        spread: `(S, T, N)`, variance of the kept channel over joints.
    """
    if _compiled(spread):
        from stages.detectors.layers.stg_nf import pooled_net_cpu
        from stages.detectors.layers.stg_nf.compiled import run

        models, samples, windows = spread.shape
        active, standard, values = spread.new_empty(3, models, 2, samples, windows).unbind()
        factor, moments = spread.new_empty(models, 2), spread.new_empty(models, 7)
        run(pooled_net_cpu.forward, models, *given, spread, active, standard, values, factor, moments)
        return Passed(values, factor, moments, active, standard)
    weights, own = Weights.of(given.weights), float(given.residual)
    centre = given.pooled.mean(dim=(1, 2))[:, None]
    off = given.pooled - centre[..., None]
    variance = _mean_product(off[:, None], off[:, None])
    whole = variance + spread.mean(dim=(1, 2))[:, None]
    first, skip = _gains(given, variance, whole)
    active = torch.addcmul(_wide(weights.norm1_bias), off[:, None], _wide(first.value())).relu_()
    inner = torch.bmm(mix(weights.time, spread.shape[1]), active.flatten(1, 2)).view_as(active)
    middle = inner.mean(dim=(2, 3))
    standard = inner.sub_(_wide(middle))
    inner_variance = _mean_product(standard, standard)
    standard.mul_(_wide(torch.rsqrt(inner_variance + EPS)))
    factor = skip.value()
    bias = weights.norm2_bias - factor * centre + weights.norm3_bias * own
    values = torch.addcmul(_wide(bias), standard, _wide(weights.norm2))
    return Passed(values, factor, torch.cat([centre, variance, whole, middle, inner_variance], 1), active, standard)


def backward(given: Step, passed: Passed, by_values: Tensor, by_factor: Tensor, joints: int) -> Gradients:
    """The way back through `forward`.

    Args:
        given: to `forward`.
        passed: from `forward`.
        by_values: `(S, 2, T, N)`; it is overwritten.
        by_factor: `(S, 2)`.
        joints: V.
    """
    if _compiled(by_values):
        from stages.detectors.layers.stg_nf import pooled_net_cpu
        from stages.detectors.layers.stg_nf.compiled import run

        by_scale, pull = given.kept_scale.new_empty(2, len(by_factor)).unbind()
        found = Gradients(torch.zeros_like(given.weights), by_scale, pull, torch.empty_like(given.pooled))
        kept = (passed.active, passed.standard, passed.moments, passed.factor)
        run(pooled_net_cpu.backward, len(by_factor), *given, *kept, by_values, by_factor, joints, *found)
        return found
    weights, moments, own = Weights.of(given.weights), Moments.of(passed.moments), float(given.residual)
    first, skip = _gains(given, moments.pooled, moments.whole)
    samples, count, off = given.pooled.shape[1], given.pooled[0].numel(), given.pooled - moments.centre[..., None]
    by_bias = by_values.sum(dim=(2, 3))
    by_norm2 = _mean_product(by_values, passed.standard) * count
    by_factor = by_factor - by_bias * moments.centre
    by_centre = -(by_bias * passed.factor).sum(dim=1)
    by_inner = by_values.sub_(_wide(by_bias / count)).addcmul_(passed.standard, _wide(by_norm2 / -count))
    by_inner.mul_(_wide(weights.norm2 * torch.rsqrt(moments.inner_variance + EPS)))
    by_mix = torch.bmm(by_inner.flatten(1, 2), passed.active.flatten(1, 2).transpose(1, 2))
    by_active = torch.bmm(mix(weights.time, samples).transpose(1, 2), by_inner.flatten(1, 2)).view_as(by_inner)
    by_active.mul_(passed.active > 0)
    by_first = _mean_product(by_active, off[:, None].expand_as(by_active)) * count
    by_norm1, by_graph, by_variance = first.back(by_first)
    by_norm3, by_skip, by_whole = skip.back(by_factor)
    by_off = torch.einsum("sc,sctn->stn", first.value(), by_active)
    by_off.addcmul_(off, ((by_variance + by_whole) * (2 / count))[..., None])
    by_pooled = by_off - (by_off.mean(dim=(1, 2)) - by_centre / count)[:, None, None]
    pull, zero, scale = by_whole[:, 0] * (2 / (count * joints)), torch.zeros_like(by_bias), given.kept_scale[:, None]
    by_weights = Weights(
        zero, zero, by_graph * scale, zero, by_norm1, by_active.sum(dim=(2, 3)),
        _unmixed(by_mix, weights.time), zero, by_norm2, by_bias, by_skip * scale, zero, by_norm3 * own, by_bias * own,
    )  # fmt: skip
    by_scale = (by_graph * weights.graph + by_skip * weights.skip).sum(dim=1)
    push = torch.addcmul(by_pooled / joints, given.pooled, pull[:, None, None], value=-1)
    return Gradients(torch.cat(by_weights, dim=1), by_scale, pull, push)


class _Gain(NamedTuple):
    """weight · slope / √(slope² · variance + ε): a linear map followed by batch normalization, `(S, 2)`."""

    weight: Tensor
    slope: Tensor
    root: Tensor

    def value(self) -> Tensor:
        return self.weight * self.slope * self.root

    def back(self, by_value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients by weight, slope and variance `(S, 1)`."""
        cube = by_value * self.weight * self.root**3
        return by_value * self.slope * self.root, cube * EPS, (cube * self.slope**3).sum(dim=1, keepdim=True) * -0.5


def _gains(given: Step, variance: Tensor, whole: Tensor) -> tuple[_Gain, _Gain]:
    """Of the graph convolution and of the residual, from the variances `(S, 1)` of what they map."""
    weights, scale = Weights.of(given.weights), given.kept_scale[:, None]
    slopes = weights.graph * scale, weights.skip * scale
    roots = [torch.rsqrt(s.square() * v + EPS) for s, v in zip(slopes, (variance, whole), strict=True)]
    return _Gain(weights.norm1, slopes[0], roots[0]), _Gain(weights.norm3 * given.residual, slopes[1], roots[1])


def mix(time: Tensor, samples: int) -> Tensor:
    """The convolution over time, `(S, 4 · kernel)`, as matrices `(S, 2 T, 2 T)`."""
    kernel = time.view(len(time), 2, 2, -1)
    spread = torch.einsum("soik,kab->soaib", kernel, _shifts(kernel.shape[-1], samples, time.dtype, time.device))
    return spread.reshape(len(time), 2 * samples, 2 * samples)


def _unmixed(by_mix: Tensor, time: Tensor) -> Tensor:
    """The way back through `mix`."""
    kernel, samples = time.view(len(time), 2, 2, -1), by_mix.shape[1] // 2
    spread = by_mix.view(len(time), 2, samples, 2, samples)
    shifts = _shifts(kernel.shape[-1], samples, time.dtype, time.device)
    return torch.einsum("soaib,kab->soik", spread, shifts).flatten(1)


@lru_cache(maxsize=8)
def _shifts(kernel: int, samples: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """For each element of a kernel the pairs of samples (out, in) that it joins, `(kernel, T, T)`."""
    time, place = torch.arange(samples), torch.arange(kernel) - kernel // 2
    return (time[None] - time[:, None] == place[:, None, None]).to(device, dtype)


def _compiled(x: Tensor) -> bool:
    """Whether pooled_net_cpu.py takes it."""
    return x.device.type == "cpu"


def _mean_product(a: Tensor, b: Tensor) -> Tensor:
    """Mean of the product over samples and windows, `(S, C)`."""
    product: Tensor = torch.linalg.vecdot(a.flatten(2), b.flatten(2))
    return product / a[0, 0].numel()


def _wide(small: Tensor) -> Tensor:
    """`(S, C)` with axes of length 1 for samples and windows."""
    return small[..., None, None]
