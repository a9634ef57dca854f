"""What the STG-NF detectors share: a flow from windows to a Gaussian, its training, its files."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import TrainingError
from stages.core.windows import Windows
from stages.detectors.base import FitReport, Form, Log, not_fitted, silent
from stages.detectors.layers.model import Model, size, take_weights, taking_weights, weights_of
from stages.detectors.layers.stg_nf.params import StgNfParams

if TYPE_CHECKING:
    from stages.detectors.layers.flow import Chain
    from stages.detectors.layers.stg_nf.scoring import Whole


class FlowDetector(Model):
    """A normalizing flow; score = negative log-likelihood. See `stages.detectors.base.Detector`.

    Args:
        params: see `StgNfParams`.
        device: `auto`, `cpu`, `cuda` …
        seed: of the initial weights and of the order of the windows.
    """

    Params: ClassVar[type[StgNfParams]] = StgNfParams
    unit: ClassVar[str] = "bits per dimension"

    def __init__(self, params: Any, *, device: str = "auto", seed: int = 0) -> None:
        super().__init__(params, device=device, seed=seed)
        self._network: Chain | None = None
        self._packed: tuple[Chain, Whole] | None = None

    def fit(
        self,
        train: Windows,
        *,
        validation: Windows | None = None,
        base: Mapping[str, Path] | None = None,  # noqa: ARG002
        log: Log = silent,
    ) -> FitReport:
        """Learn the density of normal windows. See `Detector.fit`.

        Raises:
            TrainingError: fewer windows than a batch, an even temporal kernel, or a loss that is no longer finite.
        """
        return self.fit_together([self], train, validation=validation, log=log)[0]

    @classmethod
    def fit_together(
        cls, models: Sequence[Self], train: Windows, *, validation: Windows | None = None, log: Log = silent
    ) -> list[FitReport]:
        """Fit detectors of equal params and different seeds side by side, as one batched model.

        Each becomes what it would have become alone, but for rounding.

        Raises:
            TrainingError: see `fit`.
        """
        from stages.compute.threads import threads
        from stages.detectors.layers.stg_nf import network, scoring, training

        first = models[0]
        params: StgNfParams = first.params
        if len(train) < params.batch:
            raise TrainingError(
                f"{len(train)} training windows are fewer than a batch of {params.batch}",
                fix=f"add training footage, lower the window spec's stride_train, or lower detectors.{cls.name}.batch",
            )
        form, curves = Form.of(train), [{"loss": list[float]()} for _ in models]
        means, held_out = first._means(train), first._normal(validation)
        networks, fused = [model._build(form) for model in models], network.is_published(params, form)
        started = time.monotonic()
        with threads(params.threads):
            epochs = training.train(
                networks, train, params, [model.seed for model in models],
                means=means, fused=fused, watched=held_out is not None,
            )  # fmt: skip
            for epoch, losses in enumerate(epochs, start=1):
                for own, curve, loss in zip(networks, curves, losses, strict=True):
                    curve["loss"].append(loss)
                    if held_out is not None:
                        found = scoring.likelihoods(own, held_out, params.prior_mean, fused=fused)
                        curve.setdefault("validation_loss", []).append(float(found.mean(dtype=np.float64)))
                left = (time.monotonic() - started) / epoch * (params.epochs - epoch)
                log(f"epoch {epoch} of {params.epochs}: {_last(curves)} {cls.unit}, {left:.0f} s left")
        for model, own in zip(models, networks, strict=True):
            model._form, model._network = form, own
        return [FitReport(len(train), size(own), curve) for own, curve in zip(networks, curves, strict=True)]

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """Negative log-likelihood, `(N,)` bits per dimension. See `Detector.score`."""
        form, network = self._fitted(windows)
        return {"score": self._bits(network, form, windows, self.params.prior_mean)}

    def explain(self, windows: Windows) -> NDArray[np.float32]:
        """What each sample and joint adds to the score, `(N, T, V)` bits per dimension; they sum to the score.

        A joint's latent depends on the others too, through the couplings: a share says where the model is surprised,
        not who alone is to blame.

        Raises:
            ModelError: not fitted, or fitted to windows of another shape.
        """
        _, network = self._fitted(windows)
        from stages.detectors.layers.stg_nf import scoring

        return scoring.shares(network, windows, self.params.prior_mean)

    def sample(self, count: int) -> NDArray[np.float32]:
        """Draw normal windows from the learned density, `(count, C, T, V)` standard deviations of y; always the same.

        Raises:
            ModelError: not fitted.
        """
        form, network = self._fitted()
        from stages.detectors.layers.stg_nf import scoring

        return scoring.sample(network, form, count, self.params.prior_mean, self.seed)

    def save(self, folder: Path) -> None:
        """Write weights.safetensors and detector.json. See `Detector.save`."""
        _, network = self._fitted()
        self._write(folder, weights_of(network))

    def export(self, path: Path, kind: str = "onnx") -> None:
        """Write the model as a file for programs without normotion, `onnx` or `torch`. See `layers.stg_nf.export`.

        Raises:
            ModelError: not fitted, no such kind, or the packages that write ONNX are not installed.
            StorageError: the file cannot be written.
        """
        form, network = self._fitted()
        from stages.detectors.layers.stg_nf import export

        scorer = export.Scorer(network, self.params.prior_mean, self._contrast())
        export.write(path, kind, scorer, form, {"detector": self.name, "unit": self.unit})

    @classmethod
    def load(cls, folder: Path, *, device: str = "auto") -> Self:
        """Read what `save` wrote. See `Detector.load`."""
        detector, form, weights = cls._read(folder, device)
        with taking_weights(folder):
            network = detector._build(form)
            take_weights(network, weights)
        detector._network = network
        return detector

    @classmethod
    def from_official(cls, path: Path, *, device: str = "auto", samples: int | None = None, log: Log = silent) -> Self:
        """Read a checkpoint as the authors published it; nothing in it is executed.

        Supervised training only gives abnormal windows another prior than normal ones. Models of both kinds score by
        the likelihood under the normal prior, so the supervised checkpoint is read like the others, with R = 10.

        Args:
            path: the `.tar` file.
            device: `auto`, `cpu`, `cuda` …
            samples: T that the windows must have; None takes the checkpoint's.
            log: takes the lines that say what was found, and the window spec the model reads.

        Raises:
            ModelError: the file is missing, damaged, no checkpoint of STG-NF or asks for code, or its weights are not
                those of the published network; says which.
        """
        from stages.detectors.layers.stg_nf import official

        found = official.read(path, samples)
        for line in found.lines():
            log(line)
        detector = cls(cls.Params(**found.settings), device=device, seed=found.seed or 0)
        detector._form, detector._network = found.form, detector._build(found.form)
        detector._network.load_state_dict(found.state)
        return detector

    def _means(self, train: Windows) -> Any:
        """Mean of the prior of each training window, a tensor `(N,)`."""
        import torch

        return torch.full((len(train),), float(self.params.prior_mean))

    def _normal(self, validation: Windows | None) -> Windows | None:
        """Windows to watch: those whose likelihood should be high."""
        return validation

    def _contrast(self) -> float | None:
        """Mean of a second Gaussian whose likelihood is taken from the score; None for the likelihood alone."""
        return None

    def _bits(self, network: Chain, form: Form, windows: Windows, mean: float) -> NDArray[np.float32]:
        from stages.detectors.layers.stg_nf import scoring
        from stages.detectors.layers.stg_nf.network import is_published

        if not is_published(self.params, form):
            return scoring.likelihoods(network, windows, mean, fused=False)
        if self._packed is None or self._packed[0] is not network:
            self._packed = network, scoring.whole(network, form)  # takes longer than scoring a few windows
        return scoring.likelihoods(network, windows, mean, fused=True, packed=self._packed[1])

    def _build(self, form: Form) -> Chain:
        from stages.compute.device import resolve
        from stages.detectors.layers.stg_nf.network import build

        return build(form, self.params, self.seed).to(resolve(self.device))

    @property
    def network(self) -> Chain:
        """What it has learned, for a detector that it teaches.

        Raises:
            ModelError: not fitted.
        """
        return self._fitted()[1]

    @property
    def form(self) -> Form:
        """The form of the windows it was fitted to.

        Raises:
            ModelError: not fitted.
        """
        return self._fitted()[0]

    def _fitted(self, windows: Windows | None = None) -> tuple[Form, Chain]:
        form = self._checked(windows)
        if self._network is None:
            raise not_fitted(self.name)
        return form, self._network


def _last(curves: Sequence[Mapping[str, list[float]]]) -> str:
    """The newest figure of each curve, of each model that trains."""
    return ", ".join(
        f"{name.replace('_', ' ')} {' '.join(f'{curve[name][-1]:.4f}' for curve in curves)}" for name in curves[0]
    )
