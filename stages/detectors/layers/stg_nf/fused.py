"""The published STG-NF as little arithmetic on as few passes over memory: training steps and likelihoods.

`layers/flow.py` and `layers/stgcn.py` say what the model is, for every choice of its parameters; this file computes
the same for the published ones, where three things make most of that work needless, exactly:

- every joint sees every other alike, so the graph convolution gives all joints one value: what follows it has no joint
  axis until the residual is added, and batch statistics over equal joints are statistics over time;
- a step only shifts and scales the channel it keeps, so that waits, as two numbers, until the next step changes it;
  reversing the channels is taking turns;
- the residual is a shift and a scale too, whose batch statistics follow from the channel's mean and variance.

What has the windows' size is done by hand, forth and back, in `couple.py`; what is smaller by a factor of V is left to
autograd. S models train side by side as one.

Source: Hirschorn and Avidan, STG-NF, ICCV 2023, section 3.2. The shortcuts are held against the plain form
(benchmarks/plain/stg_nf.py) by tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.detectors.layers.flow import Chain
from stages.detectors.layers.stg_nf import pooled_net
from stages.detectors.layers.stg_nf.couple import Coupled, Inputs, couple, uncouple
from stages.detectors.layers.stg_nf.pooled_net import EPS, Moments, Passed, Weights

NET = "coupling.net.0"
NAMES = (
    "actnorm.bias", "actnorm.logs", f"{NET}.gcn.conv.weight", f"{NET}.gcn.conv.bias", f"{NET}.tcn.0.weight",
    f"{NET}.tcn.0.bias", f"{NET}.tcn.2.weight", f"{NET}.tcn.2.bias", f"{NET}.tcn.3.weight", f"{NET}.tcn.3.bias",
    f"{NET}.residual.0.weight", f"{NET}.residual.0.bias", f"{NET}.residual.1.weight", f"{NET}.residual.1.bias",
)  # fmt: skip
"""Of the weights in a step of the network. The first step has no residual: its places are there and not used."""
STATISTICS = tuple(
    f"{NET}.{norm}.running_{kind}" for norm in ("tcn.0", "tcn.3", "residual.1") for kind in ("mean", "var")
)
"""Of the batch statistics in a step, two numbers each, in the order they are packed in."""


class Pending(NamedTuple):
    """What ActNorm does to the raw tensors in each step, `(S, K)` each: scale and shift of the channel that is kept,
    and of the one that is changed, which was kept in the step before.
    """

    kept_scale: Tensor
    kept_shift: Tensor
    scale: Tensor
    shift: Tensor


class Trace(NamedTuple):
    """What a step leaves behind for the way back."""

    passed: Passed
    given: Inputs
    made: Coupled


Head = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""What running statistics leave of a step's net: slope, constant, mix, bias, factor."""


