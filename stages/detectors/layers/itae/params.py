"""The params of ITAE with and without flows, and the presets they start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from stages.detectors.base import PresetParams
from stages.detectors.layers.frames.params import FrameDetectorParams

LATERAL = (96, 0, 0, 256)
"""Channels that each layer of the dynamic path lends the static one; 0 for none."""
PED2: Mapping[str, Any] = {"batch": 2, "learning_rate": 1e-3, "levels": 1, "flow_batch": 8, "flow_rate": 5e-4}
AVENUE: Mapping[str, Any] = {"batch": 2, "learning_rate": 1e-2, "levels": 3, "flow_batch": 5, "flow_rate": 5e-4}
SHANGHAITECH: Mapping[str, Any] = {"batch": 8, "learning_rate": 1e-2, "levels": 3, "flow_batch": 8, "flow_rate": 1e-4}
SMALL: Mapping[str, Any] = {
    "batch": 4,
    "learning_rate": 2e-3,
    "levels": 1,
    "flow_batch": 4,
    "flow_rate": 1e-3,
    "width": 0.25,
    "epochs": 4,
    "steps": 4,
    "hidden": 32,
    "flow_epochs": 2,
}
PRESETS = {"ped2": PED2, "avenue": AVENUE, "shanghaitech": SHANGHAITECH, "small": SMALL}
"""What a preset sets where the params say nothing: the paper's three data sets, and one for a CPU. The paper does not
say how many epochs it takes."""


class ItaeParams(FrameDetectorParams, PresetParams):
    """The `detectors.itae` section: the autoencoder alone.

    Args:
        preset: where what is left out comes from: the paper's settings for `ped2`, `avenue` or `shanghaitech` (which
            serve its other data sets too), or `small`, a quarter as wide, for a CPU. Frames' size and colour are the
            window spec's: 240 × 360 grey for Ped2, 256 × 256 for the others, 128 × 128 for `small`.
        width: factor of every layer's channels; 1 is the published network.
        encoder: the paper's `shallow` one, or `slowfast`, the residual one that it is compared with (ResNet-18), where
            `norm` and `lateral` say nothing.
        two_path: with the dynamic encoder; false is the paper's one-path autoencoder.
        norm: convolutions have a bias, and batch normalization after them; the paper does not say.
        lateral: channels that each of the four layers of the dynamic encoder lends the static one, before `width`;
            the paper does not say.
        patch: N, side of the sliding patch whose largest mean error is a frame's score, px of the shrunk frame; the
            paper does not say.
        remember: keep what layers compute until their gradients are needed; false computes it again, which takes a
            third more time and far less memory.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS

    preset: Literal["ped2", "avenue", "shanghaitech", "small"] = "shanghaitech"
    width: float = Field(default=1.0, gt=0)
    encoder: Literal["shallow", "slowfast"] = "shallow"
    two_path: bool = True
    norm: bool = True
    lateral: tuple[int, int, int, int] = Field(default=LATERAL, strict=False)
    patch: int = Field(default=16, ge=1)
    remember: bool = True

    @field_validator("lateral")
    @classmethod
    def _widths(cls, widths: tuple[int, ...]) -> tuple[int, ...]:
        if min(widths) < 0:
            raise ValueError("channels are 0 or more")
        return widths


class ItaeNfParams(ItaeParams):
    """The `detectors.itae_nf` section: the autoencoder's, and two flows over its features.

    Args:
        reads: what the flows read: `features` of both paths, or, the paper's ablation, the `frames` themselves: those
            that the static path sees and those that the dynamic one does.
        steps: K of each flow.
        levels: L of each flow; 1 for Ped2, 3 else, as published. A feature's sides must be divisible by 2 to the L.
        hidden: channels inside the couplings' networks.
        intensity: a frame's shrunk intensity is a third channel of the static flow's maps.
        flow_epochs: passes over the training windows in which the flows learn, the autoencoder frozen.
        flow_batch: windows per step of the flows' optimizer.
        flow_rate: Adam's at the start; it falls to 0 along a cosine.
        noise: deviation of the noise on standardized maps while flows learn: features that are always 0 would
            otherwise have a likelihood without bound.
    """

    reads: Literal["features", "frames"] = "features"
    steps: int = Field(default=32, ge=1)
    levels: int = Field(default=3, ge=1)
    hidden: int = Field(default=512, ge=1)
    intensity: bool = True
    flow_epochs: int = Field(default=20, ge=1)
    flow_batch: int = Field(default=8, ge=1)
    flow_rate: float = Field(default=1e-4, gt=0)
    noise: float = Field(default=0.05, ge=0)

    @field_validator("two_path")
    @classmethod
    def _both(cls, both: bool) -> bool:
        if not both:
            raise ValueError("the flows read both paths; `itae` has the one-path autoencoder")
        return both
