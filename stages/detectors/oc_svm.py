"""One-class SVM: a border round the latent vectors of normal windows.

Source: Markovitz et al., "Graph Embedded Pose Clustering for Anomaly Detection" (GEPC), CVPR 2020, section 4.2.2, the
baseline 'Autoencoder based one-class SVM': on ST-GCAE's latent vectors as they are before clustering. The paper gives
neither kernel nor ν: a Gaussian one of scikit-learn's default width, and ν as a parameter.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import ModelError, TrainingError
from stages.core.seeding import stream
from stages.core.windows import Windows
from stages.detectors.base import RETRAIN, DetectorParams, Log
from stages.detectors.layers.gepc.detector import AutoencoderDetector
from stages.detectors.layers.gepc.params import AutoencoderParams, OcSvmParams
from stages.detectors.layers.model import Arrays

if TYPE_CHECKING:
    from stages.detectors.layers.gepc.autoencoder import Autoencoder

LEAST_DEVIATION = 1e-4
"""Of a latent element that is standardized: those that never move are not blown up."""
LEAST = 10
"""Windows a border is drawn round."""


class OcSvm(AutoencoderDetector):
    """The detector; score = distance outside of the border (negative inside), mean over a window's views."""

    name: ClassVar[str] = "oc_svm"
    Params: ClassVar[type[DetectorParams]] = OcSvmParams
    unit: ClassVar[str] = "decision value outside of the border"

    def __init__(self, params: Any, *, device: str = "auto", seed: int = 0) -> None:
        super().__init__(params, device=device, seed=seed)
        self._border: Arrays = {}

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """How far outside of the border each window lies, `(N,)`. See `Detector.score`."""
        import torch

        _, network = self._fitted(windows)
        from sklearn.metrics.pairwise import rbf_kernel

        from stages.compute.threads import threads
        from stages.detectors.layers.gepc.training import latent

        if not len(windows):
            return {"score": np.empty(0, dtype=np.float32)}
        views = self._views(windows)
        border = self._border
        with threads(self.params.threads):
            values = [
                border["offset"][0] - rbf_kernel(_placed(z, border), border["vectors"], gamma=border["gamma"][0])
                @ border["weights"]
                for z in latent(network, views, torch.arange(len(views)))
            ]  # fmt: skip
        return {"score": views.mean(torch.from_numpy(np.concatenate(values))).numpy().astype(np.float32)}

    def _go_on(
        self, network: Autoencoder, shape: AutoencoderParams, train: Windows, log: Log
    ) -> tuple[int, dict[str, list[float]]]:
        import torch
        from sklearn.svm import OneClassSVM

        from stages.detectors.layers.gepc.training import latent

        params: OcSvmParams = self.params
        views = self._views(train, shape)
        if len(views) < LEAST:
            raise TrainingError(f"{len(views)} training windows are too few for a border", fix="add training footage")
        rows = np.arange(len(views))
        if len(rows) > params.rows:
            rows = np.sort(stream(self.seed, self.name, "rows").choice(len(rows), params.rows, replace=False))
            log(f"the border is drawn round {params.rows} of {len(views)} windows and views")
        z = torch.cat([part.cpu() for part in latent(network, views, torch.from_numpy(rows))]).numpy()
        mean, deviation = z.mean(axis=0), np.ones(z.shape[1], dtype=np.float32)
        if params.standardize:
            deviation = np.maximum(z.std(axis=0), LEAST_DEVIATION)
        z = (z - mean) / deviation
        gamma = 1 / (z.shape[1] * max(float(z.var()), 1e-12))  # scikit-learn's `scale`
        found = OneClassSVM(kernel="rbf", gamma=gamma, nu=params.nu).fit(z)
        log(f"{len(found.support_)} of {len(z)} windows hold the border")
        self._border = {
            "mean": mean,
            "deviation": deviation,
            "vectors": z[found.support_],
            "weights": found.dual_coef_[0].astype(np.float64),
            "offset": np.asarray(-found.intercept_, dtype=np.float64),
            "gamma": np.array([gamma]),
        }
        return sum(array.size for array in self._border.values()), {}

    def _arrays(self) -> Arrays:
        return self._border

    def _restore(self, arrays: Arrays, folder: Path) -> None:
        shapes = {name: array.shape for name, array in arrays.items()}
        vectors = shapes.get("vectors", ())
        place = dict.fromkeys(("mean", "deviation"), vectors[1:])
        wanted = {**place, "vectors": vectors, "weights": vectors[:1], "offset": (1,), "gamma": (1,)}
        if len(vectors) != 2 or shapes != wanted:
            raise ModelError(f"the border's arrays do not fit: {shapes}", where=str(folder), fix=RETRAIN)
        self._border = arrays


def _placed(z: Any, border: Arrays) -> NDArray[np.float32]:
    """Latent vectors as the border was drawn."""
    found: NDArray[np.float32] = (z.cpu().numpy() - border["mean"]) / border["deviation"]
    return found
