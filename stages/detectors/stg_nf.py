"""STG-NF: a normalizing flow gives each window of poses a likelihood; unlikely ones are abnormal.

Source: Hirschorn and Avidan, "Normalizing Flows for Human Pose Anomaly Detection", ICCV 2023, sections 3 and 4 and
supplement section 10. Where the released code differs from the paper (Adamax, reversed channels, the learning rate's
decay), the released code is the default, since it made the published checkpoints.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from stages.core.errors import ModelError, TrainingError
from stages.core.seeding import derive
from stages.core.skeleton import layout as joint_layout
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
    import torch

    from stages.detectors.layers.flow import Chain

NAME = "stg_nf"

SCORE_BATCH = 4096
"""Windows in the network at a time while scoring; scores do not depend on it."""


class StgNfParams(DetectorParams):
    """The `detectors.stg_nf` section. Defaults are the published ones, except that `flip` is done right.

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

    Params: ClassVar[type[StgNfParams]] = StgNfParams
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
        if len(train) < self.params.batch:
            raise TrainingError(
                f"{len(train)} training windows are fewer than a batch of {self.params.batch}",
                fix="add training footage, lower the window spec's stride_train, or lower detectors.stg_nf.batch",
            )
        form = Form.of(train)
        network = self._build(form)
        curves: dict[str, list[float]] = {"loss": []} | ({"validation_loss": []} if validation else {})
        started = time.monotonic()
        for epoch, loss in enumerate(self._epochs(network, train)):
            curves["loss"].append(loss)
            if validation:
                curves["validation_loss"].append(float(self._likelihoods(network, validation).mean(dtype=np.float64)))
            log(_progress(curves, epoch, self.params.epochs, time.monotonic() - started))
        self._form, self._network = form, network.eval()
        return FitReport(len(train), sum(weight.numel() for weight in network.parameters()), curves)

    def score(self, windows: Windows) -> dict[str, NDArray[np.float32]]:
        """Negative log-likelihood, `(N,)` bits per dimension. See `Detector.score`."""
        form, network = self._fitted()
        form.check(windows)
        return {"score": self._likelihoods(network, windows)}

    def sample(self, count: int) -> NDArray[np.float32]:
        """Draw windows from the learned density, `(count, C, T, V)` standard deviations of y; the same every time.

        Raises:
            ModelError: not fitted.
        """
        import torch

        form, network = self._fitted()
        generator = torch.Generator().manual_seed(derive(self.seed, NAME, "sample"))
        latent = torch.randn(count, len(form.channels), form.samples, form.joints, generator=generator)
        with torch.inference_mode():
            windows: NDArray[np.float32] = network.inverse((latent + self.params.prior_mean).to(_where(network))).cpu().numpy()
        return windows

    def save(self, folder: Path) -> None:
        """Write weights.safetensors and detector.json. See `Detector.save`."""
        form, network = self._fitted()
        write_weights(folder, {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()})
        write_card(folder, NAME, self.params, self.seed, form)

    @classmethod
    def load(cls, folder: Path, *, device: str = "auto") -> Self:
        """Read what `save` wrote. See `Detector.load`."""
        import torch

        card = read_card(folder, NAME)
        detector = cls(card_params(card, StgNfParams, folder), device=device, seed=card_seed(card, folder))
        form = Form.from_card(card, folder)
        weights = {name: torch.from_numpy(array.copy()) for name, array in read_weights(folder).items()}
        network = detector._build(form)
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise ModelError(f"the weights do not fit the model: {error}", where=str(folder), fix=RETRAIN) from error
        detector._form, detector._network = form, network.eval()
        return detector

    def _fitted(self) -> tuple[Form, Chain]:
        if self._form is None or self._network is None:
            raise not_fitted(NAME)
        return self._form, self._network

    def _build(self, form: Form) -> Chain:
        """The flow with fresh weights; the first step's first block has no residual, as in the released code."""
        import torch

        from stages.detectors.layers.device import resolve
        from stages.detectors.layers.flow import ActNorm, Chain, Coupling, InvertibleConvolution, Reverse
        from stages.detectors.layers.graph import adjacency
        from stages.detectors.layers.stgcn import st_gcn

        params, channels = self.params, len(form.channels)
        device, kernel = resolve(self.device), params.kernel(form.samples)
        graph = torch.from_numpy(adjacency(joint_layout(form.layout), params.adjacency, params.max_hop)).float()
        kept = channels // 2
        widths = [kept, *([params.hidden] if params.hidden else []), 2 * (channels - kept)]
        steps = {}
        with _seeded(derive(self.seed, NAME, "weights")):
            for step in range(params.steps):
                steps[str(step)] = Chain(
                    {
                        "actnorm": ActNorm(channels),
                        "permutation": Reverse() if params.permutation == "reverse" else InvertibleConvolution(channels),
                        "coupling": Coupling(st_gcn(widths, graph, kernel, first_residual=step > 0)),
                    }
                )
        return Chain(steps).to(device)

    def _epochs(self, network: Chain, train: Windows) -> Iterator[float]:
        """Train an epoch at a time; yields each one's mean loss in bits per dimension."""
        import torch

        params, device = self.params, _where(network)
        poses = torch.tensor(train.poses, device=device)
        mirror = Mirror(train, params.flip, device)
        order = torch.Generator().manual_seed(derive(self.seed, NAME, "order"))
        optimizer = torch.optim.Adamax(network.parameters(), lr=params.learning_rate)
        for epoch in range(params.epochs):
            optimizer.param_groups[0]["lr"] = params.rate(epoch)
            network.train()
            shuffled = torch.randperm(len(poses) * mirror.copies, generator=order).to(device)
            # Batch statistics of a single window say nothing: a lone last one waits for the next epoch's order.
            batches = [rows for rows in shuffled.split(params.batch) if len(rows) > 1]
            total = sum(
                (self._step(network, optimizer, mirror.take(poses, rows)) * len(rows) for rows in batches),
                start=torch.zeros((), device=device),
            )
            loss = float(total) / sum(map(len, batches))
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss is {loss} after epoch {epoch + 1}", fix="lower detectors.stg_nf.learning_rate"
                )
            yield loss

    def _step(self, network: Chain, optimizer: torch.optim.Optimizer, batch: torch.Tensor) -> torch.Tensor:
        import torch

        from stages.detectors.layers.flow import bits_per_dimension

        optimizer.zero_grad()
        loss = bits_per_dimension(*network(batch), self.params.prior_mean).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), self.params.gradient_clip)
        optimizer.step()
        return loss.detach()

    def _likelihoods(self, network: Chain, windows: Windows) -> NDArray[np.float32]:
        import torch

        from stages.detectors.layers.flow import bits_per_dimension

        network.eval()
        scores = np.empty(len(windows), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(windows), SCORE_BATCH):
                rows = slice(start, start + SCORE_BATCH)
                poses = torch.tensor(windows.poses[rows], device=_where(network))
                scores[rows] = bits_per_dimension(*network(poses), self.params.prior_mean).cpu().numpy()
        return scores


