"""The params of MGENet, and the presets they start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stages.core.params import Section
from stages.detectors.base import PresetParams
from stages.detectors.layers.frames.params import FrameDetectorParams
from stages.detectors.layers.stg_nf.params import StgNfParams

PUBLISHED: Mapping[str, Any] = {
    "optimizer": "sgd",
    "learning_rate": 1e-4,
    "epochs": 60,
    "batch": 32,
    "width": 256,
    "depth": 4,
    "heads": 8,
    "still": "kept",
    "items": "learned",
    "places": "apart",
    "temperature": 1.0,
    "rounds": 1,
    "projection": "learned",
}
SMALL: Mapping[str, Any] = {
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "epochs": 6,
    "batch": 32,
    "width": 48,
    "depth": 2,
    "heads": 4,
    "still": "removed",
    "items": "settled",
    "places": "together",
    "temperature": 0.1,
    "rounds": 10,
    "projection": "whitened",
}
PRESETS = {"published": PUBLISHED, "small": SMALL}
"""What a preset sets where the params say nothing. The paper says nothing of epochs, batches and widths; see
docs/decisions/0018 for what `small` does otherwise, and why."""


class FrontParams(Section):
    """A network that has learned elsewhere and looks at the pictures first; nothing in it is learned any further.

    Args:
        network: `module:function`, which gives a torch module, such as `torchvision.models.video:swin3d_t`.
        arguments: of the function, such as `{weights: null}`, or timm's `{model_name: …}`.
        weights: safetensors file of the module's state, below the project; null takes what it is born with.
        layer: dotted name of the submodule whose output is taken; empty: what the network itself gives.
        channels: where the output has its channels: `first`, `(n, C, t, h, w)`, or `last`, `(n, t, h, w, C)`.
        mean: of each colour, which is subtracted.
        deviation: of each colour, which is divided by.
    """

    network: str = Field(pattern=r"^[\w.]+:[\w.]+$")
    arguments: Mapping[str, Any] = Field(default_factory=dict)
    weights: str | None = None
    layer: str = ""
    channels: Literal["first", "last"] = "first"
    mean: tuple[float, float, float] = Field(default=(0.485, 0.456, 0.406), strict=False)
    deviation: tuple[float, float, float] = Field(default=(0.229, 0.224, 0.225), strict=False)


class TeacherParams(StgNfParams):
    """STG-NF as the teacher: the same section, but that the windows are those of the student."""

    window: str = ""


class MgeNetParams(FrameDetectorParams, PresetParams):
    """The `detectors.mgenet` section.

    Args:
        preset: where what is left out comes from: `published`, as far as the paper says, or `small`, for a CPU.
        teacher: STG-NF that is trained where none is given; under `students`, with `base: stg_nf`, the trained one
            takes its place.
        encoder: what looks at a person: `vit`, the paper's, or `cnn`, the one that was released.
        front: a network that has learned elsewhere and whose features are looked at in place of the pictures; null
            learns from the pictures.
        width: channels of the transformers' tokens; of `cnn` its factor is `width / 256`.
        depth: layers of each transformer.
        heads: of each layer's attention; they share the width evenly.
        lsta: modules of large spatial-temporal attention in the head; 0 for none.
        still: whether what does not move in a window, the mean picture, is `kept` or `removed`: it tells the place.
        measure: what of the teacher's latent and the encoder's makes the motion score (table 3): their `difference`,
            1 - `cosine`, or the length of the `teacher`'s, of the `encoder`'s or of their `sum`.
        mask: share of the places that the mask encoder does not see.
        features: channels of what is compared of appearance, per time.
        projection: what makes the encoder's side of them: `learned` as published, or `whitened`: principal components
            of training tokens, each counting alike, so that both sides cannot agree on nothing.
        memory: with memories; false is the ablation without them, whose part `scene` is 0.
        behaviours: items of the behaviours' memory.
        scenes: items of the scenes' memory.
        matches: items of the matching memory.
        best: K, items of it that fit a behaviour best and are asked about the scene.
        items: how memories come about: `learned` by the loss as published, or `settled`: moved to means of training
            tokens after each of the first half of the epochs.
        places: whether a behaviour is the weights of all tokens, `apart` as published, or their mean over places,
            `together`.
        temperature: that cosines are divided by before a softmax; published is 1.
        rounds: how often the matching memory takes up the training windows; once as published.
        motion_weight: of the motion loss; 1 but for table 2.
        alpha: weight of the appearance loss.
        beta: weight of the three separateness losses.
        separation: their margin ε, which the paper does not say.
        optimizer: `sgd` with momentum 0.5 as published, `adamax` as released, or `adam`; the learning rate falls to 0
            along a cosine.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS

    preset: Literal["published", "small"] = "published"
    teacher: TeacherParams = TeacherParams()
    encoder: Literal["vit", "cnn"] = "vit"
    front: FrontParams | None = None
    width: int = Field(default=256, ge=4)
    depth: int = Field(default=4, ge=1)
    heads: int = Field(default=8, ge=1)
    lsta: int = Field(default=2, ge=0)
    still: Literal["kept", "removed"] = "kept"
    measure: Literal["difference", "cosine", "teacher", "encoder", "sum"] = "difference"
    mask: float = Field(default=0.5, gt=0, lt=1)
    features: int = Field(default=32, ge=1)
    projection: Literal["learned", "whitened"] = "learned"
    memory: bool = True
    behaviours: int = Field(default=128, ge=2)
    scenes: int = Field(default=32, ge=2)
    matches: int = Field(default=64, ge=1)
    best: int = Field(default=4, ge=1)
    items: Literal["learned", "settled"] = "learned"
    places: Literal["apart", "together"] = "apart"
    temperature: float = Field(default=1.0, gt=0)
    rounds: int = Field(default=1, ge=1)
    motion_weight: float = Field(default=1.0, ge=0)
    alpha: float = Field(default=0.1, ge=0)
    beta: float = Field(default=0.001, ge=0)
    separation: float = Field(default=1.0, ge=0)
    optimizer: Literal["sgd", "adam", "adamax"] = "sgd"

    @model_validator(mode="after")
    def _even(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"{self.heads} heads cannot share {self.width} channels evenly")
        return self
