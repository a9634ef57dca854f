"""The network that turns pictures of joints into features, and where it comes from.

Source: Markovitz et al., "Graph Embedded Pose Clustering for Anomaly Detection" (GEPC), CVPR 2020, section 4.1, takes a
ResNet trained on CIFAR-10. Which of the body's joints a picture shows can be learned without anything but the clips.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stages.compute.device import resolve
from stages.compute.networks import named_network, take_state
from stages.core.errors import ParamsError, TrainingError
from stages.core.seeding import derive
from stages.core.windows import PatchParams
from stages.pose.patches.cropping import Pictures
from stages.pose.patches.network import ResNet20

BATCH = 512
"""Pictures in the network at a time while nothing is learned."""
LEARN = 128
"""Pictures per step of the optimizer."""
RATE = 0.01
"""The highest learning rate of one rise and fall."""
OWN = "joints"
"""The backbone that learns from the clips."""


class Extractor:
    """Turns pictures of joints into features.

    Args:
        network: maps `(n, 3, size, size)`, RGB in 0 … 1, to `(n, F)`; put to rest.
        size: side of a picture, px.
        seen: how often it tells joints of unseen pictures apart; NaN where it was not asked to.
    """

    def __init__(self, network: nn.Module, size: int, seen: float = math.nan) -> None:
        self._network = network.eval()
        self.size, self.seen = size, seen
        self._device = next((weight.device for weight in network.parameters()), torch.device("cpu"))
        found = self._run(torch.zeros(2, 3, size, size))
        if found.ndim != 2 or len(found) != 2:
            raise ParamsError(
                f"the backbone of patches maps (2, 3, {size}, {size}) to {tuple(found.shape)}, not to (2, features)",
                fix="name a function whose network ends in one vector per picture",
            )
        self.count = found.shape[1]

    def __call__(self, pictures: Pictures) -> NDArray[np.float32]:
        """Map pictures `(..., size, size, 3)` to features `(..., F)`.

        Raises:
            TrainingError: the network gives numbers that are not finite.
        """
        leading = pictures.shape[:-3]
        flat = torch.from_numpy(np.ascontiguousarray(pictures.reshape(-1, *pictures.shape[-3:])))
        parts = [self._run(prepared(part)) for part in torch.split(flat, BATCH)]
        features = torch.cat(parts) if parts else torch.empty(0, self.count)
        if not torch.isfinite(features).all():
            raise TrainingError("features of patches are NaN or infinite", fix="give the backbone other weights")
        return features.numpy().reshape(*leading, self.count)

    def weights(self) -> Mapping[str, Tensor]:
        """The network's state, for a safetensors file."""
        return {name: value.detach().cpu().contiguous() for name, value in self._network.state_dict().items()}

    @torch.no_grad()
    def _run(self, pictures: Tensor) -> Tensor:
        network = self._network.features if isinstance(self._network, ResNet20) else self._network
        found: Tensor = network(pictures.to(self._device))
        return found.float().cpu()


def prepared(pictures: Tensor) -> Tensor:
    """`(n, size, size, 3)` of 0 … 255 as a network reads them: `(n, 3, size, size)` of 0 … 1."""
    return pictures.permute(0, 3, 1, 2).float() / 255


def named(params: PatchParams, joints: int, root: Path) -> Extractor:
    """The network that the params name, with the weights they name.

    Args:
        params: see `PatchParams`.
        joints: V, which `joints` tells apart.
        root: that `weights` lies below.

    Raises:
        ParamsError: there is no such function or file, or they do not fit.
    """
    network = ResNet20(joints) if params.backbone == OWN else named_network(params.backbone, {}, "backbone")
    if params.weights is not None:
        take_state(network, root / params.weights, f"weights of patches do not fit {params.backbone}")
    return Extractor(network.to(resolve(params.device)), params.size)


def learned(
    pictures: Pictures, joint: NDArray[np.int64], joints: int, params: PatchParams, log: Callable[[str], None]
) -> Extractor:
    """ResNet-20 that has learned to tell joints apart, and what it does on a tenth that it was not shown.

    Args:
        pictures: `(n, size, size, 3)`.
        joint: `(n,)` the joint each shows, 0 … V - 1.
        joints: V.
        params: see `PatchParams`.
        log: takes a line per pass.

    Raises:
        TrainingError: too few pictures, or a loss that is no longer finite.
    """
    if len(pictures) < 10 * joints:
        raise TrainingError(
            f"{len(pictures)} pictures of {joints} joints teach nothing",
            fix="add training footage that shows people, or name `weights` for the patches",
        )
    order = torch.Generator().manual_seed(derive(params.seed, "patches", "order"))
    rows = torch.randperm(len(pictures), generator=order)
    held, rows = rows[: len(rows) // 10], rows[len(rows) // 10 :]
    x, y = torch.from_numpy(pictures), torch.from_numpy(joint)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(params.seed, "patches", "weights"))
        network = ResNet20(joints).to(resolve(params.device))
    steps = params.epochs * math.ceil(len(rows) / LEARN)
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE, momentum=0.9, weight_decay=1e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 10 * RATE, total_steps=steps, cycle_momentum=False)
    seen = math.nan
    for epoch in range(1, params.epochs + 1):
        loss = _pass(network.train(), x, y, rows[torch.randperm(len(rows), generator=order)], optimizer, schedule)
        if not math.isfinite(loss):
            raise TrainingError(f"the loss of patches is {loss} in pass {epoch}", fix="take another `seed`")
        seen = _right(network.eval(), x, y, held)
        log(f"joints' pictures, pass {epoch} of {params.epochs}: loss {loss:.3f}, {seen:.0%} of unseen ones told right")
    return Extractor(network, params.size, seen)


def _pass(
    network: nn.Module, x: Tensor, y: Tensor, rows: Tensor, optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> float:  # fmt: skip
    """One pass over the rows; the mean loss."""
    device, total = next(network.parameters()).device, 0.0
    for part in torch.split(rows, LEARN):
        loss = nn.functional.cross_entropy(network(prepared(x[part]).to(device)), y[part].to(device))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        total += loss.item() * len(part)
    return total / len(rows)


@torch.no_grad()
def _right(network: nn.Module, x: Tensor, y: Tensor, rows: Tensor) -> float:
    device = next(network.parameters()).device
    right = sum(
        int((network(prepared(x[part]).to(device)).argmax(dim=1).cpu() == y[part]).sum())
        for part in torch.split(rows, BATCH)
    )
    return right / max(1, len(rows))
