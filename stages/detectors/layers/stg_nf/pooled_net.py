"""The net of a published STG-NF coupling in training, forth and back: one ST-GCN block whose joints all see each other.

The graph convolution gives every joint the mean over joints, so the block runs on `(S, 2, T, N)` in place of
`(S, 2, T, V, N)`: S models, T samples, N windows. Its residual is the joint's own value, scaled and shifted; batch
normalization of it needs the kept channel's mean and variance alone. What the biases before batch normalization add is
subtracted again: they have no gradient.

Written out because these tensors are so small that autograd's bookkeeping costs several times their arithmetic.

Source: Yan et al., ST-GCN, AAAI 2018, section 3; Ioffe and Szegedy, "Batch Normalization", ICML 2015, section 3.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

EPS = 1e-5
"""Batch normalization's, torch's default."""


class Weights(NamedTuple):
    """A step's weights in S models, `(S, …)` each, in the order they are packed in; `fused.NAMES` says what they are."""

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


class Moments(NamedTuple):
    """Batch statistics in one step.

    Args:
        centre: `(S, 1)`, mean of the kept channel.
        pooled: `(S, 1)`, variance of its mean over joints.
        whole: `(S, 1)`, its variance.
        inner: `(S, 2)`, mean of what the temporal convolution gives, without its bias.
        inner_variance: `(S, 2)`.
    """

    centre: Tensor
    pooled: Tensor
    whole: Tensor
    inner: Tensor
    inner_variance: Tensor


class Passed(NamedTuple):
    """What a pass leaves behind for the way back, and what it found."""

    weights: Weights
    kept_scale: Tensor
    mix: Tensor
    off: Tensor  # (S, T, N), the mean over joints without its own mean
    first: Gain
    active: Tensor  # (S, 2, T, N), after the first ReLU
    standard: Tensor  # (S, 2, T, N), normalized, before weight and bias
    inverse: Tensor  # (S, 2), one over its deviation
    skip: Gain
    moments: Moments


