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

from stages.detectors.layers.flow import Chain
from stages.detectors.layers.stg_nf import likelihood, pooled_net
from stages.detectors.layers.stg_nf.couple import Coupled, Inputs, couple, log_volume, pool, uncouple
from stages.detectors.layers.stg_nf.likelihood import (
    Heads,
    Pending,
    Prior,
    actnorm_volume,
    in_bits,
)
from stages.detectors.layers.stg_nf.network import front
from stages.detectors.layers.stg_nf.pooled_net import Moments, Passed, Step, Weights

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


class Trace(NamedTuple):
    """What a step leaves behind for the way back."""

    step: Step
    passed: Passed
    given: Inputs
    made: Coupled


class Fused:
    """S networks of the published form, packed into one tensor of weights.

    What stands before the steps is done before windows come here; its volume counts.

    Args:
        networks: from `layers.stg_nf.build`, of one form, their ActNorms initialised. `unpack` writes back to them.
        samples: T.
        joints: V.
    """

    def __init__(self, networks: Sequence[Chain], samples: int, joints: int) -> None:
        self.networks = tuple(networks)
        self.samples, self.joints, self.steps = samples, joints, len(_steps(networks[0]))
        kernel = networks[0].get_parameter(f"0.{NET}.tcn.2.weight").shape[2]
        self._sizes = [4 * kernel if name.endswith("tcn.2.weight") else 2 for name in NAMES]
        self.weights = nn.Parameter(self._packed(NAMES, self._sizes))
        self.statistics = self._packed(STATISTICS, [2] * len(STATISTICS))
        self._front_volume = torch.stack([_front_volume(network, self.weights) for network in networks]) * samples

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
        """A function that gives windows' negative log-likelihood by running statistics, `(S, N)` bits per dimension.

        It takes windows `(2 · T · V, S · N)` and prior means, broadcastable to `(S, N)`.
        """
        heads = Heads.of(self._by_step(), self.statistics.transpose(0, 1), self.samples * self.joints)
        heads = heads._replace(volume=heads.volume + self._front_volume)
        return lambda columns, means: likelihood.bits(self.arranged(columns), means, heads)

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
            shared = Pending.of(self._by_step())
        with torch.no_grad():
            traces, volume = self._forward(windows, shared, momentum)
            last = traces[-1]
            share = 1 / (math.log(2) * windows[:, 0].numel())  # of the loss, per nat
            end = likelihood.prior(last.given.kept, last.made.result, means, shared, share)
            self.weights.grad = self._backward(end, traces, shared, share)
            return in_bits(end.nats - volume, windows).mean(dim=1)

    @torch.no_grad()
    def follow(self, windows: Tensor, momentum: float) -> None:
        """Move the running statistics towards those of a batch `(2, S, T, V, N)`."""
        self._forward(windows, Pending.of(self._by_step()), momentum)

    def _forward(self, windows: Tensor, pending: Pending, momentum: float | None) -> tuple[list[Trace], Tensor]:
        """All steps in training: the traces, and the log-volume `(S, N)`."""
        (changed, kept), weights, traces = windows, self._by_step(), list[Trace]()
        pooled, spread = pool(kept)
        gains = pooled.new_empty(self.steps, *pooled.shape)
        for number in range(self.steps):
            step = Step(weights[number], pending.kept_scale[number], pooled, residual=number > 0)
            passed = pooled_net.forward(step, spread)
            given = Inputs(kept, changed, passed.values, passed.factor, pending.scale[number], pending.shift[number])
            made = couple(given, gains[number])
            traces.append(Trace(step, passed, given, made))
            changed, kept, pooled, spread = kept, made.result, made.pooled, made.spread
        if momentum is not None:
            moments = Moments.of(torch.stack([trace.passed.moments for trace in traces]))
            found = _found(Weights.of(weights), pending, moments, windows[0, 0].numel())
            self.statistics.lerp_(found.transpose(0, 1), momentum)
        actnorm = actnorm_volume(weights, self.samples * self.joints)
        return traces, log_volume(gains) + (actnorm + self._front_volume)[:, None]

    def _backward(self, end: Prior, traces: Sequence[Trace], shared: Pending, share: float) -> Tensor:
        """From the latent to the weights, `(S, K, …)`. A tensor gets its gradient from the two steps that read it."""
        models, samples, joints, windows = end.kept.shape
        upstream, by_kept, by_volume = end.kept, end.changed, end.kept.new_full((models,), -share)
        pull, push = torch.zeros_like(by_volume), end.kept.new_zeros(models, samples, windows)
        by_weights, by_pending = list[Tensor](), list[Pending]()
        by_scale, by_shift = end.scale, end.shift  # of the kept channel, beside what its net does with it
        for trace in reversed(traces):
            by = uncouple(upstream, pull, push, by_volume, trace.given, trace.made.result, by_kept)
            net = pooled_net.backward(trace.step, trace.passed, by.values, by.factor, joints)
            by_weights.append(net.weights)
            by_pending.append(Pending(net.kept_scale + by_scale, by_shift, by.scale, by.offset))
            by_scale = by_shift = torch.zeros_like(by_volume)
            upstream, by_kept, pull, push = by_kept, by.changed, net.pull, net.push
        packed = [torch.stack(parts) for parts in zip(*reversed(by_pending), strict=True)]
        through_actnorm: Tensor = torch.autograd.grad(shared, self.weights, packed)[0]
        through_actnorm[..., 2:4] -= share * windows * samples * joints  # its own volume
        return through_actnorm + torch.stack(by_weights[::-1], dim=1)

    def _by_step(self) -> Tensor:
        """The weights, `(K, S, …)`."""
        return self.weights.transpose(0, 1).contiguous()

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
            for name, values in zip(names, torch.split(packed[step], list(sizes)), strict=True):
                yield step, name, values


def _steps(network: Chain) -> list[str]:
    """Names of a network's steps; what else it has stands before them."""
    return [name for name, _ in network.named_children() if name.isdecimal()]


def _front_volume(network: Chain, like: Tensor) -> Tensor:
    """Log-volume of what stands before the steps, per sample of a window."""
    layer = front(network)
    return like.new_zeros(()).detach() if layer is None else -layer.deviation.log().sum()


def _found(weights: Weights, pending: Pending, moments: Moments, count: int) -> Tensor:
    """A batch's means and unbiased variances in all steps, packed as `STATISTICS`, `(K, S, 12)`."""
    scale, shift = pending.kept_scale[..., None], pending.kept_shift[..., None]
    unbiased, centre = count / (count - 1), moments.centre * scale + shift
    found = (
        weights.graph * centre + weights.graph_bias,
        (weights.graph * scale).square() * moments.pooled * unbiased,
        moments.inner + weights.time_bias,
        moments.inner_variance * unbiased,
        weights.skip * centre + weights.skip_bias,
        (weights.skip * scale).square() * moments.whole * unbiased,
    )
    return torch.cat(found, dim=-1)
