"""How far a reconstructed frame is from what was seen: intensity, structure, gradient; and the score of a patch.

Sources: Cho et al. (ITAE), Pattern Recognition 2022, equations 8, 9 and 12; Wang, Simoncelli and Bovik, "Multiscale
structural similarity for image quality assessment", Asilomar 2003 (MS-SSIM); Mathieu, Couprie and LeCun, "Deep
multi-scale video prediction beyond mean square error", ICLR 2016, equation 6 with α = 1 (gradient difference).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""What each scale counts for, finest first; of fewer scales they are made to add up to one again."""
WINDOW, DEVIATION = 11, 1.5
"""Pixels of the Gaussian window, and its deviation."""
C1, C2 = 0.01**2, 0.03**2
"""Keep the ratios finite, for values in 0 … 1."""
TINY = 1e-6
"""Least contrast and structure that counts, so that the power of a negative one never arises."""


def reconstruction_loss(found: Tensor, seen: Tensor) -> Tensor:
    """L2 + (1 − MS-SSIM) + gradient difference, equally weighted (equation 9).

    Args:
        found: `(M, C, H, W)` frames as reconstructed, in 0 … 1.
        seen: as they were.
    """
    return functional.mse_loss(found, seen) + (1 - ms_ssim(found, seen).mean()) + gradient_difference(found, seen)


def gradient_difference(found: Tensor, seen: Tensor) -> Tensor:
    """Mean absolute difference of the sizes of neighbouring pixels' differences, across plus down."""
    total = found.new_zeros(())
    for axis in (-1, -2):
        total = total + (found.diff(dim=axis).abs() - seen.diff(dim=axis).abs()).abs().mean()
    return total


def scales(height: int, width: int) -> int:
    """Scales of MS-SSIM that fit: the window must fit into the coarsest picture. 128 px have four, 161 five.

    Raises:
        ValueError: not even one does.
    """
    fitting = [number for number in range(1, len(WEIGHTS) + 1) if min(height, width) >> (number - 1) >= WINDOW]
    if not fitting:
        raise ValueError(f"{height} × {width} px hold no window of {WINDOW} px")
    return max(fitting)


def ms_ssim(found: Tensor, seen: Tensor) -> Tensor:
    """Multiscale structural similarity, mean over channels: `(M,)`, at most 1, and that for equal pictures only.

    Args:
        found: `(M, C, H, W)` in 0 … 1.
        seen: likewise.

    Raises:
        ValueError: the pictures are smaller than the window.
    """
    levels = scales(*found.shape[-2:])
    weights = torch.tensor(WEIGHTS[:levels], dtype=found.dtype, device=found.device)
    weights = weights / weights.sum()
    shape = found.shape[:2]
    found, seen = (pictures.flatten(0, 1)[:, None] for pictures in (found, seen))
    total = found.new_ones(len(found))
    for level in range(levels):
        if level:
            found, seen = (functional.avg_pool2d(pictures, 2) for pictures in (found, seen))
        luminance, structure = _ssim(found, seen)
        last = luminance * structure if level == levels - 1 else structure
        total = total * last.mean(dim=(1, 2, 3)).clamp_min(TINY) ** weights[level]
    return total.view(shape).mean(dim=1)


def pixel_errors(found: Tensor, seen: Tensor) -> Tensor:
    """Absolute error of every pixel, mean over channels: `(M, C, H, W)` each → `(M, H, W)`."""
    return (found - seen).abs().mean(dim=1)


def patch_errors(found: Tensor, seen: Tensor, side: int) -> Tensor:
    """Largest mean absolute error of any patch (equation 12), mean over channels: `(M,)`.

    Args:
        found: `(M, C, H, W)`.
        seen: likewise.
        side: N px of a square patch, which slides pixel by pixel; the whole frame where that is smaller.
    """
    errors = pixel_errors(found, seen)
    rows, columns = (errors.new_full((min(side, long),), 1 / min(side, long)) for long in errors.shape[-2:])
    return _spread(errors, rows, columns).amax(dim=(1, 2))


def _ssim(found: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast times structure, around every pixel of `(M, 1, H, W)`."""
    mean_s, square_s = _blurred(torch.stack([seen, seen * seen]))
    mean_f, square_f, product = _blurred(torch.stack([found, found * found, found * seen]))
    means = mean_f * mean_s
    spread_f, spread_s, joint = square_f - mean_f**2, square_s - mean_s**2, product - means
    luminance = (2 * means + C1) / (mean_f**2 + mean_s**2 + C1)
    return luminance, (2 * joint + C2) / (spread_f + spread_s + C2)


def _blurred(pictures: Tensor) -> Tensor:
    """Means under the Gaussian window, where it fits whole."""
    at = torch.arange(WINDOW, dtype=pictures.dtype, device=pictures.device) - WINDOW // 2
    bell = torch.exp(-(at**2) / (2 * DEVIATION**2))
    bell = bell / bell.sum()
    return _spread(pictures, bell, bell)


def _spread(pictures: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Weighted means of pictures `(…, H, W)` under a window, where it fits whole: columns, then rows.

    As products with banded matrices: many times faster than a convolution of one channel or a pooling of many pixels,
    which no library has made fast on a CPU.
    """
    return _band(pictures.shape[-2], rows).mT @ (pictures @ _band(pictures.shape[-1], columns))


def _band(side: int, window: Tensor) -> Tensor:
    """A window at each place where it fits, as columns: `(side, side - len(window) + 1)`."""
    places = side - len(window) + 1
    column = torch.cat([window, window.new_zeros(places)])
    return column.repeat(places)[: side * places].view(places, side).mT
