"""The network of STG-NF, its training and its likelihoods: what of `stages/detectors/stg_nf.py` needs torch.

Source: Hirschorn and Avidan, "Normalizing Flows for Human Pose Anomaly Detection", ICCV 2023, sections 3 and 4 and
supplement section 10.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stages.core.errors import TrainingError
from stages.core.seeding import derive
from stages.core.skeleton import layout as joint_layout
from stages.core.windows import Windows
from stages.detectors.base import Form
from stages.detectors.layers.flow import (
    ActNorm,
    Bijection,
    Chain,
    Coupling,
    InvertibleConvolution,
    Reverse,
    bits_per_dimension,
)
from stages.detectors.layers.graph import adjacency
from stages.detectors.layers.stgcn import st_gcn

if TYPE_CHECKING:
    from stages.detectors.stg_nf import StgNfParams

SCORE_BATCH = 4096
"""Windows in the network at a time while scoring; scores do not depend on it."""


def build(form: Form, params: StgNfParams, seed: int) -> Chain:
    """The flow with fresh weights: steps of ActNorm, channel permutation and affine coupling.

    The first step's first block has no residual, as in the released code.
    """
    channels, kept = len(form.channels), len(form.channels) // 2
    graph = torch.from_numpy(adjacency(joint_layout(form.layout), params.adjacency, params.max_hop)).float()
    widths = [kept, *([params.hidden] if params.hidden else []), 2 * (channels - kept)]
    kernel = params.kernel(form.samples)

    def step(number: int) -> Chain:
        layers: dict[str, Bijection] = {
            "actnorm": ActNorm(channels),
            "permutation": Reverse() if params.permutation == "reverse" else InvertibleConvolution(channels),
            "coupling": Coupling(st_gcn(widths, graph, kernel, first_residual=number > 0)),
        }
        return Chain(layers)

    with _seeded(derive(seed, "stg_nf", "weights")):
        return Chain({str(number): step(number) for number in range(params.steps)})


def train(network: Chain, windows: Windows, params: StgNfParams, seed: int, *, watched: bool) -> Iterator[float]:
    """Maximise the windows' likelihood, an epoch at a time; yields each epoch's mean loss in bits per dimension.

    Args:
        network: begins where it stands.
        windows: not augmented; mirrored copies are made on the way.
        params: see `StgNfParams`.
        seed: of the order of the windows.
        watched: whether likelihoods are taken between epochs; after the last one they may be in any case.

    Raises:
        TrainingError: the loss is no longer finite.
    """
    device = device_of(network)
    poses = torch.tensor(windows.poses, device=device)
    mirror = Mirror(windows, params.flip, device)
    order = torch.Generator().manual_seed(derive(seed, "stg_nf", "order"))
    optimizer = torch.optim.Adamax(network.parameters(), lr=params.learning_rate)
    for epoch in range(params.epochs):
        optimizer.param_groups[0]["lr"] = params.rate(epoch)
        network.train()
        shuffled = torch.randperm(len(poses) * mirror.copies, generator=order).to(device)
        # Batch statistics of a single window say nothing: a lone last one waits for the next epoch's order.
        batches = [rows for rows in torch.split(shuffled, params.batch) if len(rows) > 1]
        total = torch.zeros((), device=device)
        for rows in batches:
            total += len(rows) * update(network, optimizer, mirror.take(poses, rows), params)
        loss = float(total) / sum(map(len, batches))
        if not math.isfinite(loss):
            raise TrainingError(f"the loss is {loss} in epoch {epoch + 1}", fix="lower detectors.stg_nf.learning_rate")
        if params.statistics == "recomputed" and (watched or epoch + 1 == params.epochs):
            chunks = torch.chunk(shuffled, -(-len(shuffled) // SCORE_BATCH))
            recompute_statistics(network, (mirror.take(poses, rows) for rows in chunks))
        yield loss


@torch.no_grad()
def recompute_statistics(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set the running statistics of batch normalization to the average over `batches`, under the present weights.

    Those gathered while the weights moved belong to no one network. Source: Wu and Johnson, "Rethinking 'Batch' in
    BatchNorm", 2021, section 3.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    network.train()
    for number, batch in enumerate(batches, start=1):
        for norm in norms:
            norm.momentum = 1 / number
        network(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def update(network: Chain, optimizer: torch.optim.Optimizer, batch: Tensor, params: StgNfParams) -> Tensor:
    """One step of the optimizer; returns the batch's mean loss before it."""
    optimizer.zero_grad()
    z, logdet = network(batch)
    loss = bits_per_dimension(z, logdet, params.prior_mean).mean()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), params.gradient_clip)
    optimizer.step()
    return loss.detach()


def likelihoods(network: Chain, poses: NDArray[np.float32], prior_mean: float) -> NDArray[np.float32]:
    """Negative log-likelihood of windows `(N, C, T, V)`, `(N,)` bits per dimension; uses running batch statistics."""
    network.eval()
    scores = np.empty(len(poses), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(poses), SCORE_BATCH):
            batch = torch.tensor(poses[start : start + SCORE_BATCH], device=device_of(network))
            z, logdet = network(batch)
            scores[start : start + SCORE_BATCH] = bits_per_dimension(z, logdet, prior_mean).cpu().numpy()
    return scores


def sample(network: Chain, form: Form, count: int, prior_mean: float, seed: int) -> NDArray[np.float32]:
    """Windows drawn from the prior and sent back through the flow, `(count, C, T, V)`."""
    generator = torch.Generator().manual_seed(derive(seed, "stg_nf", "sample"))
    latent = torch.randn(count, len(form.channels), form.samples, form.joints, generator=generator) + prior_mean
    with torch.inference_mode():
        return np.asarray(network.eval().inverse(latent.to(device_of(network))).cpu().numpy())


class Mirror:
    """Training windows and their mirrored copies, made as they are asked for.

    Normalization commutes with mirroring: mirrored normalized windows are normalized mirrored ones.

    Args:
        windows: gives channels and layout.
        flip: `swap_joints`, `published` or `none`, see `StgNfParams`.
        device: of the windows that will be asked for.
    """

    def __init__(self, windows: Windows, flip: str, device: torch.device) -> None:
        self.copies = 1 if flip == "none" else 2
        joints = joint_layout(windows.layout).mirror if flip == "swap_joints" else tuple(range(windows.poses.shape[3]))
        self._joints = torch.tensor(joints, device=device)
        self._signs = torch.tensor([-1.0 if name == "x" else 1.0 for name in windows.channels], device=device)

    def __call__(self, poses: Tensor) -> Tensor:
        """Mirror `(N, C, T, V)` left to right."""
        return poses[..., self._joints] * self._signs[:, None, None]

    def take(self, poses: Tensor, rows: Tensor) -> Tensor:
        """Rows of `poses` followed by its mirrored copies."""
        taken = poses[rows % len(poses)]
        if self.copies == 1:
            return taken
        return torch.where((rows >= len(poses))[:, None, None, None], self(taken), taken)


def device_of(network: Chain) -> torch.device:
    """Where a network's weights are."""
    return next(network.parameters()).device


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Compute with `count` CPU threads, then with as many as before; None changes nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw from torch's global generator under `seed`, and leave it as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
