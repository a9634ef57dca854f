"""The fused form is the modular one and the plain one: losses, gradients, statistics, likelihoods."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.plain.stg_nf import PlainStgNf
from stages.detectors.layers.flow import Chain, bits_per_dimension
from stages.detectors.layers.stg_nf.fused import Fused
from stages.detectors.layers.stg_nf.network import build
from tests.detectors.layers.stg_nf.models import copied, form, networks, params

SUBTRACTED = ("gcn.conv.bias", "tcn.2.bias", "residual.0.bias")
"""Biases whose gradient is zero, but for autograd's rounding: batch normalization subtracts them again."""


def made_up(models: int, samples: int, joints: int = 18, windows: int = 12) -> Tensor:
    """`(S, N, 2, T, V)`, off the origin and of no unit variance."""
    torch.manual_seed(samples + joints)
    return 0.3 + 1.4 * torch.randn(models, windows, 2, samples, joints, dtype=torch.float64)


def laid_out(x: Tensor) -> Tensor:
    """`(S, N, 2, T, V)` as `Fused` takes it."""
    return x.permute(2, 0, 3, 4, 1).contiguous()


def columns(x: Tensor) -> Tensor:
    """`(S, N, 2, T, V)` as a scorer takes it."""
    return x.permute(2, 3, 4, 0, 1).reshape(-1, x.shape[0] * x.shape[1])


def gradient_in(network: Chain, fused: Fused, model: int) -> dict[str, Tensor]:
    """The packed gradient by the names of the network's weights."""
    assert fused.weights.grad is not None
    carrier = Fused([network], fused.samples, fused.joints)
    carrier.weights.data.copy_(fused.weights.grad[model : model + 1])
    carrier.unpack()
    return {name: weight.detach() for name, weight in network.named_parameters()}


def check_against_modular(samples: int, joints: int, means: Tensor, **changes: Any) -> None:
    """Two models at once against autograd of each."""
    nets = networks((1, 2), samples, joints, **changes)
    x, fused = made_up(2, samples, joints), Fused(nets, samples, joints)
    losses = fused.gradients(laid_out(x), means, momentum=0.1)
    fused_gradients = [gradient_in(copied(net, samples, joints, **changes), fused, s) for s, net in enumerate(nets)]
    for model, net in enumerate(nets):
        z, logdet = net(x[model])
        loss = bits_per_dimension(z, logdet, means.expand(2, 12)[model]).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        # The graph's 1 / V is held in single precision by the modular form.
        torch.testing.assert_close(losses[model], loss.detach(), rtol=1e-7, atol=1e-7)
        for name, weight in net.named_parameters():
            assert weight.grad is not None
            found = fused_gradients[model][name]
            if name.endswith(SUBTRACTED):
                assert not found.any()
                torch.testing.assert_close(weight.grad, found, atol=1e-8, rtol=0)
            else:
                torch.testing.assert_close(found, weight.grad, rtol=1e-5, atol=1e-7)
    wanted = [{name: value.clone() for name, value in net.state_dict().items()} for net in nets]
    fused.unpack()  # writes over what the modular form found
    for net, values in zip(nets, wanted, strict=True):
        for name, value in net.state_dict().items():
            torch.testing.assert_close(value, values[name], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("samples", "joints"), [(8, 18), (4, 25), (24, 18)])
def test_a_step_is_that_of_the_modular_form(samples: int, joints: int) -> None:
    check_against_modular(samples, joints, torch.full((1, 1), 3.0, dtype=torch.float64))


@pytest.mark.parametrize("changes", [{"steps": 1}, {"temporal_kernel": 1}, {"temporal_kernel": 15}])
def test_it_is_for_other_sizes_of_the_network(changes: dict[str, int]) -> None:
    check_against_modular(8, 18, torch.full((1, 1), 3.0, dtype=torch.float64), **changes)


def test_windows_of_one_sample_need_no_convolution() -> None:
    check_against_modular(1, 18, torch.full((1, 1), 3.0, dtype=torch.float64))


def test_every_window_may_have_its_own_prior() -> None:
    means = torch.tensor([10.0, -10.0, 0.0], dtype=torch.float64)[torch.arange(24).view(2, 12) % 3]
    check_against_modular(8, 18, means)


