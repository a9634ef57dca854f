"""MS-G3D as a detector: a graph network over joints at every distance and over windows of samples.

Source: Liu, Zhang, Chen, Wang and Ouyang, "Disentangling and Unifying Graph Convolutions for Skeleton-Based Action
Recognition", CVPR 2020; as a baseline of anomaly detection: see `layers/recognition/params.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from stages.detectors.layers.recognition.detector import Recogniser
from stages.detectors.layers.recognition.params import PUBLISHED, SMALL, RecogniserParams
from stages.detectors.layers.recognition.skeletons import Task

if TYPE_CHECKING:
    from torch import nn

SHALLOW: Mapping[str, Any] = {**SMALL, "depth": 2, "scales": 4, "window_scales": 2, "spans": (3,)}


class MsG3dParams(RecogniserParams):
    """The `detectors.ms_g3d` section: all of `RecogniserParams`. Published for NTU RGB+D 60, section 4.2 of the paper.

    Args:
        depth: blocks, the published three or fewer.
        scales: bones between joints that still see each other directly.
        window_scales: the same within windows of several samples.
        spans: samples of each kind of window, odd; each costs as much as all the rest.
    """

    published: ClassVar[Mapping[str, Any]] = {
        **PUBLISHED,
        "depth": 3,
        "scales": 12,
        "window_scales": 5,
        "spans": (3, 5),
        "epochs": 50,
        "batch": 32,
        "learning_rate": 0.05,
        "decay_at": (30, 40),
        "weight_decay": 5e-4,
    }
    small: ClassVar[Mapping[str, Any]] = SHALLOW

    depth: int = Field(default=SHALLOW["depth"], ge=1, le=3)
    scales: int = Field(default=SHALLOW["scales"], ge=1)
    window_scales: int = Field(default=SHALLOW["window_scales"], ge=1)
    spans: tuple[int, ...] = Field(default=SHALLOW["spans"], strict=False)

    @field_validator("spans")
    @classmethod
    def _odd(cls, spans: tuple[int, ...]) -> tuple[int, ...]:
        if any(span < 1 or span % 2 == 0 for span in spans):
            raise ValueError("a window of an even number of samples has no middle one; give odd ones, e.g. [3, 5]")
        return spans


class MsG3d(Recogniser):
    """The detector. See `Recogniser`."""

    name: ClassVar[str] = "ms_g3d"
    Params: ClassVar[type[RecogniserParams]] = MsG3dParams

    def _network(self, task: Task, stream: str) -> nn.Module:  # noqa: ARG002
        from stages.detectors.layers.recognition.ms_g3d import build

        return build(task, self.params, self.params.scales, self.params.window_scales, self.params.spans)
