"""How MGENet learns, and what it finds in windows.

Source: Yang et al., MGENet, ACM MM 2024, sections 3.2 to 3.5 and 4.2.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stages.core.seeding import derive
from stages.core.windows import Windows
from stages.detectors.layers.frames.batches import clips
from stages.detectors.layers.frames.training import Schedule, device_of, half, learn, mean_loss
from stages.detectors.layers.mgenet.encoder import as_tokens, masked
from stages.detectors.layers.mgenet.network import MgeNet
from stages.detectors.layers.mgenet.params import MgeNetParams

PIECE = 64
"""Windows in the network at a time while nothing is learned."""
SETTLING = 512
"""Windows at most that memories settle by."""
ROUNDS = 10
"""Moves of a memory's items when they settle."""


def epochs(network: MgeNet, train: Windows, params: MgeNetParams, seed: int) -> Iterator[float]:
    """Learn an epoch at a time, and after the last fill the matching memory; yields the mean loss of each.

    Raises:
        TrainingError: the loss is no longer finite.
    """
    device = device_of(network)
    schedule = Schedule.of(params, device, params.optimizer)
    draw = torch.Generator().manual_seed(derive(seed, "mgenet", "memory"))
    if params.items == "settled":
        network.scenes.settle(described(network, train), draw, ROUNDS)
    lessons = Lessons(network, train, params, schedule, torch.Generator().manual_seed(derive(seed, "mgenet", "masks")))
    for number, loss in enumerate(learn(network, lessons, len(train), schedule, seed), start=1):
        yield loss
        if number <= max(params.epochs // 2, 1):  # what follows settled items needs passes of its own
            settle(network, train, params, draw)
    remember(network.eval(), train, params, draw)


class Lessons:
    """The loss of windows by their rows (Eq. 12).

    Args:
        network: that learns.
        windows: that it learns from.
        params: see there.
        schedule: for its precision.
        draw: of the masks; None: the two masks of tests, so that losses can be compared.
    """

    def __init__(
        self, network: MgeNet, windows: Windows, params: MgeNetParams, schedule: Schedule,
        draw: torch.Generator | None = None,
    ) -> None:  # fmt: skip
        self._network, self._windows, self._params = network, windows, params
        self._schedule, self._draw, self._device = schedule, draw, device_of(network)
        self._taught = taught(network, windows)

    def __call__(self, rows: Tensor) -> Tensor:
        """The mean loss of these windows."""
        network, params = self._network, self._params
        films, target = clips(self._windows, rows, self._device), self._taught[rows].to(self._device)
        with half(self._device, self._schedule):
            maps = network.behaviour(films)
            loss = params.motion_weight * functional.mse_loss(network.motion(maps), target)
            seen = maps.detach()  # the mask encoder follows the other, which it does not move
            loss = loss + params.alpha * self._unlike(films, seen)
            if params.memory and params.beta:
                loss = loss + params.beta * self._together(maps, rows)
        return loss

    def _unlike(self, films: Tensor, maps: Tensor) -> Tensor:
        network = self._network
        wanted = network.appearance(maps)
        if self._draw is None:
            both = network.both_masks(len(films))
            return torch.stack([apart(network.explored(films, kept), wanted) for kept in both]).mean()
        draws = torch.rand(len(films), network.test_draws.shape[1], generator=self._draw).to(self._device)
        return apart(network.explored(films, masked(network.grid, draws, self._params.mask)[0]), wanted).mean()

    def _together(self, maps: Tensor, rows: Tensor) -> Tensor:
        network, margin = self._network, self._params.separation
        tokens, known = as_tokens(maps), network.described(places(self._windows, rows, self._device))
        pairs = torch.cat([network.pattern(network.weights(maps)), network.scenes.address(known)], dim=1)
        nearest = torch.cdist(pairs, network.matching.pairs).topk(min(2, self._params.matches), largest=False).values
        matching = (nearest[:, 0] - nearest[:, -1] + margin).clamp(min=0).mean()
        return network.behaviours.separateness(tokens, margin) + network.scenes.separateness(known, margin) + matching


@torch.no_grad()
def settle(network: MgeNet, train: Windows, params: MgeNetParams, draw: torch.Generator) -> None:
    """Move memory and projection to what the encoder makes of some training windows, where they do not learn."""
    network.eval()
    rows = torch.randperm(len(train), generator=draw)[:SETTLING]
    maps = torch.cat([network.behaviour(clips(train, part, device_of(network))) for part in torch.split(rows, PIECE)])
    if params.items == "settled":
        network.behaviours.settle(as_tokens(maps).flatten(0, 1), draw, ROUNDS)
    if params.projection == "whitened":
        network.projection.settle(network.remembered(maps).flatten(0, 1))


@torch.no_grad()
def remember(network: MgeNet, train: Windows, params: MgeNetParams, draw: torch.Generator) -> None:
    """Fill the matching memory with what people do where in training (Eq. 8 and 9)."""
    if not network.several:
        return
    device, found = device_of(network), list[tuple[Tensor, Tensor]]()
    for rows in torch.split(torch.arange(len(train)), PIECE):
        weights = network.weights(network.behaviour(clips(train, rows, device)))
        found.append((network.pattern(weights), network.place(places(train, rows, device))))
    behaviour, place = (torch.cat(part) for part in zip(*found, strict=True))
    network.matching.store(behaviour, place, params.rounds, draw if params.items == "settled" else None)


def held_out(network: MgeNet, windows: Windows, params: MgeNetParams) -> float:
    """Mean loss of windows that are not learned from."""
    schedule = Schedule.of(params, device_of(network))
    return mean_loss(network, Lessons(network, windows, params, schedule), len(windows), PIECE)


@torch.no_grad()
def judge(network: MgeNet, windows: Windows, rows: Tensor, params: MgeNetParams) -> dict[str, np.ndarray]:
    """The three parts of some windows, `(n,)` each."""
    device = device_of(network)
    films = clips(windows, rows, device)
    maps = network.behaviour(films)
    wanted = network.appearance(maps)
    masks = [apart(network.explored(films, kept), wanted) for kept in network.both_masks(len(films))]
    latent = taught(network, windows.take(rows.numpy()))
    found = {
        "motion": motion_score(latent, network.motion(maps), params.measure),
        "appearance": torch.stack(masks).mean(dim=0),  # Eq. 14
        "scene": mismatch(network, maps, places(windows, rows, device), params),
    }
    return {name: value.float().cpu().numpy() for name, value in found.items()}


def motion_score(taught: Tensor, explored: Tensor, measure: str) -> Tensor:
    """How abnormal a motion is, `(n,)`, by the teacher's latent and the encoder's, `(n, C, T, V)` (Eq. 13, table 3)."""
    first, second = taught.flatten(1), explored.flatten(1)
    if measure == "cosine":
        return apart(first, second)
    compared = {"difference": first - second, "teacher": first, "encoder": second, "sum": first + second}
    return length(compared[measure])


def mismatch(network: MgeNet, maps: Tensor, where: Tensor, params: MgeNetParams) -> Tensor:
    """How badly behaviour and place fit, `(n,)` (Eq. 15); 0 where there is nothing to match."""
    if not network.several:
        return torch.zeros(len(maps), device=maps.device)
    behaviour, place = network.matching.recall(
        network.pattern(network.weights(maps)), network.place(where), params.best
    )
    return length(behaviour - place)


def apart(one: Tensor, other: Tensor) -> Tensor:
    """1 - cosine of vectors `(n, C)`: `(n,)` (Eq. 6)."""
    return 1 - functional.cosine_similarity(one, other, dim=1)


def length(vectors: Tensor) -> Tensor:
    """Euclidean length of vectors `(n, C)`: `(n,)`."""
    found: Tensor = torch.linalg.vector_norm(vectors, dim=1)
    return found


def taught(network: MgeNet, windows: Windows) -> Tensor:
    """The teacher's latent of windows, `(N, C, T, V)`."""
    poses = torch.from_numpy(np.array(windows.poses))
    device = device_of(network)
    nothing = torch.empty(poses.shape, device=device)[:0]
    return torch.cat([nothing, *(network.taught(part.to(device)) for part in torch.split(poses, 1024) if len(part))])


def places(windows: Windows, rows: Tensor, device: torch.device) -> Tensor:
    """Places of some windows, `(n, 3, H, W)` in 0 … 1."""
    pixels = np.stack([windows.scene(int(row)) for row in rows])
    return torch.from_numpy(pixels).to(device).float().div_(255)


@torch.no_grad()
def described(network: MgeNet, windows: Windows) -> Tensor:
    """What the places of some windows are known by, `(n, C)`."""
    rows = torch.linspace(0, len(windows) - 1, min(len(windows), SETTLING)).long()
    parts = torch.split(rows, PIECE)
    return torch.cat([network.described(places(windows, part, device_of(network))) for part in parts])
