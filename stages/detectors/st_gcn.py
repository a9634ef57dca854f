"""ST-GCN as a detector: normal from abnormal by a graph network over joints and time.

Source: Yan, Xiong and Lin, "Spatial Temporal Graph Convolutional Networks for Skeleton-Based Action Recognition",
AAAI 2018; as a baseline of anomaly detection: see `layers/recognition/params.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from stages.detectors.layers.recognition.detector import Recogniser
from stages.detectors.layers.recognition.params import PUBLISHED, RecogniserParams
from stages.detectors.layers.recognition.skeletons import Task

if TYPE_CHECKING:
    from torch import nn


class StGcnParams(RecogniserParams):
    """The `detectors.st_gcn` section: all of `RecogniserParams`. Published for Kinetics, section 4.1 of the paper."""

    published: ClassVar[Mapping[str, Any]] = {
        **PUBLISHED,
        "epochs": 50,
        "batch": 256,
        "decay_at": (20, 30, 40, 50),
        "dropout": 0.5,
    }


class StGcn(Recogniser):
    """The detector. See `Recogniser`."""

    name: ClassVar[str] = "st_gcn"
    Params: ClassVar[type[RecogniserParams]] = StGcnParams

    def _network(self, task: Task, stream: str) -> nn.Module:  # noqa: ARG002
        from stages.detectors.layers.recognition.st_gcn import build

        return build(task, self.params)
