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

    from stages.detectors.layers.itae.autoencoder import Autoencoder, Encoded

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

    def error_maps(self, windows: Windows) -> NDArray[np.float32]:
        """Absolute error of every pixel, mean over channels. See `stages.detectors.base.Mapped`."""
        from stages.detectors.layers.frames.batches import empty_maps

        return np.concatenate([empty_maps(windows), *self._by_pieces(windows, self._errors)])

    def _errors(self, windows: Windows, rows: torch.Tensor) -> NDArray[np.float32]:
        import torch

        from stages.detectors.layers.frames.batches import as_pictures, clips
        from stages.detectors.layers.itae.losses import pixel_errors

        films = clips(windows, rows, self._device())
        with torch.no_grad():
            found = self._fitted()(films)
        errors = pixel_errors(as_pictures(found), as_pictures(films))
        return errors.view(len(rows), -1, *films.shape[-2:]).cpu().numpy()

    def _judge(self, windows: Windows, rows: torch.Tensor) -> dict[str, NDArray[np.float32]]:
        import torch

        from stages.detectors.layers.frames.batches import clips

        films = clips(windows, rows, self._device())
        with torch.no_grad():
            found = self._parts(films, self._fitted().encode(films))
        return {name: values.view(len(rows), -1).cpu().numpy() for name, values in found.items()}

    def _parts(self, films: torch.Tensor, encoded: Encoded) -> dict[str, torch.Tensor]:
        """Parts of clips and what they are encoded as, a number for each frame."""
        from stages.detectors.layers.frames.batches import as_pictures
        from stages.detectors.layers.itae.losses import patch_errors

        found = self._fitted().decode(encoded[-1])
        return {RECONSTRUCTION: patch_errors(as_pictures(found), as_pictures(films), self.params.patch)}
