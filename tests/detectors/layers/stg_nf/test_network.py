"""The network of STG-NF: its size, and that every choice of its parts is a flow."""

from __future__ import annotations

import pytest
import torch

from stages.core.windows import Windows
from stages.detectors.base import Form
from stages.detectors.layers.stg_nf.network import build
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
