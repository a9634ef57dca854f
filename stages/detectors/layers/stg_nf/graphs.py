"""A training step recorded once as a CUDA graph and replayed: one launch in place of several hundred.

A model of 616 parameters keeps a GPU waiting for launches. Source: the PyTorch documentation, "CUDA semantics, CUDA
Graphs": warm up on a side stream, record, copy inputs into place, replay.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3
"""Steps that are taken and taken back before recording, so that nothing is set up while it records."""

Step = Callable[[Tensor, Tensor], Tensor]


class Recorded:
    """A step on inputs of one shape; a call gives what the step would give.

    Args:
        step: rows and means to losses; changes tensors in place, takes no number from the GPU and draws nothing.
        rows: of the first batch.
        means: of the first batch.
        undo: takes back what steps did, in place.
    """

    def __init__(self, step: Step, rows: Tensor, means: Tensor, undo: Callable[[], None]) -> None:
        self._rows, self._means = rows.clone(), means.clone()
        stream = torch.cuda.Stream(rows.device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(rows.device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                step(self._rows, self._means)
        torch.cuda.current_stream(rows.device).wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._losses = step(self._rows, self._means)
        undo()

    @property
    def shape(self) -> torch.Size:
        """Of the rows it takes."""
        return self._rows.shape

    def __call__(self, rows: Tensor, means: Tensor) -> Tensor:
        """Losses, `(S,)`, in memory that the next call overwrites."""
        self._rows.copy_(rows)
        self._means.copy_(means)
        self._graph.replay()
        return self._losses