@pytest.mark.parametrize("samples", [8, 24])
def test_a_step_is_that_of_the_plain_form(samples: int) -> None:
    torch.manual_seed(4)
    plain = PlainStgNf(samples).double().train()
    x = made_up(1, samples)
    plain(x[0])
    network = build(form(samples), params(preset="published"), seed=0).double()
    state = {
        name.removeprefix("flow.layers.").replace(".block.", ".coupling.net."): value
        for name, value in plain.state_dict().items()
    }
    flags = {f"{step}.actnorm.initialised": torch.ones((), dtype=torch.bool) for step in range(8)}
    network.load_state_dict(state | flags)
    fused = Fused([network], samples, 18)
    plain.zero_grad()
    wanted = plain(x[0])[2].mean()
    wanted.backward()
    loss = fused.gradients(laid_out(x), torch.full((1, 1), 3.0, dtype=torch.float64), momentum=0.1)
    torch.testing.assert_close(loss[0], wanted.detach(), rtol=1e-12, atol=1e-12)
    found = gradient_in(copied(network, samples, steps=8, preset="published"), fused, 0)
    for ours, theirs in zip(found.values(), plain.parameters(), strict=True):
        assert theirs.grad is not None
        torch.testing.assert_close(ours, theirs.grad, rtol=1e-6, atol=1e-8)
    fused.unpack()
    for name, buffer in plain.named_buffers():
        ours = network.state_dict()[name.removeprefix("flow.layers.").replace(".block.", ".coupling.net.")]
        if not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(ours, buffer, rtol=1e-9, atol=1e-12)
    with torch.no_grad():
        bits = plain.eval()(x[0])[2]
    scores = fused.scorer()(columns(x), torch.full((1, 1), 3.0, dtype=torch.float64))
    torch.testing.assert_close(scores[0], bits, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("samples", "joints"), [(8, 18), (4, 25), (1, 18), (24, 18)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_likelihoods_are_those_of_the_modular_form(samples: int, joints: int, dtype: torch.dtype) -> None:
    nets = networks((1, 2), samples, joints, steps=3)
    x = made_up(2, samples, joints, windows=70)  # a compiled block and a part of one
    means = torch.tensor([[3.0], [-2.0]], dtype=torch.float64)
    with torch.no_grad():
        latents = [net.eval()(own) for net, own in zip(nets, x, strict=True)]
        wanted = torch.stack([
            bits_per_dimension(z, logdet, float(mean)) for (z, logdet), mean in zip(latents, means, strict=True)
        ])  # fmt: skip
    scorer = Fused([net.to(dtype) for net in nets], samples, joints).scorer()
    scores = scorer(columns(x.to(dtype)), means.to(dtype))
    tolerance = 1e-6 if dtype == torch.float64 else 3e-5
    torch.testing.assert_close(scores.double(), wanted, rtol=tolerance, atol=tolerance)


def test_models_side_by_side_are_what_each_is_alone() -> None:
    nets = networks((1, 2), 8, dtype=torch.float32)
    x, means = made_up(2, 8, windows=40).float(), torch.full((2, 40), 3.0)
    together = Fused(nets, 8, 18)
    losses = together.gradients(laid_out(x), means, momentum=0.1)
    assert together.weights.grad is not None
    for model, net in enumerate(nets):
        alone = Fused([net], 8, 18)
        loss = alone.gradients(laid_out(x[model : model + 1]), means[model : model + 1], momentum=0.1)
        assert alone.weights.grad is not None
        assert torch.equal(loss, losses[model : model + 1])
        torch.testing.assert_close(together.weights.grad[model], alone.weights.grad[0], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(together.statistics[model], alone.statistics[0], rtol=1e-6, atol=1e-7)


def test_single_precision_is_as_exact_as_single_precision_can_be() -> None:
    nets = networks((5,), 24, dtype=torch.float32, steps=8)
    x, means = made_up(1, 24, windows=64), torch.full((1, 1), 3.0)
    single = Fused(nets, 24, 18)
    single.gradients(laid_out(x.float()), means)
    double = Fused([net.double() for net in nets], 24, 18)
    double.gradients(laid_out(x.float().double()), means.double())
    assert single.weights.grad is not None
    assert double.weights.grad is not None
    off = (single.weights.grad - double.weights.grad).norm() / double.weights.grad.norm()
    assert float(off) < 1e-5


def test_the_threads_change_no_bit() -> None:
    nets = networks((1, 2, 3), 8, dtype=torch.float32)
    x, means = made_up(3, 8, windows=300).float(), torch.full((3, 300), 3.0)
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        fused = Fused(nets, 8, 18)
        losses = fused.gradients(laid_out(x), means, momentum=0.1)
        assert fused.weights.grad is not None
        found.append((losses, fused.weights.grad, fused.statistics, fused.scorer()(columns(x), means)))
    torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0], other, strict=True))


def test_packing_and_unpacking_lose_nothing() -> None:
    nets = networks((1, 2), 8, dtype=torch.float32)
    before = [{name: value.clone() for name, value in net.state_dict().items()} for net in nets]
    fused = Fused(nets, 8, 18)
    for net in nets:
        for weight in net.parameters():
            weight.data.zero_()
    fused.unpack()
    for net, state in zip(nets, before, strict=True):
        assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())


def test_constant_windows_give_finite_losses_and_gradients() -> None:
    nets = networks((1,), 8, dtype=torch.float32)
    fused = Fused(nets, 8, 18)
    loss = fused.gradients(torch.zeros(2, 1, 8, 18, 40), torch.full((1, 1), 3.0), momentum=0.1)
    assert fused.weights.grad is not None
    assert bool(torch.isfinite(loss).all() and torch.isfinite(fused.weights.grad).all())
    assert bool(torch.isfinite(fused.statistics).all())
