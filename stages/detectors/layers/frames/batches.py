"""Windows of whole frames as batches of clips that a network reads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stages.core.windows import Windows


def clips(windows: Windows, rows: Tensor | list[int], device: torch.device) -> Tensor:
    """Frames of some windows, `(n, C, T, H, W)` in 0 … 1, channels last in memory, which convolutions like.

    Args:
        windows: with frames.
        rows: which, `(n,)`.
        device: where to.

    Raises:
        DatasetError: the windows carry no frames.
    """
    pixels = np.stack([windows.frames(int(row)) for row in rows])  # (n, T, C, H, W)
    moved = torch.from_numpy(pixels).to(device, non_blocking=True).transpose(1, 2)
    return moved.to(torch.float32, memory_format=torch.channels_last_3d).div_(255)


def empty_maps(windows: Windows) -> NDArray[np.float32]:
    """Maps of no windows, `(0, T, H, W)`."""
    return np.empty((0, windows.poses.shape[2], *windows.picture[1:]), dtype=np.float32)


def as_pictures(films: Tensor) -> Tensor:
    """Clips `(n, C, T, H, W)` as their frames one after another, `(n · T, C, H, W)`."""
    return films.transpose(1, 2).flatten(0, 1)


def batches(count: int, size: int, order: torch.Generator | None = None, *, whole: bool = False) -> Iterator[Tensor]:
    """Rows `size` at a time, in their own order or in a new one.

    Args:
        count: rows.
        size: of a batch.
        order: what draws a new order.
        whole: a last batch of fewer than two is left out, as batch statistics of one say little.
    """
    rows = torch.arange(count) if order is None else torch.randperm(count, generator=order)
    for part in torch.split(rows, size):
        if len(part) > 1 or not whole or count < 2:
            yield part
