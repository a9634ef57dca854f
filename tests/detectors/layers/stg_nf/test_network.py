"""The network of STG-NF: its size, and that every choice of its parts is a flow."""

from __future__ import annotations

import pytest
import torch

from stages.core.windows import Windows
from stages.detectors.base import Form
from stages.detectors.layers.stg_nf.network import build, is_published
from tests.detectors.gait import walkers, windows
from tests.detectors.layers.stg_nf.models import form, params, small


@pytest.fixture(scope="module")
def train() -> Windows:
    return windows(walkers(80, seed=1))


@pytest.mark.parametrize(("samples", "parameters"), [(24, 616), (16, 488), (12, 424)])
def test_size_is_the_published_one(samples: int, parameters: int) -> None:
    network = build(form(samples), params(), seed=0)
    assert sum(weight.numel() for weight in network.parameters()) == parameters


@pytest.mark.parametrize("adjacency", ["uniform", "distance", "spatial", "identity"])
@pytest.mark.parametrize("permutation", ["reverse", "learned"])
@pytest.mark.parametrize("hidden", [0, 3])
def test_every_choice_is_a_flow(train: Windows, adjacency: str, permutation: str, hidden: int) -> None:
    choice = small(adjacency=adjacency, permutation=permutation, hidden=hidden, max_hop=2)
    network = build(Form.of(train), choice, seed=0).double()
    x = torch.tensor(train.poses[:16]).double()
    network.train()(x)
    z, logdet = network.eval()(x)
    torch.testing.assert_close(network.inverse(z), x)
    assert logdet.shape == (16,)


def test_log_determinant_of_the_whole_flow_is_that_of_the_jacobian(train: Windows) -> None:
    network = build(form(4), small(steps=3), seed=0).double()
    x = torch.tensor(train.poses[:8, :, :4]).double()
    network.train()(x)
    network.eval()
    _, logdet = network(x)
    jacobian = torch.autograd.functional.jacobian(lambda row: network(row[None])[0][0], x[0])  # type: ignore[no-untyped-call]
    _, wanted = torch.linalg.slogdet(jacobian.reshape(144, 144))
    torch.testing.assert_close(logdet[0], wanted)


@pytest.mark.parametrize("subnet", ["conv", "linear"])
@pytest.mark.parametrize("permutation", ["reverse", "learned"])
def test_other_subnets_are_flows(subnet: str, permutation: str) -> None:
    choice = small(subnet=subnet, hidden=5, permutation=permutation)
    network = build(form(3), choice, seed=0).double()
    torch.manual_seed(1)
    x = 0.5 + 2 * torch.randn(8, 2, 3, 18, dtype=torch.float64)
    network.train()(x)
    with torch.no_grad():
        for weight in network.parameters():  # the last layers begin as zeros
            weight.add_(0.1 * torch.randn_like(weight))
    network.eval()
    z, logdet = network(x)
    torch.testing.assert_close(network.inverse(z), x)
    jacobian = torch.autograd.functional.jacobian(lambda row: network(row[None])[0][0], x[0])  # type: ignore[no-untyped-call]
    _, wanted = torch.linalg.slogdet(jacobian.reshape(108, 108))
    torch.testing.assert_close(logdet[0], wanted)


@pytest.mark.parametrize("subnet", ["conv", "linear"])
def test_other_subnets_begin_near_the_identity(subnet: str) -> None:
    # Zeros give no shift, and the scale sigmoid(2) + 1e-6; two steps change one channel each, once.
    network = build(form(4), small(subnet=subnet, hidden=5), seed=0).eval()
    x = torch.randn(3, 2, 4, 18)
    with torch.no_grad():
        torch.testing.assert_close(network(x)[0], 0.8807981 * x)


def test_the_published_form_is_the_default_at_any_size() -> None:
    for changes in ({}, {"steps": 3}, {"temporal_kernel": 5}, {"prior_mean": 10.0}, {"max_hop": 17}):
        assert is_published(params(**changes), form(24))
    assert is_published(params(max_hop=25), form(16, 25))
    assert is_published(params(), form(1))


@pytest.mark.parametrize(
    "changes",
    [
        {"adjacency": "distance"},
        {"adjacency": "spatial"},
        {"adjacency": "identity"},
        {"max_hop": 3},
        {"permutation": "learned"},
        {"hidden": 4},
        {"subnet": "conv", "hidden": 4},
        {"subnet": "linear", "hidden": 4},
    ],
)
def test_every_other_choice_is_another_form(changes: dict[str, object]) -> None:
    assert not is_published(params(**changes), form(24))


def test_three_channels_are_another_form() -> None:
    assert not is_published(params(), Form(("x", "y", "confidence"), 24, 18, "openpose18"))


def test_a_layout_that_no_hops_join_is_another_form() -> None:
    # In coco17 no bone leads from the face to the body.
    assert not is_published(params(max_hop=100), form(24, 17))
