"""Running networks: batches, types, devices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stages.core.errors import ParamsError
from stages.pose.alphapose.engine import put


class Mean(nn.Module):
    """Mean of each channel; remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.seen: list[tuple[tuple[int, ...], torch.dtype]] = []

    def forward(self, x: Tensor) -> Tensor:
        """`(n, 3, H, W)` → `(n, 3)`."""
        self.seen.append((tuple(x.shape), x.dtype))
        return x.mean(dim=(2, 3)) * self.weight


def pictures(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    made = np.zeros((count, 4, 6, 3), np.uint8)
    made[:] = np.arange(count)[:, None, None, None] + np.array([0, 10, 20])
    return made


def test_pictures_go_through_in_batches_in_their_order() -> None:
    network = Mean()
    found = put(network, "cpu", "auto", batch=3)(pictures(7))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.arange(7)[:, None] + np.array([0, 10, 20]), rtol=1e-6)
    assert [shape for shape, _ in network.seen] == [(3, 3, 4, 6), (3, 3, 4, 6), (1, 3, 4, 6)]
    assert {kind for _, kind in network.seen} == {torch.float32}


def test_what_goes_in_and_out_is_prepared_and_finished() -> None:
    engine = put(Mean(), "cpu", half=False, batch=4, prepare=lambda x: x + 1, finish=lambda y: y[:, :1] * 2)
    assert engine(pictures(2)).tolist() == [[2], [4]]


def test_a_cpu_computes_in_single_precision() -> None:
    engine = put(Mean(), "cpu", "auto", batch=1)
    assert engine.dtype == torch.float32
    assert not engine.on_gpu
    assert engine.name == f"torch {torch.__version__} cpu float32"
    with pytest.raises(ParamsError, match="half precision needs a GPU"):
        put(Mean(), "cpu", half=True, batch=1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU: half precision is not checked")
def test_a_gpu_computes_in_half_precision_and_close_to_a_cpu() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten())
    images = np.random.default_rng(0).integers(0, 255, (5, 8, 8, 3)).astype(np.uint8)
    single = put(network, "cpu", "auto", 2, prepare=lambda x: x / 255)(images)
    engine = put(network, "cuda", "auto", 2, prepare=lambda x: x / 255)
    assert engine.dtype == torch.float16
    np.testing.assert_allclose(engine(images), single, atol=5e-3)
