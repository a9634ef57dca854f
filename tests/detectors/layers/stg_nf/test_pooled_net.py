"""The net of a coupling on what joints share: compiled and as torch operations, against autograd of the plain block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from stages.detectors.layers.stg_nf import pooled_net
from stages.detectors.layers.stg_nf.pooled_net import Gradients, Moments, Passed, Step, Weights, backward, forward

SIZES = [(1, 4, 18, 1, 3), (2, 4, 17, 127, 3), (1, 1, 18, 33, 1), (3, 24, 18, 20, 13), (1, 3, 18, 9, 7)]
"""S, T, V, N and the temporal kernel, one of which is longer than twice the window."""
Size = tuple[int, int, int, int, int]


@contextmanager
def as_torch_operations() -> Iterator[None]:
    """Nothing compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooled_net, "_compiled", lambda _: False)
        yield


def given(size: Size, *, residual: bool, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Step, Tensor]:
    """A kept channel `(S, T, V, N)`, and the step and spread that it makes."""
    models, samples, joints, windows, kernel = size
    torch.manual_seed(sum(size))
    kept = 0.5 + torch.randn(models, samples, joints, windows, dtype=dtype)
    weights = torch.randn(models, 26 + 4 * kernel, dtype=dtype)
    if not residual:
        weights[:, -8:] = 0  # the places of a residual that is not there
    scale = torch.rand(models, dtype=dtype) + 0.5
    return kept, Step(weights, scale, kept.mean(dim=2), residual), kept.var(dim=2, correction=0)


def block(kept: Tensor, step: Step) -> Tensor:
    """What the net says of every joint, `(S, 2, T, V, N)`, before its last ReLU: no shortcut."""
    own, models = Weights.of(step.weights), len(kept)
    x = step.kept_scale[:, None, None, None] * kept

    def norm(h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        mean, variance = h.mean(dim=(2, 3, 4), keepdim=True), h.var(dim=(2, 3, 4), correction=0, keepdim=True)
        return (h - mean) * torch.rsqrt(variance + 1e-5) * wide(weight) + wide(bias)

    def wide(numbers: Tensor) -> Tensor:
        return numbers[:, :, None, None, None]

    h = (
        (wide(own.graph) * x[:, None] + wide(own.graph_bias))
        .mean(dim=3, keepdim=True)
        .expand(-1, -1, -1, x.shape[2], -1)
    )
    h = torch.relu(norm(h, own.norm1, own.norm1_bias))
    kernels = own.time.view(models, 2, 2, -1)
    pad = kernels.shape[-1] // 2
    convolved = [
        functional.conv2d(one.permute(3, 0, 1, 2), kernel[..., None], bias, padding=(pad, 0)).permute(1, 2, 3, 0)
        for one, kernel, bias in zip(h, kernels, own.time_bias, strict=True)
    ]
    h = norm(torch.stack(convolved), own.norm2, own.norm2_bias)
    if step.residual:
        h = h + norm(wide(own.skip) * x[:, None] + wide(own.skip_bias), own.norm3, own.norm3_bias)
    return h


def back(size: Size, *, residual: bool, dtype: torch.dtype = torch.float64) -> tuple[Passed, Gradients]:
    """Forth and back from made-up gradients."""
    kept, step, spread = given(size, residual=residual, dtype=dtype)
    passed = forward(step, spread)
    by_values, by_factor = torch.randn_like(passed.values), torch.randn_like(passed.factor)
    return passed, backward(step, passed, by_values, by_factor, kept.shape[2])


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_the_way_forth_is_the_plain_block(size: Size, residual: bool) -> None:
    kept, step, spread = given(size, residual=residual)
    passed = forward(step, spread)
    found = passed.values[:, :, :, None] + passed.factor[:, :, None, None, None] * kept[:, None]
    torch.testing.assert_close(found, block(kept, step), rtol=1e-8, atol=1e-8)
    moments = Moments.of(passed.moments)
    torch.testing.assert_close(moments.centre[:, 0], kept.mean(dim=(1, 2, 3)))
    torch.testing.assert_close(moments.pooled[:, 0], step.pooled.var(dim=(1, 2), correction=0))
    torch.testing.assert_close(moments.whole[:, 0], kept.var(dim=(1, 2, 3), correction=0))


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_the_way_back_is_autograds(size: Size, residual: bool) -> None:
    kept, step, spread = given(size, residual=residual)
    passed = forward(step, spread)
    by_values, by_factor = torch.randn_like(passed.values), torch.randn_like(passed.factor)
    # Any function of `values` and `factor`; the same of the plain block, which gives their sum for every joint.
    leaves = [part.clone().requires_grad_() for part in (step.weights, step.kept_scale, kept)]
    made = block(leaves[2], step._replace(weights=leaves[0], kept_scale=leaves[1]))
    values, factor = apart(made, kept)
    wanted = torch.autograd.grad((values * by_values).sum() + (factor * by_factor).sum(), leaves)
    found = backward(step, passed, by_values.clone(), by_factor, kept.shape[2])
    by_kept = found.pull[:, None, None, None] * kept + found.push[:, :, None]
    # `apart` itself reads the kept channel: what it adds is in the plain form alone.
    through_apart = torch.autograd.grad(
        sum_of(apart(made.detach(), leaves[2]), (by_values, by_factor)), leaves[2], allow_unused=True
    )[0]
    torch.testing.assert_close(found.weights, wanted[0], rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(found.kept_scale, wanted[1], rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(by_kept, wanted[2] + through_apart, rtol=1e-6, atol=1e-7)


def apart(made: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """Values and factor of `values + factor · kept`, by the difference of two joints."""
    factor = (made[:, :, 0, 1, 0] - made[:, :, 0, 0, 0]) / (kept[:, 0, 1, 0] - kept[:, 0, 0, 0])[:, None]
    return made[:, :, :, 0] - factor[:, :, None, None] * kept[:, None, :, 0], factor


def sum_of(parts: tuple[Tensor, ...], weights: tuple[Tensor, ...]) -> Tensor:
    return torch.stack([(part * weight).sum() for part, weight in zip(parts, weights, strict=True)]).sum()


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 2e-4)])
def test_the_compiled_form_is_the_torch_one(size: Size, residual: bool, dtype: torch.dtype, tolerance: float) -> None:
    found = back(size, residual=residual, dtype=dtype)
    with as_torch_operations():
        wanted = back(size, residual=residual, dtype=dtype)
    for one, other in zip((*found[0], *found[1]), (*wanted[0], *wanted[1]), strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance * (1 + float(other.abs().max())))
