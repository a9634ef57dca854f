"""STG-NF: a normalizing flow gives each window of poses a likelihood; unlikely ones are abnormal.

Source: Hirschorn and Avidan, "Normalizing Flows for Human Pose Anomaly Detection", ICCV 2023, sections 3 and 4 and
supplement section 10. Where the released code differs from the paper (Adamax, reversed channels, the learning rate's
decay), the released code is the default, since it made the published checkpoints.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from stages.core.errors import DatasetError, ModelError, TrainingError
from stages.core.windows import Windows
from stages.detectors.base import (
    RETRAIN,
    DetectorParams,
    FitReport,
    Form,
    Log,
    Modality,
    card_params,
    card_seed,
    not_fitted,
    read_card,
    read_weights,
    silent,
    write_card,
    write_weights,
)

if TYPE_CHECKING:
    from stages.detectors.layers.flow import Chain

NAME = "stg_nf"


class StgNfParams(DetectorParams):
    """The `detectors.stg_nf` section. Defaults are the published ones, except `flip` and `statistics`.

    Args:
        steps: flow steps, K in the paper. More fit finer shapes of the density and cost as much more time.
        permutation: how a step mixes x and y: `reverse` swaps them (the published checkpoints), `learned` is the
            paper's invertible 1×1 convolution.
        adjacency: who sees whom in the graph convolution: `uniform` all joints within `max_hop` alike, `distance` one
            set of weights per hop, `spatial` also apart by direction to or from the centre, `identity` nobody.
        max_hop: bones between joints that still see each other; 8 joins all joints of openpose18.
        hidden: channels between two ST-GCN blocks of a step; 0 has a single block, as published.
        temporal_kernel: samples the temporal convolution spans, odd; null is half a window, `T // 2 + 1`.
        prior_mean: R, the mean of the normal windows' Gaussian in every latent element.
        flip: the mirrored copy that every training window gets: `swap_joints` mirrors the person, left joints
            becoming right ones; `published` negates x alone; `none` makes no copy.
        epochs: passes over the training windows.
        batch: windows per step of the optimizer.
        learning_rate: Adamax's, in the first two epochs.
        decay: factor on the learning rate per later epoch.
        gradient_clip: largest norm of the gradient.
        statistics: what batch normalization uses when it scores: `running` averages gathered while the weights moved
            (published; noisy when the learning rate is large), or those `recomputed` with the final weights.
        threads: CPU threads that train. One gives the same model whatever the number of cores, and does not stall
            beside other work; null takes all cores, which on two idle ones is a quarter faster.
    """

    steps: int = Field(default=8, ge=1)
    permutation: Literal["reverse", "learned"] = "reverse"
    adjacency: Literal["uniform", "distance", "spatial", "identity"] = "uniform"
    max_hop: int = Field(default=8, ge=1)
    hidden: int = Field(default=0, ge=0)
    temporal_kernel: int | None = Field(default=None, ge=1)
    prior_mean: float = 3.0
    flip: Literal["swap_joints", "published", "none"] = "swap_joints"
    epochs: int = Field(default=8, ge=1)
    batch: int = Field(default=256, ge=2)
    learning_rate: float = Field(default=5e-4, gt=0)
    decay: float = Field(default=0.99, gt=0, le=1)
    gradient_clip: float = Field(default=100.0, gt=0)
    statistics: Literal["running", "recomputed"] = "recomputed"
    threads: int | None = Field(default=1, ge=1)

    @field_validator("temporal_kernel")
    @classmethod
    def _odd(cls, kernel: int | None) -> int | None:
        if kernel is not None and kernel % 2 == 0:
            raise ValueError("an even kernel has no middle sample; give an odd one")
        return kernel

    def kernel(self, samples: int) -> int:
        """The temporal kernel for windows of `samples`.

        Raises:
            TrainingError: half a window makes an even kernel.
        """
        kernel = self.temporal_kernel or samples // 2 + 1
        if kernel % 2 == 0:
            raise TrainingError(
                f"windows of {samples} samples make a temporal kernel of {kernel}, which is even",
                fix="choose a window of 4, 8, 12 … samples, or set detectors.stg_nf.temporal_kernel to an odd number",
            )
        return kernel

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0: the decay is applied after each, with that epoch's number."""
        return self.learning_rate * self.decay ** max(epoch - 1, 0)