class Fused:
    """S networks of the published form, packed into one tensor of weights.

    Args:
        networks: from `layers.stg_nf.build`, of one form, their ActNorms initialised. `unpack` writes back to them.
        samples: T.
        joints: V.
    """

    def __init__(self, networks: Sequence[Chain], samples: int, joints: int) -> None:
        self.networks = tuple(networks)
        self.samples, self.joints, self.steps = samples, joints, len(list(networks[0].children()))
        kernel = networks[0].get_parameter(f"0.{NET}.tcn.2.weight").shape[2]
        self._sizes = [4 * kernel if name.endswith("tcn.2.weight") else 2 for name in NAMES]
        self.weights = nn.Parameter(self._packed(NAMES, self._sizes))
        self.statistics = self._packed(STATISTICS, [2] * len(STATISTICS))
        self._basis = _shifts(kernel, samples).to(self.weights)

    def unpack(self) -> None:
        """Give the networks the weights and statistics back."""
        packs = ((NAMES, self._sizes, self.weights.detach()), (STATISTICS, [2] * len(STATISTICS), self.statistics))
        for names, sizes, packed in packs:
            for model, network in enumerate(self.networks):
                state = network.state_dict()
                for step, name, values in self._places(names, packed[model], sizes):
                    if (own := state.get(f"{step}.{name}")) is not None:
                        own.copy_(values.view_as(own))

    def arranged(self, columns: Tensor) -> Tensor:
        """Windows as they lie here, `(2, S, T, V, N)`, from `(2 · T · V, S · N)`."""
        models = len(self.networks)
        apart = columns.view(2, self.samples, self.joints, models, -1)
        return apart.squeeze(3)[:, None] if models == 1 else apart.movedim(3, 1).contiguous()

    @torch.no_grad()
    def scorer(self) -> Callable[[Tensor, Tensor], Tensor]:
        """A function from windows `(2 · T · V, S · N)` and prior means, broadcastable to `(S, N)`, to their negative
        log-likelihood by running statistics, `(S, N)` bits per dimension.
        """
        pending, heads = self._pending(self.weights), self._scoring_heads()
        return lambda columns, means: self._likelihoods(self.arranged(columns), means, pending, heads)

    @torch.no_grad()
    def _likelihoods(self, windows: Tensor, means: Tensor, pending: Pending, heads: Sequence[Head]) -> Tensor:
        (changed, kept), volume = windows, windows.new_zeros(())
        pooled = kept.mean(dim=2)
        for step, (slope, constant, mix, bias, factor) in enumerate(heads):
            inner = torch.addcmul(constant, pooled[:, None], slope).relu_().flatten(1, 2)
            values = torch.baddbmm(bias, mix, inner).view(len(inner), 2, self.samples, -1)
            made = couple(Inputs(kept, changed, values, factor, pending.scale[:, step], pending.shift[:, step]))
            changed, kept, pooled, volume = kept, made.result, made.pooled, volume + made.gains.log().sum(dim=1)
        return self._bits(self._latent(changed, kept, pending), means, volume)

    def gradients(self, windows: Tensor, means: Tensor, momentum: float | None = None) -> Tensor:
        """One pass forth and back with the batch's own statistics; leaves the gradient in `weights.grad`.

        Args:
            windows: `(2, S, T, V, N)`.
            means: of the prior, broadcastable to `(S, N)`.
            momentum: how far the running statistics follow the batch's; None leaves them alone.

        Returns:
            Each model's mean loss, `(S,)` bits per dimension.
        """
        with torch.enable_grad():
            shared = self._pending(self.weights)
        pending = Pending(*(number.detach() for number in shared))
        latent, volume, traces = self._forward(windows, pending, momentum)
        bits = self._bits(latent, means, volume)
        self.weights.grad = self._backward(latent, means, traces, shared)
        return bits.mean(dim=1)

    @torch.no_grad()
    def follow(self, windows: Tensor, momentum: float) -> None:
        """Move the running statistics towards those of a batch `(2, S, T, V, N)`."""
        self._forward(windows, self._pending(self.weights), momentum)

    def _forward(
        self, windows: Tensor, pending: Pending, momentum: float | None
    ) -> tuple[tuple[Tensor, Tensor], Tensor, list[Trace]]:
        """All steps in training: the latent, ActNorm's part of the log-volume left out, and the traces."""
        (changed, kept), volume = windows, windows.new_zeros(())
        pooled = kept.mean(dim=2)
        spread = (kept - pooled[:, :, None]).square_().mean(dim=2)
        traces = []
        for step, packed in enumerate(self.weights.detach().unbind(1)):
            weights, kept_scale = self._split(packed), pending.kept_scale[:, step, None]
            passed = pooled_net.forward(weights, kept_scale, pooled, spread, self._mix(weights.time), step)
            if momentum is not None:
                shift = pending.kept_shift[:, step, None]
                found = _found(weights, kept_scale, shift, passed.moments, kept[0].numel())
                self.statistics[:, step].lerp_(found, momentum)
            given = Inputs(
                kept, changed, *pooled_net.values(passed, step), pending.scale[:, step], pending.shift[:, step]
            )
            made = couple(given)
            changed, kept, pooled, spread = kept, made.result, made.pooled, made.spread
            volume = volume + made.gains.log().sum(dim=1)
            traces.append(Trace(passed, given, made))
        return self._latent(changed, kept, pending), volume, traces

    def _backward(
        self, latent: tuple[Tensor, Tensor], means: Tensor, traces: Sequence[Trace], shared: Pending
    ) -> Tensor:
        """From the latent to the weights, `(S, K, …)`. A tensor gets its gradient from the two steps that read it."""
        models, windows = len(latent[0]), latent[0].shape[-1]
        share = 1 / (math.log(2) * self._dimensions * windows)  # of the loss, per nat
        first, upstream = ((part - _over_windows(means)).mul_(share) for part in latent)
        by = Pending(*(torch.zeros_like(number) for number in shared))
        by.kept_scale[:, -1] = torch.linalg.vecdot(first.flatten(1), traces[-1].given.kept.flatten(1))
        by.kept_shift[:, -1] = first.flatten(1).sum(dim=1)
        by_kept = first.mul_(_wide(shared.kept_scale[:, -1].detach()))
        by_volume = first.new_full((models,), -share)
        pull, push = first.new_zeros(models), first.new_zeros(models, self.samples, windows)
        by_weights: list[Tensor] = []
        for step in reversed(range(self.steps)):
            trace = traces[step]
            made = uncouple(upstream, pull, push, by_volume, trace.given, trace.made.result, by_kept)
            by.scale[:, step], by.shift[:, step] = made.scale, made.offset
            weights, kept_scale, by_pooled, by_spread = pooled_net.backward(
                trace.passed, made.values, made.factor, self._basis, step
            )
            by_weights.append(torch.cat(weights, dim=1))
            by.kept_scale[:, step] += kept_scale[:, 0]
            pull = by_spread[:, 0] * (2 / self.joints)
            before = trace.passed.off + trace.passed.moments.centre[..., None]
            push = torch.addcmul(by_pooled / self.joints, before, pull[:, None, None], value=-1)
            upstream, by_kept = by_kept, made.changed
        through_actnorm = torch.autograd.grad(shared, self.weights, by)[0]
        through_actnorm[..., 2:4] -= share * windows * self.samples * self.joints  # its own volume
        return through_actnorm + torch.stack(by_weights[::-1], dim=1)

    def _scoring_heads(self) -> list[Head]:
        """Per step all that the running statistics leave of the net: slope, constant, mix, bias, factor."""
        pending, heads = self._pending(self.weights), []
        for step, packed in enumerate(self.weights.unbind(1)):
            weights, found = self._split(packed), self.statistics[:, step].split(2, dim=1)
            scale, shift = pending.kept_scale[:, step, None], pending.kept_shift[:, step, None]
            first = weights.norm1 * torch.rsqrt(found[1] + EPS)
            second = weights.norm2 * torch.rsqrt(found[3] + EPS)
            third = weights.norm3 * torch.rsqrt(found[5] + EPS) * (step > 0)
            constant = (weights.graph * shift + weights.graph_bias - found[0]) * first + weights.norm1_bias
            bias = (weights.time_bias - found[2]) * second + weights.norm2_bias
            if step > 0:
                bias = bias + (weights.skip * shift + weights.skip_bias - found[4]) * third + weights.norm3_bias
            slope = weights.graph * scale * first
            mix = self._mix(weights.time) * second.repeat_interleave(self.samples, dim=1)[..., None]
            heads.append((
                slope[:, :, None, None], constant[:, :, None, None], mix,
                bias.repeat_interleave(self.samples, dim=1)[..., None], weights.skip * scale * third,
            ))  # fmt: skip
        return heads

    def _pending(self, packed: Tensor) -> Pending:
        bias, logs = packed[..., 0:2], packed[..., 2:4]
        scale = logs.exp()
        shift = scale * bias
        kept_scale, kept_shift = scale[..., 1], shift[..., 1]
        before = functional.pad(kept_scale[:, :-1], (1, 0), value=1.0), functional.pad(kept_shift[:, :-1], (1, 0))
        return Pending(kept_scale, kept_shift, scale[..., 0] * before[0], scale[..., 0] * before[1] + shift[..., 0])

    def _latent(self, changed: Tensor, kept: Tensor, pending: Pending) -> tuple[Tensor, Tensor]:
        """Both channels of the latent: after the last step they have changed their parts."""
        scale, shift = (_wide(number[:, -1]) for number in (pending.kept_scale, pending.kept_shift))
        return torch.addcmul(shift, changed, scale), kept

    def _bits(self, latent: tuple[Tensor, Tensor], means: Tensor, volume: Tensor) -> Tensor:
        """Bits per dimension, `(S, N)`; ActNorm's log-volume, the same for every window, is added to `volume`."""
        first, last = ((part - _over_windows(means)).square_().sum(dim=(1, 2)) for part in latent)
        actnorm = self.weights.detach()[..., 2:4].sum(dim=(1, 2))[:, None] * (self.samples * self.joints)
        nats = 0.5 * (first + last + self._dimensions * math.log(2 * math.pi)) - volume - actnorm
        return nats / (self._dimensions * math.log(2))

    @property
    def _dimensions(self) -> int:
        return 2 * self.samples * self.joints

    def _mix(self, time: Tensor) -> Tensor:
        """The convolution over time as a matrix, `(S, 2 T, 2 T)`."""
        spread = (time.reshape(-1, len(self._basis)) @ self._basis).view(-1, 2, 2, self.samples, self.samples)
        return spread.transpose(2, 3).reshape(-1, 2 * self.samples, 2 * self.samples)

    def _split(self, packed: Tensor) -> Weights:
        return Weights(*packed.split(self._sizes, dim=1))

    def _packed(self, names: Sequence[str], sizes: Sequence[int]) -> Tensor:
        """Numbers of all networks by step, `(S, K, …)`; the residual that the first step lacks is zeros."""
        first = self.networks[0].get_parameter("0.actnorm.bias")
        packed = first.new_zeros(len(self.networks), self.steps, sum(sizes)).detach()
        for model, network in enumerate(self.networks):
            state = network.state_dict()
            for step, name, values in self._places(names, packed[model], sizes):
                if (own := state.get(f"{step}.{name}")) is not None:
                    values.copy_(own.flatten())
        return packed

    def _places(self, names: Sequence[str], packed: Tensor, sizes: Sequence[int]) -> Iterator[tuple[int, str, Tensor]]:
        """Views of one model's packed numbers: step, name, values."""
        for step in range(self.steps):
            for name, values in zip(names, packed[step].split(list(sizes)), strict=True):
                yield step, name, values


