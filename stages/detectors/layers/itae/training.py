"""How ITAE learns: first the autoencoder, then, with it frozen, a flow over each path's features.

Source: Cho et al., "Unsupervised Video Anomaly Detection via Normalizing Flows with Implicit Latent Features", Pattern
Recognition 2022, sections 3.3, 3.4 and 4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.core.errors import TrainingError
from stages.core.seeding import derive
from stages.core.windows import Windows
from stages.detectors.layers.frames.batches import as_pictures, clips
from stages.detectors.layers.frames.training import PIECE, Schedule, device_of, half, learn, mean_loss
from stages.detectors.layers.glow import Glow
from stages.detectors.layers.itae import network, slowfast
from stages.detectors.layers.itae.autoencoder import EVERY, Autoencoder, Encoded, refuse_odd
from stages.detectors.layers.itae.losses import reconstruction_loss, scales
from stages.detectors.layers.itae.params import ItaeNfParams, ItaeParams


class Density(nn.Module):
    """A flow over the maps of one path: features' maximum and mean over channels, standardized.

    Args:
        channels: of a map: 2, or 3 with the frame's intensity.
        params: the flow's.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int, params: ItaeNfParams) -> None:
        super().__init__()
        self.flow = Glow(channels, params.steps, params.levels, params.hidden, remember=params.remember)
        self.noise = params.noise
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.register_buffer("deviation", torch.ones(1, channels, 1, 1))

    @torch.no_grad()
    def standardize(self, maps: Tensor) -> None:
        """Take mean and deviation of these maps, `(M, C, H, W)`, from now on."""
        variance, mean = torch.var_mean(maps, dim=(0, 2, 3), keepdim=True, correction=0)
        self.mean.copy_(mean)
        self.deviation.copy_(variance.sqrt().clamp_min(1e-4))

    def forward(self, maps: Tensor) -> Tensor:
        """Bits per element of each map `(M,)`; higher = less likely."""
        plain = (maps - self.mean) / self.deviation
        if self.training and self.noise:
            plain = plain + self.noise * torch.randn_like(plain)
        return self.flow.bits(plain)


def pooled(features: Tensor, intensity: Tensor | None = None) -> Tensor:
    """A map per time step: features' maximum and mean over channels, and the frame's intensity if given.

    Args:
        features: `(N, C, T, H, W)`.
        intensity: `(N, 1, T, H, W)`.

    Returns:
        `(N · T, 2 or 3, H, W)`.
    """
    parts = [features.amax(dim=1, keepdim=True), features.mean(dim=1, keepdim=True)]
    return as_pictures(torch.cat(parts if intensity is None else [*parts, intensity], dim=1))


def path_maps(encoded: Encoded, films: Tensor, params: ItaeNfParams) -> dict[str, Tensor]:
    """What each flow reads of clips `(N, C, T, H, W)` and their features.

    Returns:
        By flow: `static`, `(N · T / 4, ., H', W')`, and `dynamic`, `(N · T, ., H', W')`.
    """
    if params.reads == "frames":
        return {"static": as_pictures(films[:, :, ::EVERY]), "dynamic": as_pictures(films)}
    static, dynamic, _ = encoded
    if dynamic is None:
        raise TrainingError("there is no dynamic path whose features a flow could read", fix="set `two_path: true`")
    grey = functional.interpolate(as_pictures(films[:, :, ::EVERY]).mean(dim=1, keepdim=True), static.shape[-2:])
    shape = (len(films), 1, static.shape[2], *static.shape[-2:])
    intensity = grey.view(len(films), -1, 1, *static.shape[-2:]).transpose(1, 2).reshape(shape)
    return {"static": pooled(static, intensity if params.intensity else None), "dynamic": pooled(dynamic)}


def channels_read(picture: tuple[int, ...], params: ItaeNfParams) -> dict[str, int]:
    """Channels of each flow's maps, for frames of a form."""
    if params.reads == "frames":
        return {"static": picture[0], "dynamic": picture[0]}
    return {"static": 3 if params.intensity else 2, "dynamic": 2}


def build(picture: tuple[int, ...], samples: int, params: ItaeParams, seed: int) -> Autoencoder:
    """A new autoencoder; the seed decides its weights.

    Raises:
        TrainingError: the clips' length or sides do not fit it.
    """
    shallow = params.encoder == "shallow"
    refuse_odd(torch.empty(0, picture[0], samples, *picture[1:]), network.SHRINK if shallow else slowfast.SHRINK)
    try:
        scales(*picture[1:])
    except ValueError as error:
        raise TrainingError(str(error), fix="give larger `frames` in the window spec") from error
    form: dict[str, Any] = {"width": params.width, "two_path": params.two_path, "remember": params.remember}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "itae", "weights"))
        built = (
            network.Itae(picture[0], norm=params.norm, lateral=params.lateral, **form)
            if shallow
            else slowfast.SlowFast(picture[0], **form)
        )
    return built.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload,no-any-return]


def reconstruct(autoencoder: Autoencoder, train: Windows, params: ItaeParams, seed: int) -> Iterator[float]:
    """Step 1, an epoch at a time; yields the mean loss of the epoch (equation 9).

    Raises:
        TrainingError: the loss is no longer finite.
    """
    schedule = Schedule.of(params, device_of(autoencoder))
    return learn(autoencoder, _loss(autoencoder, train, schedule), len(train), schedule, seed)


def held_out(autoencoder: Autoencoder, windows: Windows, params: ItaeParams) -> float:
    """Mean loss of windows that are not learned from."""
    schedule = Schedule.of(params, device_of(autoencoder))
    return mean_loss(autoencoder, _loss(autoencoder, windows, schedule), len(windows))


def _loss(autoencoder: Autoencoder, windows: Windows, schedule: Schedule) -> Callable[[Tensor], Tensor]:
    device = device_of(autoencoder)

    def loss(rows: Tensor) -> Tensor:
        films = clips(windows, rows, device)
        with half(device, schedule):
            found = autoencoder(films)
        return reconstruction_loss(as_pictures(found.float()), as_pictures(films))

    return loss


def estimate(
    autoencoder: Autoencoder, flows: nn.ModuleDict, train: Windows, params: ItaeNfParams, seed: int
) -> Iterator[float]:
    """Step 2, an epoch at a time, the autoencoder frozen; yields the mean bits per element of all flows.

    Raises:
        TrainingError: the loss is no longer finite, or the maps cannot be halved as often as there are levels.
    """
    device = device_of(autoencoder)
    autoencoder.eval()
    for name, maps in maps_of(autoencoder, train, params, torch.arange(min(len(train), 16 * PIECE)), device).items():
        density = flows[name]
        if isinstance(density, Density):
            density.standardize(maps)

    def loss(rows: Tensor) -> Tensor:
        found = maps_of(autoencoder, train, params, rows, device)
        return torch.stack([flows[name](maps).mean() for name, maps in found.items()]).sum()

    schedule = Schedule.of(params, device).instead(params.flow_epochs, params.flow_batch, params.flow_rate)
    return learn(flows, loss, len(train), schedule, seed)


@torch.no_grad()
def maps_of(
    autoencoder: Autoencoder, windows: Windows, params: ItaeNfParams, rows: Tensor, device: torch.device
) -> dict[str, Tensor]:
    """Maps of some windows by the flow that reads them."""
    found: dict[str, list[Tensor]] = {}
    for piece in torch.split(rows, PIECE):
        films = clips(windows, piece, device)
        for name, maps in path_maps(autoencoder.encode(films), films, params).items():
            found.setdefault(name, []).append(maps)
    return {name: torch.cat(maps) for name, maps in found.items()}