class Gain(NamedTuple):
    """weight · slope / √(slope² · variance + ε): a linear map followed by batch normalization, `(S, 2)`."""

    weight: Tensor
    slope: Tensor
    variance: Tensor
    root: Tensor

    @classmethod
    def of(cls, weight: Tensor, slope: Tensor, variance: Tensor) -> Gain:
        """From weight and slope `(S, 2)` and the variance `(S, 1)` of what is mapped."""
        return cls(weight, slope, variance, torch.rsqrt(slope.square() * variance + EPS))

    def value(self) -> Tensor:
        """The gain."""
        return self.weight * self.slope * self.root

    def back(self, by_value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients by weight, slope and variance `(S, 1)`."""
        cube = by_value * self.weight * self.root**3
        by_variance = (cube * self.slope**3).sum(dim=1, keepdim=True) * -0.5
        return by_value * self.slope * self.root, cube * EPS, by_variance


def forward(weights: Weights, kept_scale: Tensor, pooled: Tensor, spread: Tensor, mix: Tensor, step: int) -> Passed:
    """One pass by the batch's own statistics; `values` and `factor` say what it gives.

    Args:
        weights: the step's.
        kept_scale: `(S, 1)`, ActNorm's, of the kept channel; its shift is subtracted again.
        pooled: `(S, T, N)`, mean over joints of the kept channel as it was left.
        spread: `(S, T, N)`, variance over joints.
        mix: `(S, 2 T, 2 T)`, the temporal convolution as a matrix.
        step: the first one has no residual.
    """
    centre = pooled.mean(dim=(1, 2), keepdim=True)
    off = pooled - centre
    variance = _mean_product(off[:, None], off[:, None])
    whole = variance + spread.mean(dim=(1, 2))[:, None]
    first = Gain.of(weights.norm1, weights.graph * kept_scale, variance)
    active = torch.addcmul(_wide(weights.norm1_bias), off[:, None], _wide(first.value())).relu_()
    inner = torch.bmm(mix, active.flatten(1, 2)).view_as(active)
    middle = inner.mean(dim=(2, 3), keepdim=True)
    standard = inner.sub_(middle)
    inner_variance = _mean_product(standard, standard)
    inverse = torch.rsqrt(inner_variance + EPS)
    standard.mul_(_wide(inverse))
    skip = Gain.of(weights.norm3 * (step > 0), weights.skip * kept_scale, whole)
    moments = Moments(centre[:, 0], variance, whole, middle[..., 0, 0], inner_variance)
    return Passed(weights, kept_scale, mix, off, first, active, standard, inverse, skip, moments)


def values(passed: Passed, step: int) -> tuple[Tensor, Tensor]:
    """What the net says per sample `(S, 2, T, N)`, and the factor of the joint's own value `(S, 2)`."""
    weights, factor = passed.weights, passed.skip.value()
    bias = weights.norm2_bias - factor * passed.moments.centre + weights.norm3_bias * (step > 0)
    return torch.addcmul(_wide(bias), passed.standard, _wide(weights.norm2)), factor


def backward(
    passed: Passed, by_values: Tensor, by_factor: Tensor, basis: Tensor, step: int
) -> tuple[Weights, Tensor, Tensor, Tensor]:
    """The way back through `forward` and `values`.

    Returns:
        Gradients by the weights (ActNorm's own are zero), by `kept_scale` `(S, 1)`, by `pooled` `(S, T, N)` and, the
        same for every element, by `spread` `(S, 1)`.
    """
    weights, count = passed.weights, passed.off[0].numel()
    by_bias = by_values.sum(dim=(2, 3))
    by_norm2 = _mean_product(by_values, passed.standard) * count
    by_factor = by_factor - by_bias * passed.moments.centre
    by_centre = -(by_bias * passed.skip.value()).sum(dim=1)
    by_inner = by_values - _wide(by_bias / count)
    by_inner.addcmul_(passed.standard, _wide(by_norm2 / -count)).mul_(_wide(weights.norm2 * passed.inverse))
    by_mix = torch.bmm(by_inner.flatten(1, 2), passed.active.flatten(1, 2).transpose(1, 2))
    by_active = torch.bmm(passed.mix.transpose(1, 2), by_inner.flatten(1, 2)).view_as(by_inner)
    by_active.mul_(passed.active > 0)
    by_first = _mean_product(by_active, passed.off[:, None].expand_as(by_active)) * count
    by_norm1, by_graph, by_pooled_variance = passed.first.back(by_first)
    by_norm3, by_skip, by_variance = passed.skip.back(by_factor)
    by_off = torch.einsum("sc,sctn->stn", passed.first.value(), by_active)
    by_off.addcmul_(passed.off, ((by_pooled_variance + by_variance) * (2 / count))[..., None])
    by_pooled = by_off - (by_off.mean(dim=(1, 2)) - by_centre / count)[:, None, None]
    samples, zero = passed.off.shape[1], torch.zeros_like(by_bias)
    by_time = by_mix.view(-1, 2, samples, 2, samples).transpose(2, 3).reshape(-1, samples**2) @ basis.t()
    own = float(step > 0)
    gradients = Weights(
        zero, zero, by_graph * passed.kept_scale, zero, by_norm1, by_active.sum(dim=(2, 3)),
        by_time.view_as(weights.time), zero, by_norm2, by_bias, by_skip * passed.kept_scale, zero, by_norm3 * own,
        by_bias * own,
    )  # fmt: skip
    by_scale = (by_graph * weights.graph + by_skip * weights.skip).sum(dim=1, keepdim=True)
    return gradients, by_scale, by_pooled, by_variance / count


def _mean_product(a: Tensor, b: Tensor) -> Tensor:
    """Mean of the product over samples and windows, `(S, C)`."""
    return torch.linalg.vecdot(a.flatten(2), b.flatten(2)) / a[0, 0].numel()


def _wide(small: Tensor) -> Tensor:
    """`(S, C)` with axes of length 1 for samples and windows."""
    return small[..., None, None]
