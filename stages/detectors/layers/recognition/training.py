"""How recognisers learn and what they answer: cross-entropy by stochastic gradient descent, then softmax.

Source: section 4 of the papers that the networks come from, which all train so; 2s-AGCN, section 4.3, for the sum of
the streams' softmax scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from stages.core.errors import TrainingError
from stages.core.windows import Windows
from stages.detectors.layers.recognition.params import RecogniserParams
from stages.detectors.layers.recognition.targets import Lessons

SCORE_BATCH = 1024
"""Windows in a network at a time while scoring; scores do not depend on it."""
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw weights and dropout from this seed, and leave the caller's random numbers as they were."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


def train(
    network: nn.Module, given: Lessons, params: RecogniserParams, *, watched: bool
) -> Iterator[tuple[float, float]]:
    """Minimise the cross-entropy, an epoch at a time; yields mean loss in nats and share of windows told right.

    Weights, dropout and the order of windows are drawn from torch's random numbers: see `seeded`.

    Args:
        network: begins where it stands.
        given: what is learned from.
        params: see `RecogniserParams`.
        watched: whether the network answers between epochs; after the last one it may in any case.

    Raises:
        TrainingError: the loss is no longer finite.
    """
    device = _device(network)
    targets, weights = torch.from_numpy(given.targets).to(device), _weights(given, params).to(device)
    optimizer = torch.optim.SGD(
        network.parameters(),
        params.learning_rate,
        momentum=params.momentum,
        weight_decay=params.weight_decay,
        nesterov=True,
    )
    for epoch in range(params.epochs):
        optimizer.param_groups[0]["lr"] = params.rate(epoch)
        network.train()
        order = torch.randperm(len(targets))
        batches = _batches(order, params.batch)
        total, right = torch.zeros((), device=device), torch.zeros((), device=device)
        for rows in batches:
            optimizer.zero_grad()
            target = targets[rows.to(device)]
            logits = network(_poses(given.windows, rows.numpy(), device))
            loss = functional.cross_entropy(logits, target, weights)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += len(rows) * loss.detach()
            right += (logits.argmax(dim=1) == target).sum()
        count = sum(map(len, batches))
        if not bool(torch.isfinite(total)):
            raise TrainingError(
                f"the loss is {float(total)} in epoch {epoch + 1}", fix="lower the detector's learning_rate"
            )
        if params.statistics == "recomputed" and (watched or epoch + 1 == params.epochs):
            recompute_statistics(network, given.windows, _batches(order, SCORE_BATCH))
        yield float(total) / count, float(right) / count


@torch.no_grad()
def recompute_statistics(network: nn.Module, windows: Windows, batches: Iterable[Tensor]) -> None:
    """Set the running statistics of batch normalization to the average over batches of rows, under the present weights.

    Those gathered while the weights moved belong to no one network. Source: Wu and Johnson, "Rethinking 'Batch' in
    BatchNorm", 2021, section 3.
    """
    norms = [module for module in network.eval().modules() if isinstance(module, NORMS)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's word for the plain average
        norm.train()
    for rows in batches:
        network(_poses(windows, rows.numpy(), _device(network)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()


@torch.no_grad()
def log_proportions(networks: Iterable[nn.Module], windows: Windows) -> NDArray[np.float64]:
    """Logarithm of the mean of the networks' softmax vectors, `(N, K)` nats; uses running batch statistics."""
    found = []
    for network in networks:
        device = _device(network.eval())
        batches = np.split(np.arange(len(windows)), range(SCORE_BATCH, len(windows), SCORE_BATCH))
        logits = torch.cat([network(_poses(windows, rows, device)) for rows in batches])
        found.append(functional.log_softmax(logits.double(), dim=1))
    together: NDArray[np.float64] = torch.logsumexp(torch.stack(found), dim=0).cpu().numpy() - np.log(len(found))
    return together


def judge(network: nn.Module, given: Lessons) -> tuple[float, float]:
    """Mean cross-entropy of windows in nats, and share of them told right."""
    found = log_proportions([network], given.windows)
    right = found.argmax(axis=1) == given.targets
    return float(-found[np.arange(len(found)), given.targets].mean()), float(right.mean())


def _weights(given: Lessons, params: RecogniserParams) -> Tensor:
    """Of each class in the loss, 1 on average over windows."""
    counts = np.bincount(given.targets, minlength=len(given.classes))
    balance = counts.sum() / (len(counts) * counts) if params.balanced else np.ones(len(counts))
    return torch.from_numpy(balance.astype(np.float32))


def _batches(order: Tensor, size: int) -> list[Tensor]:
    """Rows in this order; statistics of a single window say nothing, so that a lone last one is left out."""
    return [rows for rows in torch.split(order, size) if len(rows) > 1]


def _poses(windows: Windows, rows: NDArray[np.int64], device: torch.device) -> Tensor:
    return torch.from_numpy(windows.poses[rows]).to(device)


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device
