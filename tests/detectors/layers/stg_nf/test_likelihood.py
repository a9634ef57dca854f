"""Likelihoods by running statistics, and where the flow ends: the compiled forms are the torch ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stages.detectors.layers.stg_nf.fused import Fused
from stages.detectors.layers.stg_nf.likelihood import Heads, Pending, actnorm_volume, bits, latent, prior, prior_nats
from tests.detectors.layers.stg_nf.models import networks

SIZES = [(1, 24, 18, 1), (2, 4, 25, 63), (1, 1, 18, 65), (2, 8, 18, 300)]
"""S, T, V, N."""


def weights(size: tuple[int, int, int, int]) -> tuple[Tensor, Tensor]:
    """Of three steps and their running statistics, by step, in double precision."""
    fused = Fused(networks(range(size[0]), *size[1:3], steps=3), *size[1:3])
    return fused.weights.detach().transpose(0, 1).contiguous(), fused.statistics.transpose(0, 1).contiguous()


@pytest.mark.parametrize("size", SIZES)
def test_compiled_likelihoods_are_those_of_torch(size: tuple[int, int, int, int]) -> None:
    models, samples, joints, count = size
    packed, statistics = weights(size)
    torch.manual_seed(2)
    windows = torch.randn(2, models, samples, joints, count, dtype=torch.float64)
    means = torch.tensor([3.0, -1.0], dtype=torch.float64)[torch.arange(models * count).view(models, count) % 2]
    wanted = bits(windows, means, Heads.of(packed, statistics, samples * joints))
    found = bits(windows.float(), means.float(), Heads.of(packed.float(), statistics.float(), samples * joints))
    torch.testing.assert_close(found.double(), wanted, rtol=2e-5, atol=2e-5)


def test_a_window_has_the_same_likelihood_to_the_bit_in_any_company() -> None:
    packed, statistics = (part.float() for part in weights((1, 8, 18, 1)))
    heads = Heads.of(packed, statistics, 8 * 18)
    torch.manual_seed(3)
    windows, mean = torch.randn(2, 1, 8, 18, 130), torch.full((1, 1), 3.0)
    together = bits(windows, mean, heads)
    for place in (0, 63, 64, 129):
        assert torch.equal(bits(windows[..., place : place + 1].contiguous(), mean, heads)[0, 0], together[0, place])
    assert torch.equal(bits(windows.flip(-1).contiguous(), mean, heads).flip(-1), together)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", SIZES)
def test_the_prior_forth_and_back_is_autograds(size: tuple[int, int, int, int], dtype: torch.dtype) -> None:
    models, samples, joints, count = size
    torch.manual_seed(4)
    changed, kept = torch.randn(2, models, samples, joints, count, dtype=dtype)
    means = torch.randn(models, count, dtype=dtype)
    pending = Pending(*torch.rand(4, 2, models, dtype=dtype))
    found = prior(changed, kept, means, pending, 0.25)
    leaves = [
        part.double().requires_grad_() for part in (changed, kept, pending.kept_scale[-1], pending.kept_shift[-1])
    ]
    scaled = leaves[0] * leaves[2][:, None, None, None] + leaves[3][:, None, None, None]
    nats = prior_nats((scaled, leaves[1]), means.double())
    by = torch.autograd.grad(0.25 * nats.sum(), leaves)
    for one, other in zip(found, (nats.detach(), *by), strict=True):
        torch.testing.assert_close(one.double(), other, rtol=2e-5, atol=2e-5 * float(other.abs().max()))
    for one, other in zip(latent(changed, kept, pending), (scaled, leaves[1]), strict=True):
        torch.testing.assert_close(one.double(), other.detach(), rtol=1e-6, atol=1e-6)


def test_the_prior_of_one_element() -> None:
    # Latents 2 · 1 + 1 = 3 and 5 under N(3, 1): (0 + 4) / 2 + ln 2π = 3.837877 nats; by the last one 5 - 3 = 2.
    one = torch.ones(1, 1, 1, 1)
    pending = Pending(torch.full((1, 1), 2.0), torch.ones(1, 1), torch.zeros(1, 1), torch.zeros(1, 1))
    found = prior(one, 5 * one, torch.full((1, 1), 3.0), pending, 1.0)
    torch.testing.assert_close(found.nats, torch.tensor([[3.837877]]))
    assert (float(found.changed), float(found.kept), float(found.scale), float(found.shift)) == (0, 2, 0, 0)


def test_what_waits_for_the_next_step_is_both_actnorms() -> None:
    # Step 0: x → 2 (x + 1) for the channel changed, y → 3 (y - 1) kept; step 1 changes y: 5 (3 (y - 1) + 2) = 15 y - 5.
    packed = torch.zeros(2, 1, 30)
    packed[0, 0, :4] = torch.tensor([1.0, -1.0, 2.0, 3.0])
    packed[1, 0, :4] = torch.tensor([2.0, 0.0, 5.0, 7.0])
    packed[..., 2:4] = packed[..., 2:4].log()
    pending = Pending.of(packed)
    torch.testing.assert_close(pending.scale[:, 0], torch.tensor([2.0, 15.0]))
    torch.testing.assert_close(pending.shift[:, 0], torch.tensor([2.0, -5.0]))
    torch.testing.assert_close(pending.kept_scale[:, 0], torch.tensor([3.0, 7.0]))
    torch.testing.assert_close(pending.kept_shift[:, 0], torch.tensor([-3.0, 0.0]))
    # ln(2 · 3 · 5 · 7) for each of 4 elements.
    torch.testing.assert_close(actnorm_volume(packed, 4), torch.tensor([4 * 5.347108]))
