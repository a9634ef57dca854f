"""2s-AGCN as a detector: a graph network that learns its graph, once over joints and once over bones.

Source: Shi, Zhang, Cheng and Lu, "Two-Stream Adaptive Graph Convolutional Networks for Skeleton-Based Action
Recognition", CVPR 2019; as a baseline of anomaly detection: see `layers/recognition/params.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from stages.detectors.layers.recognition.detector import Recogniser
from stages.detectors.layers.recognition.params import PUBLISHED, SMALL, RecogniserParams
from stages.detectors.layers.recognition.skeletons import Task

if TYPE_CHECKING:
    from torch import nn


class AgcnParams(RecogniserParams):
    """The `detectors.agcn` section: all of `RecogniserParams`. Published for Kinetics, section 4.2 of the paper.

    Args:
        streams: what is looked at: where each `joint` is; the `bone` from its parent to it; or `both`, by two networks
            whose probabilities are added, as published, which takes twice as long.
    """

    published: ClassVar[Mapping[str, Any]] = {
        **PUBLISHED,
        "streams": "both",
        "epochs": 65,
        "batch": 128,
        "decay_at": (45, 55),
    }
    small: ClassVar[Mapping[str, Any]] = {**SMALL, "streams": "joint"}

    streams: Literal["joint", "bone", "both"] = "joint"


class Agcn(Recogniser):
    """The detector. See `Recogniser`."""

    name: ClassVar[str] = "agcn"
    Params: ClassVar[type[RecogniserParams]] = AgcnParams

    def _streams(self) -> tuple[str, ...]:
        return ("joint", "bone") if self.params.streams == "both" else (self.params.streams,)

    def _network(self, task: Task, stream: str) -> nn.Module:
        from stages.detectors.layers.recognition.agcn import build

        return build(task, self.params, stream)