def _found(weights: Weights, scale: Tensor, shift: Tensor, moments: Moments, count: int) -> Tensor:
    """A batch's means and unbiased variances in one step, packed as `STATISTICS`, `(S, 12)`."""
    unbiased, centre = count / (count - 1), moments.centre * scale + shift
    found = (
        weights.graph * centre + weights.graph_bias,
        (weights.graph * scale).square() * moments.pooled * unbiased,
        moments.inner + weights.time_bias,
        moments.inner_variance * unbiased,
        weights.skip * centre + weights.skip_bias,
        (weights.skip * scale).square() * moments.whole * unbiased,
    )
    return torch.cat(found, dim=1)


def _shifts(kernel: int, samples: int) -> Tensor:
    """For each element of a kernel the pairs of samples (out, in) that it joins, `(kernel, T²)`, zeros outside."""
    time = torch.arange(samples)
    ahead = time[None] - time[:, None]  # in - out
    return torch.stack([(ahead == place - kernel // 2) for place in range(kernel)]).flatten(1).float()


def _over_windows(means: Tensor) -> Tensor:
    """`(S, N)` over samples and joints."""
    return means[..., None, None, :]


def _wide(small: Tensor) -> Tensor:
    """`(S,)` with an axis of length 1 for each that a window has."""
    return small[:, None, None, None]
