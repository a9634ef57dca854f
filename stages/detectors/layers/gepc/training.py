"""How GEPC learns: first to reconstruct, then to cluster and reconstruct together.

Source: Markovitz et al., "Graph Embedded Pose Clustering for Anomaly Detection" (GEPC), CVPR 2020, section 3.5, and
the released code: rates, batches, stopping, and that batch statistics stay as they are while it clusters.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stages.compute.memory import keep
from stages.core.errors import TrainingError
from stages.core.seeding import derive
from stages.detectors.base import Form
from stages.detectors.layers.gepc.autoencoder import Autoencoder
from stages.detectors.layers.gepc.clustering import assign, divergence, sharpened, start
from stages.detectors.layers.gepc.dropout import Dropout
from stages.detectors.layers.gepc.params import AutoencoderParams, GepcParams
from stages.detectors.layers.gepc.transforms import Views

BATCH = 512
"""Windows in the network at a time while nothing is learned."""
START_ROWS = 50_000
"""Latent vectors that k-means sees at most: more cost memory and move no centre that counts."""
SWING = 10.0
"""The published cyclic schedule goes from the rate over this to the rate times this."""
LEAST_PASSES = 3
"""Clustering passes before it may stop."""


def build(form: Form, params: AutoencoderParams, seed: int) -> Autoencoder:
    """A new autoencoder; the seed decides its weights and what dropout drops.

    Raises:
        TrainingError: see `Autoencoder`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "gepc", "weights"))
        network = Autoencoder(form, params)
    for number, module in enumerate(module for module in network.modules() if isinstance(module, Dropout)):
        module.seed(derive(seed, "gepc", "dropout", str(number)))
    return network


