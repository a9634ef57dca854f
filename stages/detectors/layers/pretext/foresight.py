"""How the next frame is learned to be foreseen, and how far it was from what came.

Source: Liu, Luo, Lian and Gao, "Future Frame Prediction for Anomaly Detection – A New Baseline", CVPR 2018, sections
3.2, 3.3 and 3.5: intensity, gradient and optical-flow loss, and the peak signal-to-noise ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from stages.core.errors import ModelError
from stages.core.seeding import derive
from stages.core.windows import Windows
from stages.detectors.layers.frames.batches import clips
from stages.detectors.layers.frames.training import Schedule, half, learn, mean_loss
from stages.detectors.layers.itae.losses import gradient_difference
from stages.detectors.layers.pretext.params import FfpParams
from stages.detectors.layers.pretext.unet import UNet

Motion = Callable[[Tensor, Tensor], Tensor]
"""Optical flow from one frame to another, `(M, C, H, W)` each, `(M, 2, H, W)` px."""


def foresee(network: UNet, train: Windows, params: FfpParams, seed: int, device: torch.device) -> Iterator[float]:
    """Learn, an epoch at a time; of each window one frame, drawn anew each time. Yields the mean loss.

    Raises:
        TrainingError: the loss is no longer finite.
        ModelError: the optical flow's weights cannot be used.
    """
    schedule = Schedule.of(params, device)
    motion = None if params.flow is None else optical_flow(Path(params.flow), device)
    draw = torch.Generator().manual_seed(derive(seed, "ffp", "frames"))

    def loss(rows: Tensor) -> Tensor:
        films = clips(train, rows, device)
        at = torch.randint(params.past, films.shape[2], (len(films),), generator=draw)
        with half(device, schedule):
            found = network(before(films, at, params.past))
        return prediction_loss(found.float(), films, at, motion, params.flow_weight)

    return learn(network, loss, len(train), schedule, seed)


def held_out(network: UNet, windows: Windows, params: FfpParams, device: torch.device) -> float:
    """Mean loss, without the optical flow's, of the last frame of windows that are not learned from."""

    def loss(rows: Tensor) -> Tensor:
        films = clips(windows, rows, device)
        at = torch.full((len(rows),), films.shape[2] - 1)
        return prediction_loss(network(before(films, at, params.past)), films, at)

    return mean_loss(network, loss, len(windows))


@torch.no_grad()
def errors(network: UNet, windows: Windows, rows: Tensor, past: int, device: torch.device) -> Tensor:
    """Squared error of every pixel, mean over channels, `(n, T, H, W)`; the first `past` are foreseen backwards."""
    films = clips(windows, rows, device)
    length = films.shape[2]
    found = []
    for number in range(length):
        forwards = number >= past
        way, place = (films, number) if forwards else (films.flip(2), length - 1 - number)
        at = torch.full((len(rows),), place)
        found.append((network(before(way, at, past)) - frame(way, at)).square().mean(dim=1))
    return torch.stack(found, dim=1)


def surprise(errors: Tensor) -> Tensor:
    """Negative peak signal-to-noise ratio of frames by their errors `(n, T, H, W)`: `(n, T)` dB."""
    return 10 * torch.log10(errors.mean(dim=(2, 3)).clamp_min(1e-10))


def before(films: Tensor, at: Tensor, past: int) -> Tensor:
    """The `past` frames before a frame of each clip, oldest first, as channels.

    Args:
        films: `(n, C, T, H, W)`.
        at: `(n,)` numbers of the frames.
        past: how many.

    Returns:
        `(n, past · C, H, W)`.
    """
    seen = [frame(films, at - back) for back in range(past, 0, -1)]
    return torch.cat(seen, dim=1).contiguous(memory_format=torch.channels_last)


def frame(films: Tensor, at: Tensor) -> Tensor:
    """One frame of each clip, `(n, C, H, W)`."""
    return films[torch.arange(len(films)), :, at]


def prediction_loss(
    found: Tensor, films: Tensor, at: Tensor, motion: Motion | None = None, weight: float = 0.0
) -> Tensor:
    """Intensity + gradient difference, + the weighted difference of motion where there is something to tell it.

    Args:
        found: `(n, C, H, W)` as foreseen.
        films: `(n, C, T, H, W)` clips.
        at: `(n,)` numbers of the frames that were foreseen.
        motion: see `Motion`.
        weight: of its term.
    """
    came = frame(films, at)
    total = functional.mse_loss(found, came) + gradient_difference(found, came)
    if motion is None:
        return total
    last = frame(films, at - 1)
    with torch.no_grad():
        moved = motion(last, came)
    return total + weight * functional.l1_loss(motion(last, found), moved)


def optical_flow(path: Path, device: torch.device) -> Motion:
    """Torchvision's RAFT (small) with weights from a safetensors file.

    Raises:
        ModelError: torchvision is not installed, or the file does not fit.
    """
    try:
        from torchvision.models.optical_flow import raft_small  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise ModelError("the optical-flow term needs torchvision", fix="pip install torchvision") from error
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    network = raft_small(weights=None)
    try:
        network.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = str(error).partition("\n")[0]
        fix = "save the state of torchvision's raft_small as safetensors, or leave `flow` out"
        raise ModelError(f"no weights of RAFT (small): {reason}", where=str(path), fix=fix) from error
    network.to(device).eval().requires_grad_(requires_grad=False)

    def motion(first: Tensor, second: Tensor) -> Tensor:
        pairs = (pictures.expand(-1, 3, -1, -1) * 2 - 1 for pictures in (first, second))
        flow: Tensor = network(*pairs)[-1]
        return flow

    return motion
