"""Reconstruction loss: an autoencoder fails on what it has not learned.

Source: Markovitz et al., "Graph Embedded Pose Clustering for Anomaly Detection" (GEPC), CVPR 2020, section 4.2.2, the
baseline 'Autoencoder reconstruction loss': ST-GCAE as it is before clustering.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from stages.core.windows import Windows
from stages.detectors.base import DetectorParams, Log
from stages.detectors.layers.gepc.detector import AutoencoderDetector
from stages.detectors.layers.gepc.params import AutoencoderParams, ReconstructionParams
from stages.detectors.layers.model import Arrays

if TYPE_CHECKING:
    from stages.detectors.layers.gepc.autoencoder import Autoencoder


class Reconstruction(AutoencoderDetector):
    """The detector; score = mean squared error of a window, mean over its views."""

    name: ClassVar[str] = "reconstruction"
    Params: ClassVar[type[DetectorParams]] = ReconstructionParams
    unit: ClassVar[str] = "mean squared error"

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """Mean squared error, `(N,)`. See `Detector.score`."""
        return {"score": self.explain(windows).sum(axis=(1, 2), dtype=np.float32)}

    def explain(self, windows: Windows) -> NDArray[np.float32]:
        """What each sample and joint adds to the score, `(N, T, V)`; they sum to the score.

        Raises:
            ModelError: not fitted, or fitted to windows of another shape.
        """
        form, network = self._fitted(windows)
        from stages.compute.threads import threads
        from stages.detectors.layers.gepc.training import errors

        if not len(windows):
            return np.empty((0, form.samples, form.joints), dtype=np.float32)
        with threads(self.params.threads):
            return errors(network, self._views(windows)) / np.float32(form.samples * form.joints)

    def _go_on(
        self,
        network: Autoencoder,  # noqa: ARG002
        shape: AutoencoderParams,  # noqa: ARG002
        train: Windows,  # noqa: ARG002
        log: Log,  # noqa: ARG002
    ) -> tuple[int, dict[str, list[float]]]:
        """Nothing."""
        return 0, {}

    def _arrays(self) -> Arrays:
        return {}

    def _restore(self, arrays: Arrays, folder: Path) -> None:
        """Nothing."""
