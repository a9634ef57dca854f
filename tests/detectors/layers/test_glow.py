"""Glow: the reference's likelihoods, published sizes, exact inverses, and log-determinants against autograd's."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stages.core.errors import TrainingError
from stages.detectors.layers.glow import Glow, Mixing, ZeroConvolution, log_density

STEPS, HIDDEN = 3, 16
"""Of the reference."""


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(3)


def shaken(**form: Any) -> Glow:
    """A flow that has left its start, in double precision."""
    network = Glow(**{"channels": 2, "steps": 2, "levels": 1, "hidden": 8, **form}).double().eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return network


def reference(shared: Path, case: str) -> tuple[Glow, dict[str, Tensor], Tensor]:
    """The flow with the reference's weights, the arrays to compare with, and its prior: a convolution of nothing."""
    with np.load(shared / "oracles" / "glow_oracle.npz") as file:
        found = {key.removeprefix(f"{case}/"): torch.from_numpy(file[key]) for key in file if key.startswith(case)}
    levels = 3 if "L3" in case else 1
    network = Glow(found["x"].shape[1], STEPS, levels, HIDDEN, norm=True, plain="plain" in case)
    weights = {ours: found[f"sd/{theirs}"].view(shape) for ours, theirs, shape in names(network)}
    network.load_state_dict({**network.state_dict(), **weights})
    scale = torch.exp(3 * found["sd/learn_top_fn.logs"].flatten())
    return network.eval(), found, (found["sd/learn_top_fn.conv.bias"] * scale)[None, :, None, None]


def names(network: Glow) -> list[tuple[str, str, torch.Size]]:
    """Each weight's name here and in the reference."""
    inner = {
        "mixing.logs": "invconv.log_s",
        "mixing.sign": "invconv.sign_s",
        "mixing.permutation": "invconv.p",
        "mixing.": "invconv.",
        "coupling.net.0.weight": "block.0.conv.weight",
        "coupling.net.2.weight": "block.2.conv.weight",
        "coupling.net.4.logs": "block.4.logs",
        "coupling.net.4.": "block.4.conv.",
        "coupling.net.0.norm.": "block.0.actnorm.",
        "coupling.net.2.norm.": "block.2.actnorm.",
        "actnorm.": "actnorm.",
    }
    found = []
    for ours, weight in network.state_dict().items():
        kind, level, rest = ours.split(".", 2)
        first = int(level) * (STEPS + 2)
        if kind == "splits":
            leaf = rest.removeprefix("prior.")
            theirs = f"flow.layers.{first + STEPS + 1}.conv.{leaf if leaf == 'logs' else f'conv.{leaf}'}"
        else:
            number, leaf = rest.split(".", 1)
            start = next(start for start in inner if leaf.startswith(start))
            theirs = f"flow.layers.{first + 1 + int(number)}.{inner[start]}{leaf.removeprefix(start)}"
        if not ours.endswith("initialised"):
            found.append((ours, theirs, weight.shape))
    return found


@pytest.mark.oracle
@pytest.mark.parametrize("case", ["ch2_L1_LU", "ch2_L3_LU", "ch3_L1_plain", "ch3_L3_plain"])
def test_the_reference(shared: Path, case: str) -> None:
    network, found, moments = reference(shared, case)
    with torch.no_grad():
        latents, logdet = network.double()(found["x"].double())
        prior = log_density(latents[-1], *moments.double().expand(4, -1, *latents[-1].shape[2:]).chunk(2, dim=1))
    torch.testing.assert_close(latents[-1].float(), found["z"], atol=1e-4, rtol=1e-4)
    for ours, theirs in ((logdet, "logdet_incl_split_prior"), (prior, "prior_ll"), (-(logdet + prior), "nats")):
        # 2e-4, and the rounding of a figure of a thousand that is kept in single precision
        torch.testing.assert_close(ours, found[theirs].double(), atol=2e-4, rtol=1e-7)


