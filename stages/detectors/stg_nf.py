"""STG-NF: a normalizing flow gives each window of poses a likelihood; unlikely ones are abnormal.

Source: Hirschorn and Avidan, "Normalizing Flows for Human Pose Anomaly Detection", ICCV 2023, sections 3 and 4 and
supplement section 10. Where the released code differs from the paper (Adamax, reversed channels, the learning rate's
decay), the released code is the default, since it made the published checkpoints.
"""

from __future__ import annotations

from typing import ClassVar

from stages.detectors.layers.stg_nf.detector import FlowDetector


class StgNf(FlowDetector):
    """The unsupervised detector: it learns from normal windows alone."""

    name: ClassVar[str] = "stg_nf"
