"""The released encoder: its published size and shapes, its ways past, and what it pools."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from stages.core.errors import TrainingError
from stages.detectors.base import Form
from stages.detectors.layers.mgenet.behaviour import CnnBehaviour
from stages.detectors.layers.mgenet.cnn import CnnEncoder, Residual
from stages.detectors.layers.mgenet.params import MgeNetParams


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(3)


def test_published_size_and_shapes() -> None:
    with torch.device("meta"):
        network = CnnEncoder(1024)
        maps = torch.empty(2, 1024, 3, 3, 3)
        assert network.behaviour(maps).shape == (2, 128, 3, 3, 3)
        assert network(maps).shape == (2, 32, 3, 3, 3)
        assert network(maps[:, :, :2]).shape == (2, 32, 2, 3, 3)  # UBnormal's windows of 16
    assert sum(weight.numel() for weight in network.parameters()) == 21_280_993


def test_a_narrow_one_has_the_same_shapes() -> None:
    network = CnnEncoder(12, width=0.05)
    maps = torch.randn(2, 12, 3, 3, 3)
    assert network.width == 6
    assert network.behaviour(maps).shape == (2, 6, 3, 3, 3)
    assert network(maps).shape == (2, 32, 3, 3, 3)


def test_maps_are_pooled_to_the_grid() -> None:
    pooling, plain = CnnEncoder(4, width=0.02, grid=(2, 3, 3)).eval(), CnnEncoder(4, width=0.02).eval()
    plain.load_state_dict(pooling.state_dict())
    maps = torch.randn(2, 4, 8, 6, 9)
    wanted = maps.reshape(2, 4, 2, 4, 3, 2, 3, 3).mean(dim=(3, 5, 7))
    torch.testing.assert_close(functional.adaptive_avg_pool3d(maps, (2, 3, 3)), wanted)
    torch.testing.assert_close(pooling(maps), plain(wanted))


def test_the_scale_is_of_the_motion_alone() -> None:
    network = CnnEncoder(4, width=0.02).eval()
    maps = torch.randn(1, 4, 2, 3, 3)
    behaviour, motion = network.behaviour(maps), network(maps)
    nn.init.constant_(network.scale, 3.0)
    torch.testing.assert_close(network.behaviour(maps), behaviour)
    torch.testing.assert_close(network(maps), 3 * motion)


@pytest.mark.parametrize("learning", [True, False])
def test_a_block_of_nothing_is_a_way_past(learning: bool) -> None:
    block = Residual(4).train(learning)
    maps = torch.randn(2, 4, 3, 3, 3)
    assert not torch.allclose(block(maps), maps)
    for layer in block.layers:
        if isinstance(layer, nn.Conv3d):
            nn.init.zeros_(layer.weight)
            assert layer.bias is None
    block.layers[-2].reset_running_stats()  # type: ignore[operator]
    torch.testing.assert_close(block(maps), maps)


def behaviour(samples: int, joints: int) -> CnnBehaviour:
    params = MgeNetParams(window="second", preset="small", encoder="cnn", width=16, heads=2)
    form = Form(("x", "y"), samples, joints, "openpose18", (3, 24, 24))
    return CnnBehaviour(16, form, params).eval()


@pytest.mark.parametrize("samples", [8, 16, 24])
def test_its_channels_are_the_numbers_of_the_latent(samples: int) -> None:
    """32 × T / 8 × 3 × 3 = 2 × T × 18, in the order they come in."""
    encoder = behaviour(samples, 18)
    nn.init.constant_(encoder.cnn.scale, 3.0)
    maps = encoder.maps(torch.randn(2, 16, samples // 2, 3, 3))
    latent = encoder.latent(maps)
    assert latent.shape == (2, 2, samples, 18)
    torch.testing.assert_close(latent.flatten(1), 3 * encoder.cnn.motion(maps).flatten(1))


@pytest.mark.parametrize(("samples", "joints"), [(12, 18), (8, 17), (4, 18)])
def test_numbers_that_do_not_come_out_even(samples: int, joints: int) -> None:
    with pytest.raises(TrainingError, match=f"the latent has {2 * samples * joints}"):
        behaviour(samples, joints)
