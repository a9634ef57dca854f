"""ST-GCN blocks: what they compute on tiny tensors, and that one joint may stand for many."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from stages.core.skeleton import OPENPOSE18
from stages.detectors.layers.graph import Strategy, adjacency
from stages.detectors.layers.stgcn import GraphConvolution, JointNorm, PointConv, StGcn, st_gcn


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(3)


def graph(strategy: Strategy = "uniform", max_hop: int = 8) -> Tensor:
    return torch.from_numpy(adjacency(OPENPOSE18, strategy, max_hop)).double()


def unpool(net: nn.Module) -> nn.Module:
    """The same weights, every joint computed on its own."""
    for module in net.modules():
        if isinstance(module, GraphConvolution):
            module.pools = False
    return net


@pytest.mark.parametrize("inputs", [1, 3])
def test_point_convolution_is_a_convolution(inputs: int) -> None:
    mine, theirs = PointConv(inputs, 2), nn.Conv2d(inputs, 2, 1)
    mine.load_state_dict(theirs.state_dict())
    x = torch.randn(4, inputs, 5, 3)
    torch.testing.assert_close(mine(x), theirs(x))


def test_graph_convolution_averages_columns() -> None:
    # Joint 0 hears itself alone, joint 1 hears both alike; the convolution doubles and adds 1.
    conv = GraphConvolution(1, 1, torch.tensor([[[1.0, 0.5], [0.0, 0.5]]]))
    nn.init.constant_(conv.conv.weight, 2.0)
    nn.init.zeros_(conv.conv.bias)  # type: ignore[arg-type]
    x = torch.tensor([[[[10.0, 30.0]]]])
    torch.testing.assert_close(conv(x), torch.tensor([[[[20.0, 40.0]]]]))


def test_each_adjacency_matrix_has_weights_of_its_own() -> None:
    conv = GraphConvolution(1, 1, torch.eye(2).repeat(2, 1, 1) / 2)
    conv.conv.weight.data.copy_(torch.tensor([2.0, 6.0]).view(2, 1, 1, 1))
    nn.init.zeros_(conv.conv.bias)  # type: ignore[arg-type]
    torch.testing.assert_close(conv(torch.tensor([[[[1.0, 10.0]]]])), torch.tensor([[[[4.0, 40.0]]]]))


@pytest.mark.parametrize(("strategy", "max_hop"), [("uniform", 3), ("distance", 8), ("spatial", 2), ("identity", 1)])
def test_only_equal_joints_are_pooled(strategy: Strategy, max_hop: int) -> None:
    assert not GraphConvolution(1, 1, graph(strategy, max_hop)).pools
    assert GraphConvolution(1, 1, graph("uniform", 8)).pools


def test_graph_convolution_of_pooled_joints_is_exact() -> None:
    conv = GraphConvolution(1, 2, graph()).double()
    x = torch.randn(4, 1, 5, 18, dtype=torch.float64)
    pooled = conv(x)
    unpool(conv)
    assert pooled.shape == (4, 2, 5, 1)
    torch.testing.assert_close(pooled.expand(-1, -1, -1, 18), conv(x))


@pytest.mark.parametrize("training", [True, False])
def test_norm_of_one_joint_is_that_of_many_equal_ones(training: bool) -> None:
    one, many = JointNorm(2, 18).double().train(training), nn.BatchNorm2d(2).double().train(training)
    for _ in range(3):
        x = 2 + 3 * torch.randn(4, 2, 5, 1, dtype=torch.float64)
        torch.testing.assert_close(one(x).expand(-1, -1, -1, 18), many(x.expand(-1, -1, -1, 18)))
    for name, value in many.state_dict().items():
        torch.testing.assert_close(one.state_dict()[name], value)


@pytest.mark.parametrize("widths", [(1, 2), (1, 4, 2)])
@pytest.mark.parametrize("first_residual", [True, False])
def test_pooled_blocks_learn_what_plain_ones_learn(widths: Sequence[int], first_residual: bool) -> None:
    fast = st_gcn(widths, graph(), 3, first_residual=first_residual).double()
    plain = st_gcn(widths, graph(), 3, first_residual=first_residual).double()
    plain.load_state_dict(fast.state_dict())
    unpool(plain)
    for _ in range(3):
        x = torch.randn(6, 1, 8, 18, dtype=torch.float64)
        target = torch.randn(6, 2, 8, 18, dtype=torch.float64)
        for net in (fast, plain):
            net.zero_grad()
            (net(x) * target).sum().backward()
            with torch.no_grad():
                for weight in net.parameters():
                    assert weight.grad is not None
                    weight.sub_(weight.grad, alpha=0.01)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(fast.state_dict()[name], value, atol=1e-9, rtol=1e-9)


def test_block_without_residual_forgets_the_joint() -> None:
    x = torch.randn(2, 1, 4, 18, dtype=torch.float64)
    assert StGcn(1, 2, graph(), 3, residual=False).double()(x).shape == (2, 2, 4, 1)
    assert StGcn(1, 2, graph(), 3, residual=True).double()(x).shape == (2, 2, 4, 18)


def test_block_is_never_negative() -> None:
    block = StGcn(1, 2, graph("spatial", 1), 3, residual=True).double()
    assert bool((block(torch.randn(4, 1, 6, 18, dtype=torch.float64)) >= 0).all())


def test_later_blocks_always_have_a_residual() -> None:
    first, second = st_gcn((1, 4, 2), graph(), 3, first_residual=False)
    assert isinstance(first, StGcn)
    assert isinstance(second, StGcn)
    assert first.residual is None
    assert second.residual is not None


def test_the_graph_is_no_part_of_the_state() -> None:
    assert "adjacency" not in "".join(GraphConvolution(1, 2, graph()).state_dict())
