"""Graph convolution, blocks and autoencoder: the reference's figures, the plain form's gradients, counts, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.plain import gepc as plain
from stages.core.errors import TrainingError
from stages.core.skeleton import NTU25, OPENPOSE18
from stages.detectors.base import Form
from stages.detectors.layers.gepc.aggregation import aggregate
from stages.detectors.layers.gepc.attention import SpatialAttention, StaticGraph
from stages.detectors.layers.gepc.autoencoder import Autoencoder, Block
from stages.detectors.layers.gepc.dropout import Dropout
from stages.detectors.layers.gepc.params import AutoencoderParams
from stages.detectors.layers.graph import adjacency
from tests.detectors.layers.gepc.published import FORM, attention, autoencoder, block, oracle, tensors

GRAPH = torch.from_numpy(adjacency(OPENPOSE18, "spatial", 1)).float()
PARAMS = AutoencoderParams(window="w", dropout=0.0)
UNUSED = sum(2 * width for width in (32, 32, 32, 48, 48, 48, 64, 64, 32, 64, 64, 48, 48, 48))
"""Numbers of the released graph convolutions that nothing is computed from: a batch normalization each."""


def size(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def last(x: Tensor) -> Tensor:
    """Channels first to channels last."""
    return x.permute(0, 2, 3, 1).contiguous()


@pytest.mark.oracle
def test_the_graph_is_the_reference(shared: Path) -> None:
    np.testing.assert_allclose(GRAPH, oracle(shared)["A"], atol=1e-6)


@pytest.mark.oracle
@pytest.mark.parametrize(("inputs", "outputs"), [(3, 32), (32, 32), (32, 48)])
def test_spatial_attention_is_the_reference(shared: Path, inputs: int, outputs: int) -> None:
    found = tensors(oracle(shared), f"sagc_{inputs}_{outputs}/")
    layer = SpatialAttention(inputs, outputs, found["stat_adj"])
    layer.load_state_dict(attention({name.removeprefix("sd/"): tensor for name, tensor in found.items()}))
    x = last(found["x"])
    torch.testing.assert_close(layer.inferred(x), found["C"], atol=1e-5, rtol=0)
    torch.testing.assert_close(layer.eval()(x), last(found["y"]), atol=1e-4, rtol=0)
    torch.testing.assert_close(layer.train()(x), last(found["y_train"]), atol=1e-4, rtol=0)


@pytest.mark.oracle
@pytest.mark.parametrize(("inputs", "outputs", "stride"), [(32, 48, 3), (32, 32, 1), (64, 32, 1)])
def test_a_block_is_the_reference(shared: Path, inputs: int, outputs: int, stride: int) -> None:
    found = tensors(oracle(shared), f"block_{inputs}_{outputs}_{stride}/")
    graph = SpatialAttention(inputs, outputs, GRAPH)
    layer = Block(
        inputs, outputs, stride, graph, activation=inputs != 64
    ).eval()  # the last one of the encoder has none
    layer.load_state_dict(block({name.removeprefix("sd/"): tensor for name, tensor in found.items()}))
    torch.testing.assert_close(layer(last(found["x"])), last(found["y"]), atol=1e-4, rtol=0)


@pytest.mark.oracle
def test_the_autoencoder_is_the_reference(shared: Path) -> None:
    found = tensors(oracle(shared), "gcae/")
    network = Autoencoder(FORM, PARAMS).eval()
    network.load_state_dict(autoencoder({name.removeprefix("sd/"): tensor for name, tensor in found.items()}))
    again, z = network(found["x"])
    torch.testing.assert_close(z, found["z"], atol=1e-4, rtol=0)
    torch.testing.assert_close(again, found["xhat"], atol=1e-4, rtol=0)


def test_sizes_are_the_published_ones() -> None:
    network = Autoencoder(FORM, PARAMS)
    assert size(network) + UNUSED == 793_431
    assert size(network.encoder) + sum(2 * width for width in (32, 32, 32, 48, 48, 48, 64, 64, 32)) == 446_676
    assert size(network.norm) == 108
    patches = Form(tuple(f"feature {number}" for number in range(64)), 12, 18, "openpose18")
    assert size(Autoencoder(patches, PARAMS)) + UNUSED == 864_008
    headless = Form(FORM.channels, 12, 14, "openpose14")
    # As released, the learned adjacency of the decoder's five blocks keeps the size of 18 joints.
    assert size(Autoencoder(headless, PARAMS)) + UNUSED + 5 * 3 * (18**2 - 14**2) == 789_951
    # The released variant with static graphs keeps attention in the decoder, and weights of every edge for each of its
    # nine and seven modules.
    static = Autoencoder(FORM, PARAMS.model_copy(update={"graph": "static"}))
    assert size(static.norm) + size(static.encoder) + size(network.decoder) + 544 + 16 * 3 * 18**2 == 601_475
    assert [size(SpatialAttention(*widths, GRAPH)) + 2 * widths[1] for widths in ((3, 32), (32, 32), (32, 48))] == [
        5_548, 15_100, 26_148,
    ]  # fmt: skip


def test_the_latent_is_as_long_as_published() -> None:
    x = torch.zeros(2, 3, 12, 18)
    assert Autoencoder(FORM, PARAMS).eval().encode(x).shape == (2, 1152)


def test_learns_like_the_plain_form() -> None:
    """Outputs and gradients in training, in double precision, for the same weights."""
    torch.manual_seed(0)
    theirs = plain.Autoencoder(GRAPH)
    for module in theirs.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    ours = Autoencoder(FORM, PARAMS)
    ours.load_state_dict(autoencoder(theirs.state_dict()))
    theirs.double(), ours.double()
    x = torch.randn(6, 3, 12, 18, dtype=torch.float64)
    for network in (theirs, ours):
        network.train()
        again, z = network(x)
        (again.square().mean() + z.square().mean()).backward()
    given = {name: weight.grad for name, weight in theirs.named_parameters() if weight.grad is not None}
    unused = {name: torch.zeros_like(tensor) for name, tensor in theirs.state_dict().items() if name not in given}
    wanted = autoencoder({**unused, **given})
    for name, weight in ours.named_parameters():
        torch.testing.assert_close(weight.grad, wanted[name].view_as(weight), atol=1e-9, rtol=1e-6)
    torch.testing.assert_close(ours.state_dict(), autoencoder(theirs.state_dict()), check_dtype=False)


@pytest.mark.parametrize("samples_of", [1, 5])
@pytest.mark.parametrize("cached", [1, 1 << 20])
def test_aggregation_and_its_gradients(samples_of: int, cached: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.detectors.layers.gepc.aggregation.CACHED", cached)
    torch.manual_seed(0)
    x = torch.randn(5, 3, 4, 2, dtype=torch.float64, requires_grad=True)
    graphs = torch.randn(samples_of, 6, 4, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 3 * 2, 3, dtype=torch.float64, requires_grad=True)
    wanted = torch.einsum(
        "ntvc,ngjvw,gjco->ntwgo", x, graphs.expand(5, 6, 4, 4).reshape(5, 2, 3, 4, 4), weight.view(2, 3, 2, 3)
    )
    torch.testing.assert_close(aggregate(x, graphs, weight), wanted.flatten(3))
    assert torch.autograd.gradcheck(aggregate, (x, graphs, weight))


def test_a_static_graph_convolution_by_hand() -> None:
    layer = StaticGraph(2, 3, GRAPH)
    x = torch.randn(2, 4, 18, 2)
    mapped = torch.einsum("ntvc,kco->nktvo", x, layer.mix.view(3, 2, 3)) + layer.bias[None, :, None, None]
    torch.testing.assert_close(layer(x), torch.einsum("nktvo,kvw->ntwo", mapped, GRAPH), atol=1e-5, rtol=1e-5)


def test_any_layout_and_any_length() -> None:
    form = Form(("x", "y", "z"), 8, 25, NTU25.name)
    network = Autoencoder(form, AutoencoderParams(window="w", strides=(2, 2), width=0.25)).eval()
    again, z = network(torch.randn(3, 3, 8, 25))
    assert again.shape == (3, 3, 8, 25)
    assert z.shape == (3, 8 * 2 * 25)


def test_windows_that_cannot_be_shortened_are_refused() -> None:
    with pytest.raises(TrainingError, match="windows of 8 samples cannot be shortened 2 and 3 times"):
        Autoencoder(Form(("x", "y"), 8, 18, "openpose18"), PARAMS)


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    layer = Dropout(0.3)
    layer.seed(1)
    x = torch.ones(400, 500)
    dropped = layer(x)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.005)
    assert dropped.mean().item() == pytest.approx(1, abs=0.01)
    layer.seed(1)
    torch.testing.assert_close(layer(x), dropped)
    assert layer.eval()(x) is x
