"""The residual autoencoder that ITAE is compared with: shapes, its two paths, and that it learns."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from stages.core.errors import TrainingError
from stages.detectors.layers.itae.slowfast import SlowFast


def small(**form: Any) -> SlowFast:
    torch.manual_seed(0)
    return SlowFast(**{"channels": 1, "width": 0.125, **form})


def test_stages_are_those_of_slowfast() -> None:
    with torch.device("meta"):
        network, clips = SlowFast(3), torch.empty(1, 3, 16, 256, 256)
        static, dynamic, joined = network.encode(clips)
        assert network.decode(joined).shape == clips.shape
    assert static.shape == (1, 512, 4, 8, 8)
    assert dynamic is not None
    assert dynamic.shape == (1, 64, 16, 8, 8)
    assert joined.shape == (1, 576, 4, 8, 8)


def test_it_is_deeper_and_larger_than_itae() -> None:
    """ResNet-18 with kernels over time in its last stages, and a decoder: nearly three times ITAE's 7.74 million."""
    with torch.device("meta"):
        assert sum(weight.numel() for weight in SlowFast(3).parameters()) > 20_000_000


def test_one_path_sees_every_fourth_frame_alone() -> None:
    network = small(two_path=False).eval()
    clips = torch.rand(1, 1, 8, 64, 64)
    other = clips.clone()
    other[:, :, [1, 2, 3, 5, 6, 7]] = 0
    torch.testing.assert_close(network(clips), network(other))
    assert network.encode(clips)[1] is None
    assert not torch.allclose(small().eval()(clips), small().eval()(other))


def test_layers_computed_again_have_the_same_gradients() -> None:
    first, second = small().train(), small(remember=False).train()
    clips = torch.rand(2, 1, 8, 64, 64)
    for network in (first, second):
        network(clips).square().mean().backward()
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_clips_that_cannot_be_divided() -> None:
    with pytest.raises(TrainingError, match="sides divisible by 32"):
        small()(torch.zeros(1, 1, 8, 48, 64))
