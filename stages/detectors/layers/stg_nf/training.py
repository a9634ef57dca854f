"""How STG-NF learns: maximum likelihood by Adamax, one model or several side by side.

Source: Hirschorn and Avidan, "Normalizing Flows for Human Pose Anomaly Detection", ICCV 2023, sections 3.2, 3.3 and
4.1, supplement section 10, and its released code where that differs (Adamax, decay, gradient clipping).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor, nn

from stages.core.errors import TrainingError
from stages.core.seeding import derive
from stages.core.windows import Windows
from stages.detectors.layers.flow import Chain, bits_per_dimension
from stages.detectors.layers.stg_nf.augment import Mirrored
from stages.detectors.layers.stg_nf.fused import Fused
from stages.detectors.layers.stg_nf.graphs import Recorded
from stages.detectors.layers.stg_nf.network import device_of, front
from stages.detectors.layers.stg_nf.params import StgNfParams

STATISTICS_BATCH = 4096
"""Windows in the network at a time while batch statistics are recomputed."""
MOMENTUM = 0.1
"""Of running batch statistics, torch's default and the released code's."""


class Learner(Protocol):
    """Networks that learn from the same windows, each in its own order."""

    def update(self, rows: Tensor, means: Tensor, rate: float) -> Tensor:
        """One step of the optimizer on windows `rows` `(S, B)` with prior means `(S, B)`; each one's loss before it."""
        ...

    def recompute(self, batches: Iterable[Tensor]) -> None:
        """Set running statistics to the average over batches `(S, B)` of rows, under the present weights."""
        ...

    def write_back(self) -> None:
        """Bring the networks up to date."""
        ...