@pytest.mark.parametrize(("channels", "published"), [(2, 10_161_152), (3, 11_048_960)])
def test_published_sizes(channels: int, published: int) -> None:
    """Per step of C squeezed channels: 2 C + C² + 9 (C / 2) 512 + 512² + 9 × 512 C + 2 C."""
    network = Glow(channels, steps=1, levels=1, hidden=512)
    assert 32 * sum(weight.numel() for weight in network.parameters()) == published


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("norm", [True, False])
def test_log_determinant_is_that_of_the_jacobian(plain: bool, norm: bool) -> None:
    network = shaken(plain=plain, norm=norm)
    x = torch.randn(2, 2, 4, 4, dtype=torch.float64)
    _, logdet = network(x)
    for one, claimed in zip(x, logdet, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda row: network(row[None])[0][0], one)  # type: ignore[no-untyped-call]
        _, wanted = torch.linalg.slogdet(jacobian.reshape(32, 32))
        torch.testing.assert_close(claimed, wanted, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_inverse_is_exact(levels: int) -> None:
    network = shaken(levels=levels)
    x = torch.randn(2, 2, 8, 16, dtype=torch.float64)
    latents, _ = network(x)
    assert sum(latent[0].numel() for latent in latents) == x[0].numel()
    torch.testing.assert_close(network.inverse(latents), x, atol=1e-10, rtol=1e-10)


def test_likelihood_integrates_to_one() -> None:
    """Over maps of 2 × 2 × 2 that are drawn from a wider Gaussian: the mean of density over density."""
    network = shaken()
    drawn = 1.5 * torch.randn(20_000, 2, 2, 2, dtype=torch.float64)
    spread = torch.full_like(drawn[:1], math.log(1.5))
    with torch.no_grad():
        nats = -network.bits(drawn) * 8 * math.log(2)
        ratio = torch.exp(nats - log_density(drawn, torch.zeros_like(spread), spread))
    assert ratio.mean().item() == pytest.approx(1, abs=0.05)


def test_bits_of_a_unit_gaussian_at_its_mean() -> None:
    """A flow that is still the identity but for a rotation: log2 of sqrt(2 π) for each element."""
    network = Glow(2, steps=2, levels=1, hidden=4).eval()
    at = torch.zeros(3, 2, 4, 4)
    rotated = network.bits(at)
    scale = 8 * math.log2(1 / (1 / (1 + math.exp(-2)))) / 16  # coupling begins with sigmoid(2) on half of the channels
    torch.testing.assert_close(rotated, torch.full((3,), math.log2(math.sqrt(2 * math.pi)) + 2 * scale))
    assert network.bits(at[:0]).shape == (0,)


def test_steps_computed_again_have_the_same_gradients() -> None:
    first, second = (Glow(2, steps=2, levels=2, hidden=8, norm=True, remember=keep) for keep in (True, False))
    second.load_state_dict(first.state_dict())
    x = torch.randn(4, 2, 8, 8)
    for network in (first, second):
        for _ in range(2):  # the first batch sets the ActNorms, the second goes through what may be computed again
            network.train().zero_grad()
            network.bits(x).mean().backward()  # type: ignore[no-untyped-call]
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_the_first_batch_sets_what_follows_a_hidden_convolution() -> None:
    network = Glow(2, steps=1, levels=1, hidden=8, norm=True).train()
    network.bits(torch.randn(16, 2, 8, 8))
    hidden = network.levels[0][0].coupling.net[0]  # type: ignore[index]
    out = hidden(torch.randn(16, 4, 4, 4))
    assert bool(hidden.norm.initialised)
    assert out.std().item() == pytest.approx(1, abs=0.3)


def test_learning_lowers_the_bits_of_what_is_usual() -> None:
    usual, unusual = torch.rand(64, 1, 1, 1) * torch.ones(64, 2, 8, 8), torch.rand(64, 2, 8, 8)
    usual = usual + 0.02 * torch.randn(64, 2, 8, 8)
    network = Glow(2, steps=4, levels=1, hidden=16).train()
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        network.bits(usual).mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.no_grad():
        assert network.eval().bits(usual).max() < network.bits(unusual).min()


def test_sides_that_cannot_be_halved() -> None:
    with pytest.raises(TrainingError, match="maps of 8 × 6 cannot be halved 2 times"):
        Glow(2, steps=1, levels=2, hidden=4).bits(torch.zeros(1, 2, 8, 6))


@pytest.mark.parametrize("layer", [Mixing(4), ZeroConvolution(4, 4)])
def test_maps_do_not_see_one_another(layer: nn.Module) -> None:
    x = torch.randn(3, 4, 4, 4)
    both, apart = layer(x), [layer(one[None]) for one in x]
    if isinstance(both, tuple):
        both, apart = both[0], [one[0] for one in apart]
    torch.testing.assert_close(both, torch.cat(apart))
