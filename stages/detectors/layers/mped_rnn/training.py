"""How MPED-RNN learns, by Adam, from what it says wrongly of normal windows, and what is wrong with each sample.

Source: Morais et al., "Learning Regularity in Skeleton Trajectories for Anomaly Detection in Videos", CVPR 2019,
sections 3.3 (losses) and 3.4 (scores).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stages.core.errors import TrainingError
from stages.core.seeding import derive
from stages.detectors.layers.mped_rnn.features import Features
from stages.detectors.layers.mped_rnn.network import Decoded, MpedRnn
from stages.detectors.layers.mped_rnn.params import MpedRnnParams

SCORE_BATCH = 2048
"""Windows in the network at a time while nothing is learned; scores do not depend on it."""
MEASURED = 32768
"""Windows at most, evenly taken from all, whose quantiles the scalers are."""


def train(
    network: MpedRnn, poses: NDArray[np.float32], params: MpedRnnParams, seed: int, watched: NDArray[np.float32] | None
) -> Iterator[dict[str, float]]:
    """Fit a network, an epoch at a time; yields each epoch's mean losses by name.

    With held-out windows the network becomes what was best for them when the iterator is used up.

    Args:
        network: begins where it stands; on its device.
        poses: `(N, C, T, V)` training windows.
        params: see `MpedRnnParams`.
        seed: of which windows are held out and of the others' order.
        watched: windows whose loss is taken after each epoch, and nothing done about it.

    Raises:
        TrainingError: the loss is no longer finite.
    """
    device = network.box_scaler.centre.device
    data = tensor(poses)
    network.fit_scalers(Features.of(data[:: -(-len(data) // MEASURED)].to(device)))
    order = torch.Generator().manual_seed(derive(seed, "mped_rnn", "order"))
    shuffled = torch.randperm(len(data), generator=order)
    held, rows = shuffled.tensor_split([min(round(params.held_out * len(data)), len(data) - 1)])
    optimizer = torch.optim.Adam(network.parameters(), lr=params.learning_rate)
    best, kept, since = float("inf"), None, 0
    for epoch in range(params.epochs):
        losses = {"loss": _epoch(network, optimizer, data, rows, params, order)}
        if not abs(losses["loss"]) < float("inf"):
            raise TrainingError(
                f"the loss is {losses['loss']} in epoch {epoch + 1}", fix="lower detectors.mped_rnn.learning_rate"
            )
        if len(held):
            losses["held_out_loss"] = mean_loss(network, data[held], params)
        if watched is not None:
            losses["validation_loss"] = mean_loss(network, tensor(watched), params)
        yield losses
        if len(held):
            since += 1
            if losses["held_out_loss"] < best:
                best, kept, since = losses["held_out_loss"], copy.deepcopy(network.state_dict()), 0
            if since == params.patience:
                break
    if kept is not None:
        network.load_state_dict(kept)


def _epoch(
    network: MpedRnn,
    optimizer: torch.optim.Optimizer,
    data: Tensor,
    rows: Tensor,
    params: MpedRnnParams,
    order: torch.Generator,
) -> float:
    """Learn from each window once; the mean loss on the way."""
    device, total = network.box_scaler.centre.device, 0.0
    for batch in torch.split(rows[torch.randperm(len(rows), generator=order)], params.batch):
        optimizer.zero_grad()
        loss = window_loss(network, Features.of(data[batch].to(device)), params)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += loss.item() * len(batch) / len(rows)
    return total


def window_loss(network: MpedRnn, features: Features, params: MpedRnnParams) -> Tensor:
    """The weighted sum of the errors in boxes, joints within them, and joints in the windows' own coordinates.

    Each is a mean square over what is seen, in units of what the scalers measure, summed over the reconstruction and
    the predictions (paper, section 3.3: L_g, L_l and L_p).
    """
    box, local = network.scaled(features)
    total = torch.zeros((), device=box.device)
    for said in network(box, local):
        seen, present = features.seen[:, said.span, None], features.present[:, said.span, None]
        off = (said.places - features.places[:, said.span]) / network.places_scaler.scale
        total = total + params.perceptual_weight * mean_square(off, seen)
        total = total + params.local_weight * mean_square(said.local - local[:, said.span], seen)
        total = total + params.global_weight * mean_square(said.box - box[:, said.span], present)
    return total


def mean_square(off: Tensor, mask: Tensor) -> Tensor:
    """Mean of the squares where the mask, which broadcasts against them, holds; 0 where it holds nowhere."""
    return (off * mask).square().sum() / mask.expand_as(off).sum().clamp(min=1)


@torch.no_grad()
def mean_loss(network: MpedRnn, data: Tensor, params: MpedRnnParams) -> float:
    """The loss of windows `(N, C, T, V)`."""
    device, total = network.box_scaler.centre.device, 0.0
    for part in torch.split(data, SCORE_BATCH):
        total += float(window_loss(network, Features.of(part.to(device)), params)) * len(part) / max(len(data), 1)
    return total


@torch.no_grad()
def sample_errors(network: MpedRnn, poses: NDArray[np.float32], errors: str) -> NDArray[np.float32]:
    """How far the network is off in the joints' places, a mean square in the windows' unit over seen joints, x and y.

    Args:
        network: fitted.
        poses: `(N, C, T, V)` windows.
        errors: see `MpedRnnParams.errors`.

    Returns:
        With `both` `(N, T)`; a sample that is said more than once has the mean of its errors, and one that is never
        said, or in which no joint is seen, the mean of the window's others. Else `(N,)`, that mean. 0 for a window in
        which nothing is seen.
    """
    device = network.box_scaler.centre.device
    found = [_errors(network, Features.of(part.to(device)), errors) for part in torch.split(tensor(poses), SCORE_BATCH)]
    return np.asarray(torch.cat(found).cpu().numpy(), dtype=np.float32)


def _errors(network: MpedRnn, features: Features, errors: str) -> Tensor:
    said: list[Decoded] = network(*network.scaled(features))
    counted = {"reconstruction": said[:1], "prediction": said[1:], "both": said}[errors]
    count = features.seen.sum(dim=2)
    total, times = torch.zeros_like(count, dtype=torch.float32), torch.zeros_like(count)
    for each in counted:
        off = (each.places - features.places[:, each.span]) * features.seen[:, each.span, None]
        total[:, each.span] += off.square().sum(dim=(2, 3)) / (2 * count[:, each.span]).clamp(min=1)
        times[:, each.span] += features.present[:, each.span]
    per_sample, scored = total / times.clamp(min=1), times > 0
    mean = torch.where(scored, per_sample, 0.0).sum(dim=1) / scored.sum(dim=1).clamp(min=1)
    return torch.where(scored, per_sample, mean[:, None]) if errors == "both" else mean


def tensor(poses: NDArray[np.float32]) -> Tensor:
    """The same numbers as a tensor, a copy: windows from a table are read-only."""
    return torch.from_numpy(np.array(poses, dtype=np.float32, order="C"))
