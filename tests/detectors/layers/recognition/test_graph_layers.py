"""The graph layers of ST-GCN, 2s-AGCN and MS-G3D, on tensors small enough to work out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stages.core.skeleton import OPENPOSE18
from stages.detectors.layers.graph import adjacency, hops
from stages.detectors.layers.recognition import agcn, ms_g3d, st_gcn
from stages.detectors.layers.recognition.blocks import Plan, buffer
from stages.detectors.layers.recognition.skeletons import disentangled, window_hops
from stages.detectors.layers.stgcn import GraphConvolution

GRAPH = buffer(adjacency(OPENPOSE18, "spatial", 1))


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(3)


def test_edges_matter_as_much_as_was_learned() -> None:
    weighed, plain = st_gcn.WeighedGraph(2, 3, GRAPH), GraphConvolution(2, 3, GRAPH)
    plain.load_state_dict(weighed.state_dict(), strict=False)
    x = torch.randn(2, 2, 4, 18)
    torch.testing.assert_close(weighed(x), plain(x))
    nn.init.constant_(weighed.importance, 3.0)
    torch.testing.assert_close(weighed(x), 3 * plain(x))


def test_edges_that_are_none_stay_none() -> None:
    layer = st_gcn.WeighedGraph(1, 1, GRAPH)
    nn.init.constant_(layer.importance, 7.0)
    x = torch.randn(1, 1, 1, 18)
    moved = x.clone()
    moved[..., 4] += 1  # the right wrist, which touches the elbow alone
    changed = (layer(moved) - layer(x)).abs().flatten() > 1e-6
    assert {int(joint) for joint in changed.nonzero()} == {3, 4}


def test_attention_is_an_average_over_joints() -> None:
    found = agcn.AdaptiveGraph(2, 8, GRAPH).attention(torch.randn(5, 2, 4, 18))
    assert found.shape == (5, 3, 18, 18)
    assert bool((found > 0).all())
    torch.testing.assert_close(found.sum(dim=2), torch.ones(5, 3, 18))


def test_joints_attend_to_those_that_move_alike() -> None:
    # One channel, one subset: the embeddings are the values themselves, so that C is a softmax of products of columns.
    layer = agcn.AdaptiveGraph(1, 4, torch.eye(3)[None])
    for part in (layer.theta, layer.phi):
        nn.init.ones_(part.weight)
        nn.init.zeros_(part.bias)  # type: ignore[arg-type]
    x = torch.tensor([[1.0, 2.0, -1.0], [3.0, 0.0, 1.0]])  # (T, V)
    wanted = torch.softmax(x.T @ x / 2, dim=0)  # two terms in each product
    torch.testing.assert_close(layer.attention(x[None, None])[0, 0], wanted)


def test_the_three_graphs_are_added() -> None:
    layer, plain = agcn.AdaptiveGraph(2, 8, GRAPH), GraphConvolution(2, 8, GRAPH)
    plain.load_state_dict(layer.state_dict(), strict=False)
    assert bool((layer.learned == 1e-6).all())
    x = torch.randn(1, 2, 4, 18)
    nn.init.normal_(layer.learned)
    plain.adjacency = GRAPH + layer.learned.detach() + layer.attention(x)[0].detach()
    torch.testing.assert_close(layer(x), plain(x))


def test_attention_is_each_window_s_own() -> None:
    layer, x = agcn.AdaptiveGraph(2, 8, GRAPH), torch.randn(6, 2, 4, 18)
    torch.testing.assert_close(layer(x)[2:3], layer(x[2:3]))


def test_each_scale_has_weights_of_its_own() -> None:
    # Two joints, one apart: scale 0 is the joint itself, scale 1 the mean of both.
    layer = ms_g3d.MultiScaleGraph(1, 1, torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]]))
    nn.init.zeros_(layer.learned)
    convolution = layer.point[0]
    assert isinstance(convolution, nn.Conv2d)
    convolution.weight.data.copy_(torch.tensor([10.0, 1.0]).view(1, 2, 1, 1))
    nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    layer.eval()
    found = layer(torch.tensor([[[[1.0, 3.0]]]]))
    torch.testing.assert_close(found, torch.tensor([[[[12.0, 32.0]]]]), rtol=1e-4, atol=1e-4)


def window_graph(stride: int = 1, *, narrow: bool = False) -> ms_g3d.WindowGraph:
    graph = buffer(disentangled(window_hops(hops(OPENPOSE18), 3), 2))
    return ms_g3d.WindowGraph(Plan(2, 4, stride), graph, 18, narrow=narrow)


@pytest.mark.parametrize("narrow", [True, False])
def test_a_window_sees_one_sample_on_either_side(narrow: bool) -> None:
    layer, x = window_graph(narrow=narrow).eval(), torch.randn(1, 2, 9, 18)
    moved = x.clone()
    moved[:, :, 4] += 1
    changed = (layer(moved) - layer(x)).abs().amax(dim=(0, 1, 3)) > 1e-6
    assert [int(sample) for sample in changed.nonzero()] == [3, 4, 5]


def test_a_window_s_own_sample_is_in_its_middle() -> None:
    layer, x = window_graph(stride=2).eval(), torch.randn(1, 2, 9, 18)
    torch.testing.assert_close(layer(x), window_graph_everywhere(layer)(x)[:, :, ::2])


def window_graph_everywhere(layer: ms_g3d.WindowGraph) -> ms_g3d.WindowGraph:
    """The same weights, a window at every sample."""
    everywhere = window_graph().eval()
    everywhere.load_state_dict(layer.state_dict())
    return everywhere


@pytest.mark.parametrize("stride", [1, 2])
def test_a_temporal_layer_sees_four_samples_on_either_side(stride: int) -> None:
    layer, x = ms_g3d.MultiScaleTime(Plan(12, 12, stride)).eval(), torch.randn(1, 12, 17, 3)
    moved = x.clone()
    moved[:, :, 8, 1] += 1
    difference = (layer(moved) - layer(x)).abs().detach()
    assert difference.shape == (1, 12, -(-17 // stride), 3)
    changed = [stride * int(sample) for sample in (difference.amax(dim=(0, 1, 3)) > 1e-6).nonzero()]
    assert changed == list(range(4, 13, stride))
    assert float(difference[..., [0, 2]].max()) == 0.0
