"""Large-kernel attention: the released code's numbers, how far it reaches, and what a head makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stages.detectors.layers.mgenet.attention import LargeKernelAttention, Lsta


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(3)


def filled(module: nn.Module, value: float) -> None:
    for weight in module.parameters():
        nn.init.constant_(weight, value)


@pytest.mark.oracle
def test_the_released_code(shared: Path) -> None:
    with np.load(shared / "oracles" / "genet_oracle_small.npz") as file:
        found = {key.removeprefix("lka/"): torch.from_numpy(file[key]) for key in file if key.startswith("lka/")}
    layer = LargeKernelAttention(1)
    layer.load_state_dict({key.removeprefix("sd/"): value for key, value in found.items() if key.startswith("sd/")})
    torch.testing.assert_close(layer(found["x"]), found["y"], atol=1e-6, rtol=0)


@pytest.mark.parametrize(("channels", "wanted"), [(1, 472), (3, 3 * (126 + 344) + 9 + 3)])
def test_sizes(channels: int, wanted: int) -> None:
    """5³ and 7³ numbers a channel, each with a bias, and a square matrix with one."""
    assert sum(weight.numel() for weight in LargeKernelAttention(channels).parameters()) == wanted


def test_it_sees_eleven_tokens_far_and_none_further() -> None:
    """5³ reaches 2 tokens, 7³ with dilation 3 another 9; with a kernel of 21 at least 10 are meant."""
    layer = LargeKernelAttention(1)
    filled(layer, 1.0)
    nothing = torch.zeros(1, 1, 25, 25, 25)
    point = nothing.clone()
    point[..., 12, 12, 12] = 1
    with torch.no_grad():
        seen = (layer.attention(point) - layer.attention(nothing))[0, 0] > 0.5
    box = torch.zeros_like(seen)
    box[1:24, 1:24, 1:24] = True
    assert torch.equal(seen, box)


def test_channels_are_mixed_by_the_last_convolution_alone() -> None:
    layer = LargeKernelAttention(2)
    nn.init.zeros_(layer.conv1.weight)
    nn.init.constant_(layer.conv1.weight[0, 0], 1.0)
    maps = torch.randn(1, 2, 3, 3, 3)
    other = maps.clone()
    other[:, 1] += 1
    torch.testing.assert_close(layer.attention(maps), layer.attention(other))
    torch.testing.assert_close(layer(maps)[:, 0], maps[:, 0] * layer.attention(maps)[:, 0])


def gate(maps: Tensor, kernel: float) -> Tensor:
    """What a head makes of maps when every number of its kernel is the same."""
    layer = Lsta()
    filled(layer, kernel)
    with torch.no_grad():
        return layer(maps)  # type: ignore[no-any-return]


def test_a_kernel_of_nothing_lets_half_more_through() -> None:
    maps = torch.randn(2, 4, 2, 3, 3)
    torch.testing.assert_close(gate(maps, 0.0), 1.5 * maps)


def test_one_map_is_for_all_channels() -> None:
    """It is made of their mean, so that what cancels out is as good as nothing."""
    maps = torch.rand(2, 4, 2, 3, 3) + 0.5
    more = Lsta()(maps) / maps
    torch.testing.assert_close(more, more[:, :1].expand_as(more))
    assert bool(((more > 1) & (more < 2)).all())
    pair = torch.cat([maps, -maps], dim=1)
    torch.testing.assert_close(gate(pair, 0.1) / pair, gate(torch.ones(2, 8, 2, 3, 3) * 1e-9, 0.1) / 1e-9)