class StgNf:
    """The unsupervised detector; score = negative log-likelihood. See `stages.detectors.base.Detector`.

    Args:
        params: see `StgNfParams`.
        device: `auto`, `cpu`, `cuda` …
        seed: of the initial weights and of the order of the windows.
    """

    Params: ClassVar[type[DetectorParams]] = StgNfParams
    needs: ClassVar[frozenset[Modality]] = frozenset({Modality.POSE})
    parts: ClassVar[tuple[str, ...]] = ("score",)
    supervised: ClassVar[bool] = False
    unit: ClassVar[str] = "bits per dimension"

    def __init__(self, params: StgNfParams, *, device: str = "auto", seed: int = 0) -> None:
        self.params = params
        self.device = device
        self.seed = seed
        self._form: Form | None = None
        self._network: Chain | None = None

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
        from stages.detectors.layers import stg_nf as layers

        if len(train) < self.params.batch:
            raise TrainingError(
                f"{len(train)} training windows are fewer than a batch of {self.params.batch}",
                fix="add training footage, lower the window spec's stride_train, or lower detectors.stg_nf.batch",
            )
        form, curves = Form.of(train), {"loss": list[float]()}
        network = self._build(form)
        started = time.monotonic()
        losses = layers.train(network, train, self.params, self.seed, watched=validation is not None)
        with layers.threads(self.params.threads):
            for epoch, loss in enumerate(losses, start=1):
                curves["loss"].append(loss)
                if validation is not None:
                    held_out = layers.likelihoods(network, validation.poses, self.params.prior_mean)
                    curves.setdefault("validation_loss", []).append(float(held_out.mean(dtype=np.float64)))
                left = (time.monotonic() - started) / epoch * (self.params.epochs - epoch)
                log(f"epoch {epoch} of {self.params.epochs}: {_last(curves)} {self.unit}, {left:.0f} s left")
        self._form, self._network = form, network
        return FitReport(len(train), sum(weight.numel() for weight in network.parameters()), curves)

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """Negative log-likelihood, `(N,)` bits per dimension. See `Detector.score`."""
        form, network = self._fitted()
        form.check(windows)
        from stages.detectors.layers import stg_nf as layers

        return {"score": layers.likelihoods(network, windows.poses, self.params.prior_mean)}

    def sample(self, count: int) -> NDArray[np.float32]:
        """Draw windows from the learned density, `(count, C, T, V)` standard deviations of y; the same every time.

        Raises:
            ModelError: not fitted.
        """
        form, network = self._fitted()
        from stages.detectors.layers import stg_nf as layers

        return layers.sample(network, form, count, self.params.prior_mean, self.seed)

    def save(self, folder: Path) -> None:
        """Write weights.safetensors and detector.json. See `Detector.save`."""
        form, network = self._fitted()
        write_weights(folder, {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()})
        write_card(folder, NAME, self.params, self.seed, form)

    @classmethod
    def load(cls, folder: Path, *, device: str = "auto") -> Self:
        """Read what `save` wrote. See `Detector.load`."""
        import torch

        card, weights = read_card(folder, NAME), read_weights(folder)
        detector = cls(card_params(card, StgNfParams, folder), device=device, seed=card_seed(card, folder))
        form = Form.from_card(card, folder)
        try:
            network = detector._build(form)
            network.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
        except (DatasetError, RuntimeError, TrainingError) as error:
            raise ModelError(f"the weights do not fit the model: {error}", where=str(folder), fix=RETRAIN) from error
        detector._form, detector._network = form, network
        return detector

    def _build(self, form: Form) -> Chain:
        from stages.compute.device import resolve
        from stages.detectors.layers import stg_nf as layers

        return layers.build(form, self.params, self.seed).to(resolve(self.device))

    def _fitted(self) -> tuple[Form, Chain]:
        if self._form is None or self._network is None:
            raise not_fitted(NAME)
        return self._form, self._network


def _last(curves: Mapping[str, list[float]]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {values[-1]:.4f}" for name, values in curves.items())
