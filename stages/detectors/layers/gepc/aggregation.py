"""Graph convolution with several adjacency matrices a sample, a few windows at a time.

The plain form makes J maps of the output's size for every window and then mixes joints in each: most of its time goes
into writing and reading what does not fit a cache. Here joints are mixed first, in as many windows as stay in the
cache, and the result is used up at once; the backward pass makes it again rather than keep it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CACHED = 1 << 20
"""Numbers in a CPU's cache at a time; a GPU takes all windows at once."""


def aggregate(x: Tensor, adjacency: Tensor, weight: Tensor) -> Tensor:
    """Sum over joints and adjacency matrices, then over channels, group by group.

    Args:
        x: `(N, T, V, C)`.
        adjacency: `(N, J, V, V)`, or `(1, J, V, V)` for all samples alike; `[n, j, v, w]` is the weight with which
            joint v reaches joint w.
        weight: `(G, J / G · C, O)`: each group mixes the channels that its adjacency matrices give.

    Returns:
        `(N, T, V, G · O)`: `y[n, t, w, g] = Σ_j Σ_v (x[n, t, v] A[n, j, v, w]) W[g, j]`.
    """
    found: Tensor = _Aggregate.apply(x, adjacency, weight)  # type: ignore[no-untyped-call]
    return found


def _rows(adjacency: Tensor) -> Tensor:
    """`(N, J, V, V)` as `(N, V · J, V)`: what reaches joint w through matrix j is row `w · J + j`."""
    return adjacency.permute(0, 3, 1, 2).flatten(1, 2).contiguous()


def _pieces(x: Tensor, rows: Tensor) -> range:
    count, samples, _, channels = x.shape
    window = samples * rows.shape[1] * channels
    return range(0, count, max(1, CACHED // window) if x.device.type == "cpu" else max(count, 1))


class _Aggregate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, adjacency: Tensor, weight: Tensor) -> Tensor:
        x, rows = x.contiguous(), _rows(adjacency)
        ctx.save_for_backward(x, rows, weight)
        count, samples, joints, _ = x.shape
        groups, _, outputs = weight.shape
        out = x.new_empty(count, samples, joints, groups * outputs)
        pieces = _pieces(x, rows)
        for start in pieces:
            part = slice(start, start + pieces.step)
            mixed = _mixed(_by_joint(x[part]), _of(rows, part), samples)
            target = out[part].view(-1, groups * outputs)
            for group, (own, kernel) in enumerate(zip(mixed.chunk(groups, dim=1), weight, strict=True)):
                torch.mm(own, kernel, out=target[:, group * outputs : (group + 1) * outputs])
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, rows, weight = ctx.saved_tensors
        grad = grads[0].contiguous()
        _, samples, joints, channels = x.shape
        groups, width, outputs = weight.shape
        d_x, d_rows, d_weight = torch.empty_like(x), torch.zeros_like(rows), torch.zeros_like(weight)
        pieces = _pieces(x, rows)
        for start in pieces:
            part = slice(start, start + pieces.step)
            lying, own_rows, own_grad = _by_joint(x[part]), _of(rows, part), grad[part].view(-1, groups * outputs)
            mixed = _mixed(lying, own_rows, samples)
            d_mixed = torch.empty_like(mixed)
            for group, kernel in enumerate(weight):
                inner, outer = slice(group * width, (group + 1) * width), slice(group * outputs, (group + 1) * outputs)
                torch.mm(own_grad[:, outer], kernel.t(), out=d_mixed[:, inner])
                d_weight[group].addmm_(mixed[:, inner].t(), own_grad[:, outer])
            d_mixed = _by_joint(d_mixed.view(len(lying), samples, -1, channels))  # (n, V · J, T · C)
            d_lying = torch.matmul(own_rows.mT, d_mixed)
            d_x[part] = d_lying.view(-1, joints, samples, channels).transpose(1, 2)
            if ctx.needs_input_grad[1]:
                found = d_mixed @ lying.mT
                d_rows[slice(0, 1) if len(rows) == 1 else part] += found.sum(dim=0) if len(rows) == 1 else found
        d_adjacency = d_rows.view(len(rows), joints, -1, joints).permute(0, 2, 3, 1)
        return d_x, d_adjacency, d_weight


def _of(rows: Tensor, part: slice) -> Tensor:
    """Adjacency of some samples: their own, or that of all."""
    return rows if len(rows) == 1 else rows[part]


def _by_joint(x: Tensor) -> Tensor:
    """`(n, T, R, C)` as `(n, R, T · C)`."""
    return x.transpose(1, 2).flatten(2)


def _mixed(lying: Tensor, rows: Tensor, samples: int) -> Tensor:
    """Joints `(n, V, T · C)` mixed: `(n · T · V, J · C)`."""
    count, joints, width = lying.shape
    mixed = torch.matmul(rows, lying).view(count, rows.shape[1], samples, -1).transpose(1, 2)
    return mixed.reshape(count * samples * joints, rows.shape[1] // joints * (width // samples))