class Mirror:
    """Training windows and their mirrored copies, made as they are asked for.

    Normalization commutes with mirroring, so that mirrored normalized windows are normalized mirrored ones.

    Args:
        windows: gives channels and layout.
        flip: see `StgNfParams`.
        device: of the windows that will be asked for.
    """

    def __init__(self, windows: Windows, flip: str, device: torch.device) -> None:
        import torch

        self.copies = 1 if flip == "none" else 2
        joints = joint_layout(windows.layout).mirror if flip == "swap_joints" else range(windows.poses.shape[3])
        self._joints = torch.tensor(joints, device=device)
        self._signs = torch.tensor([-1.0 if name == "x" else 1.0 for name in windows.channels], device=device)

    def __call__(self, poses: torch.Tensor) -> torch.Tensor:
        """Mirror `(N, C, T, V)` left to right."""
        return poses[..., self._joints] * self._signs[:, None, None]

    def take(self, poses: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Rows of the windows followed by their mirrored copies."""
        import torch

        taken = poses[rows % len(poses)]
        if self.copies == 1:
            return taken
        return torch.where((rows >= len(poses))[:, None, None, None], self(taken), taken)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw from torch's global generator under `seed`, and leave it as it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _where(network: Chain) -> torch.device:
    return next(network.parameters()).device


def _progress(curves: Mapping[str, list[float]], epoch: int, epochs: int, seconds: float) -> str:
    figures = ", ".join(f"{name.replace('_', ' ')} {values[-1]:.4f}" for name, values in curves.items())
    left = seconds / (epoch + 1) * (epochs - epoch - 1)
    return f"epoch {epoch + 1} of {epochs}: {figures} bits/dim, {left:.0f} s left"
