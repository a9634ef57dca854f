"""One affine coupling of STG-NF on whole tensors, forth and back: all the arithmetic of the windows' size.

Everything here lies as `(S, T, V, N)`: S models, T samples, V joints, N windows. What a coupling's net says is the same
for every joint but for a multiple of the joint's own value:

    shift, raw = max(0, values + factor · kept)
    result = (scale · changed + offset + shift) · gain,    gain = sigmoid(raw + 2) + 1e-6

`changed` comes as an earlier step left it; `scale` and `offset` are what ActNorm has done to it since.

Source: Hirschorn and Avidan, STG-NF, ICCV 2023, section 3.2, and Dinh et al., Real NVP, ICLR 2017, equations 7 and 8.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from stages.detectors.layers.flow import TINY


class Inputs(NamedTuple):
    """What goes into a coupling.

    Args:
        kept: `(S, T, V, N)`.
        changed: `(S, T, V, N)`.
        values: `(S, 2, T, N)`, what the net says before its last ReLU, the same for every joint.
        factor: `(S, 2)`, of the joint's own value.
        scale: `(S,)`, of `changed`.
        offset: `(S,)`, of `changed`.
    """

    kept: Tensor
    changed: Tensor
    values: Tensor
    factor: Tensor
    scale: Tensor
    offset: Tensor


class Coupled(NamedTuple):
    """What a coupling gives.

    Args:
        result: `(S, T, V, N)`.
        pooled: `(S, T, N)`, its mean over joints.
        spread: `(S, T, N)`, its variance over joints.
    """

    result: Tensor
    pooled: Tensor
    spread: Tensor


class Gradients(NamedTuple):
    """By what went into a coupling, in its shapes; that by `kept` is added where the caller keeps it."""

    changed: Tensor
    values: Tensor
    factor: Tensor
    scale: Tensor
    offset: Tensor


def couple(given: Inputs, gains: Tensor) -> Coupled:
    """Change one channel by what the other says.

    Args:
        given: see `Inputs`.
        gains: `(S, T, N)`, filled with the products of gains over joints, see `log_volume`.
    """
    if _compiled(given.kept):
        from stages.detectors.layers.stg_nf import couple_cpu
        from stages.detectors.layers.stg_nf.compiled import run

        result = torch.empty_like(given.changed)
        pooled, spread = torch.empty_like(gains), torch.empty_like(gains)
        run(couple_cpu.couple, couple_cpu.tasks(given.kept), *given, result, pooled, spread, gains)
        return Coupled(result, pooled, spread)
    shift, _, gain = _net(given)
    result = (_wide(given.scale) * given.changed + _wide(given.offset) + shift) * gain
    spread, pooled = torch.var_mean(result, dim=2, correction=0)
    gains.copy_(gain.prod(dim=2))
    return Coupled(result, pooled, spread)


def log_volume(gains: Tensor) -> Tensor:
    """Of all couplings, `(S, N)`, from products of gains over joints, `(K, S, T, N)`; no gain is below 0.88."""
    if not _compiled(gains):
        return gains.log().sum(dim=(0, 2))
    from stages.detectors.layers.stg_nf import couple_cpu
    from stages.detectors.layers.stg_nf.compiled import run

    volume = gains.new_empty(gains.shape[1], gains.shape[3])
    run(couple_cpu.log_volume, gains.shape[1] * -(-gains.shape[3] // couple_cpu.BLOCK), gains, volume)
    return volume


def pool(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance over joints of `(S, T, V, N)`, `(S, T, N)` each."""
    if not _compiled(x):
        spread, pooled = torch.var_mean(x, dim=2, correction=0)
        return pooled, spread
    from stages.detectors.layers.stg_nf import couple_cpu
    from stages.detectors.layers.stg_nf.compiled import run

    pooled, spread = torch.empty_like(x[:, :, 0]), torch.empty_like(x[:, :, 0])
    run(couple_cpu.pool, couple_cpu.tasks(x), x, pooled, spread)
    return pooled, spread


def uncouple(
    upstream: Tensor, pull: Tensor, push: Tensor, by_volume: Tensor, given: Inputs, result: Tensor, by_kept: Tensor
) -> Gradients:
    """The way back through `couple` and the log-volume.

    Args:
        upstream: `(S, T, V, N)`; the gradient by the result is this + `pull` · result + `push`. It is overwritten.
        pull: `(S,)`.
        push: `(S, T, N)`.
        by_volume: `(S,)`, gradient by the log-volume of each window.
        given: to `couple`.
        result: of `couple`.
        by_kept: `(S, T, V, N)`, to which the gradient by `kept` is added.
    """
    if _compiled(given.kept):
        from stages.detectors.layers.stg_nf import couple_cpu
        from stages.detectors.layers.stg_nf.compiled import run

        by_values, sums = torch.empty_like(given.values), couple_cpu.sums_of(given.kept)
        ours = (given.kept, given.changed, result, given.values, given.factor, given.scale, by_kept, by_values, sums)
        run(couple_cpu.uncouple, couple_cpu.tasks(given.kept), upstream, pull, push, by_volume, *ours)
        first, second, by_scale, by_offset = sums.sum(dim=1).unbind(1)
        return Gradients(upstream, by_values, torch.stack([first, second], dim=1), by_scale, by_offset)
    shift, raw, gain = _net(given)
    total = upstream + _wide(pull) * result + push[:, :, None]
    by_before = total * gain
    sigmoid = gain - TINY
    by_shift = torch.where(shift > 0, by_before, 0)
    by_raw = torch.where(raw > 0, (total * result + _wide(by_volume)) * (1 - sigmoid) * sigmoid / gain, 0)
    by_kept += _wide(given.factor[:, 0]) * by_shift + _wide(given.factor[:, 1]) * by_raw
    by_factor = torch.stack([(part * given.kept).sum(dim=(1, 2, 3)) for part in (by_shift, by_raw)], dim=1)
    return Gradients(
        _wide(given.scale) * by_before,
        torch.stack([by_shift.sum(dim=2), by_raw.sum(dim=2)], dim=1),
        by_factor,
        (by_before * given.changed).sum(dim=(1, 2, 3)),
        by_before.sum(dim=(1, 2, 3)),
    )


def _net(given: Inputs) -> tuple[Tensor, Tensor, Tensor]:
    """Shift, raw scale and gain, `(S, T, V, N)`."""
    shift, raw = (
        torch.relu(given.values[:, part, :, None] + _wide(given.factor[:, part]) * given.kept) for part in (0, 1)
    )
    return shift, raw, torch.sigmoid(raw + 2) + TINY


def _compiled(x: Tensor) -> bool:
    """Whether couple_cpu.py takes it."""
    return x.device.type == "cpu" and x.dtype == torch.float32


def _wide(small: Tensor) -> Tensor:
    """`(S,)` with an axis of length 1 for each that a window has."""
    return small[:, None, None, None]