def cyclic(epoch: int, params: AutoencoderParams) -> float:
    """Learning rate of an epoch, counted from 0, in the published schedule (triangles of half the height each time)."""
    up = max(params.epochs // 8, 1)
    cycle = epoch // (2 * up)
    height: float = max(0.0, 1 - abs(epoch / up - 2 * cycle - 1)) / 2.0**cycle
    low, high = params.learning_rate / SWING, params.learning_rate * SWING
    return low + (high - low) * height


def reconstruct(network: Autoencoder, views: Views, params: AutoencoderParams, seed: int) -> Iterator[float]:
    """Stage 1, an epoch at a time; yields the mean squared error of the epoch.

    Raises:
        TrainingError: the loss is no longer finite.
    """
    keep()
    optimizer = torch.optim.Adam(network.parameters(), lr=params.learning_rate)
    batches = max(1, len(views) // params.batch + (len(views) % params.batch > 1))
    rises = None
    if params.schedule == "one_cycle":
        rises = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, params.learning_rate, total_steps=params.epochs * batches, cycle_momentum=False
        )
    order = torch.Generator().manual_seed(derive(seed, "gepc", "order"))
    for epoch in range(params.epochs):
        network.train()
        if rises is None:
            _set_rate(optimizer, cyclic(epoch, params))
        total = count = 0.0
        for rows in _batches(len(views), params.batch, order):
            x = views.take(rows)
            loss = nn.functional.mse_loss(network(x)[0], x)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if rises is not None:
                rises.step()
            total, count = total + loss.item() * len(rows), count + len(rows)
        yield _finite(total / count, "reconstruction", epoch)
    network.eval()


def cluster(
    network: Autoencoder, centres: nn.Parameter, views: Views, params: GepcParams, seed: int
) -> Iterator[tuple[float, float, float]]:
    """Stage 2, a pass at a time, until assignments hardly change.

    Batch statistics and dropout rest, as released.

    Args:
        network: of stage 1.
        centres: `(K, Z)`, see `begin`.
        views: of the training windows.
        params: see `GepcParams`.
        seed: of the windows' order.

    Yields:
        The pass's mean squared error, its divergence per window in nats, and the share of windows that changed their
        cluster since the last count (NaN where none was made).

    Raises:
        TrainingError: the loss is no longer finite.
    """
    keep()
    network.eval()
    optimizer = torch.optim.Adam(
        [*network.parameters(), centres], lr=params.cluster_rate, weight_decay=params.weight_decay
    )
    order = torch.Generator().manual_seed(derive(seed, "gepc", "cluster order"))
    before, mass, rate = None, None, params.cluster_rate
    for number in range(params.cluster_epochs):
        changed = math.nan
        if number % params.refresh == 0:
            q = assignments(network, centres, views, params.assignment)
            mass = torch.from_numpy(q.sum(axis=0)).to(centres.device) if params.target == "all" else None
            now = q.argmax(axis=1)
            changed = float((now != before).mean()) if before is not None else 1.0
            before = now
            if number >= LEAST_PASSES and changed < params.stop:
                return
        _set_rate(optimizer, rate)
        losses = np.zeros(2)
        for rows in _batches(len(views), params.batch, order):
            losses += len(rows) * np.array(_cluster_step(network, centres, views.take(rows), params, mass, optimizer))
        rate *= params.cluster_decay**number
        error, spread = losses / len(views)
        yield _finite(float(error), "reconstruction", number), _finite(float(spread), "clustering", number), changed


def _cluster_step(
    network: Autoencoder, centres: nn.Parameter, x: Tensor, params: GepcParams, mass: Tensor | None,
    optimizer: torch.optim.Optimizer,
) -> tuple[float, float]:  # fmt: skip
    """One step on a batch; its mean squared error and its divergence per window."""
    again, z = network(x)
    q = assign(z, centres, params.assignment)
    error = nn.functional.mse_loss(again, x)
    spread = divergence(q, sharpened(q.detach(), mass), params.divergence)
    optimizer.zero_grad()
    (error + params.cluster_weight * spread).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return error.item(), spread.item() / len(x)


def begin(network: Autoencoder, views: Views, params: GepcParams, seed: int) -> nn.Parameter:
    """Centres to start stage 2 from.

    Raises:
        TrainingError: fewer windows than clusters.
    """
    device = next(network.parameters()).device
    rows = torch.arange(len(views), device=device)
    if len(rows) > START_ROWS:
        rows = rows[torch.linspace(0, len(rows) - 1, START_ROWS, device=device).long()]
    z = torch.cat([part.cpu() for part in latent(network, views, rows)]).numpy()
    return nn.Parameter(torch.from_numpy(start(z, params.clusters, params.cluster_start, seed)).to(device))


@torch.no_grad()
def latent(network: Autoencoder, views: Views, rows: Tensor) -> Iterator[Tensor]:
    """Latent vectors of rows, a batch `(≤ BATCH, Z)` at a time."""
    network.eval()
    for part in torch.split(rows, BATCH):
        yield network.encode(views.take(part))


@torch.no_grad()
def assignments(network: Autoencoder, centres: Tensor, views: Views, kind: str) -> NDArray[np.float32]:
    """Soft assignments of all rows, `(maps · N, K)`."""
    rows = torch.arange(len(views), device=centres.device)
    parts = [assign(z, centres, kind).cpu() for z in latent(network, views, rows)]
    return torch.cat(parts).numpy() if parts else np.empty((0, len(centres)), dtype=np.float32)


@torch.no_grad()
def errors(network: Autoencoder, views: Views) -> NDArray[np.float32]:
    """Squared error of each sample and joint, mean over channels and maps, `(N, T, V)`."""
    network.eval()
    device = next(network.parameters()).device
    parts = []
    for rows in torch.split(torch.arange(len(views), device=device), BATCH):
        x = views.take(rows)
        parts.append((network(x)[0] - x).square().mean(dim=1).cpu())
    found: NDArray[np.float32] = views.mean(torch.cat(parts)).numpy()
    return found


def _batches(count: int, size: int, order: torch.Generator) -> Iterator[Tensor]:
    """Rows in a new order; a lone last one waits, as batch statistics of a single window say nothing."""
    for rows in torch.split(torch.randperm(count, generator=order), size):
        if len(rows) > 1:
            yield rows


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _finite(loss: float, what: str, epoch: int) -> float:
    if not math.isfinite(loss):
        raise TrainingError(f"the {what} loss is {loss} in epoch {epoch + 1}", fix="lower the detector's learning rate")
    return loss
