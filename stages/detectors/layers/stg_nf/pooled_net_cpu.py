"""`pooled_net.py` on the CPU, in either precision: a task is a model.

Sums are in double precision. See `compiled.py`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stages.detectors.layers.stg_nf.compiled import loop

Array = NDArray[Any]

EPS = 1e-5
GRAPH, NORM1, NORM1_BIAS, TIME = 4, 8, 10, 12
"""Where a step's weights begin in their row, see `pooled_net.Weights`."""
NORM2, NORM2_BIAS, SKIP, NORM3, NORM3_BIAS = -12, -10, -8, -4, -2
"""The same, from the row's end."""
CENTRE, POOLED, WHOLE, INNER, INNER_VARIANCE = 0, 1, 2, 3, 5
"""The same of `pooled_net.Moments`."""

_small = njit(nogil=True, cache=True, error_model="numpy")


@loop()
def forward(
    weights: Array,
    kept_scale: Array,
    pooled: Array,
    residual: bool,
    spread: Array,
    active: Array,
    standard: Array,
    values: Array,
    factor: Array,
    moments: Array,
    low_task: int,
    high_task: int,
) -> None:
    """See `pooled_net.forward`; the arrays after `spread` are filled."""
    samples, kernel = pooled.shape[1], (weights.shape[1] - TIME + NORM2 - 2) // 4
    for model in range(low_task, high_task):
        own, found, scale = weights[model], moments[model], np.float64(kept_scale[model])
        end = len(own)
        maps = np.empty((2, 3), pooled.dtype)  # of each channel: centre, gain, constant
        found[CENTRE], found[POOLED] = _mean_and_variance(pooled[model])
        within, _ = _mean_and_variance(spread[model])
        found[WHOLE] = found[POOLED] + within
        for c in range(2):
            gain = _gain(own[NORM1 + c], own[GRAPH + c] * scale, found[POOLED])
            maps[c, 0], maps[c, 1], maps[c, 2] = found[CENTRE], gain, own[NORM1_BIAS + c]
            factor[model, c] = residual * _gain(own[end + NORM3 + c], own[end + SKIP + c] * scale, found[WHOLE])
            for t in range(samples):
                _map(pooled[model, t], maps[c], active[model, c, t])
                _rectify(active[model, c, t])
        for c in range(2):
            inner = standard[model, c]
            inner[:] = 0
            for t in range(samples):
                for source in range(2):
                    for k in range(max(0, kernel // 2 - t), min(kernel, samples + kernel // 2 - t)):
                        weight = own[TIME + (2 * c + source) * kernel + k]
                        _add(active[model, source, t + k - kernel // 2], weight, inner[t])
            found[INNER + c], found[INNER_VARIANCE + c] = _mean_and_variance(inner)
            maps[c, 0], maps[c, 1], maps[c, 2] = found[INNER + c], _gain(1.0, 1.0, found[INNER_VARIANCE + c]), 0.0
            for t in range(samples):
                _map(inner[t], maps[c], inner[t])
            constant = own[end + NORM2_BIAS + c] - factor[model, c] * found[CENTRE]
            maps[c, 0], maps[c, 1] = 0.0, own[end + NORM2 + c]
            maps[c, 2] = constant + residual * own[end + NORM3_BIAS + c]
            for t in range(samples):
                _map(inner[t], maps[c], values[model, c, t])


@loop()
def backward(
    weights: Array,
    kept_scale: Array,
    pooled: Array,
    residual: bool,
    active: Array,
    standard: Array,
    moments: Array,
    factor: Array,
    by_values: Array,
    by_factor: Array,
    joints: int,
    by_weights: Array,
    by_scale: Array,
    pull: Array,
    push: Array,
    low_task: int,
    high_task: int,
) -> None:
    """See `pooled_net.backward`; the arrays after `joints` are filled."""
    _, samples, count = pooled.shape
    kernel = (weights.shape[1] - TIME + NORM2 - 2) // 4
    for model in range(low_task, high_task):
        own, by, found, scale = weights[model], by_weights[model], moments[model], np.float64(kept_scale[model])
        elements = samples * count
        maps, by_time = np.empty((2, 3), pooled.dtype), np.zeros(4 * kernel)
        by_first, total_first = np.zeros(2), np.zeros(2)
        by_pooled, off = 0.0, 0.0
        by_kept, by_whole, by_centre = _through_values(
            own, found, scale, residual, standard[model], factor[model], by_factor[model], by_values[model], by, maps
        )
        for c in range(2):
            maps[c, 0] = found[CENTRE]
            maps[c, 1] = _gain(own[NORM1 + c], own[GRAPH + c] * scale, found[POOLED])
        _through_time(
            own[TIME : TIME + 4 * kernel], maps, by_values[model], active[model], pooled[model], push[model], by_time,
            by_first, total_first,
        )  # fmt: skip
        for c in range(2):
            by_norm, by_slope, by_variance = _gain_back(
                by_first[c], own[NORM1 + c], own[GRAPH + c] * scale, found[POOLED]
            )
            by[NORM1 + c], by[NORM1_BIAS + c], by[GRAPH + c] = by_norm, total_first[c], by_slope * scale
            by_kept += by_slope * own[GRAPH + c]
            by_pooled += by_variance
            off += total_first[c] * maps[c, 1]
        for place in range(4 * kernel):
            by[TIME + place] = by_time[place]
        # Spread over elements and joints; what `pull` brings of the centre is taken back.
        by_scale[model], pull[model] = by_kept, 2 * by_whole / (elements * joints)
        maps[1, 0], maps[0, 1] = 1 / joints, 2 * by_pooled / (elements * joints)
        maps[0, 2] = (by_centre - off) / (elements * joints) - found[CENTRE] * pull[model]
        for t in range(samples):
            _finish(pooled[model, t], maps, push[model, t])


@_small
def _through_values(
    own: Array,
    found: Array,
    scale: float,
    residual: bool,
    standard: Array,
    factor: Array,
    by_factor: Array,
    by_values: Array,
    by: Array,
    maps: Array,
) -> tuple[float, float, float]:
    """Back through the second normalization and the residual; `by_values` becomes the gradient by what it normalized.

    Returns:
        Gradients by the kept channel's scale, its variance and its mean.
    """
    end, elements = len(own), standard[0].size
    by_kept, by_whole, by_centre = 0.0, 0.0, 0.0
    for c in range(2):
        total, product = 0.0, 0.0
        for t in range(standard.shape[1]):
            row = by_values[c, t]
            total += _sum(row)
            product += _sum_products(row, standard[c, t], row.dtype.type(0))
        by[end + NORM2 + c], by[end + NORM2_BIAS + c], by[end + NORM3_BIAS + c] = product, total, residual * total
        gain = _gain(own[end + NORM2 + c], 1.0, found[INNER_VARIANCE + c])
        maps[c, 0], maps[c, 1], maps[c, 2] = total / elements, product / elements, gain
        for t in range(standard.shape[1]):
            _through_norm(standard[c, t], maps[c], by_values[c, t])
        by_gain, skip = by_factor[c] - total * found[CENTRE], own[end + SKIP + c]
        by_norm, by_slope, by_variance = _gain_back(by_gain, own[end + NORM3 + c], skip * scale, found[WHOLE])
        by[end + NORM3 + c], by[end + SKIP + c] = residual * by_norm, residual * by_slope * scale
        by_kept += residual * by_slope * skip
        by_whole += residual * by_variance
        by_centre -= total * factor[c]
    return by_kept, by_whole, by_centre


@_small
def _through_time(
    time: Array,
    maps: Array,
    by_values: Array,
    active: Array,
    pooled: Array,
    push: Array,
    by_time: Array,
    by_first: Array,
    total_first: Array,
) -> None:
    """Back through the temporal convolution, the first ReLU and the first normalization; fills the last four."""
    samples, kernel = len(pooled), len(time) // 4
    by_active = np.empty_like(pooled[0])
    for t in range(samples):
        push[t] = 0
        for c in range(2):
            by_active[:] = 0
            for target in range(2):
                for k in range(max(0, t + kernel // 2 + 1 - samples), min(kernel, t + kernel // 2 + 1)):
                    place, row = (2 * target + c) * kernel + k, by_values[target, t - k + kernel // 2]
                    _add(row, time[place], by_active)
                    by_time[place] += _dot(row, active[c, t])
            _mask(active[c, t], by_active)
            total_first[c] += _sum(by_active)
            by_first[c] += _sum_products(by_active, pooled[t], maps[c, 0])
            _add(by_active, maps[c, 1], push[t])


@_small
def _gain(weight: float, slope: float, variance: float) -> float:
    """Of a linear map followed by batch normalization, see `pooled_net`."""
    return np.float64(weight) * slope / math.sqrt(np.float64(slope) * slope * variance + EPS)


@_small
def _gain_back(by_gain: float, weight: float, slope: float, variance: float) -> tuple[float, float, float]:
    """Gradients of `_gain` by weight, slope and variance."""
    root = 1 / math.sqrt(np.float64(slope) * slope * variance + EPS)
    cube = by_gain * weight * root**3
    return by_gain * slope * root, cube * EPS, -0.5 * cube * slope**3


@_small
def _mean_and_variance(values: Array) -> tuple[float, float]:
    """Of `(T, N)`; in double precision the difference of squares is as good as two passes."""
    total, square = 0.0, 0.0
    for t in range(len(values)):
        total += _sum(values[t])
        square += _sum_products(values[t], values[t], values.dtype.type(0))
    mean = total / values.size
    return mean, max(square / values.size - mean * mean, 0.0)


# What follows runs along a row of windows.


@loop(reassociate=True)
def _sum(values: Array) -> float:
    total = 0.0
    for n in range(len(values)):
        total += np.float64(values[n])
    return total


@loop(reassociate=True)
def _sum_products(a: Array, b: Array, centre: float) -> float:
    """Of the first with what is off the centre in the second."""
    total = 0.0
    for n in range(len(a)):
        total += np.float64(a[n]) * np.float64(b[n] - centre)
    return total


@loop(reassociate=True)
def _dot(a: Array, b: Array) -> Any:
    total = a[0] * 0
    for n in range(len(a)):
        total += a[n] * b[n]
    return total


@loop()
def _map(values: Array, numbers: Array, out: Array) -> None:
    centre, gain, constant = numbers[0], numbers[1], numbers[2]
    for n in range(len(values)):
        out[n] = gain * (values[n] - centre) + constant


@loop()
def _rectify(values: Array) -> None:
    for n in range(len(values)):
        values[n] = max(values[n], values.dtype.type(0))


@loop()
def _add(values: Array, weight: float, out: Array) -> None:
    for n in range(len(values)):
        out[n] += weight * values[n]


@loop()
def _mask(active: Array, by: Array) -> None:
    for n in range(len(by)):
        by[n] = by[n] if active[n] > 0 else by.dtype.type(0)


@loop()
def _through_norm(standard: Array, numbers: Array, by: Array) -> None:
    mean, slope, gain = numbers[0], numbers[1], numbers[2]
    for n in range(len(by)):
        by[n] = gain * (by[n] - mean - slope * standard[n])


@loop()
def _finish(pooled: Array, maps: Array, push: Array) -> None:
    centre, gain, constant, share = maps[0, 0], maps[0, 1], maps[0, 2], maps[1, 0]
    for n in range(len(push)):
        push[n] = share * push[n] + gain * (pooled[n] - centre) + constant
