"""The network of STG-NF: flow steps of ActNorm, a channel permutation and an affine coupling.

Source: Hirschorn and Avidan, "Normalizing Flows for Human Pose Anomaly Detection", ICCV 2023, section 3.2, section 4.4
for the subnets that it compares, and supplement section 10; its released layer order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from stages.core.seeding import derive
from stages.core.skeleton import layout as joint_layout
from stages.detectors.base import Form
from stages.detectors.layers.flow import (
    ActNorm,
    Bijection,
    Chain,
    Coupling,
    InvertibleConvolution,
    Reverse,
    Standardize,
)
from stages.detectors.layers.graph import adjacency
from stages.detectors.layers.stg_nf.params import StgNfParams
from stages.detectors.layers.stgcn import st_gcn

FRONT = "standardize"
"""What stands before the steps, where something does."""


def build(form: Form, params: StgNfParams, seed: int) -> Chain:
    """The flow with fresh weights.

    The first step's first block has no residual, as in the released code.

    Raises:
        TrainingError: half a window makes an even temporal kernel.
    """
    channels, kept = len(form.channels), len(form.channels) // 2
    graph = torch.from_numpy(adjacency(joint_layout(form.layout), params.adjacency, params.max_hop)).float()

    def step(number: int) -> Chain:
        net = _subnet(kept, 2 * (channels - kept), form, params, graph, first=number == 0)
        layers: dict[str, Bijection] = {
            "actnorm": ActNorm(channels),
            "permutation": Reverse() if params.permutation == "reverse" else InvertibleConvolution(channels),
            "coupling": Coupling(net),
        }
        return Chain(layers)

    front: dict[str, Bijection] = {}
    if params.standardize == "joints":
        front[FRONT] = Standardize(channels, form.joints)
    with _seeded(derive(seed, "stg_nf", "weights")):
        return Chain({**front, **{str(number): step(number) for number in range(params.steps)}})


def front(network: nn.Module) -> Standardize | None:
    """What stands before a network's steps."""
    found = dict(network.named_children()).get(FRONT)
    return found if isinstance(found, Standardize) else None


def is_published(params: StgNfParams, form: Form) -> bool:
    """Whether `fused.py` computes this network: the published form, at any size, in which all joints see all others."""
    graph = adjacency(joint_layout(form.layout), params.adjacency, params.max_hop)
    alike = len(graph) == 1 and bool((graph == graph[0, 0, 0]).all())
    return (
        alike
        and params.permutation == "reverse"
        and params.subnet == "stgcn"
        and not params.hidden
        and (len(form.channels) == 2)
    )


def device_of(network: nn.Module) -> torch.device:
    """Where a network's weights are."""
    return next(network.parameters()).device


def _subnet(inputs: int, outputs: int, form: Form, params: StgNfParams, graph: Tensor, *, first: bool) -> nn.Module:
    if params.subnet == "stgcn":
        widths = [inputs, *([params.hidden] if params.hidden else []), outputs]
        return st_gcn(widths, graph, params.kernel(form.samples), first_residual=not first)
    if params.subnet == "conv":
        return _Still(
            nn.Conv2d(inputs, params.hidden, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(params.hidden, params.hidden, 1),
            nn.ReLU(),
            nn.Conv2d(params.hidden, outputs, 3, padding=1),
        )
    elements = form.samples * form.joints
    return _Still(
        nn.Flatten(),
        nn.Linear(inputs * elements, params.hidden),
        nn.ReLU(),
        nn.Linear(params.hidden, outputs * elements),
        nn.Unflatten(1, (outputs, form.samples, form.joints)),
    )


class _Still(nn.Sequential):
    """Layers the last of which with weights begins as zeros, so that a coupling begins near the identity.

    Source: Kingma and Dhariwal, Glow, NeurIPS 2018, section 3.3.
    """

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(*layers)
        last = [layer for layer in layers if isinstance(layer, nn.Conv2d | nn.Linear)][-1]
        for weight in last.parameters():
            nn.init.zeros_(weight)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw from torch's global generator under `seed`, and leave it as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
