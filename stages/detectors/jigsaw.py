"""Jigsaw puzzles: what has learned to put normal clips in order is unsure of others.

Source: Wang, Wang, Qin, Zhang, Bao and Huang, "Video Anomaly Detection by Solving Decoupled Spatio-Temporal Jigsaw
Puzzles", ECCV 2022. The paper cuts out objects, which a detector finds; here a whole frame is one puzzle.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from stages.core.windows import Windows
from stages.detectors.base import DetectorParams, Form
from stages.detectors.layers.frames.detector import FrameDetector
from stages.detectors.layers.pretext.params import JigsawParams

if TYPE_CHECKING:
    import torch

    from stages.detectors.layers.pretext.puzzles import Solver


class Jigsaw(FrameDetector["Solver"]):
    """The detector; one score per window and puzzle."""

    name: ClassVar[str] = "jigsaw"
    Params: ClassVar[type[DetectorParams]] = JigsawParams
    parts: ClassVar[tuple[str, ...]] = ("temporal", "spatial")
    unit: ClassVar[str] = "1 less a probability"
    per_frame: ClassVar[bool] = False

    def _build(self, form: Form) -> Solver:
        import torch

        from stages.core.seeding import derive
        from stages.detectors.layers.pretext.puzzles import Solver

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(self.seed, "jigsaw", "weights"))
            network = Solver(form.picture[0], form.samples, self.params)
        return network.to(self._device())

    def _epochs(self, network: Solver, train: Windows) -> Iterator[float]:
        from stages.detectors.layers.pretext.puzzles import solve

        return solve(network, train, self.params, self.seed, self._device())

    def _held_out(self, network: Solver, windows: Windows) -> float:
        from stages.detectors.layers.pretext.puzzles import held_out

        return held_out(network, windows, self.params, self.seed, self._device())

    def _judge(self, windows: Windows, rows: torch.Tensor) -> dict[str, NDArray[np.float32]]:
        from stages.detectors.layers.pretext.puzzles import doubt

        return {
            name: found.cpu().numpy() for name, found in doubt(self._fitted(), windows, rows, self._device()).items()
        }
