"""Shift-GCN as a detector: a light network that moves channels between joints and samples.

Source: Cheng, Zhang, He, Chen, Cheng and Lu, "Skeleton-Based Action Recognition with Shift Graph Convolutional
Network", CVPR 2020; as a baseline of anomaly detection: see `layers/recognition/params.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from stages.detectors.layers.recognition.detector import Recogniser
from stages.detectors.layers.recognition.params import PUBLISHED, RecogniserParams
from stages.detectors.layers.recognition.skeletons import Task

if TYPE_CHECKING:
    from torch import nn


class ShiftGcnParams(RecogniserParams):
    """The `detectors.shift_gcn` section: all of `RecogniserParams`. Published for NTU RGB+D, section 4.1."""

    published: ClassVar[Mapping[str, Any]] = {**PUBLISHED, "epochs": 140, "batch": 64, "decay_at": (60, 80, 100)}


class ShiftGcn(Recogniser):
    """The detector. See `Recogniser`."""

    name: ClassVar[str] = "shift_gcn"
    Params: ClassVar[type[RecogniserParams]] = ShiftGcnParams

    def _network(self, task: Task, stream: str) -> nn.Module:  # noqa: ARG002
        from stages.detectors.layers.recognition.shift_gcn import build

        return build(task, self.params)