def train(
    networks: Sequence[Chain],
    windows: Windows,
    params: StgNfParams,
    seeds: Sequence[int],
    *,
    means: Tensor,
    fused: bool,
    watched: bool,
) -> Iterator[list[float]]:
    """Maximise the windows' likelihood, an epoch at a time; yields each network's mean loss in bits per dimension.

    Args:
        networks: begin where they stand.
        windows: not augmented; mirrored copies are made on the way.
        params: see `StgNfParams`.
        seeds: of the order of the windows, one per network.
        means: of the prior, `(N,)`, per window.
        fused: whether the networks are ones that `Fused` computes.
        watched: whether likelihoods are taken between epochs; after the last one they may be in any case.

    Raises:
        TrainingError: the loss is no longer finite.
    """
    device = device_of(networks[0])
    data, means = Mirrored(windows, params.flip, device), means.to(device)
    if params.standardize == "joints":
        moments = data.moments()
        for layer in map(front, networks):
            if layer is not None:
                layer.set(*moments)
    orders = [torch.Generator().manual_seed(derive(seed, "stg_nf", "order")) for seed in seeds]
    learner: Learner | None = None
    for epoch in range(params.epochs):
        shuffled = torch.stack([torch.randperm(len(data), generator=order) for order in orders]).to(device)
        # Batch statistics of a single window say nothing: a lone last one waits for the next epoch's order.
        batches = [rows for rows in torch.split(shuffled, params.batch, dim=1) if rows.shape[1] > 1]
        learner = learner or _learner(networks, data, params, batches[0], fused=fused)
        total = torch.zeros(len(networks), device=device)
        for rows in batches:
            total += rows.shape[1] * learner.update(rows, means[rows % len(means)], params.rate(epoch))
        losses = (total / sum(rows.shape[1] for rows in batches)).tolist()
        _refuse_unfinite(losses, epoch)
        if watched or epoch + 1 == params.epochs:
            if params.statistics == "recomputed":
                learner.recompute(shuffled.chunk(-(-shuffled.shape[1] // STATISTICS_BATCH), dim=1))
            learner.write_back()
        yield losses


def _learner(networks: Sequence[Chain], data: Mirrored, params: StgNfParams, rows: Tensor, *, fused: bool) -> Learner:
    if not fused:
        return ModularLearner(networks, data, params)
    for network, own in zip(networks, rows, strict=True):
        initialise(network, data.take(own))
    return FusedLearner(networks, data, params)


def _refuse_unfinite(losses: Sequence[float], epoch: int) -> None:
    for loss in losses:
        if not abs(loss) < float("inf"):
            raise TrainingError(f"the loss is {loss} in epoch {epoch + 1}", fix="lower the detector's learning_rate")


@torch.no_grad()
def initialise(network: Chain, batch: Tensor) -> None:
    """Let a first batch set the ActNorms, and nothing else."""
    with _momenta(network) as norms:
        for norm in norms:
            norm.momentum = 0.0
        network.train()(batch)


class FusedLearner:
    """See `Learner`; networks of the published form.

    Args:
        networks: with ActNorms initialised.
        data: what is learned from.
        params: see `StgNfParams`.
    """

    def __init__(self, networks: Sequence[Chain], data: Mirrored, params: StgNfParams) -> None:
        _, _, samples, joints = data.poses.shape
        self.fused, self._data, self._params = Fused(networks, samples, joints), data, params
        data.standardize(front(networks[0]))
        weights = self.fused.weights
        # As tensors on the device, so that a recorded step finds them there.
        self._rate = torch.full((), params.learning_rate, device=weights.device)
        self._optimizer = torch.optim.Adamax([weights], lr=self._rate, capturable=weights.is_cuda, foreach=False)
        self._recorded: Recorded | None = None

    def update(self, rows: Tensor, means: Tensor, rate: float) -> Tensor:
        """See `Learner.update`."""
        self._rate.fill_(rate)
        if not (self._params.cuda_graphs and rows.is_cuda):
            return self._step(rows, means)
        if self._recorded is None:
            self._recorded = Recorded(self._step, rows, means, self.beginning())
        return self._recorded(rows, means) if rows.shape == self._recorded.shape else self._step(rows, means)

    def beginning(self) -> Callable[[], None]:
        """A way back to here, before the first step."""
        weights, statistics = self.fused.weights.detach().clone(), self.fused.statistics.clone()

        @torch.no_grad()
        def undo() -> None:
            self.fused.weights.copy_(weights)
            self.fused.statistics.copy_(statistics)
            for state in self._optimizer.state.values():
                for tensor in state.values():
                    tensor.zero_()

        return undo

    def _step(self, rows: Tensor, means: Tensor) -> Tensor:
        momentum = MOMENTUM if self._params.statistics == "running" else None
        losses = self.fused.gradients(self._batch(rows), means, momentum)
        gradient = self.fused.weights.grad
        if gradient is not None:
            norm = torch.linalg.vector_norm(gradient, dim=(1, 2), keepdim=True)
            gradient.mul_((self._params.gradient_clip / (norm + 1e-6)).clamp_(max=1))
        self._optimizer.step()
        return losses

    def recompute(self, batches: Iterable[Tensor]) -> None:
        """See `Learner.recompute`."""
        for number, rows in enumerate(batches, start=1):
            self.fused.follow(self._batch(rows), 1 / number)

    def write_back(self) -> None:
        """See `Learner.write_back`."""
        self.fused.unpack()

    def _batch(self, rows: Tensor) -> Tensor:
        return self.fused.arranged(self._data.columns(rows.flatten()))


class ModularLearner:
    """See `Learner`; any networks, by autograd, one after the other.

    Args:
        networks: ActNorms are initialised by the first update.
        data: what is learned from.
        params: see `StgNfParams`.
    """

    def __init__(self, networks: Sequence[Chain], data: Mirrored, params: StgNfParams) -> None:
        self._networks, self._data, self._params = networks, data, params
        self._optimizers = [torch.optim.Adamax(network.parameters(), lr=params.learning_rate) for network in networks]

    def update(self, rows: Tensor, means: Tensor, rate: float) -> Tensor:
        """See `Learner.update`."""
        losses = []
        for network, optimizer, own, mean in zip(self._networks, self._optimizers, rows, means, strict=True):
            network.train()
            optimizer.param_groups[0]["lr"] = rate
            optimizer.zero_grad()
            z, logdet = network(self._data.take(own))
            loss = bits_per_dimension(z, logdet, mean).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), self._params.gradient_clip)
            optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses)

    def recompute(self, batches: Iterable[Tensor]) -> None:
        """See `Learner.recompute`."""
        batches = list(batches)
        for number, network in enumerate(self._networks):
            recompute_statistics(network, (self._data.take(rows[number]) for rows in batches))

    def write_back(self) -> None:
        """See `Learner.write_back`."""


@torch.no_grad()
def recompute_statistics(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set the running statistics of batch normalization to the average over `batches`, under the present weights.

    Those gathered while the weights moved belong to no one network. Source: Wu and Johnson, "Rethinking 'Batch' in
    BatchNorm", 2021, section 3.
    """
    network.train()
    with _momenta(network) as norms:
        for number, batch in enumerate(batches, start=1):
            for norm in norms:
                norm.momentum = 1 / number
            network(batch)


@contextmanager
def _momenta(network: nn.Module) -> Iterator[list[nn.BatchNorm2d]]:
    """A network's batch normalizations, whose momenta may be changed meanwhile."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    yield norms
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
