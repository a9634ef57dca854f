"""YOLOX and FastPose: the reference's weights fit, and give what the reference gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from stages.pose.alphapose.checkpoints import NETWORKS, shapes, skeleton
from stages.pose.alphapose.fastpose import SqueezeExcitation
from stages.pose.alphapose.yolox import SIZES, Focus, Yolox, in_pixels
from tests.pose.alphapose.made import fill


@pytest.fixture(scope="module")
def keys(shared: Path) -> Any:
    return json.loads((shared / "oracles" / "alphapose_keys.json").read_text())


@pytest.mark.oracle
@pytest.mark.parametrize("name", NETWORKS)
def test_every_weight_has_the_name_and_shape_of_the_reference(keys: Any, name: str) -> None:
    network = skeleton(name)
    assert {key: list(shape) for key, shape in shapes(network).items()} == keys[name]["keys"]
    assert sum(parameter.numel() for parameter in network.parameters()) == keys[name]["parameters"]


@pytest.mark.oracle
@pytest.mark.parametrize("name", NETWORKS)
def test_the_reference_input_gives_the_reference_output(keys: Any, shared: Path, name: str) -> None:
    stored = np.load(shared / "oracles" / "alphapose_forward.npz")
    network = reference(name)
    x = torch.rand(keys[name]["input"], generator=torch.Generator().manual_seed(1234))
    with torch.inference_mode():
        y = network(x)
    assert list(y.shape) == keys[name]["output"]
    flat = y.flatten()[:: max(1, y.numel() // 2000)].numpy()
    wanted = stored[f"{name}/y_flat_stride"]
    np.testing.assert_allclose(flat, wanted, rtol=0, atol=5e-6 * np.abs(wanted).max())  # float32, other sums' order
    np.testing.assert_allclose(y.abs().mean().item(), stored[f"{name}/y_mean_abs"], rtol=1e-6)


def reference(name: str) -> nn.Module:
    """A network with made weights; the reference left torch's epsilon in YOLOX's batch normalizations."""
    with torch.device("meta"):
        network = Yolox(SIZES[name], epsilon=1e-5) if name in SIZES else NETWORKS[name]()
    network.load_state_dict(fill(shapes(network)), strict=True, assign=True)
    return network.eval()


def test_yolox_normalizes_with_the_epsilon_it_was_trained_with() -> None:
    epsilons = {module.eps for module in skeleton("yolox_s").modules() if isinstance(module, nn.BatchNorm2d)}
    assert epsilons == {1e-3}


def test_boxes_come_from_their_cells() -> None:
    boxes = torch.zeros(1, 4, 2, 3)  # two rows of three cells, stride 8
    boxes[0, :, 1, 2] = torch.tensor([0.5, 0.25, 0.0, np.log(2.0)])
    placed = in_pixels(boxes, 8)
    # Column 2, row 1: (2 + 0.5) × 8 = 20, (1 + 0.25) × 8 = 10; e⁰ × 8 = 8, 2 × 8 = 16.
    torch.testing.assert_close(placed[0, :, 1, 2], torch.tensor([20.0, 10.0, 8.0, 16.0]))
    torch.testing.assert_close(placed[0, :2, 0, 1], torch.tensor([8.0, 0.0]))


def test_cells_follow_one_another_row_by_row_and_stride_by_stride() -> None:
    with torch.inference_mode():
        found = reference("yolox_s")(torch.rand(1, 3, 64, 96))
    assert found.shape == (1, 8 * 12 + 4 * 6 + 2 * 3, 85)
    centres = found[0, :, :2]
    corners = [(x * s, y * s) for s in (8, 16, 32) for y in range(64 // s) for x in range(96 // s)]
    apart = (centres - torch.tensor(corners, dtype=torch.float32)).abs().mean(dim=0)
    assert (apart < 16).all()  # raw offsets of made weights are about one cell; another order would be far off


def test_focus_puts_four_neighbours_into_channels() -> None:
    focus = Focus(2)
    seen: list[torch.Tensor] = []
    focus.conv.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    focus.eval()(torch.arange(16.0).reshape(1, 1, 4, 4).repeat(1, 3, 1, 1))
    assert seen[0].shape == (1, 12, 2, 2)
    assert seen[0][0, ::3, 0, 0].tolist() == [0, 4, 1, 5]  # top left, bottom left, top right, bottom right


def test_squeeze_and_excitation_weighs_channels_by_their_means() -> None:
    layer = SqueezeExcitation(2)
    for linear in (layer.fc[0], layer.fc[2]):
        assert isinstance(linear, nn.Linear)
        linear.weight.data, linear.bias.data = torch.eye(2), torch.zeros(2)
    x = torch.tensor([[1.0, 3.0], [-1.0, -3.0]]).reshape(1, 2, 1, 2)
    # Means 2 and −2; after ReLU 2 and 0; sigmoid 0.8808 and 0.5.
    y = layer(x)
    torch.testing.assert_close(y.flatten(), torch.tensor([0.8808, 2.6424, -0.5, -1.5]), atol=1e-4, rtol=0)
