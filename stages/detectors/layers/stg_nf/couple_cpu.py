"""`couple.py` on the CPU in single precision: each way is one pass over memory.

A task is a block of windows in one sample of one model, and its sums are written apart. See `compiled.py`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray
from torch import Tensor

from stages.detectors.layers.stg_nf.compiled import loop

Floats = NDArray[np.float32]

BLOCK = 256
"""Windows in a block."""
CHUNK = 16
"""Windows that `gather` takes at a time."""
LOG2_E = np.float32(1 / math.log(2))
LOG_2 = math.log(2)
LN_2 = np.float32(LOG_2)
TAYLOR = tuple(np.float32(1 / math.factorial(power)) for power in range(7))
"""Of e^z; for |z| ≤ ln 2 / 2 the rest is below 2e-7."""
ONE, TWO, TINY = np.float32(1), np.float32(2), np.float32(1e-6)
ZERO, HALF, LOWEST = np.float32(0), np.float32(0.5), np.float32(-126)


def tasks(kept: Tensor) -> int:
    """Of `couple` and `uncouple`, for a tensor `(S, T, V, N)`."""
    return kept.shape[0] * kept.shape[1] * -(-kept.shape[3] // BLOCK)


def sums_of(kept: Tensor) -> Tensor:
    """Room for `sums` of `uncouple`, `(S, blocks, 4)`."""
    models, samples, _, count = kept.shape
    return kept.new_empty(models, samples * -(-count // BLOCK), 4)


@intrinsic
def _float_of(context: Any, bits: Any) -> Any:  # noqa: ARG001
    """The float32 with these bits."""

    def build(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), build


_as_float: Any = _float_of
"""Compiled code calls it without a context."""


@intrinsic
def _int_of(context: Any, number: Any) -> Any:  # noqa: ARG001
    """The bits of a float32."""

    def build(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), build


_bits_of: Any = _int_of
"""Compiled code calls it without a context."""


@njit(inline="always")
def _exp_minus(x: Any) -> Any:
    """e^-x for x ≥ 0, to 3e-7 of itself while x ≤ 4; a formula, so that it is computed for eight elements at once."""
    y = -x * LOG2_E
    y = y if y > LOWEST else LOWEST
    whole = np.floor(y + HALF)
    z = (y - whole) * LN_2
    c = TAYLOR
    near = c[0] + z * (c[1] + z * (c[2] + z * (c[3] + z * (c[4] + z * (c[5] + z * c[6])))))
    return near * _as_float((np.int32(whole) + np.int32(127)) << np.int32(23))


@njit(inline="always")
def _relu(x: Any) -> Any:
    """One instruction, which `max` is not; NaN gives 0."""
    return x if x > ZERO else ZERO


@njit(inline="always")
def _gain(raw: Any) -> Any:
    """sigmoid(raw + 2) + 1e-6 for raw ≥ 0."""
    return ONE / (ONE + _exp_minus(raw + TWO)) + TINY


@njit(inline="always")
def _take_powers(numbers: Floats, powers: NDArray[np.int32]) -> None:
    """Bring positive numbers into [1, 2) and keep count of the powers of 2, so that products may be long."""
    for n in range(len(numbers)):
        bits = _bits_of(numbers[n])
        powers[n] += (bits >> np.int32(23)) - np.int32(127)
        numbers[n] = _as_float((bits & np.int32(0x7FFFFF)) | np.int32(0x3F800000))


@loop()
def log_volume(gains: Floats, volume: Floats, low_task: int, high_task: int) -> None:
    """See `couple.log_volume`. One logarithm for a window: of the product."""
    steps, _, samples, count = gains.shape
    blocks = -(-count // BLOCK)
    for task in range(low_task, high_task):
        model, low = task // blocks, task % blocks * BLOCK
        high = min(low + BLOCK, count)
        product, powers = np.ones(high - low, np.float32), np.zeros(high - low, np.int32)
        for step in range(steps):
            for t in range(samples):
                row = gains[step, model, t, low:high]
                for n in range(high - low):
                    product[n] *= row[n]
                _take_powers(product, powers)
        for n in range(high - low):
            volume[model, low + n] = math.log(np.float64(product[n])) + powers[n] * LOG_2


@loop()
def pool(x: Floats, pooled: Floats, spread: Floats, low_task: int, high_task: int) -> None:
    """See `couple.pool`."""
    _, samples, joints, count = x.shape
    blocks, share = -(-count // BLOCK), ONE / np.float32(joints)
    for task in range(low_task, high_task):
        model, t, low = task // (samples * blocks), task // blocks % samples, task % blocks * BLOCK
        high = min(low + BLOCK, count)
        mean, square = pooled[model, t, low:high], spread[model, t, low:high]
        mean[:] = ZERO
        for v in range(joints):
            row = x[model, t, v, low:high]
            for n in range(high - low):
                mean[n] += row[n]
        for n in range(high - low):
            mean[n] *= share
        _spread(x, model, t, low, high, mean, square)


@njit(inline="always")
def _spread(x: Floats, model: int, t: int, low: int, high: int, mean: Floats, square: Floats) -> None:
    """Variance over joints of a block."""
    joints = x.shape[2]
    square[:] = ZERO
    for v in range(joints):
        row = x[model, t, v, low:high]
        for n in range(high - low):
            off = row[n] - mean[n]
            square[n] += off * off
    for n in range(high - low):
        square[n] *= ONE / np.float32(joints)


@loop()
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
    low_task: int,
    high_task: int,
) -> None:
    """See `couple.couple`. `gains`: products over joints, `(S, T, N)`."""
    _, samples, joints, count = kept.shape
    blocks = -(-count // BLOCK)
    for task in range(low_task, high_task):
        model, t, low = task // (samples * blocks), task // blocks % samples, task % blocks * BLOCK
        high = min(low + BLOCK, count)
        first, second = values[model, 0, t, low:high], values[model, 1, t, low:high]
        mean, square, gain_product = pooled[model, t, low:high], spread[model, t, low:high], gains[model, t, low:high]
        f0, f1, a, b = factor[model, 0], factor[model, 1], scale[model], offset[model]
        mean[:] = ZERO
        gain_product[:] = ONE
        for v in range(joints):
            u, w, out = kept[model, t, v, low:high], changed[model, t, v, low:high], result[model, t, v, low:high]
            for n in range(high - low):
                shift = _relu(first[n] + f0 * u[n])
                gain = _gain(_relu(second[n] + f1 * u[n]))
                found = (shift + (a * w[n] + b)) * gain
                out[n] = found
                mean[n] += found
                gain_product[n] *= gain
        share = ONE / np.float32(joints)
        for n in range(high - low):
            mean[n] *= share
        _spread(result, model, t, low, high, mean, square)


@loop(reassociate=True)
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
    low_task: int,
    high_task: int,
) -> None:
    """See `couple.uncouple`. `upstream` becomes the gradient by `changed`; `sums`: see `sums_of`."""
    _, samples, joints, count = kept.shape
    blocks = -(-count // BLOCK)
    for task in range(low_task, high_task):
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
                sigmoid = ONE / (ONE + _exp_minus(_relu(raw) + TWO))
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


@loop()
def gather(
    poses: Floats,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    signs: Floats,
    out: Floats,
    low_task: int,
    high_task: int,
) -> None:
    """Windows `rows` of `poses` `(N, P)`, and beyond N their mirrored copies, into the columns of `out` `(P, rows)`.

    Args:
        poses: flat windows.
        rows: which.
        columns: `(P,)`, where a mirrored window's values come from.
        signs: `(P,)`, what they are multiplied with.
        out: `(P, len(rows))`.
        low_task: first chunk of rows.
        high_task: end of the chunks.
    """
    size, count = poses.shape[1], len(rows)
    for block in range(low_task, high_task):
        low, high = block * CHUNK, min((block + 1) * CHUNK, count)
        for p in range(size):
            source, sign = columns[p], signs[p]
            for b in range(low, high):
                row = rows[b]
                out[p, b] = poses[row, p] if row < len(poses) else poses[row - len(poses), source] * sign
