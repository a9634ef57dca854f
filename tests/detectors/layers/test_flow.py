"""Every bijection goes through the same life: invertible, its log-determinant is that of autograd's Jacobian."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from stages.detectors.layers.flow import (
    ActNorm,
    Bijection,
    Chain,
    Coupling,
    InvertibleConvolution,
    Reverse,
    Standardize,
    bits_per_dimension,
)

SAMPLES, JOINTS = 4, 3


class Toy(nn.Module):
    """A coupling's net that mixes everything it is given with everything."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.inner = nn.Linear(inputs * SAMPLES * JOINTS, outputs * SAMPLES * JOINTS)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.inner(x.flatten(1))).view(len(x), -1, SAMPLES, JOINTS)


class OneForAllJoints(Toy):
    """The same, with one value for all joints."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).mean(dim=-1, keepdim=True)


def actnorm(channels: int) -> Bijection:
    layer = ActNorm(channels)
    nn.init.normal_(layer.bias)
    nn.init.normal_(layer.logs)
    return layer


def standardize(channels: int) -> Bijection:
    layer = Standardize(channels, JOINTS)
    layer.set(torch.randn(channels, JOINTS), torch.rand(channels, JOINTS) + 0.5)
    return layer


def coupling(channels: int) -> Bijection:
    return Coupling(Toy(channels // 2, 2 * (channels - channels // 2)))


def shared_coupling(channels: int) -> Bijection:
    return Coupling(OneForAllJoints(channels // 2, 2 * (channels - channels // 2)))


def whole(channels: int) -> Bijection:
    makers = [actnorm, InvertibleConvolution, coupling, actnorm, lambda _: Reverse(), shared_coupling]
    return Chain({str(number): make(channels) for number, make in enumerate(makers)})


MAKERS: list[Callable[[int], Bijection]] = [
    actnorm,
    standardize,
    lambda _: Reverse(),
    InvertibleConvolution,
    coupling,
    shared_coupling,
    whole,
]
NAMES = ["actnorm", "standardize", "reverse", "convolution", "coupling", "shared_coupling", "whole"]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(7)


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
def test_log_determinant_is_that_of_the_jacobian(make: Callable[[int], Bijection], channels: int) -> None:
    layer = make(channels).double().eval()
    x = torch.randn(5, channels, SAMPLES, JOINTS, dtype=torch.float64)
    _, logdet = layer(x)
    size = x[0].numel()
    for window, claimed in zip(x, logdet.expand(len(x)), strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda row: layer(row[None])[0][0], window)  # type: ignore[no-untyped-call]
        _, wanted = torch.linalg.slogdet(jacobian.reshape(size, size))
        torch.testing.assert_close(claimed, wanted, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
def test_inverse_is_exact_both_ways(make: Callable[[int], Bijection], channels: int) -> None:
    layer = make(channels).double().eval()
    x = torch.randn(5, channels, SAMPLES, JOINTS, dtype=torch.float64)
    torch.testing.assert_close(layer.inverse(layer(x)[0]), x, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(layer(layer.inverse(x))[0], x, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
def test_windows_do_not_see_one_another(make: Callable[[int], Bijection]) -> None:
    layer = make(2).double().eval()
    x = torch.randn(5, 2, SAMPLES, JOINTS, dtype=torch.float64)
    together, apart = layer(x)[0], torch.cat([layer(window[None])[0] for window in x])
    torch.testing.assert_close(together, apart)


def test_actnorm_starts_from_the_first_training_batch_alone() -> None:
    layer = ActNorm(2)
    batch = torch.tensor([[[[1.0, 3.0]], [[10.0, 30.0]]]])  # channel means 2 and 20, deviations 1 and 10
    out, logdet = layer.train()(batch)
    torch.testing.assert_close(out, torch.tensor([[[[-1.0, 1.0]], [[-1.0, 1.0]]]]))
    torch.testing.assert_close(logdet, torch.tensor([-math.log(10) * 2]), atol=1e-5, rtol=0)
    torch.testing.assert_close(layer(batch + 5)[0], out + torch.tensor([[[[5.0]], [[0.5]]]]), atol=1e-5, rtol=0)


def test_actnorm_remembers_in_its_state_that_it_started() -> None:
    first, second = ActNorm(2), ActNorm(2)
    first.train()(torch.randn(8, 2, SAMPLES, JOINTS))
    second.load_state_dict(first.state_dict())
    second.train()(100 + torch.randn(8, 2, SAMPLES, JOINTS))
    torch.testing.assert_close(second.bias, first.bias)


def test_actnorm_does_not_start_while_it_is_only_evaluated() -> None:
    layer = ActNorm(2).eval()
    x = torch.randn(8, 2, SAMPLES, JOINTS)
    torch.testing.assert_close(layer(x)[0], x)


def test_learned_convolution_starts_as_a_rotation() -> None:
    layer = InvertibleConvolution(4)
    matrix = layer.matrix()
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(layer.logs.sum(), torch.tensor(0.0), atol=1e-5, rtol=0)


def test_learned_convolution_has_ten_parameters_for_two_channels() -> None:
    assert sum(weight.numel() for weight in InvertibleConvolution(2).parameters()) == 10


def test_reverse_swaps_x_and_y() -> None:
    x = torch.arange(4.0).view(1, 2, 2, 1)
    torch.testing.assert_close(Reverse()(x)[0], torch.tensor([[[[2.0], [3.0]], [[0.0], [1.0]]]]))


def test_chain_names_its_layers_in_its_state() -> None:
    assert list(Chain({"0": ActNorm(2)}).state_dict()) == ["0.bias", "0.logs", "0.initialised"]


def test_bits_of_the_prior_alone() -> None:
    # At the mean, N(3, 1) has density 1 / sqrt(2 pi) = 0.3989: log2 of its inverse is 1.3257 bits.
    at_mean = torch.full((1, 2, 1, 1), 3.0)
    torch.testing.assert_close(
        bits_per_dimension(at_mean, torch.zeros(1), 3.0), torch.tensor([1.3257]), atol=1e-4, rtol=0
    )
    # One of two elements a deviation of 2 away: 2² / 2 nats over two elements is 1 nat = 1.4427 bits more.
    off = torch.tensor([[[[3.0]], [[5.0]]]])
    torch.testing.assert_close(bits_per_dimension(off, torch.zeros(1), 3.0), torch.tensor([2.7684]), atol=1e-4, rtol=0)


def test_bits_fall_where_the_flow_compressed_less() -> None:
    # A log-determinant of ln 2 per element says that the flow doubled the volume: one bit per element fewer.
    z = torch.zeros(1, 2, 3, 1)
    plain = bits_per_dimension(z, torch.zeros(1), 0.0)
    torch.testing.assert_close(bits_per_dimension(z, torch.tensor([6 * math.log(2)]), 0.0), plain - 1)


def test_bits_of_no_windows() -> None:
    assert bits_per_dimension(torch.empty(0, 2, 3, 1), torch.empty(0), 3.0).shape == (0,)
