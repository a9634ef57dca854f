"""Running a torch network on pictures: on a GPU in half precision and large batches, on a CPU in single precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stages.compute.device import resolve
from stages.core.errors import ParamsError

Prepare = Callable[[Tensor], Tensor]
"""Pictures `(n, 3, H, W)` float32, 0–255, on the device → the network's input."""

Finish = Callable[[Tensor], Tensor]
"""The network's output in float32, on the device → what is wanted of it."""


def as_it_is(values: Tensor) -> Tensor:
    """Change nothing."""
    return values


@dataclass(frozen=True)
class Engine:
    """One network on one device, which several threads may call at once.

    Args:
        network: in evaluation mode, on `device`, its weights of type `dtype`.
        device: where it runs.
        dtype: float16 or float32.
        batch: pictures per call; the rest waits its turn. Larger keeps a GPU busy and takes more of its memory.
        prepare: from pictures to the network's input.
        finish: from the network's output to what is given; what it leaves out need not be copied from the device.
    """

    network: nn.Module
    device: torch.device
    dtype: torch.dtype
    batch: int
    prepare: Prepare = as_it_is
    finish: Finish = as_it_is

    @property
    def on_gpu(self) -> bool:
        """Whether large batches pay."""
        return self.device.type != "cpu"

    @property
    def name(self) -> str:
        """The engine, for the files' metadata."""
        return f"torch {torch.__version__} {self.device.type} {str(self.dtype).removeprefix('torch.')}"

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network.

        Args:
            pictures: `(n, H, W, 3)` uint8, n ≥ 1.

        Returns:
            `(n, ...)` float32.
        """
        parts = [self._run(pictures[start : start + self.batch]) for start in range(0, len(pictures), self.batch)]
        return np.concatenate(parts)

    @torch.inference_mode()
    def _run(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        pixels = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2).float()
        x = self.prepare(pixels).to(self.dtype).contiguous(memory_format=_layout(self.device))
        found: NDArray[np.float32] = self.finish(self.network(x).float()).cpu().numpy()
        return found


def put(
    network: nn.Module,
    device: str,
    half: Literal["auto"] | bool,
    batch: int,
    prepare: Prepare = as_it_is,
    finish: Finish = as_it_is,
) -> Engine:
    """Bring a network to a device and make it ready.

    On a CPU torch is told to use one thread per call, as frames are worked on side by side; that is faster than one
    after another on all cores, and results do not depend on the number of cores. On a GPU algorithms are chosen that
    give the same result each time.

    Args:
        network: in evaluation mode, float32.
        device: `auto` is the first GPU, else the CPU; or torch's own names.
        half: half precision; `auto`: on a GPU.
        batch: as in `Engine`.
        prepare: as in `Engine`.
        finish: as in `Engine`.

    Raises:
        ParamsError: there is no such device here, or half precision is wanted of a CPU, where it is slow.
    """
    where = resolve(device)
    if half is True and where.type == "cpu":
        raise ParamsError("half precision needs a GPU", fix="set extract.alphapose.half to auto, or device to cuda")
    dtype = torch.float16 if half is True or (half == "auto" and where.type == "cuda") else torch.float32
    if where.type == "cpu":
        torch.set_num_threads(1)
    else:
        torch.backends.cudnn.deterministic = True
    moved: nn.Module = network.to(where, dtype)
    if where.type != "cpu":
        moved = moved.to(memory_format=_layout(where))  # type: ignore[call-overload]
    return Engine(moved, where, dtype, batch, prepare, finish)


def _layout(device: torch.device) -> torch.memory_format:
    """Channels last is what a GPU's half-precision units read; a CPU is as fast without."""
    return torch.channels_last if device.type != "cpu" else torch.contiguous_format
