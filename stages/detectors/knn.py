"""k nearest neighbours: the honest baseline. A window is abnormal when no training window is like it.

Windows are flattened, projected on the training windows' principal components, and scored by the mean distance to the
k nearest training windows. No learning rate, no epochs, no randomness.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from stages.core.errors import ModelError, TrainingError
from stages.core.windows import Windows
from stages.detectors.base import RETRAIN, DetectorParams, FitReport, Form, Log, not_fitted, silent
from stages.detectors.layers.model import Model

if TYPE_CHECKING:
    from sklearn.neighbors import NearestNeighbors


class KnnParams(DetectorParams):
    """The `detectors.knn` section.

    Args:
        components: principal components that are kept. Fewer forget fine motion, more let noise speak. Capped by what
            the training windows allow.
        neighbours: k. More make the score smoother and rare normal motions more suspicious.
    """

    components: int = Field(default=40, ge=1)
    neighbours: int = Field(default=5, ge=1)


class Knn(Model):
    """The detector; score = mean distance to the nearest training windows. See `stages.detectors.base.Detector`.

    Args:
        params: see `KnnParams`.
        device: any; it runs on the CPU.
        seed: any; nothing is drawn.
    """

    name: ClassVar[str] = "knn"
    Params: ClassVar[type[DetectorParams]] = KnnParams
    unit: ClassVar[str] = "distance in standard deviations of y"

    def __init__(self, params: KnnParams, *, device: str = "auto", seed: int = 0) -> None:
        super().__init__(params, device=device, seed=seed)
        self._memory: Memory | None = None

    def fit(
        self,
        train: Windows,
        *,
        validation: Windows | None = None,  # noqa: ARG002
        base: Mapping[str, Path] | None = None,  # noqa: ARG002
        log: Log = silent,
    ) -> FitReport:
        """Remember the training windows. See `Detector.fit`.

        Raises:
            TrainingError: fewer windows than neighbours are asked for, or a single one.
        """
        if len(train) < max(2, self.params.neighbours):
            raise TrainingError(
                f"{len(train)} training windows, but each is to be compared with {self.params.neighbours}",
                fix="add training footage, lower the window spec's stride_train, or lower detectors.knn.neighbours",
            )
        flat = _flatten(train)
        components = min(self.params.components, len(flat) - 1, flat.shape[1])
        if components < self.params.components:
            log(f"{components} components in place of {self.params.components}: {flat.shape} values allow no more")
        self._form, self._memory = Form.of(train), Memory.of(flat, components, self.params.neighbours)
        return FitReport(len(train), sum(array.size for array in self._memory.arrays().values()))

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """Mean distance to the nearest training windows, `(N,)`. See `Detector.score`."""
        return {"score": self._fitted(windows).distance(_flatten(windows))}

    def save(self, folder: Path) -> None:
        """Write weights.safetensors and detector.json. See `Detector.save`."""
        self._write(folder, self._fitted().arrays())

    @classmethod
    def load(cls, folder: Path, *, device: str = "auto") -> Self:
        """Read what `save` wrote. See `Detector.load`."""
        detector, form, arrays = cls._read(folder, device)
        detector._memory = Memory.restore(arrays, form, detector.params.neighbours, folder)
        return detector

    def _fitted(self, windows: Windows | None = None) -> Memory:
        self._checked(windows)
        if self._memory is None:
            raise not_fitted(self.name)
        return self._memory


class Memory:
    """Training windows on their principal components, D values each in place of P = C × T × V.

    Args:
        mean: `(P,)` of the training windows.
        axes: `(D, P)` principal components, orthonormal.
        known: `(N, D)` the training windows on those axes.
        neighbours: how many of them a window is compared with.
    """

    def __init__(
        self, mean: NDArray[np.float32], axes: NDArray[np.float32], known: NDArray[np.float32], neighbours: int
    ) -> None:
        from sklearn.neighbors import NearestNeighbors

        # One memory layout, or a loaded model rounds differently from the one that was saved.
        self.mean, self.axes, self.known = map(np.ascontiguousarray, (mean, axes, known))
        self._search: NearestNeighbors = NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(self.known)

    @classmethod
    def of(cls, flat: NDArray[np.float32], components: int, neighbours: int) -> Self:
        """Remember windows `(N, P)`."""
        from sklearn.decomposition import PCA

        # The eigenvectors of the covariance: exact, and nothing is drawn, unlike the randomized solver.
        pca = PCA(components, svd_solver="covariance_eigh").fit(flat)
        mean, axes = pca.mean_.astype(np.float32), pca.components_.astype(np.float32)
        return cls(mean, axes, (flat - mean) @ axes.T, neighbours)

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[np.float32]], form: Form, neighbours: int, folder: Path) -> Self:
        """Remember what `arrays` gave.

        Raises:
            ModelError: arrays are missing, or do not fit one another or the form.
        """
        values = len(form.channels) * form.samples * form.joints
        shapes = {name: array.shape for name, array in arrays.items()}
        count, components = len(arrays.get("known", ())), len(arrays.get("axes", ()))
        wanted = {"mean": (values,), "axes": (components, values), "known": (count, components)}
        if shapes != wanted or count < neighbours:
            raise ModelError(f"the weights do not fit the model: {shapes}", where=str(folder), fix=RETRAIN)
        return cls(arrays["mean"], arrays["axes"], arrays["known"], neighbours)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """What there is to save."""
        return {"mean": self.mean, "axes": self.axes, "known": self.known}

    def distance(self, flat: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean distance of windows `(N, P)` to their nearest remembered ones, `(N,)`."""
        if not len(flat):
            return np.empty(0, dtype=np.float32)
        distances, _ = self._search.kneighbors((flat - self.mean) @ self.axes.T)
        return np.asarray(distances.mean(axis=1), dtype=np.float32)


def _flatten(windows: Windows) -> NDArray[np.float32]:
    return windows.poses.reshape(len(windows), int(np.prod(windows.poses.shape[1:])))
