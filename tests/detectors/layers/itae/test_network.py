"""The autoencoder: published sizes, shapes, and that clips do not see one another."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from stages.core.errors import TrainingError
from stages.detectors.layers.itae.network import Itae


def small(**form: Any) -> Itae:
    torch.manual_seed(0)
    return Itae(**{"channels": 1, "width": 0.05, **form})


@pytest.mark.parametrize(
    ("form", "published"),
    [
        ({"two_path": False}, 5_761_152),  # 5.76 million
        ({}, 7_736_212),  # 7.74 million
        ({"norm": True}, 7_741_195),
        ({"lateral": (12, 48, 128, 96)}, 7_743_716),
    ],
)
def test_published_sizes(form: dict[str, Any], published: int) -> None:
    """Bare but for the last layer's bias, one number a channel, which no count tells from none."""
    with torch.device("meta"):
        network = Itae(3, **{"norm": False, **form})
    bias = 0 if form.get("norm") else 3
    assert sum(weight.numel() for weight in network.parameters()) - bias == published


def test_shapes_are_those_of_table_1() -> None:
    with torch.device("meta"):
        network, clips = Itae(3), torch.empty(1, 3, 16, 256, 256)
        static, dynamic, joined = network.encode(clips)
        assert network.decode(joined).shape == clips.shape
    assert static.shape == (1, 256, 4, 64, 64)
    assert dynamic is not None
    assert dynamic.shape == (1, 32, 16, 64, 64)
    assert joined.shape == (1, 512, 4, 64, 64)


def test_one_path_sees_every_fourth_frame_alone() -> None:
    network = small(two_path=False).eval()
    clips = torch.rand(1, 1, 8, 16, 16)
    other = clips.clone()
    other[:, :, [1, 2, 3, 5, 6, 7]] = 0
    torch.testing.assert_close(network(clips), network(other))
    assert network.encode(clips)[1] is None


def test_the_dynamic_path_sees_all_frames() -> None:
    network = small().eval()
    clips = torch.rand(1, 1, 8, 16, 16)
    other = clips.clone()
    other[:, :, 6] = 0
    assert not torch.allclose(network(clips), network(other))


@pytest.mark.parametrize("two_path", [True, False])
def test_clips_do_not_see_one_another(two_path: bool) -> None:
    network = small(two_path=two_path).eval()
    clips = torch.rand(3, 1, 8, 16, 20)
    torch.testing.assert_close(network(clips), torch.cat([network(clip[None]) for clip in clips]), atol=1e-5, rtol=0)


def test_layers_computed_again_have_the_same_gradients() -> None:
    first, second = small().train(), small(remember=False).train()
    clips = torch.rand(2, 1, 8, 16, 16)
    for network in (first, second):
        network(clips).square().mean().backward()
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_it_learns_what_it_is_shown() -> None:
    network = small(width=0.1).train()
    across = torch.linspace(0, 1, 16)
    clips = (0.5 + 0.4 * torch.sin(6 * across[None] + torch.arange(8)[:, None, None] / 3 + across[:, None])).view(
        1, 1, 8, 16, 16
    )
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)

    def error() -> Tensor:
        return torch.nn.functional.mse_loss(network(clips), clips)

    before = error().item()
    for _ in range(40):
        optimiser.zero_grad()
        error().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert error().item() < before / 10


@pytest.mark.parametrize("shape", [(1, 1, 6, 16, 16), (1, 1, 8, 18, 16), (1, 1, 8, 16, 15)])
def test_clips_that_cannot_be_divided(shape: tuple[int, ...]) -> None:
    with pytest.raises(TrainingError, match="a number of frames divisible by 4 and sides divisible by 4"):
        small()(torch.zeros(shape))
