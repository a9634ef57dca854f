"""What ITAE with and without flows share: the autoencoder and its errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from stages.core.windows import Windows
from stages.detectors.base import Form
from stages.detectors.layers.frames.detector import FrameDetector

if TYPE_CHECKING:
    import torch

    from stages.detectors.layers.itae.autoencoder import Autoencoder

RECONSTRUCTION = "reconstruction"
"""The part that every frame's largest patch error is."""


class ClipDetector(FrameDetector["Autoencoder"]):
    """A detector on ITAE's autoencoder. See `stages.detectors.base.Detector`."""

    parts: ClassVar[tuple[str, ...]] = (RECONSTRUCTION,)
    unit: ClassVar[str] = "mean absolute error of a patch, in 0 … 1"

    def _build(self, form: Form) -> Autoencoder:
        from stages.detectors.layers.itae.training import build

        return build(form.picture, form.samples, self.params, self.seed).to(self._device())

    def _epochs(self, network: Autoencoder, train: Windows) -> Iterator[float]:
        from stages.detectors.layers.itae.training import reconstruct

        return reconstruct(network, train, self.params, self.seed)

    def _held_out(self, network: Autoencoder, windows: Windows) -> float:
        from stages.detectors.layers.itae.training import held_out

        return held_out(network, windows, self.params)

    def _judge(self, windows: Windows, rows: torch.Tensor) -> dict[str, NDArray[np.float32]]:
        import torch

        from stages.detectors.layers.frames.batches import as_pictures, clips
        from stages.detectors.layers.itae.losses import patch_errors

        network = self._fitted()
        with torch.no_grad():
            films = clips(windows, rows, self._device())
            errors = patch_errors(as_pictures(network(films)), as_pictures(films), self.params.patch)
        return {RECONSTRUCTION: errors.view(len(rows), -1).cpu().numpy()}
