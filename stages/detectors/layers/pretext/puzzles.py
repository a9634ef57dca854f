"""Jigsaw puzzles of clips: frames in another order, pieces of the frames in other places.

Source: Wang, Wang, Qin, Zhang, Bao and Huang, "Video Anomaly Detection by Solving Decoupled Spatio-Temporal Jigsaw
Puzzles", ECCV 2022, sections 3.2 and 3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.core.seeding import derive
from stages.core.windows import Windows
from stages.detectors.layers.frames.batches import clips
from stages.detectors.layers.frames.training import Schedule, half, learn, mean_loss
from stages.detectors.layers.frames.widths import scaled
from stages.detectors.layers.pretext.params import JigsawParams

WIDTHS = (32, 32, 64, 64, 64, 64)
"""Channels of each convolution; after every second one the sides are halved."""
HIDDEN = 512
"""Numbers between the convolutions and an answer."""


class Solver(nn.Module):
    """Says of every frame, or of every piece, which place it belongs to.

    The paper flattens all features and lets two layers answer for all places at once; here one answer is shared by all
    frames, and one by all pieces, which learned sooner (docs/decisions/0017): convolutions have told each its context.

    Args:
        channels: of a frame.
        samples: T.
        params: sizes.
    """

    def __init__(self, channels: int, samples: int, params: JigsawParams) -> None:
        super().__init__()
        self.places = {"temporal": samples, "spatial": params.grid**2}
        self.side = params.side
        widths = scaled(WIDTHS, params.width)
        layers: list[nn.Module] = []
        for number, (inputs, outputs) in enumerate(zip([channels, *widths], widths, strict=False)):
            layers += [nn.Conv3d(inputs, outputs, 3, padding=1), nn.InstanceNorm3d(outputs), nn.ReLU(inplace=True)]
            layers += [nn.MaxPool3d((1, 2, 2))] if number % 2 else []
        self.features = nn.Sequential(*layers)
        self.frames = nn.AdaptiveAvgPool3d((samples, 4, 4))
        self.pieces = nn.AdaptiveAvgPool3d((4, params.grid, params.grid))
        self.answers = nn.ModuleDict(
            {
                "temporal": _answer(widths[-1] * 16, samples, params.width),
                "spatial": _answer(widths[-1] * 4, params.grid**2, params.width),
            }
        )

    def forward(self, films: Tensor) -> dict[str, Tensor]:
        """Clips `(n, C, T, side, side)` → by puzzle `(n, places, places)`: row i says where what lies at i belongs."""
        found = self.features(films)
        seen = {
            "temporal": self.frames(found).transpose(1, 2).flatten(2),
            "spatial": self.pieces(found).flatten(3).permute(0, 3, 1, 2).flatten(2),
        }
        return {name: self.answers[name](seen[name]) for name in self.places}


def _answer(inputs: int, places: int, width: float) -> nn.Sequential:
    hidden = scaled([HIDDEN], width)[0]
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, places))


def shrunk(films: Tensor, side: int) -> Tensor:
    """Clips with frames of `side` × `side` px."""
    length = films.shape[2]
    return functional.interpolate(films, (length, side, side), mode="area")


def in_another_order(films: Tensor, order: Tensor) -> Tensor:
    """Frames of each clip `(n, C, T, H, W)` in an order of its own, `(n, T)`."""
    return torch.stack([film[:, places] for film, places in zip(films, order, strict=True)])


def in_other_places(films: Tensor, order: Tensor, grid: int) -> Tensor:
    """Pieces of all frames of each clip laid in an order of its own, `(n, grid²)`; a margin that is left over goes."""
    piece = films.shape[-1] // grid
    count, channels, length = films.shape[:3]
    cut = films[..., : grid * piece, : grid * piece].reshape(count, channels, length, grid, piece, grid, piece)
    pieces = cut.permute(0, 3, 5, 1, 2, 4, 6).flatten(1, 2)  # (n, grid², C, T, piece, piece)
    laid = torch.stack([one[places] for one, places in zip(pieces, order, strict=True)])
    rows = laid.view(count, grid, grid, channels, length, piece, piece).permute(0, 3, 4, 1, 5, 2, 6)
    return rows.reshape(count, channels, length, grid * piece, grid * piece)


def solve(network: Solver, train: Windows, params: JigsawParams, seed: int, device: torch.device) -> Iterator[float]:
    """Learn, an epoch at a time; yields the mean cross-entropy of both puzzles.

    Raises:
        TrainingError: the loss is no longer finite.
    """
    schedule = Schedule.of(params, device)
    loss = _loss(network, train, params, seed, "orders", schedule, device)
    return learn(network, loss, len(train), schedule, seed)


def puzzles_loss(network: Solver, films: Tensor, grid: int, draw: torch.Generator, schedule: Schedule) -> Tensor:
    """Cross-entropy of a puzzle in time and of one in space for each clip."""
    orders = {name: permutations(len(films), count, draw) for name, count in network.places.items()}
    shuffled = {
        "temporal": in_another_order(films, orders["temporal"]),
        "spatial": padded(in_other_places(films, orders["spatial"], grid), films.shape[-1]),
    }
    total = films.new_zeros(())
    for name, order in orders.items():
        with half(films.device, schedule):
            answers = network(shuffled[name])[name]
        total = total + functional.cross_entropy(answers.float().flatten(0, 1), order.flatten().to(films.device))
    return total / len(orders)


def held_out(network: Solver, windows: Windows, params: JigsawParams, seed: int, device: torch.device) -> float:
    """Mean cross-entropy of windows that are not learned from, always in the same orders."""
    schedule = Schedule.of(params, device)
    return mean_loss(network, _loss(network, windows, params, seed, "held out", schedule, device), len(windows))


def _loss(
    network: Solver, windows: Windows, params: JigsawParams, seed: int, orders: str, schedule: Schedule,
    device: torch.device,
) -> Callable[[Tensor], Tensor]:  # fmt: skip
    draw = torch.Generator().manual_seed(derive(seed, "jigsaw", orders))

    def loss(rows: Tensor) -> Tensor:
        return puzzles_loss(network, shrunk(clips(windows, rows, device), params.side), params.grid, draw, schedule)

    return loss


@torch.no_grad()
def doubt(network: Solver, windows: Windows, rows: Tensor, device: torch.device) -> dict[str, Tensor]:
    """Of clips as they are: 1 less the least probability that a frame, or a piece, belongs where it lies, `(n,)`."""
    answers = network(shrunk(clips(windows, rows, device), network.side))
    return {
        name: 1 - torch.softmax(found.float(), dim=2).diagonal(dim1=1, dim2=2).amin(dim=1)
        for name, found in answers.items()
    }


def permutations(count: int, places: int, draw: torch.Generator) -> Tensor:
    """Orders drawn by lot, `(count, places)`."""
    return torch.stack([torch.randperm(places, generator=draw) for _ in range(count)])


def padded(films: Tensor, side: int) -> Tensor:
    """Clips with the margin that was cut off as zeros again."""
    missing = side - films.shape[-1]
    return functional.pad(films, (0, missing, 0, missing))
