"""How networks of whole frames learn: Adam along a cosine, batches in pieces, half precision on a GPU."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import torch
from torch import Tensor, nn

from stages.compute.memory import keep
from stages.core.errors import TrainingError
from stages.core.seeding import derive
from stages.detectors.layers.frames.batches import batches
from stages.detectors.layers.frames.params import FrameDetectorParams

PIECE = 4
"""Windows in the network at a time while nothing is learned."""


OPTIMIZERS: Mapping[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamax": torch.optim.Adamax,
    "sgd": partial(torch.optim.SGD, momentum=0.5),
}
"""What moves the weights, by name."""


@dataclass(frozen=True)
class Schedule:
    """How often, how many at a time, how fast.

    Args:
        epochs: passes.
        batch: windows a step.
        rate: the optimizer's at the start.
        piece: windows that a step is summed up from.
        mixed: half precision.
        optimizer: a name in `OPTIMIZERS`.
    """

    epochs: int
    batch: int
    rate: float
    piece: int
    mixed: bool
    optimizer: str = "adam"

    @classmethod
    def of(cls, params: FrameDetectorParams, device: torch.device, optimizer: str = "adam") -> Self:
        """As params say; half precision on a GPU alone."""
        mixed, piece = params.precision == "mixed" and device.type == "cuda", params.accumulate or params.batch
        return cls(params.epochs, params.batch, params.learning_rate, piece, mixed, optimizer)

    def instead(self, epochs: int, batch: int, rate: float) -> Self:
        """The same with other passes, batches and rate."""
        return replace(self, epochs=epochs, batch=batch, rate=rate, piece=min(self.piece, batch))


def learn(
    module: nn.Module, loss: Callable[[Tensor], Tensor], count: int, schedule: Schedule, seed: int
) -> Iterator[float]:
    """Learn an epoch at a time; yields its mean loss.

    Args:
        module: what learns.
        loss: of windows by their rows, `(n,)` → a scalar; takes care of precision itself.
        count: training windows.
        schedule: see there.
        seed: of the windows' order.

    Raises:
        TrainingError: the loss is no longer finite.
    """
    keep()
    device = device_of(module)
    optimizer = OPTIMIZERS[schedule.optimizer](module.parameters(), lr=schedule.rate)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, schedule.epochs * math.ceil(count / schedule.batch))
    scaler = torch.amp.GradScaler(device.type, enabled=schedule.mixed)
    order = torch.Generator().manual_seed(derive(seed, "frames", "order"))
    for epoch in range(schedule.epochs):
        module.train()
        total = seen = 0.0
        for rows in batches(count, schedule.batch, order, whole=True):
            optimizer.zero_grad()
            for piece in torch.split(rows, schedule.piece):
                share = loss(piece) * (len(piece) / len(rows))
                scaler.scale(share).backward()  # type: ignore[no-untyped-call]
                total += share.item() * len(rows)
            scaler.step(optimizer)
            scaler.update()
            falling.step()
            seen += len(rows)
        if not math.isfinite(total):
            raise TrainingError(f"the loss is {total} in epoch {epoch + 1}", fix="lower the detector's learning rate")
        yield total / seen
    module.eval()


@torch.no_grad()
def mean_loss(module: nn.Module, loss: Callable[[Tensor], Tensor], count: int, piece: int = PIECE) -> float:
    """Mean loss of windows that are not learned from, `piece` at a time; the other arguments are those of `learn`."""
    module.eval()
    return sum(len(rows) * loss(rows).item() for rows in batches(count, piece)) / count


def device_of(module: nn.Module) -> torch.device:
    """Where a network's weights are."""
    return next(module.parameters()).device


def half(device: torch.device, schedule: Schedule) -> torch.autocast:
    """Half precision where the schedule says so."""
    return torch.autocast(device.type, enabled=schedule.mixed)
