"""`likelihood.py` on the CPU in single precision: a block of windows goes through all steps while it is in the cache.

Blocks are always full, the last one with zeros, so a window's likelihood does not depend on which others it is with.
See `compiled.py`.
"""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from stages.detectors.layers.stg_nf.compiled import loop
from stages.detectors.layers.stg_nf.couple_cpu import LOG_2, ONE, ZERO, Floats, _gain, _relu, _take_powers

BLOCK = 64
"""Windows in a block: shorter loops are not worth eight elements at once, longer ones leave the cache."""
WIDE = 128
"""Windows in a block of `prior`."""
HALF_LOG_2PI = np.float32(0.5 * math.log(2 * math.pi))


def tasks(out: Tensor) -> int:
    """Of `nats`, for `out` `(S, N)`."""
    return out.shape[0] * -(-out.shape[1] // BLOCK)


@loop()
def nats(windows: Floats, means: Floats, heads: Floats, out: Floats, low_task: int, high_task: int) -> None:
    """Negative log-likelihood, without ActNorm's volume.

    Args:
        windows: `(2, S, T, V, N)`.
        means: `(S, N)`.
        heads: `(K, S, 12 + 4 · kernel)`: all numbers of `likelihood.Heads` but the volume, in their order.
        out: `(S, N)`.
        low_task: first block.
        high_task: end of the blocks.
    """
    _, _, samples, joints, count = windows.shape
    steps, blocks = len(heads), -(-count // BLOCK)
    for task in range(low_task, high_task):
        model, low = task // blocks, task % blocks * BLOCK
        width = min(BLOCK, count - low)
        x = np.zeros((2, samples, joints, BLOCK), np.float32)
        pooled, active = np.empty((samples, BLOCK), np.float32), np.empty((2, samples, BLOCK), np.float32)
        values, gains = np.empty((2, BLOCK), np.float32), np.ones(BLOCK, np.float32)
        powers = np.zeros(BLOCK, np.int32)
        for channel in range(2):
            for t in range(samples):
                for v in range(joints):
                    x[channel, t, v, :width] = windows[channel, model, t, v, low : low + width]
        _pool(x[1], pooled)
        for step in range(steps):
            _step(x[(step + 1) % 2], x[step % 2], heads[step, model], pooled, active, values, gains)
            _take_powers(gains, powers)
        mean = np.zeros(BLOCK, np.float32)
        mean[:width] = means[model, low : low + width]
        total = _distance(x[steps % 2], x[(steps + 1) % 2], heads[steps - 1, model, -4:-2], mean)
        for n in range(width):
            volume = math.log(np.float64(gains[n])) + powers[n] * LOG_2
            constant = np.float64(2 * samples * joints) * HALF_LOG_2PI
            out[model, low + n] = 0.5 * np.float64(total[n]) + constant - volume


@loop()
def _pool(kept: Floats, pooled: Floats) -> None:
    """Mean of `(T, V, BLOCK)` over joints."""
    samples, joints, width = kept.shape
    for t in range(samples):
        mean = pooled[t]
        mean[:] = ZERO
        for v in range(joints):
            u = kept[t, v]
            for n in range(width):
                mean[n] += u[n]
        for n in range(width):
            mean[n] *= ONE / np.float32(joints)


@loop()
def _step(
    kept: Floats, changed: Floats, head: Floats, pooled: Floats, active: Floats, values: Floats, gains: Floats
) -> None:
    """One flow step on a block: `changed` `(T, V, BLOCK)`, its mean over joints and the product of gains."""
    samples, joints, width = kept.shape
    kernel = (len(head) - 12) // 4
    half, share = kernel // 2, ONE / np.float32(joints)
    time, rest = head[4 : 4 + 4 * kernel], head[4 + 4 * kernel :]
    f0, f1, a, b = rest[2], rest[3], rest[6], rest[7]
    for t in range(samples):
        mean = pooled[t]
        for c in range(2):
            out_row, slope, constant = active[c, t], head[c], head[2 + c]
            for n in range(width):
                out_row[n] = _relu(slope * mean[n] + constant)
    for t in range(samples):
        for c in range(2):
            value = values[c]
            value[:] = rest[c]
            for source in range(2):
                for k in range(max(0, half - t), min(kernel, samples + half - t)):
                    weight, row = time[(2 * c + source) * kernel + k], active[source, t + k - half]
                    for n in range(width):
                        value[n] += weight * row[n]
        first, second, mean = values[0], values[1], pooled[t]
        mean[:] = ZERO
        for v in range(joints):
            u, w = kept[t, v], changed[t, v]
            for n in range(width):
                shift = _relu(first[n] + f0 * u[n])
                gain = _gain(_relu(second[n] + f1 * u[n]))
                found = (shift + (a * w[n] + b)) * gain
                w[n] = found
                mean[n] += found
                gains[n] *= gain
        for n in range(width):
            mean[n] *= share


@loop()
def _distance(changed: Floats, kept: Floats, actnorm: Floats, mean: Floats) -> Floats:
    """Squared distance of the latent from the prior's mean, `(BLOCK,)`; `actnorm`: scale and shift of `changed`."""
    samples, joints, width = kept.shape
    scale, shift = actnorm[0], actnorm[1]
    part, total = np.empty(width, np.float32), np.zeros(width, np.float32)
    for t in range(samples):
        part[:] = ZERO
        for v in range(joints):
            first, last = changed[t, v], kept[t, v]
            for n in range(width):
                off, other = scale * first[n] + shift - mean[n], last[n] - mean[n]
                part[n] += off * off + other * other
        for n in range(width):
            total[n] += part[n]
    return total


@loop(reassociate=True)
def prior(
    changed: Floats,
    kept: Floats,
    means: Floats,
    scale: Floats,
    shift: Floats,
    share: float,
    nats: Floats,
    by_changed: Floats,
    by_kept: Floats,
    sums: Floats,
    low_task: int,
    high_task: int,
) -> None:
    """See `likelihood.prior`. `sums`: `(S, T, blocks, 2)`, of the gradients by scale and shift; `nats`: `(S, T, N)`."""
    _, samples, joints, count = changed.shape
    blocks, part = -(-count // WIDE), np.float32(share)
    for task in range(low_task, high_task):
        model, t, low = task // (samples * blocks), task // blocks % samples, task % blocks * WIDE
        high = min(low + WIDE, count)
        mean, total = means[model, low:high], nats[model, t, low:high]
        a, b, by_scale, by_shift = scale[model], shift[model], ZERO, ZERO
        total[:] = ZERO
        for v in range(joints):
            w, u = changed[model, t, v, low:high], kept[model, t, v, low:high]
            by_w, by_u = by_changed[model, t, v, low:high], by_kept[model, t, v, low:high]
            for n in range(high - low):
                off, other = a * w[n] + b - mean[n], u[n] - mean[n]
                total[n] += off * off + other * other
                by_off = part * off
                by_scale += by_off * w[n]
                by_shift += by_off
                by_w[n] = by_off * a
                by_u[n] = part * other
        sums[model, t, task % blocks, 0], sums[model, t, task % blocks, 1] = by_scale, by_shift
