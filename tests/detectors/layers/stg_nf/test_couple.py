"""A coupling on whole tensors, forth and back: the compiled form is the torch form, which autograd confirms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from stages.detectors.layers.stg_nf import couple as module
from stages.detectors.layers.stg_nf.couple import Gradients, Inputs, couple, log_volume, pool, uncouple

SIZES = [(1, 24, 18, 1), (1, 4, 17, 127), (2, 1, 18, 129), (2, 4, 17, 300), (1, 2, 18, 257)]
"""S, T, V, N: fewer windows than a block, one more, none over."""


@contextmanager
def as_torch_operations() -> Iterator[None]:
    """Nothing compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_compiled", lambda _: False)
        yield


def inputs(size: tuple[int, int, int, int], dtype: torch.dtype = torch.float32) -> Inputs:
    models, samples, joints, windows = size
    torch.manual_seed(sum(size))
    return Inputs(
        torch.randn(models, samples, joints, windows, dtype=dtype),
        torch.randn(models, samples, joints, windows, dtype=dtype) + 1,
        torch.randn(models, 2, samples, windows, dtype=dtype),
        torch.randn(models, 2, dtype=dtype),
        torch.rand(models, dtype=dtype) + 0.5,
        torch.randn(models, dtype=dtype),
    )


def way_back(given: Inputs) -> tuple[Gradients, Tensor]:
    """`uncouple` from made-up gradients, and the gradient by what was kept."""
    torch.manual_seed(1)
    gains = torch.empty_like(given.values[:, 0])
    result = couple(given, gains).result
    models = len(given.kept)
    upstream, by_kept = torch.randn_like(result), torch.randn_like(result)
    pull, by_volume = torch.randn_like(given.scale), torch.randn_like(given.offset)
    push = torch.randn_like(gains)
    assert models == len(pull)
    return uncouple(upstream, pull, push, by_volume, given, result, by_kept), by_kept


@pytest.mark.parametrize("size", SIZES)
def test_the_compiled_way_forth_is_the_torch_one(size: tuple[int, int, int, int]) -> None:
    given = inputs(size)
    gains, wanted_gains = (torch.empty_like(given.values[:, 0]) for _ in range(2))
    found = couple(given, gains)
    with as_torch_operations():
        wanted = couple(given, wanted_gains)
    for one, other in zip((*found, gains), (*wanted, wanted_gains), strict=True):
        torch.testing.assert_close(one, other, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("size", SIZES)
def test_the_compiled_way_back_is_the_torch_one(size: tuple[int, int, int, int]) -> None:
    given = inputs(size)
    found, by_kept = way_back(given)
    with as_torch_operations():
        wanted, wanted_by_kept = way_back(given)
    for one, other in zip((*found, by_kept), (*wanted, wanted_by_kept), strict=True):
        torch.testing.assert_close(one, other, rtol=2e-5, atol=2e-5 * float(other.abs().max()))


@pytest.mark.parametrize("size", SIZES[:4])
def test_the_way_back_is_autograds(size: tuple[int, int, int, int]) -> None:
    given = inputs(size, torch.float64)
    found, by_kept = way_back(given)
    torch.manual_seed(1)
    leaves = Inputs(*(part.clone().requires_grad_() for part in given))
    shift, raw = (
        torch.relu(leaves.values[:, part, :, None] + leaves.factor[:, part, None, None, None] * leaves.kept)
        for part in (0, 1)
    )
    gain = torch.sigmoid(raw + 2) + 1e-6
    scale, offset = (number[:, None, None, None] for number in (leaves.scale, leaves.offset))
    result = (scale * leaves.changed + offset + shift) * gain
    upstream, base = torch.randn_like(given.kept), torch.randn_like(given.kept)
    pull, by_volume = torch.randn_like(given.scale), torch.randn_like(given.scale)
    push = torch.randn_like(given.values[:, 0])
    by_result = upstream + pull[:, None, None, None] * result.detach() + push[:, :, None]
    volume = (gain.log().sum(dim=(1, 2, 3)) * by_volume).sum()
    wanted = torch.autograd.grad((result * by_result).sum() + volume, tuple(leaves))
    torch.testing.assert_close(by_kept - base, wanted[0])
    for one, other in zip(found, wanted[1:], strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pooling_is_mean_and_variance_over_joints(size: tuple[int, int, int, int], dtype: torch.dtype) -> None:
    x = inputs(size, dtype).changed
    pooled, spread = pool(x)
    torch.testing.assert_close(pooled, x.mean(dim=2))
    torch.testing.assert_close(spread, x.var(dim=2, correction=0))


@pytest.mark.parametrize("windows", [1, 255, 300])
def test_the_log_volume_of_a_long_product_does_not_underflow(windows: int) -> None:
    # 60 steps of 24 samples and 18 joints, each gain 0.88 … 1: e^-3300 or so, far below what single precision holds.
    torch.manual_seed(windows)
    gains = (0.88 + 0.12 * torch.rand(60, 2, 24, 18, windows)).prod(dim=3)
    wanted = gains.double().log().sum(dim=(0, 2))
    assert float(wanted.max()) < -1000
    torch.testing.assert_close(log_volume(gains).double(), wanted, rtol=1e-6, atol=0)
    torch.testing.assert_close(log_volume(gains.double()), wanted)


def test_a_shut_net_leaves_a_shift_of_zero_and_the_gain_of_two() -> None:
    # relu(-1 + 0) = 0 twice: gain is sigmoid(2) + 1e-6 = 0.880798, and 2 · 3 + 1 = 7 becomes 6.165586.
    one = torch.ones(1, 1, 2, 1)
    given = Inputs(one, 3 * one, -torch.ones(1, 2, 1, 1), torch.zeros(1, 2), torch.full((1,), 2.0), torch.ones(1))
    gains = torch.empty(1, 1, 1)
    made = couple(given, gains)
    torch.testing.assert_close(made.result, torch.full((1, 1, 2, 1), 6.165586))
    torch.testing.assert_close(gains, torch.full((1, 1, 1), 0.880798**2))


def test_what_is_not_a_number_stays_so() -> None:
    given = inputs((1, 2, 18, 5))
    given.changed[0, 0, 0, 3] = torch.nan
    made = couple(given, torch.empty(1, 2, 5))
    assert torch.isnan(made.result).sum() == 1
    assert torch.isnan(made.pooled[0, 0, 3])


@pytest.mark.parametrize("raw", [0.0, 0.5, 3.0, 20.0, 84.0, 90.0, 1e4])
def test_the_gain_is_a_sigmoid_at_any_size(raw: float) -> None:
    one = torch.ones(1, 1, 1, 8)
    values = torch.tensor([-1.0, raw]).view(1, 2, 1, 1).expand(1, 2, 1, 8).contiguous()
    gains = torch.empty(1, 1, 8)
    couple(Inputs(one, one, values, torch.zeros(1, 2), torch.ones(1), torch.zeros(1)), gains)
    wanted = torch.sigmoid(torch.tensor(raw + 2, dtype=torch.float64)) + 1e-6
    torch.testing.assert_close(gains.double(), wanted.expand(1, 1, 8), rtol=2e-7, atol=0)
