"""The params of STG-NF, and the presets they start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from stages.core.errors import TrainingError
from stages.detectors.base import PresetParams

PUBLISHED: Mapping[str, Any] = {
    "standardize": "none",
    "flip": "published",
    "statistics": "running",
    "epochs": 8,
    "learning_rate": 5e-4,
}
CORRECTED: Mapping[str, Any] = {
    "standardize": "joints",
    "flip": "swap_joints",
    "statistics": "recomputed",
    "epochs": 20,
    "learning_rate": 0.08,
}
PRESETS = {"published": PUBLISHED, "corrected": CORRECTED}
"""What a preset sets where the params say nothing; all else is the same in both."""


def published_window(samples: int = 24) -> dict[str, Any]:
    """The window spec of the released code: entries of a track as they come, one frame size for every video.

    Args:
        samples: T; 24 for ShanghaiTech, 16 for UBnormal.
    """
    taken = {"rate": None, "length": samples, "stride_train": 6, "stride_score": 1}
    gaps = {"fill": 0, "max_missing": 2, "keep_last": False}
    return {**taken, **gaps, "layout": "openpose18", "normalization": {"frame_size": [856, 480]}}


class StgNfParams(PresetParams):
    """The `detectors.stg_nf` section.

    Args:
        preset: where what is left out comes from: `published`, as the released code does it, or `corrected`
            (docs/decisions/0013). The window spec is chosen beside it: `window`.
        standardize: `joints`: each joint's coordinates less their mean over their deviation in training, before the
            first step, so that a flow that treats all joints alike sees what is unusual for a joint; `none`: as
            published.
        steps: flow steps, K in the paper. More fit finer shapes of the density and cost as much more time.
        permutation: how a step mixes x and y: `reverse` swaps them (the published checkpoints), `learned` is the
            paper's invertible 1×1 convolution.
        subnet: what says how a step scales and shifts: `stgcn`, graph convolutions over joints and samples; `conv`,
            plain convolutions as in Glow; `linear`, fully connected. The paper's ablation compares the three.
        adjacency: who sees whom in the graph convolution: `uniform` all joints within `max_hop` alike, `distance` one
            set of weights per hop, `spatial` also apart by direction to or from the centre, `identity` nobody.
        max_hop: bones between joints that still see each other; 8 joins all joints of openpose18.
        hidden: channels between two layers of the subnet; 0 has a single ST-GCN block, as published, and is no choice
            for `conv` and `linear`.
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
        threads: CPU threads that train; the published form becomes the same model whatever their number, others may
            not. Null takes all cores.
        cuda_graphs: record the training step of the published form as one CUDA graph; a GPU then waits less for
            launches. Off, as it has not been run on a GPU yet.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS

    preset: Literal["published", "corrected"] = "corrected"
    standardize: Literal["joints", "none"] = CORRECTED["standardize"]
    steps: int = Field(default=8, ge=1)
    permutation: Literal["reverse", "learned"] = "reverse"
    subnet: Literal["stgcn", "conv", "linear"] = "stgcn"
    adjacency: Literal["uniform", "distance", "spatial", "identity"] = "uniform"
    max_hop: int = Field(default=8, ge=1)
    hidden: int = Field(default=0, ge=0)
    temporal_kernel: int | None = Field(default=None, ge=1)
    prior_mean: float = 3.0
    flip: Literal["swap_joints", "published", "none"] = CORRECTED["flip"]
    epochs: int = Field(default=CORRECTED["epochs"], ge=1)
    batch: int = Field(default=256, ge=2)
    learning_rate: float = Field(default=CORRECTED["learning_rate"], gt=0)
    decay: float = Field(default=0.99, gt=0, le=1)
    gradient_clip: float = Field(default=100.0, gt=0)
    statistics: Literal["running", "recomputed"] = CORRECTED["statistics"]
    threads: int | None = Field(default=1, ge=1)
    cuda_graphs: bool = False

    @field_validator("temporal_kernel")
    @classmethod
    def _odd(cls, kernel: int | None) -> int | None:
        if kernel is not None and kernel % 2 == 0:
            raise ValueError("an even kernel has no middle sample; give an odd one")
        return kernel

    @model_validator(mode="after")
    def _width(self) -> StgNfParams:
        if self.subnet != "stgcn" and self.hidden == 0:
            raise ValueError(f"a subnet of kind {self.subnet} needs hidden channels; give hidden, e.g. 64")
        return self

    def kernel(self, samples: int) -> int:
        """The temporal kernel for windows of `samples`.

        Raises:
            TrainingError: half a window makes an even kernel.
        """
        kernel = self.temporal_kernel or samples // 2 + 1
        if kernel % 2 == 0:
            raise TrainingError(
                f"windows of {samples} samples make a temporal kernel of {kernel}, which is even",
                fix="choose a window of 4, 8, 12 … samples, or set the detector's temporal_kernel to an odd number",
            )
        return kernel

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0: the decay is applied after each, with that epoch's number."""
        return self.learning_rate * self.decay ** max(epoch - 1, 0)
