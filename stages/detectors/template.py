"""A detector to start from: `normotion new-detector NAME` copies this file. A small autoencoder of poses.

It works as it stands, and `tests/detectors/test_conformance.py` holds it to the contract. Look for YOURS: there your
method goes. docs/howto/own-detector.md leads through it. Name your source here: paper, section, equation.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from stages.core.errors import TrainingError
from stages.core.windows import Windows
from stages.detectors.base import DetectorParams, FitReport, Form, Log, not_fitted, silent
from stages.detectors.layers.model import Model, size, take_weights, taking_weights, weights_of

if TYPE_CHECKING:  # torch is imported inside the methods: `normotion check` imports this file and shall stay quick
    import torch
    from torch import nn

BATCH = 1024
"""Windows scored at a time; no score depends on it."""


class TemplateParams(DetectorParams):
    """The `detectors.template` section. YOURS: one field per choice, its unit, and what raising it does.

    Args:
        hidden: units of the inner layers. More fit finer motion and take longer.
        code: numbers that a window is squeezed into. More let abnormal windows through as well.
        epochs: passes over the training windows.
        batch: windows per step.
        learning_rate: of Adam. Too high and the loss jumps about.
    """

    hidden: int = Field(default=64, ge=1)
    code: int = Field(default=8, ge=1)
    epochs: int = Field(default=20, ge=1)
    batch: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=3e-3, gt=0)


class Template(Model):
    """The detector; score = squared error of the reconstruction. See `stages.detectors.base.Detector`.

    Args:
        params: see `TemplateParams`.
        device: `auto`, `cpu`, `cuda` …
        seed: of the initial weights and of the order of the windows.
    """

    name: ClassVar[str] = "template"
    Params: ClassVar[type[DetectorParams]] = TemplateParams
    unit: ClassVar[str] = "squared error in standard deviations of y"
    # YOURS, where `Model` says otherwise: `needs` (poses), `parts` (one score), `supervised` (normal windows alone).

    def __init__(self, params: TemplateParams, *, device: str = "auto", seed: int = 0) -> None:
        super().__init__(params, device=device, seed=seed)
        self._network: nn.Module | None = None

    def fit(
        self,
        train: Windows,
        *,
        validation: Windows | None = None,
        base: Mapping[str, Path] | None = None,  # noqa: ARG002  a student's: folder of the model it starts from, by name
        log: Log = silent,
    ) -> FitReport:
        """Learn to rebuild normal windows. See `Detector.fit`.

        Raises:
            TrainingError: fewer than two windows, or the loss is no longer finite.
        """
        if len(train) < 2:
            raise TrainingError(f"{len(train)} training windows", fix="add training footage, or lower stride_train")
        import torch

        form = Form.of(train)
        network = self._build(form)
        adam = torch.optim.Adam(network.parameters(), lr=self.params.learning_rate)
        curves: dict[str, list[float]] = {"loss": []}
        for epoch in range(1, self.params.epochs + 1):
            curves["loss"].append(self._epoch(network, adam, train, epoch))
            if validation is not None and len(validation):  # to watch, never to learn or to choose from
                held_out = self._errors(network, validation).mean()
                curves.setdefault("validation_loss", []).append(float(held_out))
            log(f"epoch {epoch} of {self.params.epochs}: " + ", ".join(f"{k} {v[-1]:.4f}" for k, v in curves.items()))
        self._form, self._network = form, network  # only now: a fit that fails leaves the detector as it was
        return FitReport(len(train), size(network), curves)

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """Squared error, mean over joints and channels, one per sample, `(N, T)`. See `Detector.score`.

        YOURS: `(N, T)`, or `(N,)` for one score per window. Higher = more abnormal: a likelihood takes a minus. No
        threshold, no smoothing, nothing that depends on the other windows: that is the referee's.
        """
        return {"score": self._errors(self._fitted(windows), windows)}

    def save(self, folder: Path) -> None:
        """Write weights.safetensors and detector.json. See `Detector.save`."""
        self._write(folder, weights_of(self._fitted()))  # YOURS: all that was learned, as arrays by name; no pickle

    @classmethod
    def load(cls, folder: Path, *, device: str = "auto") -> Self:
        """Read what `save` wrote. See `Detector.load`."""
        detector, form, weights = cls._read(folder, device)
        network = detector._build(form)
        with taking_weights(folder):
            take_weights(network, weights)
        detector._network = network
        return detector

    def _fitted(self, windows: Windows | None = None) -> nn.Module:
        """The trained network; refuses windows of another form than it was fitted to."""
        self._checked(windows)
        if self._network is None:
            raise not_fitted(self.name)
        return self._network

    def _build(self, form: Form) -> nn.Module:
        """YOURS: the untrained network for windows `(N, C, T, V)`; its first weights depend on the seed alone.

        A class of your own goes in here or into another file (stages/detectors/layers is code that all detectors share:
        editing it trains all of them anew).
        """
        import torch
        from torch import nn

        from stages.compute.device import resolve
        from stages.core.seeding import derive

        shape = (len(form.channels), form.samples, form.joints)  # C, T, V
        values, hidden, code = int(np.prod(shape)), self.params.hidden, self.params.code
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(self.seed, self.name, "weights"))
            network = nn.Sequential(
                nn.Flatten(),  # (N, C × T × V)
                nn.Linear(values, hidden), nn.ReLU(), nn.Linear(hidden, code),
                nn.Linear(code, hidden), nn.ReLU(), nn.Linear(hidden, values),
                nn.Unflatten(1, shape),  # (N, C, T, V)
            )  # fmt: skip
        return network.to(resolve(self.device))

    def _epoch(self, network: nn.Module, adam: torch.optim.Optimizer, train: Windows, epoch: int) -> float:
        """YOURS: one pass over the training windows; gives the mean loss."""
        from stages.core.seeding import stream

        order = stream(self.seed, self.name, f"epoch {epoch}").permutation(len(train))
        network.train()
        total = 0.0
        for start in range(0, len(order), self.params.batch):
            poses = self._tensor(network, train.poses[order[start : start + self.params.batch]])
            loss = ((network(poses) - poses) ** 2).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            total += float(loss.detach()) * len(poses)
        if not np.isfinite(total):
            raise TrainingError(f"the loss of epoch {epoch} is {total}", fix="lower detectors.template.learning_rate")
        return total / len(train)

    def _errors(self, network: nn.Module, windows: Windows) -> NDArray[np.float32]:
        """YOURS: what a trained network says of windows, `(N, T)`."""
        import torch

        network.eval()
        found = np.empty((len(windows), windows.poses.shape[2]), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(windows), BATCH):
                poses = self._tensor(network, windows.poses[start : start + BATCH])
                errors = ((network(poses) - poses) ** 2).mean(dim=(1, 3))  # over C and V
                found[start : start + BATCH] = errors.cpu().numpy()
        return found

    @staticmethod
    def _tensor(network: nn.Module, poses: NDArray[np.float32]) -> torch.Tensor:
        """Poses on the network's device; a copy, as windows are lent and must not be changed."""
        import torch

        return torch.tensor(poses).to(next(network.parameters()).device)
