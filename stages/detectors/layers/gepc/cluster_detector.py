"""Deep embedded clustering on ST-GCAE, and how usual a window's assignments are: what GEPC is on poses and on patches.

Source: Markovitz, Sharir, Friedman, Zelnik-Manor and Avidan, "Graph Embedded Pose Clustering for Anomaly Detection",
CVPR 2020, sections 3.3 to 3.5.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import ModelError
from stages.core.windows import Windows
from stages.detectors.base import RETRAIN, Log
from stages.detectors.layers.gepc.detector import PRETRAINED, AutoencoderDetector
from stages.detectors.layers.gepc.params import AutoencoderParams, GepcParams
from stages.detectors.layers.model import Arrays, under, weights_of
from stages.detectors.layers.proportions import Mixture, uncertainty

if TYPE_CHECKING:
    from stages.detectors.layers.gepc.autoencoder import Autoencoder

CENTRES = "centres"
MIXTURE = "mixture."


class ClusterDetector(AutoencoderDetector):
    """The detector; score = negative log-likelihood of a window's cluster assignments, mean over its views."""

    unit: ClassVar[str] = "nats, or 1 less the largest assignment"

    def __init__(self, params: Any, *, device: str = "auto", seed: int = 0) -> None:
        super().__init__(params, device=device, seed=seed)
        self._pretrained: Arrays = {}
        self._centres: NDArray[np.float32] = np.empty((0, 0), dtype=np.float32)
        self._mixture: Mixture | None = None

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """How unusual each window's cluster assignments are, `(N,)`. See `Detector.score`."""
        import torch

        _, network = self._fitted(windows)
        from stages.compute.threads import threads
        from stages.detectors.layers.gepc.training import assignments

        if not len(windows):
            return {"score": np.empty(0, dtype=np.float32)}
        views = self._views(windows)
        centres = torch.from_numpy(self._centres).to(next(network.parameters()).device)
        with threads(self.params.threads):
            q = assignments(network, centres, views, self.params.assignment)
        found = uncertainty(q) if self._mixture is None else self._mixture.score(q)
        return {"score": views.mean(torch.from_numpy(found)).numpy().astype(np.float32)}

    def _go_on(
        self, network: Autoencoder, shape: AutoencoderParams, train: Windows, log: Log
    ) -> tuple[int, dict[str, list[float]]]:
        from stages.detectors.layers.gepc import clustering, training

        params: GepcParams = self.params
        self._pretrained = weights_of(network)
        views = self._views(train, shape)
        centres = training.begin(network, views, params, self.seed)
        curves: dict[str, list[float]] = {"cluster_reconstruction": [], "divergence": []}
        started = time.monotonic()
        passes = training.cluster(network, centres, views, params, self.seed)
        for number, (error, spread, changed) in enumerate(passes, start=1):
            curves["cluster_reconstruction"].append(error)
            curves["divergence"].append(spread)
            left = (time.monotonic() - started) / number * (params.cluster_epochs - number)
            said = "" if np.isnan(changed) else f", {changed:.1%} of the windows changed their cluster before it"
            log(f"clustering, pass {number} of {params.cluster_epochs} at most: error {error:.4f}, divergence "
                f"{spread:.4f} nats{said}, {left:.0f} s left")  # fmt: skip
        self._centres = centres.detach().cpu().numpy()
        q = training.assignments(network, centres.detach(), views, params.assignment)
        count = clustering.alive(q)
        log(f"{count} of {params.clusters} clusters are alive")
        self._mixture = None
        if params.scoring == "mixture":
            self._mixture = Mixture.fit(
                q,
                components=params.components,
                seed=self.seed,
                every=params.fit_every,
                floor=params.mixture_floor,
                log=log,
            )
        return sum(array.size for array in self._learned().values()), curves

    def _learned(self) -> Arrays:
        mixture = {} if self._mixture is None else self._mixture.arrays()
        return {CENTRES: self._centres, **{f"{MIXTURE}{name}": array for name, array in mixture.items()}}

    def _arrays(self) -> Arrays:
        return {**self._learned(), **{f"{PRETRAINED}{name}": array for name, array in self._pretrained.items()}}

    def _restore(self, arrays: Arrays, folder: Path) -> None:
        self._pretrained = under(PRETRAINED, arrays)
        self._centres = arrays.get(CENTRES, np.empty((0, 0), dtype=np.float32))
        if len(self._centres) != self.params.clusters or not self._pretrained:
            raise ModelError(f"there are {len(self._centres)} centres", where=str(folder), fix=RETRAIN)
        mixture = under(MIXTURE, arrays)
        self._mixture = Mixture.restore(mixture, folder) if self.params.scoring == "mixture" else None
