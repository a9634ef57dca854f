"""`couple.py` on the CPU in single precision: each way is one pass over memory, in as many threads as torch has.

Compiled by numba when first used and kept in its cache. Work is cut into blocks of fixed size and every block's sums
are written apart, so results do not depend on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import config, njit, prange, set_num_threads, types
from numba.extending import intrinsic
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float32]

BLOCK = 128
"""Windows in a block."""
LOG2_E = np.float32(1 / math.log(2))
LN_2 = np.float32(math.log(2))
TAYLOR = tuple(np.float32(1 / math.factorial(power)) for power in range(8))
"""Of e^z; for |z| ≤ ln 2 / 2 the rest is below 5e-9."""
ONE, TWO, TINY = np.float32(1), np.float32(2), np.float32(1e-6)
ZERO, HALF, LOWEST = np.float32(0), np.float32(0.5), np.float32(-126)


def run(kernel: Callable[..., None], *tensors: Tensor) -> None:
    """Call a kernel on the memory of these tensors, in as many threads as torch has."""
    set_num_threads(min(torch.get_num_threads(), config.NUMBA_NUM_THREADS))
    kernel(*(tensor.detach().numpy() for tensor in tensors))


def sums_of(kept: Tensor) -> Tensor:
    """Room for `sums` of `uncouple`, `(S, blocks, 4)`."""
    models, samples, _, count = kept.shape
    return kept.new_empty(models, samples * -(-count // BLOCK), 4)


@intrinsic
def _as_float(context: Any, bits: Any) -> Any:  # noqa: ARG001
    """The float32 with these bits."""

    def build(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), build


@njit(inline="always")
def _exp_minus(x):  # type: ignore[no-untyped-def]
    """e^-x for x ≥ 0, to 3e-7 of itself while x ≤ 4; a formula, so that it is computed for eight elements at once."""
    y = max(-x * LOG2_E, LOWEST)
    whole = np.floor(y + HALF)
    z = (y - whole) * LN_2
    c = TAYLOR
    near = c[0] + z * (c[1] + z * (c[2] + z * (c[3] + z * (c[4] + z * (c[5] + z * (c[6] + z * c[7]))))))
    return near * _as_float((np.int32(whole) + np.int32(127)) << np.int32(23))


@njit(parallel=True, cache=True, fastmath={"contract", "nsz", "nnan", "ninf"}, error_model="numpy")
def couple(
    kept: Floats,
    changed: Floats,
    values: Floats,
    factor: Floats,
    scale: Floats,
    offset: Floats,
    result: Floats,
    pooled: Floats,
    spread: Floats,
    gains: Floats,
) -> None:
    """See `couple.couple`. `gains`: products over joints, `(S, T, N)`."""
    models, samples, joints, count = kept.shape
    blocks = -(-count // BLOCK)
    for task in prange(models * samples * blocks):
        model, t, low = task // (samples * blocks), task // blocks % samples, task % blocks * BLOCK
        high = min(low + BLOCK, count)
        first, second = values[model, 0, t, low:high], values[model, 1, t, low:high]
        mean, square, gain_product = pooled[model, t, low:high], spread[model, t, low:high], gains[model, t, low:high]
        f0, f1, a, b = factor[model, 0], factor[model, 1], scale[model], offset[model]
        mean[:] = ZERO
        square[:] = ZERO
        gain_product[:] = ONE
        for v in range(joints):
            u, w, out = kept[model, t, v, low:high], changed[model, t, v, low:high], result[model, t, v, low:high]
            for n in range(high - low):
                shift = max(first[n] + f0 * u[n], ZERO)
                raw = max(second[n] + f1 * u[n], ZERO)
                gain = ONE / (ONE + _exp_minus(raw + TWO)) + TINY
                found = (shift + (a * w[n] + b)) * gain
                out[n] = found
                mean[n] += found
                gain_product[n] *= gain
        share = ONE / np.float32(joints)
        for n in range(high - low):
            mean[n] *= share
        for v in range(joints):
            out = result[model, t, v, low:high]
            for n in range(high - low):
                off = out[n] - mean[n]
                square[n] += off * off
        for n in range(high - low):
            square[n] *= share


@njit(parallel=True, cache=True, fastmath={"contract", "nsz", "nnan", "ninf", "reassoc"}, error_model="numpy")
def uncouple(
    upstream: Floats,
    pull: Floats,
    push: Floats,
    by_volume: Floats,
    kept: Floats,
    changed: Floats,
    result: Floats,
    values: Floats,
    factor: Floats,
    scale: Floats,
    by_kept: Floats,
    by_values: Floats,
    sums: Floats,
) -> None:
    """See `couple.uncouple`. `upstream` becomes the gradient by `changed`; `sums`: see `sums_of`."""
    models, samples, joints, count = kept.shape
    blocks = -(-count // BLOCK)
    for task in prange(models * samples * blocks):
        model, t, low = task // (samples * blocks), task // blocks % samples, task % blocks * BLOCK
        high = min(low + BLOCK, count)
        first, second = values[model, 0, t, low:high], values[model, 1, t, low:high]
        by_first, by_second = by_values[model, 0, t, low:high], by_values[model, 1, t, low:high]
        pushed = push[model, t, low:high]
        f0, f1, a, pulled, volume = factor[model, 0], factor[model, 1], scale[model], pull[model], by_volume[model]
        by_first[:] = ZERO
        by_second[:] = ZERO
        s0, s1, s2, s3 = ZERO, ZERO, ZERO, ZERO
        for v in range(joints):
            u, w, made = kept[model, t, v, low:high], changed[model, t, v, low:high], result[model, t, v, low:high]
            up, back = upstream[model, t, v, low:high], by_kept[model, t, v, low:high]
            for n in range(high - low):
                shift, raw = first[n] + f0 * u[n], second[n] + f1 * u[n]
                sigmoid = ONE / (ONE + _exp_minus(max(raw, ZERO) + TWO))
                gain = sigmoid + TINY
                total = up[n] + (pulled * made[n] + pushed[n])
                by_before = total * gain
                by_shift = by_before if shift > ZERO else ZERO
                by_raw = (total * made[n] + volume) * ((ONE - sigmoid) * sigmoid / gain) if raw > ZERO else ZERO
                by_first[n] += by_shift
                by_second[n] += by_raw
                back[n] += f0 * by_shift + f1 * by_raw
                up[n] = by_before * a
                s0 += by_shift * u[n]
                s1 += by_raw * u[n]
                s2 += by_before * w[n]
                s3 += by_before
        place = task % (samples * blocks)
        sums[model, place, 0], sums[model, place, 1] = s0, s1
        sums[model, place, 2], sums[model, place, 3] = s2, s3


@njit(parallel=True, cache=True)
def gather(poses: Floats, rows: NDArray[np.int64], columns: NDArray[np.int64], signs: Floats, out: Floats) -> None:
    """Windows `rows` of `poses` `(N, P)`, and beyond N their mirrored copies, into the columns of `out` `(P, rows)`.

    Args:
        poses: flat windows.
        rows: which.
        columns: `(P,)`, where a mirrored window's values come from.
        signs: `(P,)`, what they are multiplied with.
        out: `(P, len(rows))`.
    """
    size, count, chunk = poses.shape[1], len(rows), 16
    for block in prange(-(-count // chunk)):
        low, high = block * chunk, min((block + 1) * chunk, count)
        for p in range(size):
            source, sign = columns[p], signs[p]
            for b in range(low, high):
                row = rows[b]
                out[p, b] = poses[row, p] if row < len(poses) else poses[row - len(poses), source] * sign
