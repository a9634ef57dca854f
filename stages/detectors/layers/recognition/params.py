"""The params that the action recognisers share, and how presets fill them.

Source of `scoring`: Markovitz et al., "Graph Embedded Pose Clustering for Anomaly Detection" (GEPC), CVPR 2020,
section 4.2.2, where an ST-GCN in "a shallower variant" is the supervised baseline; Hirschorn and Avidan (STG-NF), ICCV
2023, table 2, compares all four as classifiers of normal and abnormal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from stages.detectors.base import DetectorParams

SMALL: Mapping[str, Any] = {
    "width": 0.25,
    "depth": 6,
    "epochs": 15,
    "batch": 64,
    "learning_rate": 0.05,
    "decay_at": (10, 13),
    "weight_decay": 5e-4,
    "dropout": 0.0,
    "balanced": True,
    "statistics": "recomputed",
}
"""A sixteenth of the weights per layer and six blocks, for thousands of windows and a CPU."""
PUBLISHED: Mapping[str, Any] = {
    "width": 1.0,
    "depth": 10,
    "learning_rate": 0.1,
    "weight_decay": 1e-4,
    "dropout": 0.0,
    "balanced": False,
    "statistics": "running",
}
"""What the papers agree on; each detector adds its own schedule."""


class RecogniserParams(DetectorParams):
    """What the section of every recogniser holds.

    Args:
        preset: where what is left out comes from: `published`, the paper's network and schedule, meant for tens of
            thousands of clips and a GPU; or `small`, a narrow and shallow one that learns in minutes on a CPU.
        learns: `labels`: normal from abnormal, by the windows' `person_label`. `classes`: the kinds of normal action
            from one another, by the column `kind` of their index.
        scoring: what a score is. `probability`, of `labels` alone: log-odds of abnormal. Of `classes` alone:
            `mixture`, how unlikely the class probabilities are among those of the training windows; or `maximum`, 1
            less the largest one. Left out, `probability` or `mixture`.
        components: Gaussians of the mixture at most.
        width: factor on the published numbers of channels, which are then rounded to what the network can divide.
        depth: blocks. Fewer than the published ones are spread over the published numbers of channels.
        epochs: passes over the training windows.
        batch: windows per step of the optimizer.
        learning_rate: of stochastic gradient descent, before it decays.
        decay_at: epochs after which the learning rate is multiplied by `decay`.
        decay: see `decay_at`.
        momentum: Nesterov's.
        weight_decay: share of every weight that a step takes off, times the learning rate.
        dropout: share of values set to zero in training: after every block of ST-GCN, before the classifier of others.
        balanced: classes count alike however many windows they have; otherwise windows do.
        statistics: what batch normalization uses when it scores: `running` averages gathered while the weights moved
            (published; in a few hundred steps they fall behind, and what was learned is lost), or those `recomputed`
            with the final weights.
        threads: CPU threads that train and score; models of different numbers may differ by rounding. Null takes all
            cores, which other work on them then slows many times over.
    """

    published: ClassVar[Mapping[str, Any]] = PUBLISHED
    small: ClassVar[Mapping[str, Any]] = SMALL

    preset: Literal["published", "small"] = "small"
    learns: Literal["labels", "classes"] = "labels"
    scoring: Literal["probability", "mixture", "maximum"] = "probability"
    components: int = Field(default=10, ge=1)
    width: float = Field(default=SMALL["width"], gt=0)
    depth: int = Field(default=SMALL["depth"], ge=1, le=10)
    epochs: int = Field(default=SMALL["epochs"], ge=1)
    batch: int = Field(default=SMALL["batch"], ge=2)
    learning_rate: float = Field(default=SMALL["learning_rate"], gt=0)
    # Not strict, as a list stays one on its way through the preset; its numbers are strict all the same.
    decay_at: tuple[int, ...] = Field(default=SMALL["decay_at"], strict=False)
    decay: float = Field(default=0.1, gt=0, le=1)
    momentum: float = Field(default=0.9, gt=0, lt=1)
    weight_decay: float = Field(default=SMALL["weight_decay"], ge=0)
    dropout: float = Field(default=SMALL["dropout"], ge=0, lt=1)
    balanced: bool = SMALL["balanced"]
    statistics: Literal["running", "recomputed"] = SMALL["statistics"]
    threads: int | None = Field(default=1, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, given: Any) -> Any:
        """Fill in what the preset says; an unknown preset is left for its field to refuse."""
        if not isinstance(given, Mapping):
            return given
        preset = cls.published if given.get("preset") == "published" else cls.small
        scoring = "mixture" if given.get("learns") == "classes" else "probability"
        return {**preset, "scoring": scoring, **given}

    @model_validator(mode="after")
    def _can_score(self) -> RecogniserParams:
        if self.learns == "classes" and self.scoring == "probability":
            raise ValueError(
                "scoring probability needs learns labels: no class is the abnormal one; take mixture or maximum"
            )
        # Abnormal windows are among those learned: their probabilities are as usual and as certain as normal ones'.
        if self.learns == "labels" and self.scoring != "probability":
            raise ValueError(f"scoring {self.scoring} needs learns classes; of labels take probability")
        return self

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0."""
        return self.learning_rate * self.decay ** sum(epoch >= end for end in self.decay_at)
