"""The params of MPED-RNN, and the presets they start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from stages.core.errors import TrainingError
from stages.detectors.base import PresetParams

PUBLISHED: Mapping[str, Any] = {
    "model_per": "camera",
    "errors": "reconstruction",
    "epochs": 5,
    "learning_rate": 1e-3,
    "held_out": 0.2,
}
CORRECTED: Mapping[str, Any] = {
    "model_per": "all",
    "errors": "both",
    "epochs": 50,
    "learning_rate": 5e-3,
    "held_out": 0.0,
}
PRESETS = {"published": PUBLISHED, "corrected": CORRECTED}
"""What a preset sets where the params say nothing; all else is the same in both."""


def published_window(samples: int = 18) -> dict[str, Any]:
    """The window spec of the paper: entries of a track as they come, in pixels, unseen joints told by confidence.

    Args:
        samples: T; 18 for ShanghaiTech (12 read, 6 predicted), 12 for Avenue (8 and 4).
    """
    taken = {"rate": None, "length": samples, "stride_train": 1, "stride_score": 1}
    gaps = {"fill": 0, "max_missing": 0, "keep_last": True}
    normalization = {"frame_size": None, "centre": False, "scale": "none", "confidence": True}
    return {**taken, **gaps, "layout": "coco17", "normalization": normalization}


@dataclass(frozen=True)
class Plan:
    """What is read and what is predicted of a window of T samples.

    Args:
        read: samples that are read, and then reconstructed; the first of the window.
        predictions: for each decoder that predicts, how many samples it predicts at a time, and after how many that
            were read it does so: each time where the time before ended.
    """

    read: int
    predictions: tuple[tuple[int, tuple[int, ...]], ...]


class MpedRnnParams(PresetParams):
    """The `detectors.mped_rnn` section.

    Args:
        preset: where what is left out comes from: `published`, as for ShanghaiTech, or `corrected`, for less footage
            than that. The window spec is chosen beside it: `window`.
        predict: samples at a window's end that are predicted from those before, which are read and reconstructed; null
            is a third: 6 of 18, 4 of 12, 2 of 8.
        timescales: k, …: in place of that one prediction, one decoder for each k that predicts k samples after every
            k that were read, as far as the window reaches. Short ones see jumps, long ones loitering (Rodrigues et al.,
            WACV 2020). Empty, as published, predicts once.
        global_hidden: numbers in which the branch that follows the box remembers; 4 for Avenue.
        local_hidden: numbers in which the branch that follows the joints within the box remembers.
        global_weight: of the box's error in the loss.
        local_weight: of the error of joints within the box in the loss.
        perceptual_weight: of the error of joints in the window's own coordinates in the loss.
        model_per: `camera`: a model for each, as published, which knows where in its picture people walk; windows of a
            camera that is not in training cannot be scored. `all`: one model.
        errors: what counts in the score. `both`: each sample's own error, reconstructed or predicted; `reconstruction`
            (published) or `prediction`: one score per window, the mean over the samples that have such an error.
        epochs: passes over the training windows.
        batch: windows per step of the optimizer.
        learning_rate: Adam's.
        held_out: share of the training windows, drawn at random, that are not learned from and say when to stop: the
            weights that were best for them are kept. 0 keeps the last.
        patience: epochs in a row without a better one after which training stops; only with held-out windows.
        threads: CPU threads; matrices are so small that more hardly help, and the model may then differ in rounding.
            Null takes all cores.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS

    preset: Literal["published", "corrected"] = "corrected"
    predict: int | None = Field(default=None, ge=1)
    timescales: tuple[int, ...] = Field(default=(), strict=False)
    global_hidden: int = Field(default=8, ge=1)
    local_hidden: int = Field(default=16, ge=1)
    global_weight: float = Field(default=1.0, ge=0)
    local_weight: float = Field(default=1.0, ge=0)
    perceptual_weight: float = Field(default=1.0, ge=0)
    model_per: Literal["all", "camera"] = CORRECTED["model_per"]
    errors: Literal["reconstruction", "prediction", "both"] = CORRECTED["errors"]
    epochs: int = Field(default=CORRECTED["epochs"], ge=1)
    batch: int = Field(default=256, ge=1)
    learning_rate: float = Field(default=CORRECTED["learning_rate"], gt=0)
    held_out: float = Field(default=CORRECTED["held_out"], ge=0, lt=1)
    patience: int = Field(default=3, ge=1)
    threads: int | None = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _something_to_learn(self) -> MpedRnnParams:
        if not self.global_weight + self.local_weight + self.perceptual_weight > 0:
            raise ValueError("all three weights of the loss are 0; give at least one, e.g. perceptual_weight: 1.0")
        if any(scale < 1 for scale in self.timescales) or len(set(self.timescales)) < len(self.timescales):
            raise ValueError("timescales are different numbers of samples, 1 or more, e.g. [1, 2, 4]")
        if self.timescales and self.predict is not None:
            raise ValueError("timescales stand in place of predict; give one of them")
        return self

    def plan(self, samples: int) -> Plan:
        """What is read and what is predicted of windows of `samples`.

        Raises:
            TrainingError: the window is too short to be parted so, or for a timescale.
        """
        if self.timescales:
            longest = max(self.timescales)
            if longest > samples // 2:
                raise TrainingError(
                    f"windows of {samples} samples cannot hold {longest} that are read and as many that are predicted",
                    fix=f"choose longer windows, or detectors.mped_rnn.timescales of at most {samples // 2} samples",
                )
            scales = tuple((scale, tuple(range(scale, samples - scale + 1, scale))) for scale in self.timescales)
            return Plan(samples, scales)
        length = samples // 3 if self.predict is None else self.predict
        if not 1 <= length < samples:
            raise TrainingError(
                f"windows of {samples} samples cannot be parted into some to read and {length} to predict",
                fix="choose windows of 3 samples or more, and a detectors.mped_rnn.predict that is shorter than they",
            )
        return Plan(samples - length, ((length, (samples - length,)),))
